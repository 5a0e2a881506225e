package audit_test

import (
	"context"
	"fmt"
	"iter"
	"net/http/httptest"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/go-kivik/kivik/v4"
	"github.com/go-kivik/kivik/v4/couchdb"
	"github.com/stretchr/testify/require"

	"settee/auth"
	"settee/auth/audit"
	"settee/couch"
	"settee/couch/driver"
	"settee/couch/httpd"
	"settee/views"
)

// serve is a store, and the same store as Kivik's own driver for CouchDB sees it.
func serve(t *testing.T) (embedded, overHTTP *kivik.DB) {
	store, err := couch.Open("store", couch.Options{FS: vfs.NewMem()})
	require.NoError(t, err)
	engine := views.New(store, views.Options{})
	direct, err := driver.NewClient(store, engine)
	require.NoError(t, err)
	accounts, err := auth.Open(context.Background(), direct, auth.Options{AdminName: "adm", AdminPassword: "pass pass", Iterations: 10})
	require.NoError(t, err)
	api := httpd.New(store, engine, accounts, httpd.Options{})
	server := httptest.NewServer(api)
	t.Cleanup(func() {
		server.Close()
		require.NoError(t, api.Close())
		require.NoError(t, accounts.Close())
		require.NoError(t, engine.Close())
		require.NoError(t, store.Close())
	})
	client, err := kivik.New("couch", server.URL, couchdb.BasicAuth("adm", "pass pass"))
	require.NoError(t, err)
	return direct.DB(audit.Database), client.DB(audit.Database)
}

func TestOverHTTP(t *testing.T) {
	ctx := context.Background()
	embedded, db := serve(t)
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
