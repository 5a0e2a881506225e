package registry

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-kivik/kivik/v4"
	"github.com/go-kivik/kivik/v4/couchdb"
	"github.com/stretchr/testify/require"

	"settee/couch/httpd"
	"settee/tarballs"
)

// fault is what happens to a call.
type fault int

const (
	none   fault = iota
	before       // it fails and nothing was done
	after        // it is done, but its answer is lost
)

var errFault = errors.New("the line is cut")

// line is the way from a registry to its stores: documents over HTTP, blobs. It
// fails the call that it is told to, or all.
type line struct {
	tarballs.Store

	mu    sync.Mutex
	calls int // since the last plan
	at    int // the call that fails; < 0: none does
	how   fault
	cut   bool // the feed fails
}

// plan fails the call of that number with how.
func (l *line) plan(at int, how fault) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.calls, l.at, l.how = 0, at, how
}

// reached reports whether the planned call was made.
func (l *line) reached() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.calls > l.at
}

func (l *line) cutFeed(cut bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.cut = cut
}

// call counts a call and tells its fault.
func (l *line) call() fault {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.calls++; l.calls-1 == l.at {
		return l.how
	}
	return none
}

// RoundTrip sends a document call.
func (l *line) RoundTrip(req *http.Request) (*http.Response, error) {
	if strings.HasSuffix(req.URL.Path, "/_changes") {
		l.mu.Lock()
		cut := l.cut
		l.mu.Unlock()
		if cut {
			return nil, errFault
		}
		return http.DefaultTransport.RoundTrip(req)
	}
	how := l.call()
	if how == before {
		return nil, errFault
	}
	res, err := http.DefaultTransport.RoundTrip(req)
	if how == after && err == nil {
		_, _ = io.Copy(io.Discard, res.Body)
		return nil, errors.Join(errFault, res.Body.Close())
	}
	return res, err
}

// Put stores a blob.
func (l *line) Put(ctx context.Context, r io.Reader, want *tarballs.Digest) (tarballs.Info, error) {
	how := l.call()
	if how == before {
		return tarballs.Info{}, errFault
	}
	info, err := l.Store.Put(ctx, r, want)
	if how == after && err == nil {
		return tarballs.Info{}, errFault
	}
	return info, err
}

// Open reads a blob; after cuts it short.
func (l *line) Open(ctx context.Context, d tarballs.Digest, offset, length int64) (io.ReadCloser, tarballs.Info, error) {
	how := l.call()
	if how == before {
		return nil, tarballs.Info{}, errFault
	}
	r, info, err := l.Store.Open(ctx, d, offset, length)
	if how == after && err == nil {
		return cutShort{io.LimitReader(r, info.Size/2), r}, info, nil
	}
	return r, info, err
}

type cutShort struct {
	io.Reader
	io.Closer
}

// remote is another registry over the stores of h: it reaches the documents over
// HTTP, as those of a CouchDB, and all of it through a line.
func (h *house) remote(o Options) (*house, *line) {
	documents := httpd.New(h.store, h.views, h.auth, httpd.Options{})
	server := httptest.NewServer(documents)
	l := &line{Store: h.blobs, at: -1}
	client, err := kivik.New("couch", strings.Replace(server.URL, "//", "//root:secret-root@", 1), couchdb.OptionHTTPClient(&http.Client{Transport: l}))
	require.NoError(h.t, err)
	there := *h
	o.Now = h.clock.Now
	there.Registry, err = New(h.t.Context(), client, l, h.auth, o)
	require.NoError(h.t, err)
	front := httptest.NewServer(there.Registry)
	there.url = front.URL
	h.t.Cleanup(func() {
		front.Close()
		require.NoError(h.t, there.Close())
		require.NoError(h.t, documents.Close())
		server.Close()
	})
	return &there, l
}

