package couch

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/stretchr/testify/require"
)

// told lists the feed of the global changes after a sequence, once what was
// collected is written.
func told(t *testing.T, s *Store, since Seq) (rows []string, last Seq) {
	t.Helper()
	s.global.write()
	db, err := s.DB(GlobalChanges)
	require.NoError(t, err)
	c, err := db.Changes(ctx, ChangesOptions{Since: since, Limit: -1})
	require.NoError(t, err)
	defer c.Close() //nolint:errcheck // it was only read
	for c.Next() {
		rows = append(rows, string(c.Change().ID))
	}
	require.NoError(t, c.Err())
	return rows, c.LastSeq()
}

func TestGlobalChanges(t *testing.T) {
	fs := vfs.NewMem()
	s := opened(t, Options{FS: fs})
	a, err := s.Create(ctx, "a")
	require.NoError(t, err)
	put(t, a, `{"_id":"before"}`)
	require.Nil(t, s.global.pending, "nothing is noted as long as nobody asked")

	_, err = s.Create(ctx, GlobalChanges)
	require.NoError(t, err)
	rows, last := told(t, s, 0)
	require.Empty(t, rows)

	b, err := s.Create(ctx, "b")
	require.NoError(t, err)
	rev := put(t, a, `{"_id":"x"}`)
	for i := range 100 {
		put(t, b, fmt.Sprintf(`{"_id":"%d"}`, i))
	}
	require.Len(t, s.global.pending, 3)
	rows, last = told(t, s, last)
	require.Equal(t, []string{"created:b", "updated:a", "updated:b"}, rows, "in the order in which it happened, each once")

	put(t, a, `{"_id":"_local/x"}`)
	_, err = a.Put(ctx, &Document{ID: "x", Body: []byte(`{}`)}, WriteOptions{})
	require.ErrorIs(t, err, ErrConflict)
	purged(t, a, "none", rev)
	require.Nil(t, s.global.pending, "the feeds of these did not move")
	purged(t, a, "x", rev)
	require.NoError(t, s.Delete(ctx, "b"))
	_, err = s.Create(ctx, "b")
	require.NoError(t, err)
	rows, last = told(t, s, last)
	require.Equal(t, []string{"updated:a", "deleted:b", "created:b"}, rows)

	// What a batch could not wait for is written when the store closes.
	put(t, a, `{"_id":"y"}`)
	require.NoError(t, s.Close())
	s = opened(t, Options{FS: fs})
	rows, _ = told(t, s, last)
	require.Equal(t, []string{"updated:a"}, rows)
	a, err = s.DB("a")
	require.NoError(t, err)
	put(t, a, `{"_id":"z"}`)
	require.Len(t, s.global.pending, 1)

	require.NoError(t, s.Delete(ctx, GlobalChanges))
	put(t, a, `{"_id":"zz"}`)
	require.Nil(t, s.global.pending)
	_, err = s.Create(ctx, GlobalChanges)
	require.NoError(t, err)
	put(t, a, `{"_id":"zzz"}`)
	rows, _ = told(t, s, 0)
	require.Equal(t, []string{"updated:a"}, rows)
}

// A document that somebody deleted or wrote in the meantime is no obstacle.
func TestGlobalChangesOfOthers(t *testing.T) {
	s := opened(t, Options{})
	global, err := s.Create(ctx, GlobalChanges)
	require.NoError(t, err)
	a, err := s.Create(ctx, "a")
	require.NoError(t, err)
	rows, last := told(t, s, 0)
	require.Equal(t, []string{"created:a"}, rows)
	doc, err := global.Get(ctx, "created:a", GetOptions{})
	require.NoError(t, err)
	require.Equal(t, `{}`, string(doc.Body))
	_, err = global.Put(ctx, &Document{ID: doc.ID, Rev: doc.Rev, Deleted: true}, WriteOptions{})
	require.NoError(t, err)
	put(t, global, `{"_id":"updated:a","by":"hand"}`)
	require.Nil(t, s.global.pending, "its own updates are no news")
	put(t, a, `{"_id":"x"}`)
	require.NoError(t, s.Delete(ctx, "a"))
	_, err = s.Create(ctx, "a")
	require.NoError(t, err)
	rows, _ = told(t, s, last+2)
	require.Equal(t, []string{"updated:a", "deleted:a", "created:a"}, rows)
}

