package couch

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"
	"github.com/stretchr/testify/require"
)

// slowDisk holds back the syncs of the log while it is shut.
type slowDisk struct {
	mu    sync.Mutex // held while the disk is shut
	syncs atomic.Int64
}

func (d *slowDisk) fs() vfs.FS {
	return errorfs.Wrap(vfs.NewMem(), errorfs.InjectorFunc(func(op errorfs.Op) error {
		if strings.HasSuffix(op.Path, ".log") && (op.Kind == errorfs.OpFileSync || op.Kind == errorfs.OpFileSyncData) {
			d.syncs.Add(1)
			d.mu.Lock()
			defer d.mu.Unlock()
		}
		return nil
	}))
}

// Nothing is acknowledged nor shown by feed, list, figures or bell before it is
// durable; a read of the document itself may be ahead.
func TestDurableWatermark(t *testing.T) {
	disk := &slowDisk{}
	db := database(t, Options{FS: disk.fs()})
	put(t, db, `{"_id":"a"}`)
	disk.mu.Lock()
	acked := make(chan error, 1)
	go func() {
		_, err := db.Put(ctx, &Document{ID: "b"}, WriteOptions{})
		acked <- err
	}()
	require.Eventually(t, func() bool { return db.counts.Load().seq == 2 }, time.Minute, time.Millisecond)
	info, err := db.Info(ctx)
	require.NoError(t, err)
	require.EqualValues(t, 1, info.UpdateSeq)
	for name, read := range map[string]func(ctx context.Context) error{
		"wait":    func(ctx context.Context) error { return db.WaitSeq(ctx, 1) },
		"changes": func(ctx context.Context) error { _, err := db.Changes(ctx, ChangesOptions{Limit: -1}); return err },
		"list":    func(ctx context.Context) error { _, err := db.AllDocs(ctx, AllDocsOptions{Limit: -1}); return err },
	} {
		soon, cancel := context.WithTimeout(ctx, 20*time.Millisecond)
		require.ErrorIs(t, read(soon), context.DeadlineExceeded, name)
		cancel()
	}
	require.Empty(t, acked)
	disk.mu.Unlock()
	require.NoError(t, <-acked)
	require.NoError(t, db.WaitSeq(ctx, 1))
	require.Len(t, feed(t, db, ChangesOptions{Limit: -1}), 2)
}

// However many writers wait for the disk, it is asked once for all of them.
func TestGroupCommit(t *testing.T) {
	disk := &slowDisk{}
	db := database(t, Options{FS: disk.fs()})
	const writers = 100
	disk.mu.Lock()
	before := disk.syncs.Load()
	var group sync.WaitGroup
	for i := range writers {
		group.Go(func() {
			if _, err := db.Put(ctx, &Document{ID: DocID(fmt.Sprint("doc", i))}, WriteOptions{}); err != nil {
				t.Errorf("put: %v", err)
			}
		})
	}
	require.Eventually(t, func() bool { return db.counts.Load().seq == writers }, time.Minute, time.Millisecond)
	disk.mu.Unlock()
	group.Wait()
	require.LessOrEqual(t, disk.syncs.Load()-before, int64(3), "one that was under way, one for all that came meanwhile")
}

// A reader sees one moment, bodies and counts included, whatever is written,
// deleted, purged and compacted while it reads.
func TestSnapshotReads(t *testing.T) {
	db := crowd(t, 300)
	feed, err := db.Changes(ctx, ChangesOptions{Limit: -1, IncludeDocs: true})
	require.NoError(t, err)
	list, err := db.AllDocs(ctx, AllDocsOptions{Limit: -1, IncludeDocs: true})
	require.NoError(t, err)
	all, err := db.AllDocs(ctx, AllDocsOptions{Limit: -1})
	require.NoError(t, err)
	var changed []*Document
	var gone []RevsQuery
	for i := 0; all.Next(); i++ {
		row := all.Row()
		if i%5 == 0 {
			gone = append(gone, RevsQuery{ID: row.ID, Revs: []Rev{row.Rev}})
		} else {
			changed = append(changed, &Document{ID: row.ID, Rev: row.Rev, Deleted: i%2 == 0, Body: []byte(`{"later":1}`)})
		}
	}
	require.NoError(t, all.Close())
	_, err = db.Bulk(ctx, changed, WriteOptions{})
	require.NoError(t, err)
	_, err = db.Purge(ctx, gone)
	require.NoError(t, err)
	require.NoError(t, db.Compact(ctx))

	rows := 0
	for ; feed.Next(); rows++ {
		require.NotContains(t, string(feed.Change().Doc.Body), "later")
		require.EqualValues(t, 300-rows-1, feed.Pending())
	}
	require.NoError(t, feed.Err())
	require.Equal(t, 300, rows)
	require.NoError(t, feed.Close())
	for rows = 0; list.Next(); rows++ {
		require.NotContains(t, string(list.Row().Doc.Body), "later")
	}
	require.NoError(t, list.Err())
	require.Equal(t, 300, rows)
	require.EqualValues(t, 300, list.Total())
	require.NoError(t, list.Close())
}
