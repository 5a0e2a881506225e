package couch

import (
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"
	"github.com/stretchr/testify/require"
)

// The five-thousandth update of a document writes what the five-hundredth
// wrote, and its record is no larger: work does not grow with history.
func TestFiveThousandUpdates(t *testing.T) {
	var written atomic.Int64 // operations on the log
	fs := errorfs.Wrap(vfs.NewMem(), errorfs.InjectorFunc(func(op errorfs.Op) error {
		if op.Kind == errorfs.OpFileWrite {
			written.Add(1)
		}
		return nil
	}))
	db := database(t, Options{FS: fs})
	bytes := func() int64 { return int64(db.store.pebble.Metrics().WAL.BytesIn) }
	var rev Rev
	const stretch = 500
	largest, first, firstOps := 0, int64(0), int64(0)
	for n := range 5000 / stretch {
		before, ops := bytes(), written.Load()
		for i := range stretch {
			next, err := db.Put(ctx, &Document{ID: "one", Rev: rev, Body: fmt.Appendf(nil, `{"n":%06d}`, 100_000+n*stretch+i)}, WriteOptions{})
			require.NoError(t, err)
			rev = next
			v, err := read(db.store.pebble, db.idKey("one"))
			require.NoError(t, err)
			largest = max(largest, len(v))
		}
		took, tookOps := bytes()-before, written.Load()-ops
		if n == 1 { // the first stretch has the short history
			first, firstOps = took, tookOps
		}
		if n > 1 {
			require.InEpsilon(t, first, took, 0.05, "bytes to the log, stretch %d", n)
			require.InEpsilon(t, firstOps, tookOps, 0.2, "writes to the log, stretch %d", n)
		}
	}
	t.Logf("record at most %d bytes, %d bytes of log an update", largest, first/stretch)
	require.Less(t, largest, 3000)
	require.EqualValues(t, 5000, rev.Pos)
	doc, err := db.Get(ctx, "one", GetOptions{Revs: true})
	require.NoError(t, err)
	require.Len(t, doc.Revisions, defaultRevsLimit)
	segments, err := countKeys(db.store.pebble, db.trunkKey("one", 0), db.prefix(kindTrunk+1).key())
	require.NoError(t, err)
	require.LessOrEqual(t, segments, int64(defaultRevsLimit/segment+2))
}

// Ten thousand databases take little memory when none is open, and opening one
// opens no other.
func TestTenThousandDatabases(t *testing.T) {
	count := 10_000
	if testing.Short() {
		count = 500
	}
	fs := vfs.NewMem()
	s := opened(t, Options{FS: fs})
	for i := range count {
		_, err := s.Create(ctx, fmt.Sprint("db", i))
		require.NoError(t, err)
	}
	require.NoError(t, s.Close())
	again, err := Open("data", Options{FS: fs})
	require.NoError(t, err)
	defer func() { require.NoError(t, again.Close()) }()
	names, err := again.Databases(ctx)
	require.NoError(t, err)
	require.Len(t, names, count)
	handles := func() (n int) {
		again.eachOpen(func(*DB) { n++ })
		return n
	}
	require.Zero(t, handles())
	db, err := again.DB(names[count/2])
	require.NoError(t, err)
	put(t, db, `{"_id":"a"}`)
	require.Equal(t, 1, handles())
	require.Zero(t, again.pebble.Metrics().TableIters)
}
