package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"

	"github.com/go-kivik/kivik/v4"

	"settee/advisories"
	"settee/auth/audit"
	"settee/database"
)

const advisoriesExamples = `  settee advisories import npm-all.zip --db http://admin:password@127.0.0.1:5984
  settee advisories import advisory-database/advisories/github-reviewed --data /var/lib/settee
  settee advisories import GHSA-vh95-rmgr-6w4m.json --db http://admin:password@127.0.0.1:5984
  settee advisories list --package minimist --db http://admin:password@127.0.0.1:5984
  settee advisories list --severity critical --limit 20 --json --data /var/lib/settee
  settee advisories show GHSA-vh95-rmgr-6w4m --db http://admin:password@127.0.0.1:5984
  settee advisories remove GHSA-vh95-rmgr-6w4m --db http://admin:password@127.0.0.1:5984

import brings OSV records (a .json file, a folder of them, or a zip archive as OSV and GitHub publish them) to where npm audit is
answered from. It keeps those of npm, may be run again at any time, and takes of each record what was modified last: run it from a
timer. remove takes records out until they are imported again. --db is any CouchDB API, a settee's that runs among them, with the
credentials of a server admin; the server of --data must be stopped.
`

// advisoriesJob is what the command line asks for.
type advisoriesJob struct {
	words    []string // the verb and its operands
	at       place
	pkg      string
	severity string
	limit    int
	asJSON   bool

	least advisories.Severity // as read from severity
}

// advisoriesVerbs are the jobs, and what each takes.
var advisoriesVerbs = map[string]struct {
	wants       string
	least, most int
	do          func(*advisoriesJob, context.Context, *shelf) error
}{
	"import": {"one PATH: a file, a folder or a zip archive", 1, 1, (*advisoriesJob).bring},
	"list":   {"flags only", 0, 0, (*advisoriesJob).list},
	"show":   {"one ID", 1, 1, (*advisoriesJob).show},
	"remove": {"one ID or more", 1, 1000, (*advisoriesJob).remove},
}

// shelf is where the records are, and who reads them there.
type shelf struct {
	db             *kivik.DB
	record         func(audit.Entry) // in the audit log
	stdout, stderr io.Writer
}

func (j *advisoriesJob) read(args []string, stdout io.Writer) (err error) {
	fs := newFlags("advisories", "import|list|show|remove: which versions are known to be flawed", advisoriesExamples, stdout)
	j.at.flags(fs)
	fs.StringVar(&j.pkg, "package", "", "`NAME` of a package, for list")
	fs.StringVar(&j.severity, "severity", "info", "`WORD` of the least severity, for list: info, low, moderate, high or critical")
	fs.IntVar(&j.limit, "limit", 100, "`N` records at most, for list")
	fs.BoolVar(&j.asJSON, "json", false, "print each as a line of JSON, for list")
	if j.words, err = readWords(fs, args); err != nil {
		return err
	}
	if len(j.words) == 0 {
		return usageError{errors.New("advisories wants import, list, show or remove: settee advisories --help shows examples")}
	}
	v, known := advisoriesVerbs[j.words[0]]
	var fits bool
	j.least, fits = advisories.ParseSeverity(j.severity)
	switch n := len(j.words) - 1; {
	case !known:
		return usageError{fmt.Errorf("advisories has no %q, but import, list, show and remove: settee advisories --help shows examples", j.words[0])}
	case n < v.least || n > v.most:
		return usageError{fmt.Errorf("advisories %s wants %s: settee advisories --help shows examples", j.words[0], v.wants)}
	case !fits:
		return usageError{fmt.Errorf("--severity %q: want info, low, moderate, high or critical", j.severity)}
	case j.limit < 1:
		return usageError{fmt.Errorf("--limit %d: want a number above 0", j.limit)}
	}
	return j.at.check()
}

