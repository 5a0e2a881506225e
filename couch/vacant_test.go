package couch

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
)

// Whether a batch meets a vacant range or not, its rows are what single writes would give.
func TestBulkIntoVacantRange(t *testing.T) {
	db := database(t, Options{})
	batch := func(from, to int) (docs []*Document) {
		for i := from; i < to; i++ {
			docs = append(docs, &Document{ID: DocID(fmt.Sprintf("d%04d", i)), Body: []byte(`{"a":1}`)})
		}
		return docs
	}
	conflicts := func(docs []*Document) (n int) {
		results, err := db.Bulk(ctx, docs, WriteOptions{})
		require.NoError(t, err)
		for _, r := range results {
			if r.Err != nil {
				require.ErrorIs(t, r.Err, ErrConflict)
				n++
			}
		}
		return n
	}
	require.True(t, db.vacant(batch(100, 200)))
	require.Zero(t, conflicts(batch(100, 200)))
	require.False(t, db.vacant(batch(100, 101)))
	require.False(t, db.vacant(batch(50, 101)))
	require.False(t, db.vacant(batch(199, 300)))
	require.True(t, db.vacant(batch(0, 100)))
	require.True(t, db.vacant(batch(200, 300)))
	require.Equal(t, 1, conflicts(batch(199, 300)))
	require.Equal(t, 100, conflicts(batch(100, 200)))
	twice := append(batch(0, 50), batch(0, 50)...)
	require.True(t, db.vacant(twice))
	require.Equal(t, 50, conflicts(twice), "two edits of one document: the first wins")
	info, err := db.Info(ctx)
	require.NoError(t, err)
	require.EqualValues(t, 250, info.Docs)
}

// BenchmarkBulkInOrder loads a thousand documents at a time whose ids follow those before,
// among a hundred thousand.
func BenchmarkBulkInOrder(b *testing.B) {
	db := benchDB(b)
	n := 0
	load := func() {
		docs := make([]*Document, 1000)
		inParallel(len(docs), func(i int) { docs[i], _ = ParseDocument(small(fmt.Sprintf("%012d", n+i))) })
		_, err := db.Bulk(ctx, docs, WriteOptions{})
		require.NoError(b, err)
		n += len(docs)
	}
	for range 100 {
		load()
	}
	for b.Loop() {
		load()
	}
	b.ReportMetric(float64(b.N)*1000/b.Elapsed().Seconds(), "docs/s")
}
