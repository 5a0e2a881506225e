package replicate_test

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-kivik/kivik/v4"
	"github.com/stretchr/testify/require"

	"settee/replicate"
)

// attach puts an attachment of n bytes that nothing can compress.
func attach(t testing.TB, db *kivik.DB, id, rev, name string, n int64) string {
	t.Helper()
	var seed [32]byte
	content := io.LimitReader(rand.NewChaCha8(seed), n)
	opts := []kivik.Option{}
	if rev != "" {
		opts = append(opts, kivik.Rev(rev))
	}
	rev, err := db.PutAttachment(t.Context(), id, &kivik.Attachment{Filename: name, ContentType: "image/x", Content: io.NopCloser(content), Size: n}, opts...)
	require.NoError(t, err)
	return rev
}

func sumOf(t testing.TB, db *kivik.DB, id, name string) string {
	t.Helper()
	a, err := db.GetAttachment(t.Context(), id, name)
	require.NoError(t, err)
	defer a.Content.Close()
	sum := sha256.New()
	_, err = io.Copy(sum, a.Content)
	require.NoError(t, err)
	return fmt.Sprintf("%x", sum.Sum(nil))
}

// One of 100 MB passes through every pair of ends.
func TestAttachmentsPassInPieces(t *testing.T) {
	if testing.Short() {
		t.Skip("100 MB four times")
	}
	const size = 100 << 20
	h := newHouse(t)
	source := h.embedded("source")
	require.NoError(t, source.Create(t.Context()))
	attach(t, source.DB, "large", "", "film", size)
	want := sumOf(t, source.DB, "large", "film")
	ends := func(name string) map[string]replicate.Peer {
		return map[string]replicate.Peer{"embedded": h.embedded(name), "http": h.http(t, name)}
	}
	for from, a := range ends("source") {
		for to, b := range ends("target_" + from) {
			b.Name += to // its own checkpoint
			if to == "http" {
				b = h.http(t, "target_"+from+"2")
			}
			require.NoError(t, b.Create(t.Context()))
			grown := peak(func() { run(t, a, b, replicate.Options{}) })
			require.Less(t, grown, uint64(60<<20), "%s to %s", from, to)
			require.Equal(t, want, sumOf(t, b.DB, "large", "film"))
		}
	}
}

// peak is how much the heap grows at most while f runs; both servers are in this process too.
func peak(f func()) uint64 {
	var begin, now runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&begin)
	var most atomic.Uint64
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		for {
			runtime.ReadMemStats(&now)
			most.Store(max(most.Load(), now.HeapAlloc))
			select {
			case <-stop:
				return
			case <-time.After(5 * time.Millisecond):
			}
		}
	}()
	f()
	close(stop)
	<-stopped
	return most.Load() - min(begin.HeapAlloc, most.Load())
}

// Bytes that the target has are not sent again; those that it has lost are.
func TestAttachmentsAreSentOnce(t *testing.T) {
	h := newHouse(t)
	source, target := h.embedded("source"), h.embedded("target")
	require.NoError(t, source.Create(t.Context()))
	require.NoError(t, target.Create(t.Context()))
	var sent atomic.Int64
	counting := roundTrip(func(req *http.Request) (*http.Response, error) {
		if req.Body != nil {
			req.Body = counted{req.Body, &sent}
		}
		return http.DefaultTransport.RoundTrip(req)
	})
	to := linked(t, h.address+"/target", counting)
	rev := attach(t, source.DB, "doc", "", "old", 1<<20)
	run(t, source, to, replicate.Options{})
	require.Greater(t, sent.Swap(0), int64(1<<20))

	rev = attach(t, source.DB, "doc", rev, "new", 1000)
	run(t, source, to, replicate.Options{})
	require.Less(t, sent.Swap(0), int64(100_000), "the old one is there")
	same(t, source.DB, target.DB, false)

	put(t, source.DB, "doc", fmt.Sprintf(`{"_rev":%q,"_attachments":{"old":{"stub":true},"new":{"stub":true}},"n":1}`, rev))
	run(t, source, to, replicate.Options{})
	require.Less(t, sent.Load(), int64(100_000), "both are there")
	same(t, source.DB, target.DB, false)
}

