package couch

import (
	"context"
	"sync"
)

// watermark is the newest durable sequence of a database.
type watermark struct {
	mu   sync.Mutex // guards the rest
	seq  Seq
	err  error         // why there will be no later one
	bell chan struct{} // closed at the next change; nil when nobody listens

	audience
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
		ring(&w.bell)
		if w.listeners > 0 {
			w.announce()
		}
	}
}

func (w *watermark) fail(err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.err == nil {
		w.err = err
		ring(&w.bell)
		ring(&w.news)
	}
}

// ring wakes those who wait for a channel.
func ring(bell *chan struct{}) {
	if *bell != nil {
		close(*bell)
		*bell = nil
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
