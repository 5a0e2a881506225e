package main

import (
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"strings"
	"time"

	"settee/auth"
	"settee/region"
)

// settings are what serve can be told.
type settings struct {
	data, npm, couch, db, tarballs string
	publicURL, admin, signup       string
	search                         string
	newScoped                      string
	log, logLevel                  string
	maxBody                        int64
	drain                          time.Duration

	region      string
	peers       many
	readOnly    bool
	door        doorSettings
	tls         tlsSettings
	post        postSettings
	hooks       hookSettings
	trust       trustSettings
	upstream    upstreamSettings
	publish     publishSettings
	verifyEmail bool
	peerRegions []region.Peer // as check read them
}

const serveExamples = `  settee serve
  settee serve --data /var/lib/settee --npm 0.0.0.0:4873 --public-url https://npm.example.com
  settee serve --npm 0.0.0.0:4873 --tls-cert fullchain.pem --tls-key privkey.pem
  settee serve --db http://user:password@couch:5984 --tarballs 's3://minio:9000/tarballs?tls=false'
  settee serve --region eu --peer us=http://admin:password@us.example.com:5984
  settee serve --region ap --peer us=http://admin:password@us.example.com:5984 --read-only
  settee serve --upstream https://npm.example.com --cooldown 7d --cooldown-except @acme
  settee serve --config settee.yaml
`

func (s *settings) parse(args []string, stdout io.Writer) error {
	fs := newFlags("serve", "run the npm registry and the CouchDB server", serveExamples, stdout)
	fs.StringVar(&s.data, "data", "./settee-data", "`DIR` of the embedded stores")
	fs.StringVar(&s.npm, "npm", "127.0.0.1:4873", "`ADDR` of the npm API, or off")
	fs.StringVar(&s.couch, "couch", "127.0.0.1:5984", "`ADDR` of the CouchDB API, or off")
	fs.StringVar(&s.db, "db", "", "`URL` of an Apache CouchDB, with user and password; without it documents live in --data")
	fs.StringVar(&s.tarballs, "tarballs", "", "`URL` of a bucket, s3://host:9000/bucket (keys from the environment, ?tls=false); without it tarballs live in --data")
	fs.StringVar(&s.search, "search", "", "`DIR` of the search index, or off; without it the index lives in --data")
	fs.StringVar(&s.publicURL, "public-url", "", "`URL` that tarball links begin with; without it the one that the client used; if it has a path, the npm API answers there too")
	s.tls.flags(fs)
	fs.StringVar(&s.region, "region", "", "`NAME` of this region, where it keeps the same registry as others")
	fs.Var(&s.peers, "peer", "`NAME=URL` of another region, its CouchDB API with a server admin's user and password: what is there is brought here; may be given again, in the environment with spaces between")
	fs.BoolVar(&s.readOnly, "read-only", false, "be a copy of the one --peer: what npm writes is passed on to it")
	fs.StringVar(&s.admin, "admin", "", "`NAME:PASSWORD` of the server admin; without it the user of --db, else one that is made at first start and kept in DATA/admin")
	fs.StringVar(&s.newScoped, "new-scoped", "public", "`public|restricted`: who may read a new package of a scope whose publisher does not say")
	fs.StringVar(&s.signup, "signup", string(auth.SignupOpen), "`open|invitation|closed`: who may make an account by npm adduser or on the web")
	fs.BoolVar(&s.verifyEmail, "verify-email", false, "let only those publish who have confirmed their e-mail address")
	s.post.flags(fs)
	s.upstream.flags(fs)
	s.publish.flags(fs)
	s.door.flags(fs)
	s.trust.flags(fs)
	s.hooks.flags(fs)
	fs.Int64Var(&s.maxBody, "max-body", 256<<20, "`BYTES` of the largest publish")
	fs.StringVar(&s.log, "log", "text", "`text|json`: the form of the log on standard error")
	fs.StringVar(&s.logLevel, "log-level", "info", "`info|debug`: debug logs every request")
	fs.DurationVar(&s.drain, "drain", drainTime, "`TIME` that requests under way may take to finish after SIGTERM")
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
	if s.drain < 0 {
		return fmt.Errorf("--drain %s: want a time like 20s", s.drain)
	}
	if s.log != "text" && s.log != "json" {
		return fmt.Errorf("--log %q: want text or json", s.log)
	}
	if s.logLevel != "info" && s.logLevel != "debug" {
		return fmt.Errorf("--log-level %q: want info or debug", s.logLevel)
	}
	if u, err := url.Parse(s.db); s.db != "" && (err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https") {
		return errors.New("--db: want http://user:password@host:5984, or https://") // not the value: it may hold a password
	}
	if err := s.checkTarballs(); err != nil {
		return err
	}
	if s.newScoped != "public" && s.newScoped != "restricted" {
		return fmt.Errorf("--new-scoped %q: want public or restricted", s.newScoped)
	}
	if signup := auth.Signup(s.signup); signup != auth.SignupOpen && signup != auth.SignupInvitation && signup != auth.SignupClosed {
		return fmt.Errorf("--signup %q: want open, invitation or closed", s.signup)
	}
	if err := errors.Join(checkPublicURL(s.publicURL), s.tls.check()); err != nil {
		return err
	}
	if err := s.post.check(s.publicURL); err != nil {
		return err
	}
	if s.verifyEmail && s.post.smtp == "" && !s.readOnly {
		return errors.New("--verify-email wants --smtp URL: addresses are confirmed by mail")
	}
	if s.db != "" && s.npm == off {
		return errors.New("--npm is off and with --db the CouchDB API is the cluster's own: nothing would be served")
	}
	if err := s.door.check(); err != nil {
		return err
	}
	if err := s.trust.check(s.publicURL); err != nil {
		return err
	}
	if err := errors.Join(s.upstream.check(), s.publish.check(), s.hooks.check()); err != nil {
		return err
	}
	return s.checkRegion()
}

func (s *settings) checkTarballs() error {
	if s.tarballs != "" && !strings.HasPrefix(s.tarballs, "s3://") {
		return fmt.Errorf("--tarballs %q: want s3://host:port/bucket", s.tarballs)
	}
	return nil
}

// off is the address of an API that is not served.
const off = "off"
