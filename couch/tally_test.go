package couch

import (
	"context"
	"fmt"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// crowd makes a database of n documents and updates every third of them once.
func crowd(t testing.TB, n int) *DB {
	db := database(t, Options{})
	docs := make([]*Document, n)
	for i := range docs {
		docs[i] = &Document{ID: DocID(fmt.Sprint("doc", i)), Body: []byte(`{}`)}
	}
	results, err := db.Bulk(ctx, docs, WriteOptions{})
	require.NoError(t, err)
	again := []*Document{}
	for i := 0; i < n; i += 3 {
		again = append(again, &Document{ID: results[i].ID, Rev: results[i].Rev, Body: []byte(`{"again":1}`)})
	}
	_, err = db.Bulk(ctx, again, WriteOptions{})
	require.NoError(t, err)
	return db
}

// counted is Pending the slow way.
func counted(t testing.TB, s *snapshot, last Seq) int64 {
	n, err := countKeys(s, s.db.seqKey(last+1), s.db.prefix(kindSeq+1).key())
	require.NoError(t, err)
	return n
}

// Pending is exact for new and old snapshots, at every place of the feed, while
// documents are updated, and when the tally no longer reaches back.
func TestPendingIsExact(t *testing.T) {
	r := random(t)
	db := crowd(t, 6000)
	snaps := []*snapshot{}
	for round := range 30 {
		snap, err := db.snapshot(ctx)
		require.NoError(t, err)
		defer snap.release()
		snaps = append(snaps, snap)
		for range 20 {
			s := snaps[r.IntN(len(snaps))]
			last := Seq(r.IntN(int(s.counts.seq) + 2))
			n, err := s.after(ctx, last)
			require.NoError(t, err)
			require.Equal(t, counted(t, s, last), n, "snapshot at %d of %d, last %d", s.counts.seq, db.counts.Load().seq, last)
		}
		docs := []*Document{}
		for range 1 + r.IntN(1200) {
			doc, err := db.Get(ctx, DocID(fmt.Sprint("doc", r.IntN(6000))), GetOptions{})
			if err == nil {
				docs = append(docs, &Document{ID: doc.ID, Rev: doc.Rev, Deleted: r.IntN(50) == 0})
			}
		}
		docs = append(docs, &Document{ID: DocID(fmt.Sprint("new", round))})
		_, err = db.Bulk(ctx, docs, WriteOptions{})
		require.NoError(t, err)
	}
	for n := 0; db.tally.tailFrom <= snaps[0].counts.seq; n++ {
		docs := make([]*Document, 1000)
		for i := range docs {
			docs[i] = &Document{ID: DocID(fmt.Sprint("more", n, "-", i))}
		}
		_, err := db.Bulk(ctx, docs, WriteOptions{})
		require.NoError(t, err)
	}
	n, err := snaps[0].after(ctx, 4000)
	require.NoError(t, err)
	require.Equal(t, counted(t, snaps[0], 4000), n, "the tally does not reach back so far")
	require.LessOrEqual(t, len(db.tally.tail), 2*tallyTail)
}

// Counting begins under writes: none is counted twice or left out.
func TestPendingUnderWrites(t *testing.T) {
	for range 5 {
		db := crowd(t, 3000)
		var group sync.WaitGroup
		for w := range 4 {
			group.Go(func() {
				var rev Rev
				for range 200 {
					next, err := db.Put(ctx, &Document{ID: DocID(fmt.Sprint("w", w)), Rev: rev}, WriteOptions{})
					if err != nil {
						t.Error(err)
					}
					rev = next
				}
			})
		}
		for range 20 {
			c, err := db.Changes(ctx, ChangesOptions{Since: 1500, Limit: 5})
			require.NoError(t, err)
			require.Equal(t, counted(t, c.snap, 1500), c.Pending())
			for c.Next() {
			}
			require.Equal(t, counted(t, c.snap, c.LastSeq()), c.Pending())
			require.NoError(t, c.Close())
		}
		group.Wait()
	}
}

// Who gives up while the blocks are counted leaves nothing behind.
func TestCountGivenUp(t *testing.T) {
	db := crowd(t, 3000)
	gone, cancel := context.WithCancel(ctx)
	c, err := db.Changes(gone, ChangesOptions{Since: 2000, Limit: -1})
	require.NoError(t, err)
	cancel()
	require.Zero(t, c.Pending())
	require.ErrorIs(t, c.Err(), context.Canceled)
	require.NoError(t, c.Close())
	require.False(t, db.tally.watched)
	put(t, db, `{"_id":"more"}`)
	require.Empty(t, db.tally.tail)
	c, err = db.Changes(ctx, ChangesOptions{Since: 2000, Limit: -1})
	require.NoError(t, err)
	require.Equal(t, counted(t, c.snap, 2000), c.Pending())
	require.NoError(t, c.Close())
}

// BenchmarkPending asks in the middle of 500,000 rows.
func BenchmarkPending(b *testing.B) {
	db := benchDB(b)
	for range 500 {
		bulk(b, db, 1000)
	}
	for b.Loop() {
		c, err := db.Changes(ctx, ChangesOptions{Since: 250_000, Limit: 1})
		require.NoError(b, err)
		require.True(b, c.Next())
		require.EqualValues(b, 249_999, c.Pending())
		require.NoError(b, c.Close())
	}
}
