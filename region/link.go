package region

import (
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"sync/atomic"
	"time"

	"github.com/go-kivik/kivik/v4"

	"settee/tarballs"
)

// databases are those that regions share.
var databases = []string{"registry", "_users", "tokens", "factors", "sessions", "orgs", "audit", "advisories", "hooks", "downloads", "signing", "attestations", "publishers", "staged"}

// Databases are the names of the databases that regions share.
func Databases() []string { return append([]string(nil), databases...) }

// A link is the line to one peer.
type link struct {
	Peer
	region    *Region
	log       *slog.Logger
	transport http.RoundTripper
	meeting   meeting
	blobs     *tarballs.Peer
	pulls     []*pull
	heard     atomic.Int64 // when it answered last, Unix nanoseconds; 0: never
	npm       npmAddress
}

func newLink(r *Region, p Peer) *link {
	l := &link{Peer: p, region: r, log: r.o.Logger.With("peer", p.Name)}
	l.transport = &hearing{newTransport(), l}
	l.blobs = tarballs.NewPeer(p.Name, p.URL.JoinPath("_settee"), l.transport)
	for _, name := range databases {
		l.pulls = append(l.pulls, newPull(l, name))
	}
	return l
}

func (l *link) start(ctx context.Context, client *kivik.Client) error {
	for _, p := range l.pulls {
		if err := p.open(ctx, client); err != nil {
			return err
		}
	}
	for _, p := range l.pulls {
		l.region.running.Go(func() { p.run(ctx) })
	}
	l.region.running.Go(func() { l.listen(ctx) })
	l.region.running.Go(func() {
		each(ctx, warmth, func() {
			if l.meeting.holds() {
				l.keepWarm(ctx)
			}
		})
	})
	return nil
}

// bare is the peer's URL without credentials.
func (l *link) bare() *url.URL {
	u := *l.URL
	u.User = nil
	return &u
}

const (
	// spare connections are open and idle besides those that wait in long polls: for the next poll, the
	// document and the blob that a change costs.
	spare = 3
	// warmth is how often they are used. Servers close idle connections, settee's after 75 s.
	warmth = 20 * time.Second
	// idle connections are closed here before the peer does it, so that none is used that is being closed.
	idle = 60 * time.Second
)

func newTransport() *http.Transport {
	return &http.Transport{
		Proxy:                 http.ProxyFromEnvironment,
		DialContext:           (&net.Dialer{Timeout: 5 * time.Second, KeepAlive: 15 * time.Second}).DialContext,
		TLSHandshakeTimeout:   5 * time.Second,
		ResponseHeaderTimeout: patience, // a long poll ends in a third of it
		MaxIdleConnsPerHost:   64,
		IdleConnTimeout:       idle,
	}
}

// keepWarm uses spare connections at once: each needs one of its own.
func (l *link) keepWarm(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, warmth/2)
	defer cancel()
	done := make(chan struct{}, spare)
	for range spare {
		go func() {
			defer func() { done <- struct{}{} }()
			if res, err := l.get(ctx, "_up"); err == nil {
				_, _ = io.CopyN(io.Discard, res.Body, 64<<10) // an answer is all that is wanted
				_ = res.Body.Close()
			}
		}()
	}
	for range spare {
		<-done
	}
}

// get asks the peer's server for something of its own.
func (l *link) get(ctx context.Context, path string) (*http.Response, error) {
	q, err := http.NewRequestWithContext(ctx, http.MethodGet, l.bare().JoinPath(path).String(), nil)
	if err != nil {
		return nil, err
	}
	if user := l.URL.User; user != nil {
		password, _ := user.Password()
		q.SetBasicAuth(user.Username(), password)
	}
	return l.transport.RoundTrip(q)
}

// hearing notes when a peer answers.
type hearing struct {
	next http.RoundTripper
	link *link
}

// RoundTrip implements http.RoundTripper.
func (h *hearing) RoundTrip(q *http.Request) (*http.Response, error) {
	res, err := h.next.RoundTrip(q)
	if err == nil {
		h.link.heard.Store(h.link.region.o.Now().UnixNano())
	}
	return res, err
}