// runAdvisories administers the advisories.
func runAdvisories(ctx context.Context, args []string, stdout, stderr io.Writer) (err error) {
	var j advisoriesJob
	if err := j.read(args, stdout); err != nil {
		return err
	}
	var h house
	defer func() { err = errors.Join(err, h.close()) }()
	client, err := j.at.open(ctx, &h, stderr)
	if err != nil {
		return err
	}
	if err := database.Private(ctx, client, advisories.Database); err != nil {
		return err
	}
	s := &shelf{db: client.DB(advisories.Database), stdout: stdout, stderr: stderr}
	s.record = func(e audit.Entry) {
		l, failed := audit.Open(ctx, client.DB(audit.Database), audit.Options{})
		if failed == nil {
			failed = errors.Join(l.Append(context.WithoutCancel(ctx), e), l.Close())
		}
		if failed != nil {
			err = errors.Join(err, fmt.Errorf("it was done, but not written into the audit log: %w", failed))
		}
	}
	failed := advisoriesVerbs[j.words[0]].do(&j, ctx, s)
	return errors.Join(failed, err)
}

// mostComplaints is how many files that are no records are named.
const mostComplaints = 20

func (j *advisoriesJob) bring(ctx context.Context, s *shelf) error {
	p := newProgress(s.stderr, "importing")
	complaints := 0
	report, err := advisories.Import(ctx, s.db, j.words[1], advisories.ImportOptions{
		Progress: p.of("records"),
		Invalid: func(file string, why error) {
			if complaints++; complaints <= mostComplaints {
				p.end()
				fmt.Fprintf(s.stderr, "left out: %s: %s\n", file, why)
			}
		},
	})
	p.end()
	if report.Added+report.Changed > 0 {
		s.record(audit.Entry{Act: audit.AdvisoryImport, By: userOf(j.at.db), On: filepath.Base(j.words[1]), OK: true,
			Details: map[string]string{"added": strconv.Itoa(report.Added), "changed": strconv.Itoa(report.Changed)}})
	}
	if complaints > mostComplaints {
		fmt.Fprintf(s.stderr, "left out: %d more\n", complaints-mostComplaints)
	}
	fmt.Fprintln(s.stdout, report)
	return err
}

func (j *advisoriesJob) list(ctx context.Context, s *shelf) error {
	table := tabwriter.NewWriter(s.stdout, 0, 0, 2, ' ', 0)
	lines, n := json.NewEncoder(s.stdout), 0
	lines.SetEscapeHTML(false)
	for line, err := range advisories.List(ctx, s.db, advisories.Filter{Package: j.pkg, Least: j.least}) {
		if err == nil && j.asJSON {
			err = lines.Encode(line)
		} else if err == nil {
			_, err = fmt.Fprintln(table, rowOf(line))
		}
		if err != nil {
			return err
		}
		if n++; n == j.limit {
			break
		}
	}
	return table.Flush()
}

func rowOf(l advisories.Line) string {
	severity := l.Severity.String()
	if l.Withdrawn {
		severity = "withdrawn"
	}
	var affected []string
	for _, name := range slices.Sorted(maps.Keys(l.Affected)) {
		affected = append(affected, name+"@"+l.Affected[name])
	}
	return strings.Join([]string{l.ID, severity, strings.Join(affected, ", "), l.Title}, "\t")
}

func (j *advisoriesJob) show(ctx context.Context, s *shelf) error {
	record, err := advisories.Show(ctx, s.db, j.words[1])
	if err != nil {
		return err
	}
	pretty := json.NewEncoder(s.stdout)
	pretty.SetEscapeHTML(false)
	pretty.SetIndent("", "  ")
	return pretty.Encode(record)
}

func (j *advisoriesJob) remove(ctx context.Context, s *shelf) error {
	for _, id := range j.words[1:] {
		if err := advisories.Remove(ctx, s.db, id); err != nil {
			return err
		}
		s.record(audit.Entry{Act: audit.AdvisoryRemove, By: userOf(j.at.db), On: id, OK: true})
		fmt.Fprintln(s.stdout, "removed", id)
	}
	return nil
}
