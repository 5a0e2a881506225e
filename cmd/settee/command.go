package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
)

// The exit codes; see the package doc.
const (
	exitDone   = 0
	exitFailed = 1
	exitUsage  = 2
)

// command is one word after settee.
type command struct {
	name    string
	summary string
	run     func(ctx context.Context, args []string, stdout, stderr io.Writer) error
}

var commands = []command{
	{"serve", "run the npm registry and the CouchDB server", serve},
	{"ping", "ask a server on this machine whether it serves", ping},
	{"check", "prove the stores of a stopped server, or repair them", check},
	{"gc", "remove tarballs and attachments that nothing names", gc},
	{"audit", "prove or list the log of who did what", runAudit},
	{"replicate", "bring one database to another", runReplicate},
	{"user", "administer accounts: make, invite, disable, delete", people},
	{"token", "administer tokens of accounts", tokens},
	{"search", "make the search index anew", runSearch},
	{"org", "make an organisation, which owns a scope", org},
	{"keys", "list, rotate and revoke the keys of signatures", keys},
	{"advisories", "which versions are known to be flawed: import, list, show, remove", runAdvisories},
	{"bench", "measure a server, beside another", bench},
	{"settings", "list the settings of the CouchDB API", listSettings},
	{"version", "print what this binary is", version},
}

// usageError is a mistake of who called, not a failure of the work.
type usageError struct{ error }

// Unwrap gives the mistake itself.
func (e usageError) Unwrap() error { return e.error }

func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	err := dispatch(ctx, args, stdout, stderr)
	var usage usageError
	switch {
	case err == nil, errors.Is(err, flag.ErrHelp):
		return exitDone
	case errors.As(err, &usage):
		fmt.Fprintln(stderr, "settee:", err)
		return exitUsage
	default:
		fmt.Fprintln(stderr, "settee:", err)
		return exitFailed
	}
}

func dispatch(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	if len(args) == 0 {
		help(stderr)
		return usageError{errors.New("name a command")}
	}
	switch args[0] {
	case "help", "--help", "-h":
		if len(args) > 1 && args[0] == "help" {
			return dispatch(ctx, []string{args[1], "--help"}, stdout, stderr)
		}
		help(stdout)
		return nil
	case "--version":
		return version(ctx, nil, stdout, stderr)
	}
	for _, c := range commands {
		if c.name == args[0] {
			return c.run(ctx, args[1:], stdout, stderr)
		}
	}
	return usageError{fmt.Errorf("there is no command %q: settee help lists them", args[0])}
}

func help(w io.Writer) {
	fmt.Fprint(w, "settee is an npm registry and a CouchDB server.\n\nCommands:\n")
	for _, c := range commands {
		fmt.Fprintf(w, "  %-10s %s\n", c.name, c.summary)
	}
	fmt.Fprint(w, "  help       list the commands, or explain one\n\n",
		"settee COMMAND --help explains a command and its flags.\n",
		"Exit codes: 0 done, 1 failed, 2 wrong flags.\n")
}
