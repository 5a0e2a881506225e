package main

import (
	"bufio"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"slices"
	"strings"
	"text/tabwriter"

	"settee/auth"
	"settee/auth/audit"
)

const userExamples = `  settee user ls --db http://admin:password@127.0.0.1:5984
  settee user add ada --email ada@example.com --db http://admin:password@127.0.0.1:5984
  settee user add robot --service --db http://admin:password@127.0.0.1:5984
  settee user passwd ada --password - --db http://admin:password@127.0.0.1:5984 < new-password
  settee user disable ada --db http://admin:password@127.0.0.1:5984
  settee user invite grace@example.com --public-url https://npm.example.com --db http://admin:password@127.0.0.1:5984

add and passwd make a password and print it, unless --password is given; "-" reads it from standard input. A service account
has no password: settee token create makes what it signs in by. A disabled account lets nobody in, by password, token or session,
until it is enabled. delete takes the account with its tokens and second factor; what it published stays, and nobody
gets its name, unless add says --again: whoever has the name maintains those packages. invite prints a link that
is good once, for a week, and sends it where --smtp is given. --db is any CouchDB API, a settee's that
runs among them, with the credentials of a server admin, who is recorded in the audit log.
`

// userJob is what the command line asks for.
type userJob struct {
	verb, name     string
	email          string
	password       string
	service, again bool
	site, db       string
	post           postSettings
	stdin          io.Reader
}

var userVerbs = map[string]func(*userJob, context.Context, *office) error{
	"ls": (*userJob).list, "add": (*userJob).add, "passwd": (*userJob).passwd, "invite": (*userJob).invite,
	"disable": (*userJob).disable, "enable": (*userJob).enable, "delete": (*userJob).delete,
}

func (j *userJob) read(args []string, stdout io.Writer) error {
	fs := newFlags("user", "ls|add|passwd|disable|enable|delete|invite [NAME]: accounts", userExamples, stdout)
	fs.StringVar(&j.email, "email", "", "`ADDRESS` of whom add makes an account for")
	fs.StringVar(&j.password, "password", "", "`PASSWORD` for add and passwd, - to read it from standard input; without it one is made")
	fs.BoolVar(&j.service, "service", false, "add an account for machines, which has tokens and no password")
	fs.BoolVar(&j.again, "again", false, "add an account under the name of a deleted one")
	fs.StringVar(&j.site, "public-url", "", "`URL` of the registry, which the link of an invitation begins with")
	j.post.flags(fs)
	fs.StringVar(&j.db, "db", "", "`URL` of the CouchDB API, with a server admin's credentials")
	words, err := readWords(fs, args)
	if err != nil {
		return err
	}
	j.verb = strings.Join(words[:min(1, len(words))], "")
	wanted := 2
	if j.verb == "ls" {
		wanted = 1
	}
	switch {
	case userVerbs[j.verb] == nil:
		return usageError{errors.New("user wants ls, add, passwd, disable, enable, delete or invite: settee user --help shows examples")}
	case len(words) != wanted:
		return usageError{fmt.Errorf("user %s wants %s: settee user --help shows examples", j.verb, []string{"", "no name", "one name"}[wanted])}
	case j.db == "":
		return usageError{errors.New("user wants --db URL, the CouchDB API of the server")}
	case j.verb == "invite" && j.site == "":
		return usageError{errors.New("user invite wants --public-url URL, where the registry is")}
	case j.service && j.password != "":
		return usageError{errors.New("--service and --password: a service account has no password")}
	}
	j.name = strings.Join(words[1:], "")
	j.site = strings.TrimSuffix(j.site, "/")
	if err := j.post.check(j.site); err != nil {
		return usageError{err}
	}
	return nil
}

