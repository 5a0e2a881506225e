package couch

import (
	"runtime"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/stretchr/testify/require"
)

// Close leaves no goroutine behind; Pebble itself refuses to close over an open
// iterator or snapshot.
func TestCloseLeavesNothing(t *testing.T) {
	before := runtime.NumGoroutine()
	for range 5 {
		s, err := Open("data", Options{FS: vfs.NewMem()})
		require.NoError(t, err)
		db, err := s.Create(ctx, "db")
		require.NoError(t, err)
		put(t, db, `{"_id":"a","_attachments":{"f":{"content_type":"text/plain","data":"AAAA"}}}`)
		require.Len(t, feed(t, db, ChangesOptions{Limit: -1}), 1)
		require.NoError(t, db.Compact(ctx))
		waits := make(chan error)
		go func() { waits <- db.WaitSeq(ctx, 99) }()
		require.NoError(t, s.Close())
		require.ErrorIs(t, <-waits, ErrClosed)
	}
	for runtime.NumGoroutine() > before { // one that stays holds the test until it is ended from outside
		time.Sleep(time.Millisecond)
	}
}
