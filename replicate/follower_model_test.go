package replicate_test

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/go-kivik/kivik/v4"
	"github.com/stretchr/testify/require"

	"settee/replicate"
)

var (
	followerSeed   = flag.Uint64("follower-seed", 0, "seed of the followers' model; 0 picks one")
	followerRounds = flag.Int("follower-rounds", 8, "how many crashes the followers' model has")
)

type state struct {
	Rev string `json:"_rev,omitempty"`
	N   int    `json:"n"`
}

// world is what outlives crashes: what was acknowledged, and what handlers did. The
// n-th state of a document has the member n.
type world struct {
	t       testing.TB
	mu      sync.Mutex
	rand    *rand.Rand
	written map[string]int // acknowledged
	revs    map[string]string
	handled map[string]int // the newest state handled
	busy    map[string]bool
	poison  map[string]int // states that cannot be handled
	unkind  int            // of a hundred calls of a handler fail
	crashed bool           // what happens now is of a life that is over
}

func (w *world) roll(n int) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.rand.IntN(n)
}

// handle fails now and then, before or after its work.
func (w *world) handle(ctx context.Context, c replicate.Change) error {
	var doc state
	require.NoError(w.t, json.Unmarshal(c.Doc, &doc))
	w.mu.Lock()
	before, after := w.rand.IntN(100) < w.unkind, w.rand.IntN(100) < w.unkind
	nap := time.Duration(w.rand.IntN(300)) * time.Microsecond
	if w.busy[c.ID] {
		w.t.Errorf("%s is handled twice at a time", c.ID)
	}
	if !w.crashed && doc.N < w.handled[c.ID] {
		w.t.Errorf("%s: state %d after %d", c.ID, doc.N, w.handled[c.ID])
	}
	w.busy[c.ID] = true
	bad := w.poison[c.ID] == doc.N
	w.mu.Unlock()
	time.Sleep(nap)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.busy[c.ID] = false
	if w.crashed {
		return ctx.Err()
	}
	if before || bad {
		return errors.New("by chance, or a bad state")
	}
	w.handled[c.ID] = doc.N
	if after {
		return errors.New("done, and yet a failure")
	}
	return nil
}

// write changes random documents until stop; only what was acknowledged before a crash counts.
func (w *world) write(ctx context.Context, db *kivik.DB) {
	for ctx.Err() == nil {
		id := fmt.Sprint(w.roll(25))
		w.mu.Lock()
		n, rev := w.written[id]+1, w.revs[id]
		poison := w.rand.IntN(40) == 0
		w.mu.Unlock()
		rev, err := db.Put(context.WithoutCancel(ctx), id, state{rev, n})
		if kivik.HTTPStatus(err) == 409 { // a write whose acknowledgement the crash took
			var doc state
			require.NoError(w.t, db.Get(context.WithoutCancel(ctx), id).ScanDoc(&doc))
			n, rev, err = doc.N, doc.Rev, nil
		}
		require.NoError(w.t, err)
		w.mu.Lock()
		if !w.crashed {
			w.written[id], w.revs[id] = n, rev
			if poison {
				w.poison[id] = n
			}
		}
		w.mu.Unlock()
		time.Sleep(time.Duration(w.roll(200)) * time.Microsecond)
	}
}

// Random writes, failing handlers, poison, pauses, replays and crashes that lose what was
// not synced: the last state of each document is handled or set aside, and no document's
// states come out of order.
func TestFollowerModel(t *testing.T) {
	s := *followerSeed
	if s == 0 {
		s = rand.Uint64()
	}
	t.Logf("follower-seed=%d", s)
	w := &world{
		t: t, rand: rand.New(rand.NewPCG(s, 0)), written: map[string]int{}, revs: map[string]string{},
		handled: map[string]int{}, busy: map[string]bool{}, poison: map[string]int{}, unkind: 10,
	}
	fs := vfs.NewCrashableMem()
	client, stop := opened(t, fs)
	require.NoError(t, client.CreateDB(t.Context(), "db"))
	stop()
	for range *followerRounds {
		fs = w.life(fs)
	}

	client, stop = opened(t, fs)
	defer stop()
	w.unkind, w.crashed = 0, false
	f := replicate.NewFollower(client.DB("db"), w.options())
	follow(t, f)
	soon(t, func() bool { return f.Status().State == replicate.Following && f.Lag().Changes == 0 })
	w.settled(f)
	f.Replay("")
	soon(t, func() bool { return f.Status().State == replicate.Following && f.Lag().Changes == 0 })
	clear(w.poison)
	f.Retry()
	soon(t, func() bool { return len(f.Poison()) == 0 })
	w.settled(f)
}

func (w *world) options() replicate.FollowerOptions {
	return replicate.FollowerOptions{
		Name: "x", Handle: w.handle, IncludeDocs: true, Workers: 1 + w.roll(4), MaxPending: 1 + w.roll(20), Retries: 1 + w.roll(3),
		CheckpointInterval: time.Millisecond * time.Duration(1+w.roll(30)),
	}
}

// settled is that of each document the last state was handled or is set aside.
func (w *world) settled(f *replicate.Follower) {
	w.t.Helper()
	aside := map[string]bool{}
	for _, a := range f.Poison() {
		aside[a.ID] = true
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	require.NotEmpty(w.t, w.written)
	for id, n := range w.written {
		if !aside[id] {
			require.GreaterOrEqual(w.t, w.handled[id], n, "document %s", id)
		}
	}
}

// life is from an opening to a crash; what remains is what the next life finds.
func (w *world) life(fs *vfs.MemFS) *vfs.MemFS {
	client, stop := opened(w.t, fs)
	defer stop()
	db, f := client.DB("db"), replicate.NewFollower(client.DB("db"), w.options())
	ctx, cancel := context.WithCancel(w.t.Context())
	w.crashed = false
	var running sync.WaitGroup
	running.Go(func() { _ = f.Run(ctx) })
	running.Go(func() { w.write(ctx, db) })
	for range w.roll(4) {
		time.Sleep(time.Duration(w.roll(30)) * time.Millisecond)
		[]func(){f.Pause, f.Resume, func() { f.Replay("") }, func() { f.Retry() }, func() { f.Replay(f.Status().Checkpoint) }}[w.roll(5)]()
	}
	f.Resume()
	time.Sleep(time.Duration(w.roll(100)) * time.Millisecond)
	w.mu.Lock()
	remains := fs.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: w.rand.IntN(101), RNG: rand.New(rand.NewPCG(w.rand.Uint64(), 1))})
	w.crashed = true
	w.mu.Unlock()
	cancel()
	running.Wait()
	return remains
}
