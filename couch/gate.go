package couch

import (
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
