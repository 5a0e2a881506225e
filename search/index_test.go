package search

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"settee/replicate"
)

// reopened closes the index, lets somebody at its folder, and opens it again.
func (h *house) reopened(meanwhile func(dir string)) {
	h.t.Helper()
	require.NoError(h.t, h.index.Close())
	meanwhile(h.dir)
	h.start()
	h.await()
}

// folder is the folder of the index that is served.
func (h *house) folder() string {
	g, err := h.index.acquire(h.t.Context())
	require.NoError(h.t, err)
	defer h.index.release(g)
	return g.dir
}

func (h *house) fill(n int) {
	var list []Package
	for i := range n {
		list = append(list, Package{Name: fmt.Sprintf("package-%03d", i), Description: "one of many", Keywords: []string{"bulk"}})
	}
	h.put("registry", list...)
}

func files(t *testing.T, dir, pattern string) []string {
	list, err := filepath.Glob(filepath.Join(dir, pattern))
	require.NoError(t, err)
	require.NotEmpty(t, list, "%s/%s", dir, pattern)
	return list
}

// TestDamage opens indexes that something has happened to. All packages are found after each.
func TestDamage(t *testing.T) {
	flip := func(t *testing.T, file string, at func(size int) int) {
		raw, err := os.ReadFile(file)
		require.NoError(t, err)
		raw[at(len(raw))] ^= 0x40
		require.NoError(t, os.WriteFile(file, raw, 0o600))
	}
	for name, damage := range map[string]func(t *testing.T, dir, served string){
		"nothing":           func(*testing.T, string, string) {},
		"all is lost":       func(t *testing.T, dir, _ string) { require.NoError(t, os.RemoveAll(dir)) },
		"the index is lost": func(t *testing.T, _, served string) { require.NoError(t, os.RemoveAll(served)) },
		"current is lost":   func(t *testing.T, dir, _ string) { require.NoError(t, os.Remove(filepath.Join(dir, "current"))) },
		"current is garbage": func(t *testing.T, dir, _ string) {
			require.NoError(t, os.WriteFile(filepath.Join(dir, "current"), []byte("{"), 0o600))
		},
		"current leads out": func(t *testing.T, dir, _ string) {
			require.NoError(t, os.WriteFile(filepath.Join(dir, "current"), []byte(`{"id":"../../../../etc","layout":1}`), 0o600))
		},
		"of another layout": func(t *testing.T, dir, served string) {
			require.NoError(t, os.WriteFile(filepath.Join(dir, "current"), fmt.Appendf(nil, `{"id":%q,"layout":0}`, filepath.Base(served)), 0o600))
		},
		"it ended its process": func(t *testing.T, _, served string) { require.NoError(t, os.WriteFile(served+".opening", nil, 0o600)) },
		"segments are cut": func(t *testing.T, _, served string) {
			for _, file := range files(t, served, "store/*.zap") {
				require.NoError(t, os.Truncate(file, 100))
			}
		},
		"a segment is empty": func(t *testing.T, _, served string) {
			require.NoError(t, os.Truncate(files(t, served, "store/*.zap")[0], 0))
		},
		"a segment is lost": func(t *testing.T, _, served string) {
			require.NoError(t, os.Remove(files(t, served, "store/*.zap")[0]))
		},
		"a bit of a segment": func(t *testing.T, _, served string) {
			for _, file := range files(t, served, "store/*.zap") {
				flip(t, file, func(size int) int { return size / 2 })
			}
		},
		"a segment half written": func(t *testing.T, _, served string) {
			require.NoError(t, os.WriteFile(filepath.Join(served, "store", "ffffffffffff.zap"), []byte("half"), 0o600))
		},
		"the snapshots are cut": func(t *testing.T, _, served string) {
			require.NoError(t, os.Truncate(filepath.Join(served, "store", "root.bolt"), 5000))
		},
		"the snapshots are empty": func(t *testing.T, _, served string) {
			require.NoError(t, os.Truncate(filepath.Join(served, "store", "root.bolt"), 0))
		},
		"the snapshots are lost": func(t *testing.T, _, served string) {
			require.NoError(t, os.Remove(filepath.Join(served, "store", "root.bolt")))
		},
		"the head of the snapshots": func(t *testing.T, _, served string) {
			flip(t, filepath.Join(served, "store", "root.bolt"), func(int) int { return 20 })
			flip(t, filepath.Join(served, "store", "root.bolt"), func(int) int { return 4096 + 20 })
		},
		"the settings are lost": func(t *testing.T, _, served string) {
			require.NoError(t, os.Remove(filepath.Join(served, "index_meta.json")))
		},
	} {
		t.Run(name, func(t *testing.T) {
			h := open(t)
			h.fill(30)
			served := h.folder()
			h.reopened(func(dir string) { damage(t, dir, served) })
			require.Equal(t, 30, h.result("keywords:bulk").Total)
			h.put("registry", Package{Name: "another", Keywords: []string{"bulk"}})
			require.Equal(t, 31, h.result("keywords:bulk").Total)
			require.Equal(t, []string{"another"}, h.find("another"))
		})
	}
}

