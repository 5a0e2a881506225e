package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"settee/auth/limit"
	"settee/couch/httpd"
)

func serve(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	var s settings
	if err := s.parse(args, stdout); err != nil {
		return err
	}
	log, level := newLogger(s.log, s.logLevel, stderr)
	admin, err := s.adminOf()
	if err != nil {
		return err
	}
	if s.db != "" {
		s.couch = off // the cluster answers for itself
	}
	secure, err := s.tls.open(log)
	if err != nil {
		return fmt.Errorf("--tls-cert, --tls-key: %w", err)
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
	couch.through(httpd.Listener)
	npm.tls, couch.tls, npm.headers = secure, secure, mostNPMHeaders
	s.npm = npm.address()
	s.couch = couch.address() // the port that was given, where any was asked for
	h, err := open(ctx, s, admin, log, level)
	if err != nil {
		return errors.Join(err, npm.close(), couch.close())
	}
	// After the store, whose lock says that no other settee makes an admin here,
	// and before anything is answered: a password that was shown is kept.
	if err := admin.keep(); err != nil {
		return errors.Join(err, npm.close(), couch.close(), h.close())
	}
	npm.serve(logged(log, "npm", under(s.publicURL, h.door.Wrap(limit.NPM, h.npm))), log)
	couch.serve(logged(log, "couch", h.door.Wrap(limit.CouchDB, h.couch)), log)
	banner(stdout, s, npm, couch, admin)
	failed := wait(ctx, npm, couch)
	log.Info("draining")
	h.endFeeds()
	h.registry.EndFeeds()
	return errors.Join(failed, drain(s.drain, npm, couch), h.close())
}

func banner(w io.Writer, s settings, npm, couch *port, admin admin) {
	fmt.Fprintf(w, "settee %s\n", release())
	line := func(name, what string) { fmt.Fprintf(w, "  %-7s %s\n", name, what) }
	for _, p := range []*port{npm, couch} {
		if p.url() != "" {
			line(p.name, p.url())
		}
	}
	if s.keepsData() {
		line("data", s.data)
	}
	line("admin", admin.String())
	if s.region != "" {
		line("region", s.region)
	}
	fmt.Fprintln(w, "ready")
}