// people administers accounts.
func people(ctx context.Context, args []string, stdout, stderr io.Writer) (err error) {
	j := userJob{stdin: os.Stdin}
	if err := j.read(args, stdout); err != nil {
		return err
	}
	o := auth.Options{Site: j.site}
	log := slog.New(slog.NewTextHandler(stderr, nil))
	if post, err := j.post.open(log); err != nil {
		return fmt.Errorf("--smtp: %w", err)
	} else if post != nil {
		o.Mail = post
		defer post.Close() // which waits until the server has it, or says that it has not
	}
	f, err := openOffice(ctx, j.db, o, j.verb == "ls", stdout, stderr)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.close()) }()
	return userVerbs[j.verb](&j, ctx, f)
}

func (j *userJob) list(ctx context.Context, f *office) error {
	w := tabwriter.NewWriter(f.w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "NAME\tEMAIL\tCREATED\tSTATE")
	for account, err := range f.Accounts(ctx) {
		if err != nil {
			return err
		}
		factor, err := f.Factor(ctx, account.Name)
		if err != nil {
			return err
		}
		var state []string
		for word, is := range map[string]bool{
			"service": account.Service, "disabled": account.Disabled, "unverified": account.Email != "" && !account.EmailVerified,
			"2fa": factor.Active,
		} {
			if is {
				state = append(state, word)
			}
		}
		slices.Sort(state)
		created := "-"
		if !account.Created.IsZero() {
			created = account.Created.UTC().Format("2006-01-02")
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", account.Name, orDash(account.Email), created, orDash(strings.Join(state, ",")))
	}
	return w.Flush()
}

func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

// secret is the password that was given, or one that is made; made is what to tell of it.
func (j *userJob) secret() (password, made string, err error) {
	switch j.password {
	case "":
		password = rand.Text()
		return password, ": password " + password + ", shown once", nil
	case "-":
		line, err := bufio.NewReader(io.LimitReader(j.stdin, 4096)).ReadString('\n')
		if err != nil && !errors.Is(err, io.EOF) {
			return "", "", fmt.Errorf("read the password: %w", err)
		}
		return strings.TrimRight(line, "\r\n"), "", nil
	}
	return j.password, "", nil
}

func (j *userJob) add(ctx context.Context, f *office) error {
	if j.again {
		if err := f.FreeName(ctx, j.name); err != nil {
			return err
		}
	}
	e := audit.Entry{Act: audit.Signup, On: j.name}
	if j.service {
		return f.done(e, f.RegisterService(ctx, j.name), "%s is a service account: settee token create %s makes it a token", j.name, j.name)
	}
	password, made, err := j.secret()
	if err != nil {
		return err
	}
	_, err = f.Register(ctx, j.name, password, j.email)
	return f.done(e, err, "%s has an account%s", j.name, made)
}

func (j *userJob) passwd(ctx context.Context, f *office) error {
	password, made, err := j.secret()
	if err != nil {
		return err
	}
	return f.done(audit.Entry{Act: audit.Password, On: j.name}, f.SetPassword(ctx, j.name, password), "%s has a new password%s", j.name, made)
}

func (j *userJob) disable(ctx context.Context, f *office) error {
	return f.done(audit.Entry{Act: audit.AccountDisable, On: j.name}, f.DisableAccount(ctx, j.name), "%s is disabled", j.name)
}

func (j *userJob) enable(ctx context.Context, f *office) error {
	return f.done(audit.Entry{Act: audit.AccountEnable, On: j.name}, f.EnableAccount(ctx, j.name), "%s is enabled", j.name)
}

func (j *userJob) delete(ctx context.Context, f *office) error {
	return f.done(audit.Entry{Act: audit.AccountDelete, On: j.name}, f.DeleteAccount(ctx, j.name), "%s is deleted; what it published stays", j.name)
}

func (j *userJob) invite(ctx context.Context, f *office) error {
	link, err := f.Invite(ctx, f.by, j.name)
	return f.done(audit.Entry{Act: audit.AccountInvite, On: j.name}, err, "%s", link)
}
