package couch

import (
	"context"
	"sync"
	"sync/atomic"
)

// gate counts the operations that run, so that Close can wait for them.
type gate struct {
	state atomic.Int64 // how many are inside, and shut added once closed
	once  sync.Once
	empty chan struct{} // closed when shut and nobody is inside
}

// shut is more than can ever be inside.
const shut = 1 << 62

func newGate() *gate { return &gate{empty: make(chan struct{})} }

func (g *gate) enter() error {
	if g.state.Add(1) > shut {
		g.leave()
		return ErrClosed
	}
	return nil
}

func (g *gate) leave() {
	if g.state.Add(-1) == shut {
		g.once.Do(func() { close(g.empty) })
	}
}

func (g *gate) isShut() bool { return g.state.Load() >= shut }

// close lets nobody in any more; the first caller is told so. The channel is
// closed when the last operation has left.
func (g *gate) close() (first bool, empty <-chan struct{}) {
	for {
		inside := g.state.Load()
		if inside >= shut {
			return false, g.empty
		}
		if g.state.CompareAndSwap(inside, inside+shut) {
			if inside == 0 {
				g.once.Do(func() { close(g.empty) })
			}
			return true, g.empty
		}
	}
}

// watermark is the newest durable sequence of a database.
type watermark struct {
	mu   sync.Mutex // guards the rest
	seq  Seq
	err  error         // why there will be no later one
	bell chan struct{} // closed at the next change; nil when nobody listens
}

func (w *watermark) now() Seq {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.seq
}

func (w *watermark) raise(s Seq) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if s > w.seq {
		w.seq = s
		w.ring()
	}
}

func (w *watermark) fail(err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.err == nil {
		w.err = err
		w.ring()
	}
}

func (w *watermark) ring() {
	if w.bell != nil {
		close(w.bell)
		w.bell = nil
	}
}

// wait returns when the mark is at least s.
func (w *watermark) wait(ctx context.Context, s Seq) error {
	for {
		w.mu.Lock()
		if w.err != nil || w.seq >= s {
			defer w.mu.Unlock()
			return w.err
		}
		if w.bell == nil {
			w.bell = make(chan struct{})
		}
		bell := w.bell
		w.mu.Unlock()
		select {
		case <-bell:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
