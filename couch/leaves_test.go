package couch

import (
	"fmt"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"

	"settee/couch/revtree"
)

// leafRevs are n revisions of the second generation; they sort by nothing.
func leafRevs(n int) []Rev {
	revs := make([]Rev, n)
	for i := range revs {
		revs[i] = Rev{Pos: 2, ID: fmt.Sprintf("%016x", uint64(i)*0x9e3779b97f4a7c15)}
	}
	return revs
}

var rootRev = Rev{Pos: 1, ID: "root"}

// graftAll stores leaves of one document in batches.
func graftAll(t testing.TB, db *DB, revs []Rev, batch int) {
	for len(revs) > 0 {
		some := revs[:min(batch, len(revs))]
		revs = revs[len(some):]
		docs := make([]*Document, len(some))
		for i, r := range some {
			docs[i] = &Document{ID: "a", Rev: r, Revisions: []Rev{r, rootRev}, Body: fmt.Appendf(nil, `{"rev":"%s"}`, r.ID)}
		}
		results, err := db.Bulk(ctx, docs, WriteOptions{Replicated: true})
		require.NoError(t, err)
		for _, r := range results {
			require.NoError(t, r.Err)
		}
	}
}

// Thousands of conflicts are read, told, edited and purged like a few.
func TestThousandsOfLeaves(t *testing.T) {
	n := 5000
	if testing.Short() {
		n = 1000
	}
	db := database(t, Options{})
	revs := leafRevs(n)
	graftAll(t, db, revs, 250)
	var tree revtree.Tree
	for _, r := range revs {
		tree.Merge([]Rev{r, rootRev}, false)
	}
	want := []Rev{}
	for _, leaf := range tree.Leaves() {
		want = append(want, leaf.Rev)
	}
	doc, err := db.Get(ctx, "a", GetOptions{Conflicts: true})
	require.NoError(t, err)
	require.Equal(t, want[0], doc.Rev)
	require.Equal(t, want[1:], doc.Conflicts)
	open, err := db.OpenRevs(ctx, "a", nil, GetOptions{Revs: true})
	require.NoError(t, err)
	require.Len(t, open, n)
	for i, row := range open {
		require.Equal(t, want[i], row.Rev)
		require.Equal(t, []Rev{want[i], rootRev}, row.Doc.Revisions)
		require.Equal(t, `{"rev":"`+want[i].ID+`"}`, string(row.Doc.Body))
	}
	open, err = db.OpenRevs(ctx, "a", []Rev{rootRev}, GetOptions{Latest: true})
	require.NoError(t, err)
	require.Len(t, open, n)
	c, err := db.Changes(ctx, ChangesOptions{AllLeaves: true, Limit: -1})
	require.NoError(t, err)
	require.True(t, c.Next())
	require.Equal(t, want, c.Change().Revs)
	require.False(t, c.Next())
	require.NoError(t, c.Close())
	unknown := Rev{Pos: 3, ID: "unknown"}
	diff, err := db.RevsDiff(ctx, []RevsQuery{{ID: "a", Revs: append([]Rev{unknown}, revs...)}})
	require.NoError(t, err)
	require.Equal(t, []RevsAnswer{{ID: "a", Missing: []Rev{unknown}, Ancestors: want}}, diff)

	// One of them is edited, one deleted, one stemmed loose, most are purged.
	require.NoError(t, db.SetRevsLimit(ctx, 1))
	edited := put(t, db, `{"_id":"a","_rev":"`+want[5].String()+`"}`)
	deleted := put(t, db, `{"_id":"a","_rev":"`+want[6].String()+`","_deleted":true}`)
	require.ElementsMatch(t, append(append([]Rev{}, want[:5]...), want[7:]...), purged(t, db, "a", want...))
	doc, err = db.Get(ctx, "a", GetOptions{Conflicts: true, DeletedConflicts: true, Revs: true})
	require.NoError(t, err)
	require.Equal(t, []any{edited, []Rev{edited}, []Rev(nil), []Rev{deleted}}, []any{doc.Rev, doc.Revisions, doc.Conflicts, doc.DeletedConflicts})
	require.ElementsMatch(t, []Rev{edited, deleted}, purged(t, db, "a", edited, deleted))
	require.NoError(t, db.Compact(ctx))
	require.Zero(t, keysOf(t, db, "a"))
}

