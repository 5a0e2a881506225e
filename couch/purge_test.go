package couch

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/stretchr/testify/require"

	"settee/couch/revtree"
)

// purge removes random leaves, and asks for what is none, of some documents.
func (m *model) purge(t *testing.T, r *rand.Rand, db *DB) {
	asked, want := []RevsQuery{}, [][]Rev{}
	for _, at := range r.Perm(len(oddIDs))[:1+r.IntN(3)] {
		q := RevsQuery{ID: oddIDs[at], Revs: []Rev{{Pos: 1, ID: "unknown"}}}
		removed, kept := []Rev{}, revtree.Tree{}
		d := m.docs[q.ID]
		if d != nil {
			leaves := d.tree.Leaves()
			for i := len(leaves) - 1; i >= 0; i-- {
				path := []Rev{}
				for _, n := range d.tree.Path(leaves[i].Rev) {
					path = append(path, n.Rev)
				}
				if len(path) > 1 {
					q.Revs = append(q.Revs, path[1]) // no leaf
				}
				if r.IntN(3) > 0 {
					removed = append(removed, path[0])
				} else {
					kept.Merge(path, leaves[i].Deleted)
				}
			}
			q.Revs = append(q.Revs, removed...)
		}
		asked, want = append(asked, q), append(want, removed)
		switch {
		case len(removed) == 0:
		case kept.Len() == 0:
			m.seq++
			delete(m.docs, q.ID)
		default:
			m.seq++
			d.tree, d.seq = kept, m.seq
		}
	}
	answers, err := db.Purge(ctx, asked)
	require.NoError(t, err)
	require.Len(t, answers, len(asked))
	for i := range asked {
		require.Equal(t, asked[i].ID, answers[i].ID)
		require.ElementsMatch(t, want[i], answers[i].Revs)
	}
}

// keysOf counts all keys of a document.
func keysOf(t *testing.T, db *DB, id DocID) (n int64) {
	for _, p := range [][]byte{db.prefix(kindBody).key(closed(id)), db.prefix(kindTrunk).key(closed(id)), db.idKey(id), db.prefix(kindSeq).key()} {
		k, err := countKeys(db.store.pebble, p, end(p))
		require.NoError(t, err)
		n += k
	}
	return n
}

func purged(t testing.TB, db *DB, id DocID, revs ...Rev) []Rev {
	t.Helper()
	answers, err := db.Purge(ctx, []RevsQuery{{ID: id, Revs: revs}})
	require.NoError(t, err)
	require.Len(t, answers, 1)
	return answers[0].Revs
}

// Of a document that is purged nothing is left, however long its history and
// however much of it was stemmed.
func TestPurgeLeavesNothing(t *testing.T) {
	for _, n := range []int{1, 3, 128, 129, 400} {
		for _, limit := range []int{1000, 7} {
			t.Run(fmt.Sprint(n, " of ", limit), func(t *testing.T) {
				db := database(t, Options{})
				require.NoError(t, db.SetRevsLimit(ctx, limit))
				revs := history(t, db, "a", n)
				if n > 1 {
					require.Empty(t, purged(t, db, "a", revs[1]), "it is no leaf")
				}
				require.Equal(t, revs[:1], purged(t, db, "a", revs[0], revs[0]))
				require.Zero(t, keysOf(t, db, "a"))
				_, err := db.Get(ctx, "a", GetOptions{})
				require.ErrorIs(t, err, ErrMissing)
				info, err := db.Info(ctx)
				require.NoError(t, err)
				require.Equal(t, Info{Name: "db", UpdateSeq: Seq(n + 1), PurgeSeq: 1, File: info.File, Active: info.Active, Created: info.Created}, info)
				require.Equal(t, revs[n-1], put(t, db, `{"_id":"a"}`), "it is as if it had never been")
			})
		}
	}
}

