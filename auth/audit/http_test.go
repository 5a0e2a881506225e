package audit_test

import (
	"context"
	"fmt"
	"iter"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-kivik/kivik/v4"
	"github.com/go-kivik/kivik/v4/couchdb"
	"github.com/stretchr/testify/require"

	"settee/auth"
	"settee/auth/audit"
	"settee/couch/httpd"
	"settee/fixtures/engine"
)

// serve is a store, and the same store as Kivik's own driver for CouchDB sees it, through what around makes of the API.
func serve(t *testing.T, around func(http.Handler) http.Handler) (embedded, overHTTP *kivik.DB) {
	e := engine.Open(t)
	accounts, err := auth.Open(context.Background(), e.Client, auth.Options{AdminName: "adm", AdminPassword: "pass pass", Iterations: 10})
	require.NoError(t, err)
	api := httpd.New(e.Store, e.Views, accounts, httpd.Options{})
	server := httptest.NewServer(around(api))
	t.Cleanup(func() {
		server.Close()
		require.NoError(t, api.Close())
		require.NoError(t, accounts.Close())
	})
	client, err := kivik.New("couch", server.URL, couchdb.BasicAuth("adm", "pass pass"))
	require.NoError(t, err)
	return e.DB(audit.Database), client.DB(audit.Database)
}

func TestOverHTTP(t *testing.T) {
	ctx := context.Background()
	embedded, db := serve(t, func(h http.Handler) http.Handler { return h })
	for range 2 {
		l, err := audit.Open(ctx, db, audit.Options{})
		require.NoError(t, err)
		for i := range 120 {
			require.NoError(t, l.Append(ctx, audit.Entry{Act: audit.PackagePublish, By: "ada", Package: fmt.Sprintf("pkg-%d", i%3), Note: "é\"\\€𝄞", OK: true}))
		}
		require.NoError(t, l.Close())
	}
	for _, over := range []*kivik.DB{embedded, db} {
		report, err := audit.Verify(ctx, over, audit.VerifyOptions{Found: func(p audit.Problem) { t.Error(p) }})
		require.NoError(t, err)
		require.EqualValues(t, 2, report.Chains)
		require.EqualValues(t, 242, report.Entries)
	}
	for _, f := range []audit.Filter{{}, {User: "ada"}, {Package: "pkg-1"}, {Act: "package", Package: "pkg-2"}} {
		want := collect(t, audit.Query(ctx, embedded, f))
		require.NotEmpty(t, want)
		require.Equal(t, want, collect(t, audit.Query(ctx, db, f)))
	}
}

func collect(t *testing.T, entries iter.Seq2[audit.Entry, error]) (list []audit.Entry) {
	for e, err := range entries {
		require.NoError(t, err)
		list = append(list, e)
	}
	return list
}

// TestFaults has the store fail each write in turn: before it was done, and when it was done but its answer
// is lost. Nothing that Append answered is missing, nothing is there twice, and the chain is whole.
func TestFaults(t *testing.T) {
	for name, done := range map[string]bool{"not stored": false, "stored": true} {
		t.Run(name, func(t *testing.T) {
			ctx := context.Background()
			var writes atomic.Int64
			embedded, db := serve(t, func(h http.Handler) http.Handler {
				return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					if !strings.HasSuffix(r.URL.Path, "/_bulk_docs") || writes.Add(1)%3 == 0 {
						h.ServeHTTP(w, r)
						return
					}
					if done {
						h.ServeHTTP(httptest.NewRecorder(), r)
					}
					w.WriteHeader(http.StatusInternalServerError)
				})
			})
			l, err := audit.Open(ctx, db, audit.Options{})
			require.NoError(t, err)
			for i := range 12 {
				require.NoError(t, l.Append(ctx, audit.Entry{Act: audit.PackagePublish, Package: fmt.Sprint(i), OK: true}))
			}
			require.NoError(t, l.Close())
			report, err := audit.Verify(ctx, embedded, audit.VerifyOptions{Found: func(p audit.Problem) { t.Error(p) }})
			require.NoError(t, err)
			require.EqualValues(t, 1, report.Chains)
			require.EqualValues(t, 13, report.Entries)
			for i, e := range collect(t, audit.Query(ctx, embedded, audit.Filter{Act: "package"})) {
				require.Equal(t, fmt.Sprint(11-i), e.Package)
			}
		})
	}
}

// TestStoreAway has the store away: Append says so when its time is over, and the queue is bounded. What waits is
// stored when the store is back.
func TestStoreAway(t *testing.T) {
	var away atomic.Bool
	embedded, db := serve(t, func(h http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if away.Load() && strings.HasSuffix(r.URL.Path, "/_bulk_docs") {
				w.WriteHeader(http.StatusInternalServerError)
				return
			}
			h.ServeHTTP(w, r)
		})
	})
	l, err := audit.Open(context.Background(), db, audit.Options{})
	require.NoError(t, err)
	require.NoError(t, l.Append(context.Background(), audit.Entry{Act: audit.Login}))
	away.Store(true)
	gone, cancel := context.WithCancel(context.Background())
	cancel()
	accepted := 0
	for {
		err := l.Append(gone, audit.Entry{Act: audit.Logout})
		if err == audit.ErrFull {
			break
		}
		require.ErrorIs(t, err, context.Canceled)
		accepted++
	}
	away.Store(false)
	require.Eventually(t, func() bool {
		return l.Append(context.Background(), audit.Entry{Act: audit.Signup}) == nil
	}, time.Minute, time.Millisecond)
	require.NoError(t, l.Close())
	report, err := audit.Verify(context.Background(), embedded, audit.VerifyOptions{Found: func(p audit.Problem) { t.Error(p) }})
	require.NoError(t, err)
	require.EqualValues(t, accepted+3, report.Entries, "what was in the queue, the start, the first and the last")
}