// Leaves that are asked for one by one cost no reading of the whole tree each, and are all of one state of the document.
func TestLeavesOneByOne(t *testing.T) {
	const n = 1000
	db := database(t, Options{})
	revs := leafRevs(n)
	graftAll(t, db, revs, 250)
	put(t, db, `{"_id":"b"}`)
	reading := db.Opening()
	defer reading.Close()
	one := func(id DocID, rev Rev, o GetOptions) *Document {
		rows, err := reading.Revs(ctx, id, []Rev{rev}, o)
		require.NoError(t, err)
		require.Len(t, rows, 1)
		return rows[0].Doc
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for _, rev := range revs {
		require.Equal(t, rev, one("a", rev, GetOptions{Revs: true, Latest: true}).Rev)
	}
	runtime.ReadMemStats(&after)
	require.Less(t, (after.TotalAlloc-before.TotalAlloc)/n, uint64(10<<10), "bytes a leaf; the tree has four times that")

	edit, err := db.Put(ctx, &Document{ID: "a", Rev: revs[0], Body: []byte(`{}`)}, WriteOptions{})
	require.NoError(t, err)
	require.Nil(t, one("a", edit, GetOptions{}), "it is not of that state")
	require.Equal(t, revs[0], one("a", revs[0], GetOptions{Latest: true}).Rev)
	require.Nil(t, one("nothing", edit, GetOptions{}))
	_, err = reading.Revs(ctx, "nothing", nil, GetOptions{})
	require.ErrorIs(t, err, ErrMissing)
	require.Equal(t, edit, one("a", revs[0], GetOptions{Latest: true}).Rev)
	rows, err := reading.Revs(ctx, "a", nil, GetOptions{})
	require.NoError(t, err)
	require.Len(t, rows, n)
}

// The limit of revisions is lowered and raised on a document with conflicts,
// some of which branch below it: every branch keeps what the limit leaves it,
// and what was one tree may become several.
func TestStemWithConflicts(t *testing.T) {
	r := random(t)
	for range 20 {
		db := database(t, Options{})
		revs := history(t, db, "a", 150+r.IntN(100))
		type branch struct{ whole, left int }
		leaves := map[Rev]branch{revs[0]: {len(revs), len(revs)}} // how long it was ever, and still is
		for i := range 5 {
			at := 1 + r.IntN(len(revs)-1) // the tip stays a leaf
			path := append([]Rev{{Pos: revs[at].Pos + 1, ID: fmt.Sprint("branch", i)}}, revs[at:]...)
			_, err := db.Put(ctx, &Document{ID: "a", Rev: path[0], Revisions: path}, WriteOptions{Replicated: true})
			require.NoError(t, err)
			leaves[path[0]] = branch{len(path), len(path)}
		}
		for _, limit := range []int{100, 1 + r.IntN(90), 1 + r.IntN(90), 1000} {
			require.NoError(t, db.SetRevsLimit(ctx, limit))
			edit := put(t, db, `{"_id":"a","_rev":"`+revs[0].String()+`"}`)
			leaves[edit] = branch{leaves[revs[0]].whole + 1, leaves[revs[0]].left + 1}
			delete(leaves, revs[0])
			revs = append([]Rev{edit}, revs...)
			shown, err := db.OpenRevs(ctx, "a", nil, GetOptions{Revs: true})
			require.NoError(t, err)
			require.Len(t, shown, len(leaves))
			for _, row := range shown {
				// A trunk that others need longer is kept for them, and segments go as a
				// whole: what the limit hid may be seen again when it is raised.
				b := leaves[row.Rev]
				require.GreaterOrEqual(t, len(row.Doc.Revisions), min(limit, b.left), "%d %s", limit, row.Rev)
				require.LessOrEqual(t, len(row.Doc.Revisions), b.whole)
				leaves[row.Rev] = branch{b.whole, len(row.Doc.Revisions)}
			}
			whole(t, db.store)
		}
	}
}

// A replica that tells ancestors which the limit has stemmed changes nothing.
func TestStemmedAncestorsAgain(t *testing.T) {
	db := database(t, Options{})
	require.NoError(t, db.SetRevsLimit(ctx, 3))
	path := []Rev{}
	for i := range uint64(6) {
		path = append([]Rev{{Pos: i + 1, ID: "x"}}, path...)
	}
	tell := func(path []Rev) Seq {
		_, err := db.Put(ctx, &Document{ID: "a", Rev: path[0], Revisions: path}, WriteOptions{Replicated: true})
		require.NoError(t, err)
		seq, err := db.UpdateSeq()
		require.NoError(t, err)
		return seq
	}
	for i, from := range []int{2, 1, 0} {
		require.EqualValues(t, i+1, tell(path[from:]))
	}
	for from := range path[:3] {
		require.EqualValues(t, 3, tell(path[from:]), "generation %d", path[from].Pos)
	}
	require.NoError(t, db.SetRevsLimit(ctx, 4))
	require.EqualValues(t, 4, tell(path), "one more is kept")
	require.EqualValues(t, 4, tell(path[1:]))
}

// BenchmarkLeaves does one thing to a document of so many conflicts.
func BenchmarkLeaves(b *testing.B) {
	for _, n := range []int{1, 500, 5000} {
		db := benchDB(b)
		revs := leafRevs(n)
		graftAll(b, db, revs, 500)
		tip, at := revs[0], 0
		for _, bench := range []struct {
			name string
			do   func() error
		}{
			{"edit", func() (err error) {
				tip, err = db.Put(ctx, &Document{ID: "a", Rev: tip, Body: []byte(`{}`)}, WriteOptions{})
				return err
			}},
			{"graft", func() error {
				at++
				rev := Rev{Pos: 2, ID: fmt.Sprintf("graft %d", at)}
				_, err := db.Put(ctx, &Document{ID: "a", Rev: rev, Revisions: []Rev{rev, rootRev}}, WriteOptions{Replicated: true})
				if err == nil {
					_, err = db.Purge(ctx, []RevsQuery{{ID: "a", Revs: []Rev{rev}}})
				}
				return err
			}},
			{"get", func() error { _, err := db.Get(ctx, "a", GetOptions{}); return err }},
			{"get with conflicts", func() error { _, err := db.Get(ctx, "a", GetOptions{Conflicts: true}); return err }},
			{"open_revs of all", func() error { _, err := db.OpenRevs(ctx, "a", nil, GetOptions{}); return err }},
			{"latest of each", func() error { _, err := db.OpenRevs(ctx, "a", revs, GetOptions{Latest: true}); return err }},
			{"revs_diff of all", func() error { _, err := db.RevsDiff(ctx, []RevsQuery{{ID: "a", Revs: revs}}); return err }},
			{"changes", func() error {
				c, err := db.Changes(ctx, ChangesOptions{Limit: -1, AllLeaves: true})
				for err == nil && c.Next() {
				}
				if err == nil {
					err = c.Close()
				}
				return err
			}},
		} {
			b.Run(fmt.Sprintf("%s/%d", bench.name, n), func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					require.NoError(b, bench.do())
				}
			})
		}
	}
}