// Purging one of two branches of a long history keeps the other, whose trunk
// lies in segments; purging a root of a forest gives the other tree a trunk.
func TestPurgeOneBranch(t *testing.T) {
	db := database(t, Options{})
	revs := history(t, db, "a", 300)
	graft := func(pos uint64, name string, on []Rev) Rev {
		doc := parsed(t, `{"_id":"a"}`)
		rev := Rev{Pos: pos, ID: name}
		doc.Rev, doc.Revisions = rev, append([]Rev{rev}, on...)
		_, err := db.Put(ctx, doc, WriteOptions{Replicated: true})
		require.NoError(t, err)
		return rev
	}
	branch := graft(101, "branch", revs[200:])
	require.Equal(t, revs[:1], purged(t, db, "a", revs[0]))
	doc, err := db.Get(ctx, "a", GetOptions{Revs: true})
	require.NoError(t, err)
	require.Equal(t, append([]Rev{branch}, revs[200:]...), doc.Revisions)

	other := graft(1, "other", nil)
	whole(t, db.store)
	require.Equal(t, []Rev{other}, purged(t, db, "a", other))
	doc, err = db.Get(ctx, "a", GetOptions{Revs: true})
	require.NoError(t, err)
	require.Len(t, doc.Revisions, 101)
	require.Equal(t, branch, graft(101, "branch", revs[200:]), "again")
	require.Equal(t, []Rev{branch}, purged(t, db, "a", branch))
	require.Zero(t, keysOf(t, db, "a"))
}

// The figures go back to what they were.
func TestPurgeFigures(t *testing.T) {
	db := database(t, Options{})
	put(t, db, `{"_id":"b","n":1}`)
	before, err := db.Info(ctx)
	require.NoError(t, err)
	for _, rev := range []string{"1-a", "1-b", "2-c"} {
		doc := parsed(t, `{"_id":"a","some":"body"}`)
		doc.Rev, _ = revtree.Parse(rev)
		doc.Deleted = rev == "1-b"
		_, err := db.Put(ctx, doc, WriteOptions{Replicated: true})
		require.NoError(t, err)
	}
	a, b, c := Rev{Pos: 1, ID: "a"}, Rev{Pos: 1, ID: "b"}, Rev{Pos: 2, ID: "c"}
	require.Equal(t, []Rev{a, c}, purged(t, db, "a", c, a))
	info, err := db.Info(ctx)
	require.NoError(t, err)
	require.EqualValues(t, 1, info.Deleted)
	require.Equal(t, []Rev{b}, purged(t, db, "a", b))
	info, err = db.Info(ctx)
	require.NoError(t, err)
	require.Equal(t, []int64{before.Docs, before.Deleted, before.External}, []int64{info.Docs, info.Deleted, info.External})
	require.Equal(t, before.UpdateSeq+5, info.UpdateSeq)

	// The feed stands at the purge although no row does, so that nobody waits in vain.
	rows, err := db.Changes(ctx, ChangesOptions{Since: before.UpdateSeq, Limit: -1})
	require.NoError(t, err)
	require.False(t, rows.Next())
	require.Equal(t, info.UpdateSeq, rows.LastSeq())
	require.NoError(t, rows.Close())
	require.NoError(t, db.WaitSeq(ctx, info.UpdateSeq-1))
}

func logged(t *testing.T, db *DB) (seqs []Seq) {
	require.NoError(t, db.PurgedInfos(ctx, func(p Purged) error {
		seqs = append(seqs, p.Seq)
		return nil
	}))
	return seqs
}

// The purge log is bounded, keeps its newest entries, and tells readers who come too late.
func TestPurgeLog(t *testing.T) {
	fs := vfs.NewMem()
	s := opened(t, Options{FS: fs})
	db, err := s.Create(ctx, "db")
	require.NoError(t, err)
	require.Equal(t, 1000, db.PurgedInfosLimit())
	for i := range 9 {
		if i == 3 {
			require.NoError(t, db.SetPurgedInfosLimit(ctx, 2))
			require.Equal(t, []Seq{2, 3}, logged(t, db))
		}
		if i == 6 {
			require.NoError(t, db.SetPurgedInfosLimit(ctx, 4))
		}
		id := fmt.Sprint("doc", i%4)
		purged(t, db, DocID(id), put(t, db, `{"_id":"`+id+`"}`))
	}
	require.Equal(t, []Seq{6, 7, 8, 9}, logged(t, db))
	put(t, db, `{"_id":"doc0"}`)
	require.Error(t, db.SetPurgedInfosLimit(ctx, 0))
	require.NoError(t, s.Close())
	s = opened(t, Options{FS: fs})
	db, err = s.DB("db")
	require.NoError(t, err)
	require.Equal(t, 4, db.PurgedInfosLimit())

	rows, err := db.Changes(ctx, ChangesOptions{Limit: -1})
	require.NoError(t, err)
	require.EqualValues(t, 9, rows.PurgeSeq())
	for after, want := range map[Seq][]DocID{5: {"doc1", "doc2", "doc3"}, 7: {"doc3"}, 8: nil, 9: nil} { // doc0, purged last, is back
		ids, ok, err := rows.Vanished(after)
		require.NoError(t, err)
		require.True(t, ok, after)
		require.Equal(t, want, ids, after)
	}
	for _, after := range []Seq{0, 4, 10} {
		_, ok, err := rows.Vanished(after)
		require.NoError(t, err)
		require.False(t, ok, after)
	}
	require.NoError(t, rows.Close())
}

