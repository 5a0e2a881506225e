package couch

import (
	"context"
	"sync"
)

// gate counts the operations that run, so that Close can wait for them.
type gate struct {
	mu     sync.Mutex // guards the rest
	inside int
	shut   bool
	empty  chan struct{} // closed when shut and nobody is inside
}

func (g *gate) enter() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.shut {
		return ErrClosed
	}
	g.inside++
	return nil
}

func (g *gate) leave() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.inside--; g.inside == 0 && g.shut {
		close(g.empty)
	}
}

func (g *gate) isShut() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.shut
}

// close lets nobody in any more; the first caller is told so. The channel is
// closed when the last operation has left.
func (g *gate) close() (first bool, empty <-chan struct{}) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.shut {
		return false, g.empty
	}
	g.shut, g.empty = true, make(chan struct{})
	if g.inside == 0 {
		close(g.empty)
	}
	return true, g.empty
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
