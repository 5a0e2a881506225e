package search

import (
	"context"
	"encoding/json"
	"testing"
	"time"

	"github.com/go-kivik/kivik/v4"
	"github.com/stretchr/testify/require"

	"settee/fixtures/engine"
	"settee/replicate"
)

// house is an index on the real engine. Its documents are packages in JSON, as a test writes them.
type house struct {
	t      testing.TB
	client *kivik.Client
	dir    string
	index  *Index
	names  []string
	weekly map[string]int64
	read   func(context.Context, replicate.Change) (Package, bool, error)
	now    time.Time
}

func open(t testing.TB, databases ...string) *house {
	if len(databases) == 0 {
		databases = []string{"registry"}
	}
	client := engine.Open(t).Client
	h := &house{t: t, client: client, dir: t.TempDir(), names: databases, read: readJSON, now: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)}
	for _, name := range databases {
		require.NoError(t, client.CreateDB(context.Background(), name))
	}
	h.start()
	t.Cleanup(func() { require.NoError(t, h.index.Close()) })
	return h
}

// start opens the index in the house's folder.
func (h *house) start() {
	var sources []Source
	for _, name := range h.names {
		sources = append(sources, Source{DB: h.client.DB(name), Read: h.read})
	}
	var err error
	h.index, err = Open(sources, Options{Dir: h.dir, Weekly: func(yield func(string, int64)) {
		for name, n := range h.weekly {
			yield(name, n)
		}
	}, Proof: 50 * time.Millisecond, Now: func() time.Time { return h.now }})
	require.NoError(h.t, err)
}

// doc is a package's document: what is stored, and what is not.
type doc struct {
	Package
	Quality      float64  `json:"quality,omitempty"`
	Stars        int      `json:"stars,omitempty"`
	Dependencies []string `json:"dependencies,omitempty"`
}

func readJSON(_ context.Context, c replicate.Change) (Package, bool, error) {
	var d doc
	if c.Deleted || json.Unmarshal(c.Doc, &d) != nil || d.Version == "" {
		return Package{}, false, nil
	}
	d.Package.Quality, d.Package.Stars, d.Package.Dependencies = d.Quality, d.Stars, d.Dependencies
	return d.Package, true, nil
}

// put writes packages, and waits until they are found.
func (h *house) put(database string, packages ...Package) {
	h.t.Helper()
	docs := make([]any, 0, len(packages))
	for _, p := range packages {
		if p.Version == "" {
			p.Version = "1.0.0"
		}
		raw, err := json.Marshal(doc{p, p.Quality, p.Stars, p.Dependencies})
		require.NoError(h.t, err)
		var members map[string]any
		require.NoError(h.t, json.Unmarshal(raw, &members))
		members["_id"] = p.Name
		if rev, err := h.client.DB(database).GetRev(context.Background(), p.Name); err == nil {
			members["_rev"] = rev
		}
		docs = append(docs, members)
	}
	results, err := h.client.DB(database).BulkDocs(context.Background(), docs)
	require.NoError(h.t, err)
	for _, r := range results {
		require.NoError(h.t, r.Error)
	}
	h.await()
}

// await waits until all is found that has been written.
func (h *house) await() {
	h.t.Helper()
	require.Eventually(h.t, func() bool {
		g, err := h.index.acquire(context.Background())
		if err != nil {
			return false
		}
		defer h.index.release(g)
		for i, f := range g.followers {
			is, err := h.client.DB(h.names[i]).Stats(context.Background())
			require.NoError(h.t, err)
			if s := f.Status(); s.State != replicate.Following || s.Lag.Changes > 0 || s.CaughtUp.IsZero() || s.Seq != is.UpdateSeq {
				return false
			}
		}
		return true
	}, 30*time.Second, 5*time.Millisecond)
}

// find are the names that a text finds, in their order.
func (h *house) find(text string, may ...Reader) (names []string) {
	h.t.Helper()
	names = []string{}
	for _, hit := range h.result(text, may...).Hits {
		names = append(names, hit.Name)
	}
	return names
}

func (h *house) result(text string, may ...Reader) Result {
	h.t.Helper()
	q := Parse(text)
	q.Size = 20
	may = append(may, nil)
	res, err := h.index.Search(context.Background(), q, may[0])
	require.NoError(h.t, err)
	return res
}
