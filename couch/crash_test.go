package couch

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"
	"github.com/stretchr/testify/require"
)

// Whatever was acknowledged, and whatever the feed has shown, is there after a
// crash that loses a random share of what was not synced.
func TestCrash(t *testing.T) {
	r := random(t)
	for round := range 12 {
		fs := vfs.NewCrashableMem()
		s, err := Open("data", Options{FS: fs})
		require.NoError(t, err)
		db, err := s.Create(ctx, "db")
		require.NoError(t, err)

		var mu sync.Mutex // guards the three
		acked := map[DocID]Rev{}
		shown := Seq(0)
		stopped := false
		var group sync.WaitGroup
		for w := range 4 {
			group.Go(func() {
				for i := 0; ; i++ {
					id := DocID(fmt.Sprint(w, "-", i%20))
					mu.Lock()
					rev, stop := acked[id], stopped
					mu.Unlock()
					if stop {
						return
					}
					doc := &Document{ID: id, Rev: rev, Body: fmt.Appendf(nil, `{"i":%d}`, i)}
					rev, err := db.Put(ctx, doc, WriteOptions{})
					if err != nil {
						t.Errorf("put: %v", err)
						return
					}
					mu.Lock()
					if !stopped {
						acked[id] = rev
					}
					mu.Unlock()
				}
			})
		}
		group.Go(func() {
			for {
				c, err := db.Changes(ctx, ChangesOptions{Limit: -1})
				if err != nil {
					t.Errorf("changes: %v", err)
					return
				}
				for c.Next() {
				}
				last := c.LastSeq()
				_ = c.Close()
				mu.Lock()
				stop := stopped
				if !stop {
					shown = max(shown, last)
				}
				mu.Unlock()
				if stop {
					return
				}
			}
		})
		require.NoError(t, db.WaitSeq(ctx, Seq(20+r.IntN(200))))
		mu.Lock()
		stopped = true
		crashed := fs.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: r.IntN(101), RNG: rand.New(rand.NewPCG(r.Uint64(), uint64(round)))})
		mu.Unlock()
		group.Wait()
		require.NoError(t, s.Close())

		after := opened(t, Options{FS: crashed})
		db, err = after.DB("db")
		require.NoError(t, err)
		info, err := db.Info(ctx)
		require.NoError(t, err)
		require.GreaterOrEqual(t, info.UpdateSeq, shown)
		for id, rev := range acked {
			answers, err := db.RevsDiff(ctx, []RevsQuery{{ID: id, Revs: []Rev{rev}}})
			require.NoError(t, err)
			require.Empty(t, answers, "%s %s was acknowledged", id, rev)
		}
		whole(t, after)
	}
}

// Every write to the log may fail: the write is refused, so are all later ones,
// and opening the folder again gives a whole store with all that was acknowledged.
func TestLogFails(t *testing.T) {
	for _, kind := range []errorfs.OpKind{errorfs.OpFileWrite, errorfs.OpFileSync, errorfs.OpFileSyncData} {
		for at := range 8 {
			fs := vfs.NewMem()
			armed, left := false, at
			var mu sync.Mutex
			broken := errorfs.Wrap(fs, errorfs.InjectorFunc(func(op errorfs.Op) error {
				mu.Lock()
				defer mu.Unlock()
				if !armed || !strings.HasSuffix(op.Path, ".log") || op.Kind != kind {
					return nil
				}
				if left--; left >= 0 {
					return nil
				}
				return errors.New("no space left on device")
			}))
			s, err := Open("data", Options{FS: broken})
			require.NoError(t, err)
			db, err := s.Create(ctx, "db")
			require.NoError(t, err)
			mu.Lock()
			armed = true
			mu.Unlock()
			acked, failed := []DocID{}, false
			for i := range 20 {
				id := DocID(fmt.Sprint("doc", i))
				_, err := db.Put(ctx, &Document{ID: id}, WriteOptions{})
				if err == nil {
					require.False(t, failed, "a broken store took a write")
					acked = append(acked, id)
					continue
				}
				require.ErrorIs(t, err, &Error{Kind: Unavailable})
				failed = true
			}
			if failed {
				require.ErrorIs(t, db.WaitSeq(ctx, 1000), &Error{Kind: Unavailable})
			}
			// The process would end here: the folder is opened by another one.
			copied := vfs.NewMem()
			_, err = vfs.Clone(fs, copied, "data", "data", vfs.CloneSync)
			require.NoError(t, err)
			again := opened(t, Options{FS: copied})
			db, err = again.DB("db")
			require.NoError(t, err)
			for _, id := range acked {
				_, err := db.Get(ctx, id, GetOptions{})
				require.NoError(t, err)
			}
		}
	}
}

func TestOneProcess(t *testing.T) {
	dir := t.TempDir()
	one, err := Open(dir, Options{})
	require.NoError(t, err)
	_, err = Open(dir, Options{})
	require.ErrorContains(t, err, "in use by another process")
	require.NoError(t, one.Close())
	two, err := Open(dir, Options{})
	require.NoError(t, err)
	b := two.pebble.NewBatch()
	set(b, formatKey, []byte{9})
	require.NoError(t, two.commit(b))
	require.NoError(t, two.Close())
	_, err = Open(dir, Options{})
	require.ErrorContains(t, err, "has format 9")
}