// TestGoesOn opens an index again: only what changed is read.
func TestGoesOn(t *testing.T) {
	h := open(t)
	h.fill(50)
	reads := h.counting()
	h.reopened(func(string) {})
	require.LessOrEqual(t, reads.Load(), int64(50), "the last batch, at most") // all came in one
	reads.Store(0)
	h.put("registry", Package{Name: "another"})
	h.put("registry", Package{Name: "yet-another"}) // with it is noted that the first is there
	h.reopened(func(string) {})
	require.LessOrEqual(t, reads.Load(), int64(4))
	require.Equal(t, 50, h.result("keywords:bulk").Total)
}

// counting counts what is read of documents from the next start on.
func (h *house) counting() *atomic.Int64 {
	var n atomic.Int64
	h.read = func(ctx context.Context, c replicate.Change) (Package, bool, error) {
		n.Add(1)
		return readJSON(ctx, c)
	}
	return &n
}

// TestCopyFromBefore puts an older copy of the index in its place. The checkpoint is ahead of it.
func TestCopyFromBefore(t *testing.T) {
	h := open(t)
	h.fill(20)
	kept := t.TempDir()
	h.reopened(func(dir string) { require.NoError(t, os.CopyFS(kept, os.DirFS(dir))) })
	for i := range 5 {
		h.put("registry", Package{Name: fmt.Sprint("later-", i), Keywords: []string{"bulk"}})
	}
	require.Equal(t, 25, h.result("keywords:bulk").Total)
	h.reopened(func(dir string) {
		require.NoError(t, os.RemoveAll(dir))
		require.NoError(t, os.CopyFS(dir, os.DirFS(kept)))
	})
	require.Equal(t, 25, h.result("keywords:bulk").Total)
}

// TestUpdates is what happens to documents: changed, unpublished, deleted, and the database made anew.
func TestUpdates(t *testing.T) {
	h := open(t)
	h.put("registry", Package{Name: "p", Description: "old words"}, Package{Name: "q"})
	require.Equal(t, []string{"p"}, h.find("old"))
	h.put("registry", Package{Name: "p", Description: "new words"})
	require.Empty(t, h.find("old"))
	require.Equal(t, []string{"p"}, h.find("new"))
	rev, err := h.client.DB("registry").GetRev(t.Context(), "p")
	require.NoError(t, err)
	_, err = h.client.DB("registry").Delete(t.Context(), "p", rev)
	require.NoError(t, err)
	h.await()
	require.Empty(t, h.find("new"))
	require.NoError(t, h.client.DestroyDB(t.Context(), "registry"))
	require.NoError(t, h.client.CreateDB(t.Context(), "registry"))
	h.put("registry", Package{Name: "r", Keywords: []string{"again"}})
	require.Eventually(t, func() bool { return len(h.find("q")) == 0 && len(h.find("keywords:again")) == 1 }, 10*time.Second, 10*time.Millisecond)
	h.reopened(func(string) {})
	require.Equal(t, []string{"r"}, h.find("keywords:again"))
	require.Empty(t, h.find("q"))
}

