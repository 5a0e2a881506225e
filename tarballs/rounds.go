package tarballs

import "sync"

// rounds serves many callers together. While one round is served, those that
// come gather for the next, so an fsync is paid once by all who wait for it.
type rounds[T any] struct {
	serve func([]T) // never two at once

	mu      sync.Mutex
	next    *round[T] // who came since the running round began; nil: nobody
	running bool
}

type round[T any] struct {
	all  []T
	done chan struct{}
}

// join returns when a round that holds x, and began after the call, has ended.
func (r *rounds[T]) join(x T) {
	r.mu.Lock()
	if r.next == nil {
		r.next = &round[T]{done: make(chan struct{})}
	}
	mine := r.next
	mine.all = append(mine.all, x)
	lead := !r.running
	r.running = true
	r.mu.Unlock()
	if lead {
		r.lead()
	}
	<-mine.done
}

// lead serves the caller's own round, and leaves the rounds that gather
// meanwhile to a goroutine, so that no caller works for strangers.
func (r *rounds[T]) lead() {
	r.mu.Lock()
	mine := r.next
	r.next = nil
	r.mu.Unlock()
	r.serve(mine.all)
	close(mine.done)
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.running = r.next != nil; r.running {
		go r.lead()
	}
}