// TestEveryCallOfAPublishFails lets the i-th call to the stores fail, for every i:
// the client gets a clear error or a success, what is visible is whole, and the
// same publish sent again succeeds.
func TestEveryCallOfAPublishFails(t *testing.T) {
	h := open(t)
	for _, how := range []fault{before, after} {
		for i := 0; ; i++ {
			there, l := h.remote(Options{ReadOnly: true})
			name := "p" + string(rune('a'+i)) + string(rune('a'+how))
			tgz := sampleTarball(t, name, "1.0.0", 100)
			l.plan(i, how)
			res := there.do("PUT", "/"+name, h.bob, publishing(name, "1.0.0", tgz))
			reached := l.reached()
			l.plan(-1, none)
			if res.Status != 201 {
				require.Equal(t, 500, res.Status, "%s", res.Body)
				require.Equal(t, "The registry could not answer. Please try again.", res.JSON()["error"])
				require.NotContains(t, string(res.Body), "cut", "the cause is for the log")
			}
			if seen := h.do("GET", "/"+name, "", nil); seen.Status == 200 {
				require.Equal(t, tgz, h.do("GET", "/"+name+"/-/"+name+"-1.0.0.tgz", "", nil).Body, "visible, so it is whole")
			} else {
				require.Equal(t, 404, seen.Status)
				require.NotEqual(t, 201, res.Status)
			}
			require.Equal(t, 201, there.do("PUT", "/"+name, h.bob, publishing(name, "1.0.0", tgz)).Status, "sent again")
			require.Equal(t, "1.0.0", at(t, there.do("GET", "/"+name, "", nil).JSON(), "dist-tags", "latest"))
			require.Equal(t, tgz, there.do("GET", "/"+name+"/-/"+name+"-1.0.0.tgz", "", nil).Body)
			if !reached {
				require.Greater(t, i, 2, "a publish reads, stores a blob and writes")
				break
			}
		}
	}
}

// TestEveryCallOfAReadFails does the same to reads from an empty cache.
func TestEveryCallOfAReadFails(t *testing.T) {
	h := open(t)
	tgz := h.publish(h.bob, "p", "1.0.0")
	short := string(h.do("GET", "/p", "", nil, "Accept", abbreviatedAccept).Body)
	for _, path := range []string{"/p", "/p/-/p-1.0.0.tgz"} {
		for _, how := range []fault{before, after} {
			for i := 0; ; i++ {
				there, l := h.remote(Options{ReadOnly: true})
				l.plan(i, how)
				res := there.do("GET", path, "", nil, "Accept", abbreviatedAccept)
				reached := l.reached()
				l.plan(-1, none)
				switch {
				case reached && path == "/p" && i == 1: // the view, which has a twin
					require.Equal(t, short, strings.ReplaceAll(string(res.Body), there.url, h.url))
				case reached:
					require.Equal(t, 500, res.Status, "call %d: %s", i, res.Body)
					require.Equal(t, "no-store", res.Header.Get("Cache-Control"))
				}
				res = there.do("GET", path, "", nil, "Accept", abbreviatedAccept)
				require.Equal(t, 200, res.Status, "an error is not kept")
				if path != "/p" {
					require.Equal(t, tgz, res.Body)
				}
				if !reached {
					require.Equal(t, 2, i, "the packument, then its view or its blob")
					break
				}
			}
		}
	}
}

// TestLostFeed cuts the feed while somebody else writes: what was cached is served
// no longer than MaxStale, and news comes at once when the feed is back.
func TestLostFeed(t *testing.T) {
	h := open(t)
	h.publish(h.bob, "p", "1.0.0")
	there, l := h.remote(Options{MaxStale: 300 * time.Millisecond})
	latest := func() any { return at(t, there.do("GET", "/p", "", nil).JSON(), "dist-tags", "latest") }
	sees := func(want string) {
		require.Eventually(t, func() bool { return latest() == want }, 10*time.Second, 5*time.Millisecond, want)
	}
	require.Equal(t, "1.0.0", latest())
	l.cutFeed(true)
	h.publish(h.bob, "p", "1.0.1")
	sees("1.0.1")
	h.publish(h.bob, "p", "1.0.2")
	require.Eventually(t, func() bool { return !there.cache.believed() }, 10*time.Second, time.Millisecond)
	require.Equal(t, "1.0.2", latest(), "each reading asks the database")
	h.publish(h.bob, "p", "1.0.3")
	require.Equal(t, "1.0.3", latest())
	tgz := sampleTarball(t, "p", "1.0.4", 100)
	require.Equal(t, 201, there.do("PUT", "/p", h.bob, publishing("p", "1.0.4", tgz)).Status, "writing goes on")
	require.Equal(t, "1.0.4", latest())
	l.cutFeed(false)
	require.Eventually(t, there.cache.believed, 20*time.Second, time.Millisecond)
	h.publish(h.bob, "p", "1.0.5")
	sees("1.0.5")
}

// TestDatabaseMadeAnew takes the database away: what was cached goes too.
func TestDatabaseMadeAnew(t *testing.T) {
	h := open(t)
	h.publish(h.bob, "p", "1.0.0")
	require.Equal(t, 200, h.do("GET", "/p", "", nil).Status)
	require.NoError(t, h.client.DestroyDB(t.Context(), Database))
	require.NoError(t, h.client.CreateDB(t.Context(), Database))
	require.Eventually(t, func() bool { return h.do("GET", "/p", "", nil).Status == 404 }, 10*time.Second, 5*time.Millisecond)
}
