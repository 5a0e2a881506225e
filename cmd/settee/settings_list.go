package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"
	"text/tabwriter"

	"settee/couch/httpd"
)

// listSettings prints what _config of the CouchDB API can change.
func listSettings(_ context.Context, args []string, stdout, _ io.Writer) error {
	if err := parse(newFlags("settings", "list the settings of the CouchDB API", "  settee settings\n  settee settings | grep ^cors\n", stdout), args, os.LookupEnv); err != nil {
		return err
	}
	w := tabwriter.NewWriter(stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "SETTING\tDEFAULT\tCHANGES ARE FELT\tMEANING")
	for _, line := range httpd.KnownSettings() {
		fmt.Fprintln(w, strings.Replace(line, "\t\t", "\t-\t", 1))
	}
	return w.Flush()
}
