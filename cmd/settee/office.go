package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"time"

	"github.com/go-kivik/kivik/v4"

	"settee/auth"
	"settee/auth/audit"
)

// An office is where commands administer a server that runs: its accounts, through its CouchDB API.
type office struct {
	*auth.Auth
	client  *kivik.Client
	by      auth.Identity // the server admin whose credentials --db has
	w       io.Writer
	closers []func() error
}

// openOffice opens the accounts at a CouchDB API. What is done is recorded, unless it is only read.
func openOffice(ctx context.Context, db string, o auth.Options, reads bool, stdout, stderr io.Writer) (*office, error) {
	log := slog.New(slog.NewTextHandler(stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
	client, err := openCluster(ctx, db, 5*time.Second, log)
	if err != nil {
		return nil, fmt.Errorf("--db: %w", err)
	}
	f := &office{client: client, by: auth.Identity{Name: userOf(db), Roles: []string{"_admin"}}, w: stdout, closers: []func() error{client.Close}}
	o.Logger = log
	if !reads {
		record, err := audit.Open(ctx, client.DB(audit.Database), audit.Options{Logger: log})
		if err != nil {
			return nil, errors.Join(fmt.Errorf("open the audit log: %w", err), f.close())
		}
		f.closers = append(f.closers, record.Close)
		o.Audit = record
	}
	if f.Auth, err = auth.Open(ctx, client, o); err != nil {
		return nil, errors.Join(err, f.close())
	}
	f.closers = append(f.closers, f.Auth.Close)
	return f, nil
}

func (f *office) close() error {
	var errs []error
	for i := len(f.closers) - 1; i >= 0; i-- {
		errs = append(errs, f.closers[i]())
	}
	return errors.Join(errs...)
}

// done records what was done, or why not, and says it.
func (f *office) done(e audit.Entry, err error, format string, args ...any) error {
	if e.OK = err == nil; err != nil {
		e.Note = err.Error()
	}
	f.Record(nil, f.by, e)
	if err != nil {
		return inWords(err)
	}
	_, err = fmt.Fprintf(f.w, format+"\n", args...)
	return err
}

// inWords leaves of a refusal what is for people.
func inWords(err error) error {
	if refused, ok := errors.AsType[*auth.Error](err); ok {
		return errors.New(refused.Reason)
	}
	return err
}

// readWords parses flags that stand anywhere, and returns the words between them.
func readWords(fs *flag.FlagSet, args []string) (words []string, err error) {
	wording(fs)
	for {
		if err := fs.Parse(args); err != nil {
			return nil, misread(fs, err)
		}
		if fs.NArg() == 0 {
			return words, parse(fs, nil, os.LookupEnv) // what was read is read: a flag that may be given again has it once
		}
		words = append(words, fs.Arg(0))
		args = fs.Args()[1:]
	}
}