// What cannot be read can be purged.
func TestPurgeDamaged(t *testing.T) {
	for _, o := range bothPlaces {
		db := database(t, o)
		rev := put(t, db, `{"_id":"a"}`)
		b := db.store.pebble.NewBatch()
		set(b, leafKey(t, db, "a"), []byte{0xff})
		require.NoError(t, db.store.commit(b))
		_, err := db.Get(ctx, "a", GetOptions{})
		require.ErrorIs(t, err, &Error{Kind: Internal})
		require.Equal(t, []Rev{rev}, purged(t, db, "a", rev))
		require.Zero(t, keysOf(t, db, "a"))
	}
}

// A compaction that began before a purge spares the body of a revision that
// became a leaf again.
func TestCompactionAfterPurge(t *testing.T) {
	db := database(t, Options{})
	revs := history(t, db, "a", 2)
	snap, err := db.beginCompaction(ctx)
	require.NoError(t, err)
	purged(t, db, "a", revs[0])
	doc := parsed(t, `{"_id":"a","back":true}`)
	doc.Rev = revs[1]
	_, err = db.Put(ctx, doc, WriteOptions{Replicated: true})
	require.NoError(t, err)
	_, err = (&compaction{db: db}).dropBodies(ctx, snap)
	require.NoError(t, err)
	db.endCompaction()
	snap.release()
	require.Equal(t, `{"_id":"a","_rev":"`+revs[1].String()+`","back":true}`, got(t, db, "a", GetOptions{}))
}

// A purge that was acknowledged is not undone by a crash.
func TestPurgeCrash(t *testing.T) {
	r := random(t)
	for range 10 {
		fs := vfs.NewCrashableMem()
		s, err := Open("data", Options{FS: fs})
		require.NoError(t, err)
		db, err := s.Create(ctx, "db")
		require.NoError(t, err)
		for i := range 20 {
			id := fmt.Sprint("doc", i)
			rev := put(t, db, `{"_id":"`+id+`"}`)
			if i%2 == 0 {
				purged(t, db, DocID(id), rev)
			}
		}
		crashed := fs.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: r.IntN(101), RNG: rand.New(rand.NewPCG(r.Uint64(), 1))})
		require.NoError(t, s.Close())
		after, err := opened(t, Options{FS: crashed}).DB("db")
		require.NoError(t, err)
		info, err := after.Info(ctx)
		require.NoError(t, err)
		require.Equal(t, []int64{10, 10, 30}, []int64{info.Docs, int64(info.PurgeSeq), int64(info.UpdateSeq)})
		for i := range 20 {
			_, err := after.Get(ctx, DocID(fmt.Sprint("doc", i)), GetOptions{})
			require.Equal(t, i%2 != 0, err == nil)
		}
	}
}

// Counting the feed's rows is exact when documents vanish from it.
func TestPendingAfterPurge(t *testing.T) {
	r := random(t)
	db := crowd(t, 6000)
	old, err := db.snapshot(ctx)
	require.NoError(t, err)
	defer old.release()
	_, err = old.after(ctx, 3000)
	require.NoError(t, err, "the blocks are counted")
	for range 10 {
		asked := []RevsQuery{}
		for range 100 {
			id := DocID(fmt.Sprint("doc", r.IntN(6000)))
			if doc, err := db.Get(ctx, id, GetOptions{}); err == nil {
				asked = append(asked, RevsQuery{ID: id, Revs: []Rev{doc.Rev}})
			}
		}
		_, err := db.Purge(ctx, asked)
		require.NoError(t, err)
		put(t, db, `{"_id":"`+fmt.Sprint("new", r.Uint64())+`"}`)
		now, err := db.snapshot(ctx)
		require.NoError(t, err)
		for range 50 {
			for _, s := range []*snapshot{old, now} {
				last := Seq(r.IntN(int(s.counts.seq) + 2))
				n, err := s.after(ctx, last)
				require.NoError(t, err)
				require.Equal(t, counted(t, s, last), n)
			}
		}
		now.release()
	}
}
