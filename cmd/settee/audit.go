package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/go-kivik/kivik/v4"

	"settee/auth/audit"
)

const auditExamples = `  settee audit verify --data /var/lib/settee
  settee audit verify --db http://admin:password@127.0.0.1:5984
  settee audit verify --db http://admin:password@127.0.0.1:5984 --head eu-3kq5vhz2mwt7a:0000000042=5f2b…
  settee audit list --db http://admin:password@127.0.0.1:5984 --package left --since 168h
  settee audit list --db http://admin:password@127.0.0.1:5984 --user ada --act package --json
  settee audit list --data /var/lib/settee --act login.failed --failed --limit 1000

verify proves that nobody changed the log: each entry has the hash of the one before. It prints each problem, and the heads, the
last entry of each chain. A head that was kept elsewhere (the server logs them hourly) proves all before it; without one
the end of a chain can be cut off unseen. list prints entries, the newest first. --db is any CouchDB API, a settee's that runs among
them, with the credentials of a server admin; the server of --data must be stopped.
Exit codes: 0 no problem, 1 a problem or a failure, 2 wrong flags.
`

// auditJob is what the command line asks for.
type auditJob struct {
	verb         string
	at           place
	heads        many
	f            audit.Filter
	act          string
	since, until string
	limit        int
	asJSON       bool

	kept []audit.Head // as read from heads
}

func (j *auditJob) flags(stdout io.Writer) *flag.FlagSet {
	fs := newFlags("audit", "verify|list: the log of who did what", auditExamples, stdout)
	j.at.flags(fs)
	fs.Var(&j.heads, "head", "`CHAIN:NUMBER=HASH` that was kept elsewhere, for verify; may be given again")
	fs.StringVar(&j.f.User, "user", "", "`NAME` of who did it, or of whom or what it was done to, for list")
	fs.StringVar(&j.act, "act", "", "`ACT` like package.publish, or a family like package")
	fs.StringVar(&j.f.Package, "package", "", "`NAME` of a package")
	fs.StringVar(&j.since, "since", "", "`TIME` of the oldest: 2026-03-01, 2026-03-01T12:00:00Z, or 24h ago")
	fs.StringVar(&j.until, "until", "", "`TIME` before which they are")
	fs.BoolVar(&j.f.Failed, "failed", false, "only what failed or was refused")
	fs.IntVar(&j.limit, "limit", 100, "`N` entries at most")
	fs.BoolVar(&j.asJSON, "json", false, "print each as a line of JSON")
	return fs
}

func (j *auditJob) read(args []string, stdout io.Writer) (err error) {
	fs := j.flags(stdout)
	if len(args) > 0 && !strings.HasPrefix(args[0], "-") {
		j.verb, args = args[0], args[1:]
	}
	if err := parse(fs, args, os.LookupEnv); err != nil {
		return err
	}
	if j.verb != "verify" && j.verb != "list" {
		return usageError{errors.New("audit wants verify or list: settee audit --help shows examples")}
	}
	for _, given := range j.heads {
		h, err := audit.ParseHead(given)
		if err != nil {
			return usageError{fmt.Errorf("--head: %w", err)}
		}
		j.kept = append(j.kept, h)
	}
	j.f.Act = audit.Act(j.act)
	if j.act != "" && !slices.ContainsFunc(audit.Acts(), func(a audit.Act) bool { return a == j.f.Act || a.Family() == j.act }) {
		return usageError{fmt.Errorf("--act %q: want one of %s, or what stands before the dot", j.act, listed(audit.Acts()))}
	}
	if j.limit < 1 {
		return usageError{fmt.Errorf("--limit %d: want a number above 0", j.limit)}
	}
	if j.f.Since, err = moment(j.since); err != nil {
		return usageError{fmt.Errorf("--since %w", err)}
	}
	if j.f.Until, err = moment(j.until); err != nil {
		return usageError{fmt.Errorf("--until %w", err)}
	}
	return j.at.check()
}

func listed(acts []audit.Act) string {
	var names []string
	for _, a := range acts {
		names = append(names, string(a))
	}
	return strings.Join(names, ", ")
}

// moment reads a time, a date, or how long ago.
func moment(s string) (time.Time, error) {
	if s == "" {
		return time.Time{}, nil
	}
	for _, form := range []string{time.RFC3339, time.DateOnly} {
		if t, err := time.Parse(form, s); err == nil {
			return t, nil
		}
	}
	if ago, err := time.ParseDuration(s); err == nil && ago >= 0 {
		return time.Now().Add(-ago), nil
	}
	return time.Time{}, fmt.Errorf("%q: want 2026-03-01, 2026-03-01T12:00:00Z, or 24h", s)
}

// runAudit verifies or lists the audit log.
func runAudit(ctx context.Context, args []string, stdout, stderr io.Writer) (err error) {
	var j auditJob
	if err := j.read(args, stdout); err != nil {
		return err
	}
	var h house
	defer func() { err = errors.Join(err, h.close()) }()
	client, err := j.at.open(ctx, &h, stderr)
	if err != nil {
		return err
	}
	db := client.DB(audit.Database)
	if j.verb == "list" {
		return j.list(ctx, db, stdout)
	}
	return j.verify(ctx, db, stdout, stderr)
}

func (j *auditJob) verify(ctx context.Context, db *kivik.DB, stdout, stderr io.Writer) error {
	p := newProgress(stderr, "verifying")
	report, err := audit.Verify(ctx, db, audit.VerifyOptions{
		Heads: j.kept, Progress: p.of("documents"),
		Found: func(p audit.Problem) { fmt.Fprintf(stdout, "problem: %s: %s: %s\n", p.Fault, p.ID, p.Text) },
	})
	p.end()
	if err != nil {
		return explainedAudit(err)
	}
	for _, h := range report.Heads {
		fmt.Fprintln(stdout, "head", h)
	}
	fmt.Fprintf(stdout, "%d chains, %d entries, %d records beside them: %d problems\n", report.Chains, report.Entries, report.Records, report.Problems)
	if report.Problems > 0 {
		return fmt.Errorf("the audit log has %d problems", report.Problems)
	}
	return nil
}

func explainedAudit(err error) error {
	if kivik.HTTPStatus(err) == http.StatusNotFound {
		return fmt.Errorf("there is no audit log: settee serve makes it: %w", err)
	}
	return err
}

func (j *auditJob) list(ctx context.Context, db *kivik.DB, stdout io.Writer) error {
	table := tabwriter.NewWriter(stdout, 0, 0, 2, ' ', 0)
	print := func(e audit.Entry) error { _, err := fmt.Fprintln(table, row(e)); return err }
	if j.asJSON {
		lines := json.NewEncoder(stdout)
		print = func(e audit.Entry) error { return lines.Encode(e) }
	}
	n := 0
	for e, err := range audit.Query(ctx, db, j.f) {
		if err != nil {
			return explainedAudit(err)
		}
		if err := print(e); err != nil {
			return err
		}
		if n++; n == j.limit {
			break
		}
	}
	return table.Flush()
}

// row is an entry as a line of a table; what was not said is "-".
func row(e audit.Entry) string {
	pkg := e.Package
	if e.Version != "" {
		pkg += "@" + e.Version
	}
	done := "ok"
	if !e.OK {
		done = "failed"
	}
	cells := []string{e.At.UTC().Format(time.RFC3339), done, string(e.Act), e.By, e.From, pkg, e.On, e.Note}
	for i, c := range cells {
		if c == "" {
			cells[i] = "-"
		}
	}
	return strings.Join(cells, "\t")
}
