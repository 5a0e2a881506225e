package couch

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/stretchr/testify/require"
)

// received is a replicated revision that was acknowledged, with its attachment.
type received struct {
	id   DocID
	rev  Rev
	data []byte
}

// conflicting writes a random replicated revision: most have siblings.
func conflicting(r *rand.Rand, db *DB, worker, i int) (received, error) {
	data := make([]byte, 1<<20>>r.IntN(12))
	for k := range data {
		data[k] = byte(r.Uint32())
	}
	id := DocID(fmt.Sprint("doc", i%5)) // every worker writes the same five
	path := []Rev{{Pos: 2, ID: fmt.Sprintf("%d-%d", worker, i)}, {Pos: 1, ID: fmt.Sprint("root", r.IntN(2))}}
	doc := &Document{ID: id, Rev: path[0], Revisions: path, Deleted: r.IntN(6) == 0,
		Attachments: []Attachment{{Name: "f", ContentType: "image/png", Data: data}}}
	_, err := db.Put(ctx, doc, WriteOptions{Replicated: true})
	return received{id, path[0], data}, err
}

// A crash takes nothing of what was replicated: conflicts, tombstones and
// attachments of all sizes, in Pebble and beside it; and a sequence that was
// shown is never given to another update.
func TestCrashWithConflictsAndBlobs(t *testing.T) {
	r := random(t)
	for round := range 6 {
		disk := vfs.NewCrashableMem()
		o := Options{FS: disk}
		if round%2 == 0 {
			o.Blobs = &memoryBlobs{blobs: map[[64]byte][]byte{}} // what it has taken is durable
		}
		s, err := Open("data", o)
		require.NoError(t, err)
		db, err := s.Create(ctx, "db")
		require.NoError(t, err)
		var mu sync.Mutex // guards the three
		var acked []received
		shown := Seq(0)
		stopped := false
		var group sync.WaitGroup
		for w := range 3 {
			mine := rand.New(rand.NewPCG(r.Uint64(), uint64(w)))
			group.Go(func() {
				for i := range 12 {
					got, err := conflicting(mine, db, w, i)
					mu.Lock()
					if err != nil {
						t.Errorf("put: %v", err)
					}
					if !stopped && err == nil {
						acked = append(acked, got)
						shown = max(shown, db.durable.now())
					}
					mu.Unlock()
				}
			})
		}
		require.NoError(t, db.WaitSeq(ctx, Seq(5+r.IntN(25))))
		mu.Lock()
		stopped = true
		o.FS = disk.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: r.IntN(101), RNG: rand.New(rand.NewPCG(r.Uint64(), 1))})
		mu.Unlock()
		group.Wait()
		require.NoError(t, s.Close())

		after := opened(t, o)
		db, err = after.DB("db")
		require.NoError(t, err)
		info, err := db.Info(ctx)
		require.NoError(t, err)
		require.GreaterOrEqual(t, info.UpdateSeq, shown)
		for _, a := range acked {
			doc, err := db.Get(ctx, a.id, GetOptions{Rev: a.rev, Attachments: true})
			require.NoError(t, err, "%s %s was acknowledged", a.id, a.rev)
			require.True(t, bytes.Equal(a.data, doc.Attachments[0].Data), "%s %s", a.id, a.rev)
		}
		put(t, db, `{"_id":"later"}`)
		require.Greater(t, db.durable.now(), info.UpdateSeq)
	}
}