// TestSources has packages of one name in two databases.
func TestSources(t *testing.T) {
	h := open(t, "registry", "upstream")
	h.put("upstream", Package{Name: "both", Description: "theirs"}, Package{Name: "far", Description: "theirs"})
	h.put("registry", Package{Name: "both", Description: "ours"})
	require.Equal(t, []string{"both"}, h.find("both"))
	require.Equal(t, "ours", h.result("both").Hits[0].Description)
	require.Equal(t, []string{"far"}, h.find("far"))
	require.Equal(t, 1, h.result("far").Hits[0].Source)
	h.put("registry", Package{Name: "both", Description: "ours", Restricted: true})
	require.Empty(t, h.find("both"), "nor is another's where ours may not be read")
	h.put("registry", Package{Name: "both", Description: "ours"})
	require.NoError(t, h.client.DestroyDB(t.Context(), "upstream"))
	require.NoError(t, h.client.CreateDB(t.Context(), "upstream"))
	h.put("registry", Package{Name: "both", Description: "ours"})
	require.Eventually(t, func() bool { return len(h.find("far")) == 0 }, 10*time.Second, 10*time.Millisecond)
	require.Equal(t, []string{"both"}, h.find("both"), "the other source is as it was")
}

// TestRebuild makes another index while the first is searched.
func TestRebuild(t *testing.T) {
	h := open(t)
	h.fill(200)
	before := h.folder()
	done := make(chan error, 1)
	go func() { done <- h.index.Rebuild(context.Background()) }()
	for searching := true; searching; {
		require.Equal(t, 200, h.result("keywords:bulk").Total)
		select {
		case err := <-done:
			require.NoError(t, err)
			searching = false
		default:
		}
	}
	require.Equal(t, 200, h.result("keywords:bulk").Total)
	require.NotEqual(t, before, h.folder())
	require.Eventually(t, func() bool { // a search may have been under way
		_, err := os.Stat(before)
		return errors.Is(err, fs.ErrNotExist)
	}, 10*time.Second, 5*time.Millisecond)
	_, err := h.client.DB("registry").GetRev(t.Context(), "_local/follower-search-"+filepath.Base(before))
	require.Error(t, err, "its checkpoint went with it")
	h.reopened(func(string) {})
	require.Equal(t, 200, h.result("keywords:bulk").Total)

	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	require.ErrorIs(t, h.index.Rebuild(cancelled), context.Canceled)
	entries, err := os.ReadDir(h.dir)
	require.NoError(t, err)
	require.Len(t, entries, 2, "the index and what names it")
}

// TestFailsInUse damages an index that is served: searches fail for a moment, and then there is another.
func TestFailsInUse(t *testing.T) {
	h := open(t)
	h.fill(30)
	g, err := h.index.acquire(t.Context())
	require.NoError(t, err)
	h.index.release(g)
	h.index.replace(g, errors.New("as if a search had failed"))
	require.Eventually(t, func() bool {
		return !strings.HasPrefix(h.folder(), g.dir) && h.result("keywords:bulk").Total == 30
	}, 20*time.Second, 5*time.Millisecond)

	require.ErrorIs(t, guarded(func() error { panic("a damaged file") }), errDamaged)
}

// TestNotThere opens an index whose database comes later.
func TestNotThere(t *testing.T) {
	h := open(t)
	require.NoError(t, h.index.Close())
	h.names = []string{"later"}
	h.dir = t.TempDir()
	h.start()
	require.Empty(t, h.find("p"))
	require.NoError(t, h.client.CreateDB(t.Context(), "later"))
	h.put("later", Package{Name: "p"})
	require.Equal(t, []string{"p"}, h.find("p"))
}