type counted struct {
	io.ReadCloser
	n *atomic.Int64
}

func (c counted) Read(p []byte) (int, error) {
	n, err := c.ReadCloser.Read(p)
	c.n.Add(int64(n))
	return n, err
}

// A document of ten thousand leaves, some deleted, of two roots, in a database that keeps few revisions.
func TestManyLeaves(t *testing.T) {
	n := 10_000
	if testing.Short() {
		n = 700
	}
	h := newHouse(t)
	source := h.embedded("source")
	require.NoError(t, source.Create(t.Context()))
	for begin := 0; begin < n; begin += 1000 {
		var docs []string
		for i := begin; i < min(n, begin+1000); i++ {
			deleted := ""
			if i%7 == 0 {
				deleted = `,"_deleted":true`
			}
			docs = append(docs, fmt.Sprintf(`{"_id":"many","_revisions":{"start":3,"ids":["%032x","%032x","%032x"]}%s,"i":%d}`, i, 1<<20+i/3, 1<<30+i%2, deleted, i))
		}
		putRevs(t, source.DB, docs...)
	}
	for to, target := range map[string]replicate.Peer{"embedded": h.embedded("a"), "http": h.http(t, "b")} {
		require.NoError(t, target.Create(t.Context()))
		r := run(t, source, target, replicate.Options{})
		require.EqualValues(t, n, r.Stats.DocsWritten, to)
		require.Equal(t, leaves(t, source.DB), leaves(t, target.DB), to)
	}
}

func leaves(t testing.TB, db *kivik.DB) []string {
	t.Helper()
	rows := db.Changes(t.Context(), kivik.Param("style", "all_docs"))
	require.True(t, rows.Next())
	leaves := rows.Changes()
	require.NoError(t, rows.Close())
	return append([]string(nil), leaves...)
}

// A user who is no admin writes documents, but no design documents.
func TestDesignDocumentsAreForAdmins(t *testing.T) {
	h := newHouse(t)
	source, target := h.embedded("source"), h.embedded("target")
	require.NoError(t, source.Create(t.Context()))
	require.NoError(t, target.Create(t.Context()))
	require.NoError(t, target.DB.SetSecurity(t.Context(), &kivik.Security{Members: kivik.Members{Names: []string{"ann"}}}))
	put(t, h.http(t, "_users").DB, "org.couchdb.user:ann", `{"name":"ann","password":"ann","type":"user","roles":[]}`)
	put(t, source.DB, "_design/d", `{}`)
	put(t, source.DB, "doc", `{}`)
	p := dial(t, strings.Replace(h.address, "admin:secret@", "ann:ann@", 1)+"/target")
	r := run(t, source, p, replicate.Options{})
	require.EqualValues(t, 1, r.Stats.DocWriteFailures)
	require.Equal(t, []string{"doc"}, ids(t, target.DB))
}

// Where a database keeps few revisions, histories arrive as short as they are.
func TestStemmedHistories(t *testing.T) {
	h := newHouse(t)
	source, target := h.embedded("source"), h.embedded("target")
	require.NoError(t, source.Create(t.Context()))
	store, err := h.store.DB("source")
	require.NoError(t, err)
	require.NoError(t, store.SetRevsLimit(t.Context(), 3))
	rev := ""
	for i := range 10 {
		doc := map[string]any{"n": i}
		if rev != "" {
			doc["_rev"] = rev
		}
		raw, err := json.Marshal(doc)
		require.NoError(t, err)
		rev = put(t, source.DB, "doc", string(raw))
		if i == 4 {
			run(t, source, target, replicate.Options{CreateTarget: true})
		}
	}
	run(t, source, target, replicate.Options{})
	require.Equal(t, rev, current(t, target.DB, "doc"))
	require.Len(t, leaves(t, target.DB), 2, "as CouchDB: nothing joins what was cut off")
}