// Writers, the batches and the coming and going of databases meet; every
// database's last update is told after it happened.
func TestGlobalChangesUnderWrites(t *testing.T) {
	s := opened(t, Options{})
	_, err := s.Create(ctx, GlobalChanges)
	require.NoError(t, err)
	var group, writer sync.WaitGroup
	stop := make(chan struct{})
	writer.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
				s.global.write()
			}
		}
	})
	for w := range 8 {
		group.Go(func() {
			db, err := s.Create(ctx, fmt.Sprint("db", w))
			if err != nil {
				t.Error(err)
				return
			}
			for i := range 100 {
				if _, err := db.Put(ctx, &Document{ID: DocID(fmt.Sprint(i))}, WriteOptions{}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	group.Wait()
	close(stop)
	writer.Wait()
	s.global.write()
	_, last := told(t, s, 0)
	for w := range 8 {
		db, err := s.DB(fmt.Sprint("db", w))
		require.NoError(t, err)
		put(t, db, `{"_id":"last"}`)
		require.True(t, db.told.Load())
	}
	rows, _ := told(t, s, last)
	require.Len(t, rows, 8)
}

// What the feed showed of the global changes is there after a crash.
func TestGlobalChangesCrash(t *testing.T) {
	r := random(t)
	fs := vfs.NewCrashableMem()
	s, err := Open("data", Options{FS: fs})
	require.NoError(t, err)
	_, err = s.Create(ctx, GlobalChanges)
	require.NoError(t, err)
	for i := range 10 {
		_, err := s.Create(ctx, fmt.Sprint("db", i))
		require.NoError(t, err)
	}
	rows, _ := told(t, s, 0)
	require.Len(t, rows, 10)
	crashed := fs.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: r.IntN(101), RNG: rand.New(rand.NewPCG(r.Uint64(), 1))})
	require.NoError(t, s.Close())
	after, _ := told(t, opened(t, Options{FS: crashed}), 0)
	require.Equal(t, rows, after)
}

// The settings are obeyed at once.
func TestGlobalChangesSettings(t *testing.T) {
	s := opened(t, Options{})
	_, err := s.Create(ctx, GlobalChanges)
	require.NoError(t, err)
	a, err := s.Create(ctx, "a")
	require.NoError(t, err)
	_, _, err = s.SetSetting("global_changes", "update_db", "false")
	require.NoError(t, err)
	require.Nil(t, s.global.pending)
	put(t, a, `{"_id":"x"}`)
	require.Nil(t, s.global.pending)
	_, _, err = s.SetSetting("global_changes", "max_write_delay", "0")
	require.NoError(t, err)
	_, _, err = s.DeleteSetting("global_changes", "update_db")
	require.NoError(t, err)
	put(t, a, `{"_id":"y"}`)
	global, err := s.DB(GlobalChanges)
	require.NoError(t, err)
	require.NoError(t, global.WaitSeq(ctx, 0), "nobody asked for it")
}

// BenchmarkGlobalChanges puts with sixteen writers, while the global changes are
// kept and while they are not.
func BenchmarkGlobalChanges(b *testing.B) {
	for _, kept := range []bool{false, true} {
		b.Run(fmt.Sprintf("kept=%t", kept), func(b *testing.B) {
			s := opened(b, Options{})
			if kept {
				_, err := s.Create(ctx, GlobalChanges)
				require.NoError(b, err)
			}
			db, err := s.Create(ctx, "db")
			require.NoError(b, err)
			var n atomic.Int64
			b.SetParallelism(8)
			b.ResetTimer()
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					putOne(b, db, fmt.Sprint(n.Add(1)))
				}
			})
		})
	}
}
