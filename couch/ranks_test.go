package couch

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// ranked is rank the slow way.
func ranked(t testing.TB, s *snapshot, key []byte) int64 {
	live, _, err := s.liveUpTo(ctx, math.MaxInt64-1, s.db.idKey(""), key)
	require.NoError(t, err)
	return live
}

// stir creates, updates, deletes, revives and purges documents at random.
func stir(t testing.TB, r *rand.Rand, db *DB, ids int) {
	docs := map[DocID]*Document{}
	for range 1 + r.IntN(1200) {
		id := DocID(fmt.Sprint("doc", r.IntN(ids)))
		if r.IntN(3) == 0 {
			id = DocID(fmt.Sprint("tight", r.IntN(ids))) // many more between two neighbours
		}
		doc := &Document{ID: id, Deleted: r.IntN(3) == 0}
		if old, err := db.Get(ctx, id, GetOptions{}); err == nil {
			doc.Rev = old.Rev
		}
		docs[id] = doc
	}
	batch := []*Document{}
	for _, doc := range docs {
		batch = append(batch, doc)
	}
	results, err := db.Bulk(ctx, batch, WriteOptions{})
	require.NoError(t, err)
	purges := []RevsQuery{}
	for _, res := range results[:min(len(results), 20)] {
		if res.Err == nil {
			purges = append(purges, RevsQuery{ID: res.ID, Revs: []Rev{res.Rev}})
		}
	}
	_, err = db.Purge(ctx, purges)
	require.NoError(t, err)
}

// Ranks are exact for new and old snapshots, at every id, while documents come
// and go, blocks grow, and when the ranks no longer reach back.
func TestRankIsExact(t *testing.T) {
	r := random(t)
	db := crowd(t, 6000)
	snaps := []*snapshot{}
	for range 25 {
		snap, err := db.snapshot(ctx)
		require.NoError(t, err)
		defer snap.release()
		snaps = append(snaps, snap)
		for range 20 {
			s := snaps[r.IntN(len(snaps))]
			key := db.idKey(DocID(fmt.Sprint([]string{"doc", "tight", "", "\xff"}[r.IntN(4)], r.IntN(7000))))
			if r.IntN(20) == 0 {
				key = db.idEnd("")
			}
			n, err := s.rank(ctx, key)
			require.NoError(t, err)
			require.Equal(t, ranked(t, s, key), n, "snapshot at %d of %d, before %q", s.counts.seq, db.counts.Load().seq, key)
		}
		stir(t, r, db, 7000)
	}
	for snaps[0].counts.seq >= db.ranks.tailFrom { // until the ranks do not reach back so far
		stir(t, r, db, 7000)
	}
	key := db.idKey("doc5")
	n, err := snaps[0].rank(ctx, key)
	require.NoError(t, err)
	require.Equal(t, ranked(t, snaps[0], key), n)
	require.LessOrEqual(t, len(db.ranks.tail), 2*rankTail+1200)
	live, all := int64(0), int64(0)
	for i, b := range db.ranks.blocks {
		require.True(t, i == 0 || db.ranks.blocks[i-1].first < b.first)
		live += b.live
		all += b.all
	}
	c := db.counts.Load()
	require.Equal(t, []int64{c.docs, c.docs + c.deleted}, []int64{live, all})
}

// Counting begins under writes: none is counted twice or left out.
func TestRankUnderWrites(t *testing.T) {
	for range 5 {
		db := crowd(t, 3000)
		var group sync.WaitGroup
		for w := range 4 {
			group.Go(func() {
				for i := range 200 {
					if _, err := db.Put(ctx, &Document{ID: DocID(fmt.Sprintf("doc1%d-%d", w, i))}, WriteOptions{}); err != nil {
						t.Error(err)
					}
				}
			})
		}
		for range 20 {
			start := DocID("doc2")
			rows, err := db.AllDocs(ctx, AllDocsOptions{Start: &start, Limit: 5})
			require.NoError(t, err)
			require.Equal(t, ranked(t, rows.snap, db.idKey(start)), rows.Offset())
			require.NoError(t, rows.Close())
		}
		group.Wait()
	}
}

// Who gives up while the blocks are counted leaves nothing behind.
func TestRankGivenUp(t *testing.T) {
	db := crowd(t, 3000)
	gone, cancel := context.WithCancel(ctx)
	start := DocID("doc5")
	rows, err := db.AllDocs(gone, AllDocsOptions{Start: &start, Limit: -1})
	require.NoError(t, err)
	cancel()
	rows.Offset()
	require.ErrorIs(t, rows.Err(), context.Canceled)
	require.NoError(t, rows.Close())
	require.False(t, db.ranks.watched)
	put(t, db, `{"_id":"more"}`)
	require.Empty(t, db.ranks.tail)
}
