package replicate_test

import (
	"context"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-kivik/kivik/v4"
	"github.com/stretchr/testify/require"

	"settee/replicate"
)

// A handler that is slow stops the reading: of what was read never more than MaxPending waits,
// nor more bytes of documents than MaxBytes.
func TestSlowHandlerStopsTheReading(t *testing.T) {
	for kind, make := range kinds(t) {
		t.Run(kind, func(t *testing.T) {
			db := make(t, "slow_"+kind).DB
			docs := load(t, db, 2_000, strings.Repeat("x", 1000))
			gate := newGate()
			o := replicate.FollowerOptions{Since: "0", Handle: gate.handle, Workers: 3, MaxPending: 50}
			f := replicate.NewFollower(db, o)
			follow(t, f)
			soon(t, func() bool { return gate.waiting.Load() == 3 && f.Status().Read == 50 })
			for range 30 {
				gate.let <- struct{}{}
				require.LessOrEqual(t, f.Status().Read-f.Status().Handled, int64(51))
			}
			o.IncludeDocs, o.MaxPending, o.MaxBytes = true, 5_000, 100_000
			large := replicate.NewFollower(db, o)
			follow(t, large)
			soon(t, func() bool { return gate.waiting.Load() == 6 && large.Status().Read > 50 })
			require.Less(t, large.Status().Read, int64(100))
			close(gate.let)
			soon(t, func() bool { return f.Status().Handled == docs && large.Status().Handled == docs })
		})
	}
}

// One document may be larger than all that may wait.
func TestOneLargeDocument(t *testing.T) {
	db := inMemory(t)
	load(t, db, 3, strings.Repeat("x", 10_000))
	var got seen
	f := replicate.NewFollower(db, replicate.FollowerOptions{Since: "0", Handle: got.handle, IncludeDocs: true, MaxBytes: 1})
	follow(t, f)
	soon(t, func() bool { return len(got.ids()) == 3 })
}

func TestFollowerPauses(t *testing.T) {
	for kind, make := range kinds(t) {
		t.Run(kind, func(t *testing.T) {
			db := make(t, "pauses_"+kind).DB
			var got seen
			f := replicate.NewFollower(db, replicate.FollowerOptions{Name: "x", Handle: got.handle})
			f.Pause()
			follow(t, f)
			put(t, db, "a", `{}`)
			soon(t, func() bool { return f.Status().State == replicate.Paused })
			f.Pause()
			f.Resume()
			soon(t, func() bool { return len(got.ids()) == 1 })
			idle(t, f)
			f.Pause()
			put(t, db, "b", `{}`)
			soon(t, func() bool { return f.Status().State == replicate.Paused })
			time.Sleep(20 * time.Millisecond)
			require.Len(t, got.ids(), 1)
			f.Resume()
			f.Resume()
			soon(t, func() bool { return len(got.ids()) == 2 })
		})
	}
}

// gate is a handler that waits to be let through.
type gate struct {
	let     chan struct{}
	waiting atomic.Int64
}

func newGate() *gate { return &gate{let: make(chan struct{})} }

func (g *gate) handle(ctx context.Context, _ replicate.Change) error {
	g.waiting.Add(1)
	defer g.waiting.Add(-1)
	select {
	case <-g.let:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// load writes n documents.
func load(t testing.TB, db *kivik.DB, n int, text string) int64 {
	t.Helper()
	batch := make([]any, 0, 1000)
	for i := range n {
		batch = append(batch, map[string]any{"_id": fmt.Sprintf("doc%08d", i), "text": text})
		if len(batch) == cap(batch) || i == n-1 {
			_, err := db.BulkDocs(context.Background(), batch)
			require.NoError(t, err)
			batch = batch[:0]
		}
	}
	return int64(n)
}

// A million changes behind a handler that is slow for a while: the memory that the
// follower keeps does not depend on how many there are.
func TestMemoryIsBounded(t *testing.T) {
	changes := 1_000_000
	if testing.Short() {
		changes = 100_000
	}
	stage, db := newStage(t)
	stage.with(func() {
		for i := range changes {
			id := fmt.Sprint(i)
			stage.log, stage.last[id] = append(stage.log, id), i+1
		}
	})
	before := heap()
	var stuck sync.RWMutex
	f := replicate.NewFollower(db, replicate.FollowerOptions{Name: "x", Handle: func(context.Context, replicate.Change) error {
		stuck.RLock()
		defer stuck.RUnlock()
		return nil
	}})
	follow(t, f)
	var peak int64
	for tenth := range int64(8) {
		soon(t, func() bool { return f.Status().Handled >= tenth*int64(changes)/10 })
		stuck.Lock()
		soon(t, func() bool { return f.Lag().Changes >= 1000 && f.Status().Read-f.Status().Handled == 1000 })
		peak = max(peak, int64(heap())-int64(before))
		stuck.Unlock()
	}
	soon(t, func() bool { return f.Status().Handled == int64(changes) })
	t.Logf("%d changes: %d kB more at most", changes, peak>>10)
	require.Less(t, peak, int64(2<<20))
}

// heap is what is in use.
func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
