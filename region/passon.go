package region

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"
)

// PassOn answers what reads with next, and passes what writes on to the npm API of the one peer of
// a read-only node.
func (r *Region) PassOn(next http.Handler) http.Handler {
	l := r.links[0]
	proxy := &httputil.ReverseProxy{
		Transport: newTransport(), // another server than the peer's CouchDB API
		Rewrite: func(q *httputil.ProxyRequest) {
			q.SetURL(q.In.Context().Value(passedTo{}).(*url.URL))
			q.SetXForwarded()
		},
		ModifyResponse: func(res *http.Response) error {
			if res.Request.Method != http.MethodGet && res.StatusCode < 300 {
				l.catchUp(res.Request.Context())
				r.o.Written()
			}
			return nil
		},
		ErrorHandler: func(w http.ResponseWriter, q *http.Request, err error) {
			l.npm.forget()
			l.away(w, q, err)
		},
	}
	return http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		if !writes(q) {
			next.ServeHTTP(w, q)
			return
		}
		to, err := l.npm.find(q.Context(), l)
		if err != nil {
			l.away(w, q, err)
			return
		}
		proxy.ServeHTTP(w, q.WithContext(context.WithValue(q.Context(), passedTo{}, to)))
	})
}

// passedTo is where a request is passed on to, in its context.
type passedTo struct{}

// writes reports a request that changes something, or reads what is to be changed, or belongs to a
// sign-in, which is going on where it was begun.
func writes(q *http.Request) bool {
	for _, p := range []string{"/-/web/", "/-/v1/login", "/-/v1/challenge/"} {
		if strings.HasPrefix(q.URL.Path, p) {
			return true
		}
	}
	switch q.Method {
	case http.MethodGet, http.MethodHead, http.MethodOptions:
		return q.URL.RawQuery != "" && q.URL.Query().Get("write") == "true"
	case http.MethodPost:
		return !strings.HasPrefix(q.URL.Path, "/-/npm/v1/security/") // npm audit
	}
	return true
}

// away is the answer while the peer is.
func (l *link) away(w http.ResponseWriter, q *http.Request, err error) {
	if q.Context().Err() == nil {
		l.region.o.Logger.Warn("a write could not be passed on", "peer", l.Name, "method", q.Method, "path", q.URL.Path, "error", err)
	}
	text := "This is a copy of region " + l.Name + ", which takes all writes and does not answer. Please try again."
	body, _ := json.Marshal(map[string]string{"error": text, "message": text, "code": "E503"})
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("npm-notice", text)
	h.Set("Retry-After", "1")
	h.Set("Cache-Control", "no-store")
	w.WriteHeader(http.StatusServiceUnavailable)
	_, _ = w.Write(body) // a client that is gone needs no answer
}

// longestCatchUp bounds how long a writer waits for what they wrote.
const longestCatchUp = 2 * time.Second

// catchUp waits until what the peer has now is here.
func (l *link) catchUp(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, longestCatchUp)
	defer cancel()
	var all sync.WaitGroup
	for _, p := range l.pulls {
		if p.state() != Following {
			continue
		}
		all.Go(func() {
			if stats, err := p.source.DB.Stats(ctx); err == nil {
				p.reached(ctx, stats.UpdateSeq)
			}
		})
	}
	all.Wait()
}

func (p *pull) state() State {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.mu.state
}

// npmAddress is where a peer's npm API is, once it was asked for.
type npmAddress struct {
	mu    sync.Mutex // held while it is asked for, so that one does
	known *url.URL
}

func (a *npmAddress) forget() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.known = nil
}

// find asks the peer for it, once.
func (a *npmAddress) find(ctx context.Context, l *link) (*url.URL, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.known != nil {
		return a.known, nil
	}
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	status, body, err := l.ask(ctx, "_settee/regions")
	if err != nil {
		return nil, err
	}
	if status != http.StatusOK {
		return nil, fmt.Errorf("ask where its npm API is: the answer is %d", status)
	}
	var told Status
	if err := json.Unmarshal(body, &told); err != nil {
		return nil, fmt.Errorf("ask where its npm API is: %w", err)
	}
	a.known, err = told.NPM.at(l.URL)
	return a.known, err
}

var errNoNPM = errors.New("it serves no npm API")

// at is the URL of an npm API, of a node whose CouchDB API is at couch.
func (n NPM) at(couch *url.URL) (*url.URL, error) {
	if n.URL != "" {
		u, err := url.Parse(n.URL)
		if err != nil || u.Host == "" {
			return nil, errNoNPM
		}
		return u, nil
	}
	if n.Port == 0 {
		return nil, errNoNPM
	}
	scheme := "http"
	if n.TLS {
		scheme = "https"
	}
	return &url.URL{Scheme: scheme, Host: net.JoinHostPort(couch.Hostname(), strconv.Itoa(n.Port))}, nil
}
