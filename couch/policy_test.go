package couch

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/stretchr/testify/require"
)

func TestPolicy(t *testing.T) {
	const mib = 1 << 20
	for name, c := range map[string]struct {
		policy          Policy
		external, stale int64
		want            float64
	}{
		"nothing":         {},
		"tiny":            {external: 10, stale: 8*mib - 1},
		"half":            {external: 8 * mib, stale: 8 * mib, want: 2},
		"less than half":  {external: 30 * mib, stale: 20 * mib},
		"all is garbage":  {external: 0, stale: 8 * mib, want: 1 + 8*mib},
		"large, little":   {external: 100 << 30, stale: 512 * mib, want: 1},
		"large, more":     {external: 100 << 30, stale: 1 << 30, want: 2},
		"off":             {policy: Policy{Off: true}, stale: 1 << 40},
		"others' numbers": {policy: Policy{Minimum: 1, Ratio: 1.1}, external: 10, stale: 1, want: 1.1},
	} {
		c.policy.defaults()
		require.InEpsilon(t, 1+c.want, 1+c.policy.priority(&counts{external: c.external, stale: c.stale}), 1e-5, name)
	}
}

// noise is a document body that does not compress.
func noise(r *rand.Rand, size int) []byte {
	b := []byte(`{"noise":"`)
	for len(b) < size {
		b = fmt.Appendf(b, "%016x", r.Uint64())
	}
	return append(b, `"}`...)
}

// rewrite updates every one of n documents so many times.
func rewrite(t *testing.T, db *DB, n, times, size int) (first, last []Rev) {
	r := rand.New(rand.NewPCG(1, 1))
	last = make([]Rev, n)
	for round := range times {
		docs := make([]*Document, n)
		for i := range docs {
			docs[i] = &Document{ID: DocID(fmt.Sprint("doc", i)), Rev: last[i], Body: noise(r, size)}
		}
		results, err := db.Bulk(ctx, docs, WriteOptions{})
		require.NoError(t, err)
		for i := range results {
			require.NoError(t, results[i].Err)
			last[i] = results[i].Rev
		}
		if round == 0 {
			first = append(first, last...)
		}
	}
	return first, last
}

// A compaction gives the disk back what it deleted, and the figures tell how
// much that will be.
func TestCompactionReclaims(t *testing.T) {
	db := database(t, Options{Compaction: Policy{Off: true}})
	rewrite(t, db, 500, 4, 2000)
	require.NoError(t, db.store.pebble.Flush())
	before, err := db.Info(ctx)
	require.NoError(t, err)
	require.InEpsilon(t, 4*before.Active, before.File, 0.1, "three of four bodies are superseded")
	require.NoError(t, db.Compact(ctx))
	after, err := db.Info(ctx)
	require.NoError(t, err)
	require.InEpsilon(t, before.Active, after.File, 0.2)
	require.Equal(t, after.File, after.Active)
	require.Zero(t, db.counts.Load().stale)
}

// What still is in use is no garbage: an attachment that a new revision keeps.
func TestGarbageCounted(t *testing.T) {
	db := database(t, Options{})
	data := make([]byte, 10_000)
	rev, err := attach(t, db, Rev{}, Attachment{Name: "f", ContentType: "image/png", Data: data})
	require.NoError(t, err)
	require.Zero(t, db.counts.Load().stale)
	rev, err = attach(t, db, rev, Attachment{Name: "f", Stub: true})
	require.NoError(t, err)
	require.Less(t, db.counts.Load().stale, int64(100))
	_, err = attach(t, db, rev)
	require.NoError(t, err)
	require.Greater(t, db.counts.Load().stale, int64(10_000))
}

// A database with enough garbage compacts itself, a small one does not, and one
// that shall not does not.
func TestCompactsItself(t *testing.T) {
	small := Policy{Minimum: 100_000, Rate: -1}
	for name, c := range map[string]struct {
		policy Policy
		times  int
		want   bool
	}{
		"garbage": {small, 4, true}, "little": {small, 1, false}, "off": {Policy{Off: true}, 4, false}, "held to a rate": {Policy{Minimum: 100_000, Rate: 4 << 20}, 4, true},
	} {
		t.Run(name, func(t *testing.T) {
			db := database(t, Options{Compaction: c.policy})
			first, last := rewrite(t, db, 100, c.times, 1000)
			old := func() error {
				_, err := db.Get(ctx, "doc7", GetOptions{Rev: first[7]})
				return err
			}
			if c.want {
				require.Eventually(t, func() bool { return errors.Is(old(), ErrMissing) }, time.Minute, time.Millisecond)
				// What was written while it ran may take a second one.
				require.Eventually(t, func() bool { return db.counts.Load().stale < 100_000 }, time.Minute, time.Millisecond)
			} else {
				require.NoError(t, old())
			}
			doc, err := db.Get(ctx, "doc7", GetOptions{})
			require.NoError(t, err)
			require.Equal(t, last[7], doc.Rev)
		})
	}
}

