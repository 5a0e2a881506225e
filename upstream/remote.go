package upstream

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"settee/dial"
)

// remote is a registry as it is asked.
type remote struct {
	Target
	breaker
	o        Options
	client   *http.Client
	finder   finder
	scopes   finder                  // apart: whoever searches must not be able to have scopes left alone
	followed atomic.Pointer[stretch] // nil: its feed was not followed to its end yet
}

// The bounds of a request. Of idle connections there are as many as clients of npm open to one host, twice; of all of them twice that: tarballs
// take half (ThroughOptions.Downloads), and whoever asks for thousands of names waits, in place of thousands of answers held in memory.
const (
	tries       = 3
	mostWait    = 5 * time.Second // for a registry that asks to come again later, while a reader waits
	headTime    = 30 * time.Second
	mostHops    = 5
	connections = 32
)

func newRemote(t Target, o Options) *remote {
	m := &remote{Target: t, o: o, breaker: breaker{now: o.Now}, finder: finder{breaker: breaker{now: o.Now}}, scopes: finder{breaker: breaker{now: o.Now}}}
	m.client = &http.Client{Transport: m.transport(), CheckRedirect: func(q *http.Request, via []*http.Request) error {
		if len(via) >= mostHops {
			return errors.New("it redirects too often")
		}
		if q.URL.Scheme != "https" && q.URL.Scheme != "http" {
			return fmt.Errorf("it redirects to %s", q.URL.Scheme)
		}
		return nil
	}}
	return m
}

// transport sends what is for the registry's own host wherever that is, through a proxy if there is one; and what is
// for others only outside.
func (m *remote) transport() http.RoundTripper {
	own := &http.Transport{
		Proxy:                  http.ProxyFromEnvironment,
		DialContext:            (&net.Dialer{Timeout: 10 * time.Second, KeepAlive: 15 * time.Second}).DialContext,
		TLSHandshakeTimeout:    10 * time.Second,
		ResponseHeaderTimeout:  m.o.headTime,
		MaxResponseHeaderBytes: 64 << 10,
		MaxIdleConnsPerHost:    connections,
		MaxConnsPerHost:        2 * connections,
		IdleConnTimeout:        time.Minute,
		DisableCompression:     true, // what is inflated is counted
	}
	other := own.Clone()
	other.Proxy, other.DialContext = nil, dial.Public(m.o.Inside)
	return roundTripper(func(q *http.Request) (*http.Response, error) {
		if secret := m.secretFor(q.URL); secret != "" {
			q = q.Clone(q.Context())
			q.Header.Set("Authorization", secret)
		}
		if strings.EqualFold(q.URL.Hostname(), m.URL.Hostname()) || strings.EqualFold(q.URL.Hostname(), m.changes().Hostname()) {
			return own.RoundTrip(q)
		}
		return other.RoundTrip(q)
	})
}

type roundTripper func(*http.Request) (*http.Response, error)

// RoundTrip implements http.RoundTripper.
func (f roundTripper) RoundTrip(q *http.Request) (*http.Response, error) { return f(q) }

// close ends idle connections.
func (m *remote) close() { m.client.CloseIdleConnections() }

// address is a package's, with a scope's slash escaped as npm does.
func (m *remote) address(name string) string {
	return m.URL.String() + "/" + strings.Replace(name, "/", "%2f", 1)
}

// get asks for an address, again where that fails in passing. The answer is a success, a 304 or an absence, and its body
// is bounded in time; the caller closes it. Any other answer is an error.
func (m *remote) get(ctx context.Context, location string, header http.Header) (*http.Response, error) {
	pause := m.o.pause
	for try := 1; ; try++ {
		if !m.enter() {
			return nil, errResting
		}
		res, err := m.once(ctx, location, header)
		if err == nil && !passing(res.StatusCode) {
			m.left(well, 0)
			return m.judge(res)
		}
		var alone time.Duration
		if err == nil {
			alone = retryAfter(res.Header.Get("Retry-After"), m.now())
			_ = res.Body.Close()
			err = &statusError{res.Status}
		}
		if ctx.Err() != nil {
			m.left(unclear, 0)
			return nil, context.Cause(ctx)
		}
		if errors.Is(err, dial.ErrInside) {
			m.left(well, 0) // it answers, and not what it should
			return nil, err
		}
		if try == tries || alone > mostWait {
			m.left(badly, alone)
			return nil, err
		}
		m.left(badly, 0)
		if !sleep(ctx, max(alone, pause+rand.N(pause))) {
			return nil, context.Cause(ctx)
		}
		pause *= 4
	}
}

// passing reports whether a status is one that another try may not get.
func passing(status int) bool {
	return status == http.StatusRequestTimeout || status == http.StatusTooManyRequests || status >= 500 && status != http.StatusNotImplemented && status != http.StatusLoopDetected
}

func (m *remote) judge(res *http.Response) (*http.Response, error) {
	switch res.StatusCode {
	case http.StatusOK, http.StatusPartialContent, http.StatusNotModified:
		return res, nil
	}
	defer func() { _ = res.Body.Close() }()
	_, _ = io.CopyN(io.Discard, res.Body, 4<<10) // so that the connection is used again
	switch res.StatusCode {
	case http.StatusNotFound, http.StatusGone:
		if strings.HasPrefix(res.Header.Get("Content-Type"), "text/html") {
			return nil, &statusError{res.Status + " with a web page"} // somebody in between answers, and knows no packages
		}
		return nil, ErrNotFound
	case http.StatusUnauthorized, http.StatusForbidden:
		m.o.Logger.Warn("the upstream registry refuses", "upstream", m.Name(), "path", res.Request.URL.Path, "status", res.Status)
		return nil, errDenied
	case http.StatusUnavailableForLegalReasons:
		return nil, ErrNotFound
	case http.StatusLoopDetected:
		return nil, ErrLoop
	}
	return nil, &statusError{res.Status}
}

// once sends one request.
func (m *remote) once(ctx context.Context, location string, header http.Header) (*http.Response, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	q, err := http.NewRequestWithContext(ctx, http.MethodGet, location, nil)
	if err != nil {
		cancel(nil)
		return nil, err
	}
	q.Header = header.Clone()
	q.Header.Set("User-Agent", m.o.Agent)
	q.Header.Set("Via", via(ctx, m.o.self))
	res, err := m.client.Do(q)
	if err != nil {
		cancel(nil)
		return nil, unwrapped(err)
	}
	res.Body = watched(ctx, cancel, res.Body, m.o.stall, m.o.grace)
	return res, nil
}

// unwrapped is an error without the URL that http.Client puts before it.
func unwrapped(err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		return u.Err
	}
	return err
}

// retryAfter reads Retry-After: seconds, or a date.
func retryAfter(value string, now time.Time) time.Duration {
	if value == "" {
		return 0
	}
	if n, err := strconv.Atoi(strings.TrimSpace(value)); err == nil {
		return time.Duration(min(max(n, 0), 1<<20)) * time.Second
	}
	if at, err := http.ParseTime(value); err == nil {
		return max(at.Sub(now), 0)
	}
	return 0
}

// sleep waits, and reports whether it was let.
func sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}

// prefixes that an operator allows redirects into.
type networks = []netip.Prefix
