package views

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"settee/couch"
)

// index is the index of one signature in one database.
type index struct {
	engine *Engine
	db     *couch.DB
	design *design
	*functions
	space       *couch.Space
	partitioned bool

	waiting atomic.Int64 // readers, for the running build

	mu      sync.Mutex
	seq     couch.Seq // the sequence reached, as far as this process knows; guarded by mu
	running *run      // the build under way, or nil; guarded by mu
	retired bool      // Cleanup has taken it: no build starts any more; guarded by mu
}

// run is one build; err is set before done is closed.
type run struct {
	done    chan struct{}
	err     error
	started time.Time

	mapped, total atomic.Int64 // changes, for Builds

	wanted atomic.Bool // somebody waits for it
	alone  sync.Mutex  // held for each piece of work while nobody does
	seen   couch.Seq   // of the database, after the last piece; guarded by alone
}

// refresh returns when the index has reached everything written before the call.
func (x *index) refresh(ctx context.Context) error {
	target, err := x.db.UpdateSeq()
	if err != nil {
		return err
	}
	x.waiting.Add(1)
	defer x.waiting.Add(-1)
	for {
		x.mu.Lock()
		if x.seq >= target {
			x.mu.Unlock()
			return nil
		}
		r, err := x.start(true)
		x.mu.Unlock()
		if err != nil {
			return err
		}
		select {
		case <-r.done:
		case <-ctx.Done():
			return ctx.Err()
		}
		if r.err != nil {
			return r.err
		}
	}
}

// start joins the build under way or starts one; x.mu is held. The build
// belongs to the engine: who asked for it may go away. Wanted: somebody will wait.
func (x *index) start(wanted bool) (*run, error) {
	if x.retired {
		return nil, couch.ErrMissing
	}
	if x.running != nil {
		if wanted {
			x.running.wanted.Store(true)
		}
		return x.running, nil
	}
	e := x.engine
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closed {
		return nil, couch.ErrClosed
	}
	r := &run{done: make(chan struct{}), started: time.Now()}
	r.wanted.Store(wanted)
	x.running = r
	e.builds.Add(1)
	go func() {
		defer e.builds.Done()
		b := builder{index: x, ctx: e.ctx, run: r}
		seq, err := b.build()
		if err != nil && e.ctx.Err() != nil {
			err = couch.ErrClosed
		}
		x.mu.Lock()
		if err == nil {
			x.seq = max(x.seq, seq)
		}
		r.err = err
		x.running = nil
		x.mu.Unlock()
		close(r.done)
	}()
	return r, nil
}

// retire waits for the build under way and lets no other start.
func (x *index) retire() {
	x.mu.Lock()
	x.retired = true
	r := x.running
	x.mu.Unlock()
	if r != nil {
		<-r.done
	}
}

// lazily starts a build that nobody waits for.
func (x *index) lazily() {
	x.mu.Lock()
	defer x.mu.Unlock()
	_, _ = x.start(true) // it fails only when the engine closes
}
