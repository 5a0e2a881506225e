package replicate_test

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/go-kivik/kivik/v4"
	"github.com/go-kivik/kivik/v4/couchdb"
	"github.com/stretchr/testify/require"

	"settee/auth"
	"settee/couch"
	"settee/couch/driver"
	"settee/couch/httpd"
	"settee/replicate"
	"settee/tarballs"
	"settee/views"
)

var couchURL = flag.String("couch", "", "replicate with this CouchDB too (http://admin:password@host:port)")

// A house is a store, proved when the test ends, and its CouchDB API.
type house struct {
	client  *kivik.Client
	store   *couch.Store
	address string // with the admin's credentials
}

func newHouse(t testing.TB) *house {
	t.Helper()
	blobs, err := tarballs.Folder(t.TempDir())
	require.NoError(t, err)
	store, err := couch.Open(t.TempDir(), couch.Options{Blobs: tarballs.Blobs(blobs)})
	require.NoError(t, err)
	engine := views.New(store, views.Options{})
	client, err := driver.NewClient(store, engine)
	require.NoError(t, err)
	accounts, err := auth.Open(context.Background(), client, auth.Options{AdminName: "admin", AdminPassword: "secret", Iterations: 10, Settings: store})
	require.NoError(t, err)
	api := httpd.New(store, engine, accounts, httpd.Options{})
	server := httptest.NewServer(api)
	t.Cleanup(func() {
		require.NoError(t, api.Close())
		server.Close()
		require.NoError(t, accounts.Close())
		require.NoError(t, engine.Close())
		report, err := store.Check(context.Background(), nil)
		require.NoError(t, err)
		require.Empty(t, report.Problems)
		require.NoError(t, store.Close())
		require.NoError(t, blobs.Close())
	})
	return &house{client, store, strings.Replace(server.URL, "http://", "http://admin:secret@", 1)}
}

// embedded is a database of the house as a peer, without HTTP.
func (h *house) embedded(name string) replicate.Peer {
	return replicate.Peer{DB: h.client.DB(name), Name: name, Create: func(ctx context.Context) error { return h.client.CreateDB(ctx, name) }}
}

func (h *house) http(t testing.TB, name string) replicate.Peer { return dial(t, h.address+"/"+name) }

func dial(t testing.TB, address string) replicate.Peer {
	t.Helper()
	p, err := replicate.Dial(t.Context(), replicate.Endpoint{URL: address}, replicate.DialOptions{})
	require.NoError(t, err)
	return p
}

// kinds are the ways to reach a database; each makes a fresh one with that name.
func kinds(t *testing.T) map[string]func(t *testing.T, name string) replicate.Peer {
	h := newHouse(t)
	made := func(p func(t *testing.T, name string) replicate.Peer) func(*testing.T, string) replicate.Peer {
		return func(t *testing.T, name string) replicate.Peer {
			peer := p(t, name)
			require.NoError(t, peer.Create(t.Context()))
			return peer
		}
	}
	all := map[string]func(*testing.T, string) replicate.Peer{
		"embedded": made(func(t *testing.T, name string) replicate.Peer { return h.embedded(name) }),
		"http":     made(func(t *testing.T, name string) replicate.Peer { return h.http(t, name) }),
		"kivik": made(func(t *testing.T, name string) replicate.Peer { // Kivik's own driver, without Dial
			c, err := kivik.New("couch", h.address, couchdb.OptionNoRequestCompression())
			require.NoError(t, err)
			return replicate.Peer{DB: c.DB(name), Name: h.address + name, Create: func(ctx context.Context) error { return c.CreateDB(ctx, name) }}
		}),
	}
	if *couchURL != "" {
		all["couch"] = made(func(t *testing.T, name string) replicate.Peer { return foreign(t, name) })
	}
	return all
}

// foreign is a database of the CouchDB that the flag names; it goes when the test ends.
func foreign(t testing.TB, name string) replicate.Peer {
	t.Helper()
	name = fmt.Sprintf("settee_replicate_%s_%d", name, rand.Uint32())
	p := dial(t, *couchURL+"/"+name)
	t.Cleanup(func() { _ = p.DB.Client().DestroyDB(context.Background(), name) })
	return p
}

func put(t testing.TB, db *kivik.DB, id, doc string) string {
	t.Helper()
	rev, err := db.Put(t.Context(), id, json.RawMessage(doc))
	require.NoError(t, err)
	return rev
}

// putRevs stores revisions as they are, each with its history: newest first.
func putRevs(t testing.TB, db *kivik.DB, docs ...string) {
	t.Helper()
	list := make([]any, len(docs))
	for i, d := range docs {
		list[i] = json.RawMessage(d)
	}
	results, err := db.BulkDocs(t.Context(), list, kivik.Param("new_edits", false))
	require.NoError(t, err)
	require.Empty(t, results)
}

// holds is all that a database holds: of each document all leaves with their
// histories and the contents of their attachments.
func holds(t testing.TB, db *kivik.DB, repacked bool) map[string]map[string]string {
	t.Helper()
	all := map[string]map[string]string{}
	rows := db.Changes(t.Context(), kivik.Param("style", "all_docs"))
	var ids []string
	revs := map[string][]string{}
	for rows.Next() {
		ids = append(ids, rows.ID())
		revs[rows.ID()] = slices.Clone(rows.Changes())
	}
	require.NoError(t, rows.Err())
	for _, id := range ids {
		all[id] = map[string]string{}
		for _, rev := range revs[id] {
			all[id][rev] = leaf(t, db, id, rev, repacked)
		}
	}
	return all
}

// same requires two databases to hold the same; repacked, but for digests: what went through memory was
// decompressed, and each server compresses in its own way.
func same(t testing.TB, a, b *kivik.DB, repacked bool) {
	t.Helper()
	want, got := holds(t, a, repacked), holds(t, b, repacked)
	require.Equal(t, slices.Sorted(maps.Keys(want)), slices.Sorted(maps.Keys(got)))
	for id := range want {
		require.Equal(t, want[id], got[id], id)
	}
}

// leaf is one revision with the contents of its attachments, as text that two databases have alike.
func leaf(t testing.TB, db *kivik.DB, id, rev string, repacked bool) string {
	t.Helper()
	var doc map[string]any
	require.NoError(t, db.Get(t.Context(), id, kivik.Param("rev", rev), kivik.Param("revs", true)).ScanDoc(&doc), "%s %s", id, rev)
	atts, _ := doc["_attachments"].(map[string]any)
	for _, name := range slices.Sorted(maps.Keys(atts)) {
		a, err := db.GetAttachment(t.Context(), id, name, kivik.Param("rev", rev))
		require.NoError(t, err, "%s %s %s", id, rev, name)
		raw, err := io.ReadAll(a.Content)
		require.NoError(t, err)
		require.NoError(t, a.Content.Close())
		about := atts[name].(map[string]any)
		if repacked {
			delete(about, "digest")
		}
		about["content"] = fmt.Sprintf("%d bytes, %x", len(raw), sha256.Sum256(raw))
	}
	text, err := json.Marshal(doc)
	require.NoError(t, err)
	return string(text)
}

func run(t testing.TB, source, target replicate.Peer, o replicate.Options) replicate.Result {
	t.Helper()
	r, err := replicate.Run(t.Context(), source, target, o)
	require.NoError(t, err)
	return r
}
