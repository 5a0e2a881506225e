package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime/debug"
	"strings"

	"settee/auth"
)

// settings are what serve can be told.
type settings struct {
	data, npm, couch, db, tarballs string
	publicURL, admin, signup, log  string
	maxBody                        int64
}

const serveExamples = `  settee serve
  settee serve --data /var/lib/settee --npm 0.0.0.0:4873 --public-url https://npm.example.com
  settee serve --db http://user:password@couch:5984 --tarballs 's3://minio:9000/tarballs?tls=false'
  settee serve --config settee.yaml
`

func (s *settings) parse(args []string, stdout io.Writer) error {
	fs := newFlags("serve", "run the npm registry and the CouchDB server", serveExamples, stdout)
	fs.StringVar(&s.data, "data", "./settee-data", "`DIR` of the embedded stores")
	fs.StringVar(&s.npm, "npm", "127.0.0.1:4873", "`ADDR` of the npm API, or off")
	fs.StringVar(&s.couch, "couch", "127.0.0.1:5984", "`ADDR` of the CouchDB API, or off")
	fs.StringVar(&s.db, "db", "", "`URL` of an Apache CouchDB, with user and password; without it documents live in --data")
	fs.StringVar(&s.tarballs, "tarballs", "", "`URL` of a bucket, s3://host:9000/bucket (keys from the environment, ?tls=false); without it tarballs live in --data")
	fs.StringVar(&s.publicURL, "public-url", "", "`URL` that tarball links begin with; without it the one that the client used")
	fs.StringVar(&s.admin, "admin", "", "`NAME:PASSWORD` of the server admin; without it one is made at first start and kept in DATA/admin")
	fs.StringVar(&s.signup, "signup", string(auth.SignupOpen), "`open|closed`: whether npm adduser may make accounts")
	fs.Int64Var(&s.maxBody, "max-body", 256<<20, "`BYTES` of the largest publish")
	fs.StringVar(&s.log, "log", "text", "`text|json`: the form of the log on standard error; add -debug to log every request")
	fs.String("config", "", "`FILE` of the same names in YAML")
	if err := parse(fs, args, os.LookupEnv); err != nil {
		return err
	}
	if err := s.check(); err != nil {
		return usageError{err}
	}
	return nil
}

func (s *settings) check() error {
	if s.npm == off && s.couch == off {
		return errors.New("--npm and --couch are both off: nothing would be served")
	}
	if s.maxBody <= 0 {
		return fmt.Errorf("--max-body %d: want bytes above 0", s.maxBody)
	}
	if s.db != "" && !strings.HasPrefix(s.db, "http://") && !strings.HasPrefix(s.db, "https://") {
		return fmt.Errorf("--db %q: want http:// or https://", s.db)
	}
	if s.tarballs != "" && !strings.HasPrefix(s.tarballs, "s3://") {
		return fmt.Errorf("--tarballs %q: want s3://host:port/bucket", s.tarballs)
	}
	if signup := auth.Signup(s.signup); signup != auth.SignupOpen && signup != auth.SignupClosed {
		return fmt.Errorf("--signup %q: want open or closed", s.signup)
	}
	if s.db != "" && s.npm == off {
		return errors.New("--npm is off and with --db the CouchDB API is the cluster's own: nothing would be served")
	}
	return nil
}

// off is the address of an API that is not served.
const off = "off"

func serve(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	var s settings
	if err := s.parse(args, stdout); err != nil {
		return err
	}
	log, err := newLogger(s.log, stderr)
	if err != nil {
		return usageError{err}
	}
	boundMemory()
	if s.db != "" {
		s.couch = off // the cluster answers for itself
	}
	// Listening comes first: a taken port is the common mistake and must not cost
	// an opened store. Clients that come early wait in the backlog.
	npm, err := listen("npm", s.npm)
	if err != nil {
		return err
	}
	couch, err := listen("couch", s.couch)
	if err != nil {
		return errors.Join(err, npm.close())
	}
	admin, err := s.adminOf()
	if err != nil {
		return errors.Join(err, npm.close(), couch.close())
	}
	h, err := open(ctx, s, admin, log)
	if err != nil {
		return errors.Join(err, npm.close(), couch.close())
	}
	npm.serve(logged(log, "npm", h.npm), log)
	couch.serve(logged(log, "couch", h.couch), log)
	banner(stdout, s, npm, couch, admin)
	failed := wait(ctx, npm, couch)
	log.Info("draining")
	h.endFeeds()
	return errors.Join(failed, npm.drain(), couch.drain(), h.close())
}

// boundMemory keeps an idle server small: the heap is collected from 4 MB up, so
// the default growth would leave twice the caches in memory; at half of that the
// figures of make bench do not change. An operator's GOGC wins.
func boundMemory() {
	if _, set := os.LookupEnv("GOGC"); !set {
		debug.SetGCPercent(75)
	}
}

func banner(w io.Writer, s settings, npm, couch *port, admin admin) {
	fmt.Fprintf(w, "settee %s\n", release())
	for _, p := range []*port{npm, couch} {
		if p.url() != "" {
			fmt.Fprintf(w, "  %-7s %s\n", p.name, p.url())
		}
	}
	fmt.Fprintf(w, "  %-7s %s\n", "data", s.data)
	if admin.made {
		fmt.Fprintf(w, "  %-7s %s (password %s, shown once; kept in %s)\n", "admin", admin.name, admin.password, admin.file)
	}
	fmt.Fprintln(w, "ready")
}
