package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"syscall"
	"time"
)

// drainTime is the default of --drain: how long requests may finish after a signal: a large publish over
// a slow line does, and it is below the 30 s after which supervisors kill.
const drainTime = 20 * time.Second

// port is one API's listener and server; one that is off does nothing.
type port struct {
	name   string
	l      net.Listener
	tls    *tls.Config // nil: plain HTTP
	server *http.Server
	failed chan error

	headers int // the most bytes of a request's line and headers; 0: a million
}

// mostNPMHeaders is far above what any npm client sends: names and tags are short, and the longest tokens
// have some kilobytes. CouchDB's clients may put whole lists of keys into the line.
const mostNPMHeaders = 64 << 10

func listen(name, addr string) (*port, error) {
	p := &port{name: name, failed: make(chan error, 1)}
	if addr == off {
		return p, nil
	}
	l, err := net.Listen("tcp", addr)
	if errors.Is(err, syscall.EADDRINUSE) {
		return nil, fmt.Errorf("--%s %s: another program listens there: stop it, or choose another address", name, addr)
	}
	if err != nil {
		return nil, fmt.Errorf("--%s: %w", name, err)
	}
	p.l = l
	return p, nil
}

// through puts a listener around the port's own.
func (p *port) through(around func(net.Listener) net.Listener) {
	if p.l != nil {
		p.l = around(p.l)
	}
}

// serve answers from now on. There is no time-out on writes: feeds last for hours
// and slow clients take large tarballs. Idle connections stay longer than clients
// keep theirs, as a server that hangs up first makes npm see resets.
//
// HTTP/2 is spoken over TLS, where both sides agree on it before the first byte; without TLS no client of npm
// or CouchDB asks for it. The server writes into its TLS configuration as it begins, so that each port has its own.
func (p *port) serve(h http.Handler, log *slog.Logger) {
	if p.l == nil {
		return
	}
	listen := (*http.Server).Serve
	if p.tls != nil {
		h = strict(h)
		listen = func(s *http.Server, l net.Listener) error { return s.ServeTLS(l, "", "") }
	}
	p.server = &http.Server{
		Handler: h, TLSConfig: p.tls.Clone(), ReadHeaderTimeout: 20 * time.Second, IdleTimeout: 75 * time.Second,
		MaxHeaderBytes: p.headers, ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}
	go func() {
		if err := listen(p.server, p.l); !errors.Is(err, http.ErrServerClosed) {
			p.failed <- fmt.Errorf("serve %s: %w", p.name, err)
		}
	}()
}

// wait returns at the signal, or with what ended a server before it.
func wait(ctx context.Context, npm, couch *port) error {
	select {
	case <-ctx.Done():
		return nil
	case err := <-npm.failed:
		return err
	case err := <-couch.failed:
		return err
	}
}

// drain takes no new requests and waits for those under way, on all ports at
// once; those that outlast the limit are cut, and that is an error.
func drain(limit time.Duration, ports ...*port) error {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	errs := make([]error, len(ports))
	var wg sync.WaitGroup
	for i, p := range ports {
		wg.Go(func() { errs[i] = p.drain(ctx, limit) })
	}
	wg.Wait()
	return errors.Join(errs...)
}

func (p *port) drain(ctx context.Context, limit time.Duration) error {
	if p.server == nil {
		return nil
	}
	err := p.server.Shutdown(ctx)
	if errors.Is(err, context.DeadlineExceeded) {
		err = fmt.Errorf("requests were still running after %s and were cut", limit)
	}
	if err != nil {
		return errors.Join(fmt.Errorf("drain %s: %w", p.name, err), p.server.Close())
	}
	return nil
}

// close gives the port back when serving has not begun.
func (p *port) close() error {
	if p.l == nil {
		return nil
	}
	return p.l.Close()
}

// address is where it listens, "" where it is off.
func (p *port) address() string {
	if p.l == nil {
		return ""
	}
	return p.l.Addr().String()
}

func (p *port) url() string {
	if p.l == nil {
		return ""
	}
	if p.tls != nil {
		return "https://" + p.address() + "/"
	}
	return "http://" + p.address() + "/"
}
