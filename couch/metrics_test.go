package couch

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestMetrics(t *testing.T) {
	db := database(t, Options{})
	before, err := db.store.Metrics()
	require.NoError(t, err)
	rev := put(t, db, `{"_id":"a"}`)
	put(t, db, `{"_id":"a","_rev":"`+rev.String()+`"}`)
	_, err = db.Bulk(ctx, []*Document{parsed(t, `{"_id":"b"}`), parsed(t, `{"_id":"c"}`), parsed(t, `{"_id":"a"}`)}, WriteOptions{})
	require.NoError(t, err)
	_, err = db.PutLocal(ctx, parsed(t, `{"_id":"_local/x"}`))
	require.NoError(t, err)
	got(t, db, "a", GetOptions{})
	got(t, db, "b", GetOptions{Revs: true})

	m, err := db.store.Metrics()
	require.NoError(t, err)
	require.EqualValues(t, 2, m.Reads-before.Reads)
	require.EqualValues(t, 4, m.Writes-before.Writes, "the third edit of the batch was a conflict")
	require.EqualValues(t, 3, m.Inserts-before.Inserts)
	require.EqualValues(t, 1, m.LocalWrites-before.LocalWrites)
	require.EqualValues(t, 4, m.Batches-before.Batches)
	require.EqualValues(t, 1, m.OpenDBs)
	require.Positive(t, m.LogBytes)
	require.Positive(t, m.Disk)
	require.NotZero(t, m.Syncs.Count)
	require.Len(t, m.Syncs.Within, len(m.Syncs.Bounds))
	for i, n := range m.Syncs.Within {
		require.LessOrEqual(t, n, m.Syncs.Count)
		if i > 0 {
			require.Less(t, m.Syncs.Bounds[i-1], m.Syncs.Bounds[i])
			require.LessOrEqual(t, m.Syncs.Within[i-1], n)
		}
	}
	require.NoError(t, db.store.Close())
	_, err = db.store.Metrics()
	require.ErrorIs(t, err, ErrClosed)
}