// One is compacted at a time, the most urgent first; what runs is told; the end
// of the store ends it.
func TestCompactionsWait(t *testing.T) {
	s := opened(t, Options{Compaction: Policy{Minimum: 10_000, Rate: 1}})
	for _, name := range []string{"a", "b"} {
		db, err := s.Create(ctx, name)
		require.NoError(t, err)
		rewrite(t, db, 10, 8, 1000)
	}
	require.Eventually(t, func() bool { return len(s.Compactions()) == 1 }, time.Minute, time.Millisecond)
	c := s.Compactions()[0]
	require.EqualValues(t, 10, c.Total)
	db, err := s.DB(c.Database) // b, where a had its first compaction before there was much to do
	require.NoError(t, err)
	info, err := db.Info(ctx)
	require.NoError(t, err)
	require.True(t, info.CompactRunning)
	whole(t, s)
	require.NoError(t, s.Close())
	require.Empty(t, s.Compactions())
}

// Writers, readers and feeds go on while the database is compacted again and
// again, and nothing that was acknowledged is lost, whenever it crashes.
func TestCompactionUnderLoad(t *testing.T) {
	r := random(t)
	for range 4 {
		disk := vfs.NewCrashableMem()
		s, err := Open("data", Options{FS: disk, Compaction: Policy{Minimum: 20_000, Ratio: 1.2, Rate: -1}})
		require.NoError(t, err)
		db, err := s.Create(ctx, "db")
		require.NoError(t, err)
		var mu sync.Mutex // guards the two
		acked := map[DocID]received{}
		stopped := false
		var group sync.WaitGroup
		stop := func() bool { mu.Lock(); defer mu.Unlock(); return stopped }
		for w := range 3 {
			mine := rand.New(rand.NewPCG(r.Uint64(), uint64(w)))
			group.Go(func() {
				for !stop() {
					id := DocID(fmt.Sprint(w, "-", mine.IntN(30)))
					mu.Lock()
					before := acked[id]
					mu.Unlock()
					data := []byte(fmt.Sprint("shared", mine.IntN(5))) // comes and goes while it is collected
					rev, err := db.Put(ctx, &Document{ID: id, Rev: before.rev, Body: noise(mine, 500), Attachments: []Attachment{{Name: "f", ContentType: "image/png", Data: data}}}, WriteOptions{})
					if err != nil {
						t.Errorf("put: %v", err)
						return
					}
					mu.Lock()
					if !stopped {
						acked[id] = received{id, rev, data}
					}
					mu.Unlock()
				}
			})
		}
		group.Go(func() {
			for !stop() {
				c, err := db.Changes(ctx, ChangesOptions{Limit: -1, IncludeDocs: true, Get: GetOptions{Attachments: true}})
				if err != nil {
					t.Errorf("changes: %v", err)
					return
				}
				for c.Next() {
				}
				if err := errors.Join(c.Err(), c.Close()); err != nil {
					t.Errorf("changes: %v", err)
				}
			}
		})
		var crashed *vfs.MemFS
		for compactions, runs := 0, false; compactions < 3+r.IntN(5); { // crash while one runs
			now := len(s.Compactions()) > 0
			if now && !runs {
				compactions++
			}
			runs = now
		}
		mu.Lock()
		stopped = true
		crashed = disk.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: r.IntN(101), RNG: rand.New(rand.NewPCG(r.Uint64(), 1))})
		mu.Unlock()
		group.Wait()
		whole(t, s)
		require.NoError(t, s.Close())
		after := opened(t, Options{FS: crashed})
		db, err = after.DB("db")
		require.NoError(t, err)
		for id, a := range acked {
			doc, err := db.Get(ctx, id, GetOptions{Attachments: true})
			require.NoError(t, err)
			if doc.Rev == a.rev {
				require.Equal(t, string(a.data), string(doc.Attachments[0].Data))
			} else { // one that was written but not acknowledged
				require.Equal(t, a.rev.Pos+1, doc.Rev.Pos)
			}
		}
	}
}
