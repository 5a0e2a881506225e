package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"settee/registry"
)

const gcExamples = `  settee gc --server http://admin:PASSWORD@127.0.0.1:4873
  settee gc --server http://admin:PASSWORD@127.0.0.1:4873 --dry-run
  settee gc --data /var/lib/settee --older 7d
  settee gc --db http://admin:PASSWORD@couch:5984 --tarballs 's3://minio:9000/tarballs?tls=false' --alone

Tarballs stay in the store when a version is unpublished, when a publish ends before its document is written, and when another registry no
longer has a version that was read through. This removes what no packument, staged version or attachment names and what was stored longer ago than --older,
which keeps what a publish under way is about to name. --server asks a server that runs, by its npm port, and gives up one that says nothing for a minute. --data is of one that does not. --db is of servers
that keep their documents in an Apache CouchDB; they may run. A bucket wants --alone: no server with other documents, as another region, may keep tarballs there. Where
--db is a settee that keeps its attachments in the same bucket, nothing is removed: ask that one, by --server.
Attachments of revisions that are no longer current go after a compaction. Exit codes: 0 done, 1 a failure, 2 wrong flags.
`

// gcJob is what the command line asks for.
type gcJob struct {
	settings
	server, older string
	dry, alone    bool

	grace time.Duration
}

func (j *gcJob) read(args []string, stdout io.Writer) (err error) {
	fs := newFlags("gc", "remove tarballs and attachments that nothing names", gcExamples, stdout)
	fs.StringVar(&j.server, "server", "", "`URL` of the npm port of a server that runs, with a server admin's credentials")
	fs.StringVar(&j.data, "data", "./settee-data", "`DIR` of the stores of a server that does not run")
	fs.StringVar(&j.db, "db", "", "`URL` of the Apache CouchDB, where serve has one")
	fs.StringVar(&j.tarballs, "tarballs", "", "`URL` of the bucket, where serve has one")
	fs.StringVar(&j.older, "older", "24h", "`TIME` since a blob was last stored, at least 2h")
	fs.BoolVar(&j.dry, "dry-run", false, "remove nothing, and tell what would be")
	fs.BoolVar(&j.alone, "alone", false, "no server with other documents keeps anything in the bucket")
	if err := parse(fs, args, os.LookupEnv); err != nil {
		return err
	}
	if j.grace, err = parseDays(j.older); err != nil || j.grace < registry.LeastGrace {
		return usageError{fmt.Errorf("--older %q: want a time like 24h or 7d, at least %s", j.older, registry.LeastGrace)}
	}
	if err := j.checkTarballs(); err != nil {
		return usageError{err}
	}
	if j.server != "" {
		if u, err := url.Parse(j.server); err != nil || u.Host == "" || u.User == nil {
			return usageError{errors.New("--server: want http://user:password@host:4873")} // not the value: it may hold a password
		}
		return nil
	}
	if j.db == "" {
		return holdsStore(j.data)
	}
	if _, err := os.Stat(filepath.Join(j.data, "tarballs")); j.tarballs == "" && err != nil { // opening would make it, and find nothing to remove
		return usageError{fmt.Errorf("--data %s holds no tarballs: name the folder that serve has, or its bucket by --tarballs", j.data)}
	}
	return nil
}

// gc removes what nothing names, and tells how much that was.
func gc(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	var j gcJob
	if err := j.read(args, stdout); err != nil {
		return err
	}
	p := newProgress(stderr, "sweeping")
	tell, sweep := p.of("blobs"), j.here
	if j.server != "" {
		sweep = j.asked
	}
	s, err := sweep(ctx, stderr, tell)
	p.end()
	if err != nil {
		return err
	}
	verb := "removed"
	if j.dry {
		verb = "would be removed"
	}
	fmt.Fprintf(stdout, "%d blobs, %d %s: %s\n", s.Looked, s.Deleted, verb, sized(s.Bytes))
	return nil
}

// sized writes bytes as people read them.
func sized(n int64) string {
	for _, unit := range []struct {
		name string
		size int64
	}{{"GB", 1e9}, {"MB", 1e6}, {"kB", 1e3}} {
		if n >= unit.size {
			return fmt.Sprintf("%.1f %s", float64(n)/float64(unit.size), unit.name)
		}
	}
	return fmt.Sprintf("%d bytes", n)
}

// here sweeps in this process.
func (j *gcJob) here(ctx context.Context, stderr io.Writer, tell func(done, total int64)) (s registry.Swept, err error) {
	log := slog.New(slog.NewTextHandler(stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
	j.npm, j.couch, j.search, j.newScoped = off, off, off, "public"
	h, err := open(ctx, j.settings, admin{}, log, new(slog.LevelVar))
	if err != nil {
		if errors.Is(err, errRunning) {
			err = fmt.Errorf("%w; or ask the one that runs: settee gc --server URL", err)
		}
		return s, err
	}
	s, err = h.registry.Sweep(ctx, registry.SweepOptions{Grace: j.grace, Dry: j.dry, Alone: j.alone, Progress: tell})
	return s, errors.Join(err, h.close())
}
