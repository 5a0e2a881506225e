package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"settee/auth"
	"settee/auth/audit"
)

const tokenExamples = `  settee token ls ada --db http://admin:password@127.0.0.1:5984
  settee token create robot --name ci --automation --db http://admin:password@127.0.0.1:5984
  settee token create robot --read-only --expires 720h --cidr 10.0.0.0/8 --db http://admin:password@127.0.0.1:5984
  settee token revoke robot npm_x7Kq --db http://admin:password@127.0.0.1:5984

Tokens of any account, service accounts among them. create prints the token once; it is stored nowhere. revoke takes the key, or how the
token begins, as ls shows them, if it says which one. Users do the same for themselves with npm token. --db is any CouchDB API, a
settee's that runs among them, with the credentials of a server admin, who is recorded in the audit log.
`

// tokenJob is what the command line asks for.
type tokenJob struct {
	verb, user, token    string
	name                 string
	readOnly, automation bool
	cidr                 many
	expires              time.Duration
	db                   string
}

// tokenVerbs are the jobs, and how many words each takes.
var tokenVerbs = map[string]struct {
	words int
	do    func(*tokenJob, context.Context, *office) error
}{"ls": {2, (*tokenJob).list}, "create": {2, (*tokenJob).create}, "revoke": {3, (*tokenJob).revoke}}

func (j *tokenJob) read(args []string, stdout io.Writer) error {
	fs := newFlags("token", "ls|create|revoke USER [TOKEN]: tokens of accounts", tokenExamples, stdout)
	fs.StringVar(&j.name, "name", "", "`TEXT` that says what a new token is for")
	fs.BoolVar(&j.readOnly, "read-only", false, "a token that may only read")
	fs.BoolVar(&j.automation, "automation", false, "a token that asks for no second factor")
	fs.Var(&j.cidr, "cidr", "`CIDR` of addresses that it may be used from; may be given again")
	fs.DurationVar(&j.expires, "expires", 0, "`TIME` after which it ends: 720h; without it never")
	fs.StringVar(&j.db, "db", "", "`URL` of the CouchDB API, with a server admin's credentials")
	words, err := readWords(fs, args)
	if err != nil {
		return err
	}
	words = append(words, "", "", "")
	n := len(words) - 3
	j.verb, j.user, j.token = words[0], words[1], words[2]
	verb, known := tokenVerbs[j.verb]
	switch {
	case !known:
		return usageError{errors.New("token wants ls, create or revoke: settee token --help shows examples")}
	case n != verb.words:
		return usageError{fmt.Errorf("token %s wants %s: settee token --help shows examples", j.verb, []string{"", "", "USER", "USER and TOKEN"}[verb.words])}
	case j.expires < 0:
		return usageError{fmt.Errorf("--expires %s: want a time like 720h", j.expires)}
	case j.db == "":
		return usageError{errors.New("token wants --db URL, the CouchDB API of the server")}
	}
	return nil
}

// tokens administers tokens.
func tokens(ctx context.Context, args []string, stdout, stderr io.Writer) (err error) {
	var j tokenJob
	if err := j.read(args, stdout); err != nil {
		return err
	}
	f, err := openOffice(ctx, j.db, auth.Options{}, j.verb == "ls", stdout, stderr)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.close()) }()
	return tokenVerbs[j.verb].do(&j, ctx, f)
}

// tokensPage is how many tokens are read at once.
const tokensPage = 1000

func (j *tokenJob) list(ctx context.Context, f *office) error {
	w := tabwriter.NewWriter(f.w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "KEY\tTOKEN\tKIND\tNAME\tCREATED\tUSED\tEXPIRES\tLIMITS")
	for skip := 0; ; skip += tokensPage {
		list, total, err := f.Tokens(ctx, j.user, skip, tokensPage)
		if err != nil {
			return inWords(err)
		}
		for _, t := range list {
			limits := append([]string(nil), t.CIDR...)
			if t.ReadOnly {
				limits = append(limits, "read-only")
			}
			kind := t.Kind
			if kind == "" {
				kind = auth.TokenClassic
			}
			fmt.Fprintf(w, "%.12s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", t.ID(), t.Redacted, kind, orDash(t.Name), day(t.Created), day(t.Used), day(t.Expires), orDash(strings.Join(limits, ",")))
		}
		if skip+tokensPage >= total {
			return w.Flush()
		}
	}
}

func day(at time.Time) string {
	if at.IsZero() {
		return "-"
	}
	return at.UTC().Format("2006-01-02")
}

func (j *tokenJob) create(ctx context.Context, f *office) error {
	t := auth.Token{Name: j.name, ReadOnly: j.readOnly, CIDR: j.cidr}
	if j.automation {
		t.Kind = auth.TokenAutomation
	}
	if j.expires > 0 {
		t.Expires = time.Now().Add(j.expires)
	}
	secret, err := f.IssueToken(ctx, j.user, t)
	return f.done(audit.Entry{Act: audit.TokenCreate, On: j.user}, err, "%s", secret)
}

func (j *tokenJob) revoke(ctx context.Context, f *office) error {
	t, err := j.find(ctx, f)
	if err == nil {
		err = f.RevokeKey(ctx, t.Key)
	}
	return f.done(audit.Entry{Act: audit.TokenRevoke, On: j.user, Token: t.Redacted}, err, "%s of %s is revoked", t.Redacted, j.user)
}

// find is the one token of the user whose key or text begins so.
func (j *tokenJob) find(ctx context.Context, f *office) (found auth.Token, err error) {
	given := strings.TrimSuffix(j.token, "…")
	n := 0
	for skip := 0; ; skip += tokensPage {
		list, total, err := f.Tokens(ctx, j.user, skip, tokensPage)
		if err != nil {
			return auth.Token{}, err
		}
		for _, t := range list {
			shown := strings.TrimSuffix(t.Redacted, "…")
			if given != "" && (strings.HasPrefix(t.ID(), given) || strings.HasPrefix(t.Key, given) || given == shown) {
				found = t
				n++
			}
		}
		if skip+tokensPage >= total {
			break
		}
	}
	switch {
	case n == 0:
		return auth.Token{}, fmt.Errorf("%s has no token %q", j.user, j.token)
	case n > 1:
		return auth.Token{}, fmt.Errorf("%q begins %d tokens of %s: give more of the key", j.token, n, j.user)
	}
	return found, nil
}
