package replicate

import (
	"context"
	"fmt"
	"runtime/debug"
	"time"
)

// lane is a document whose changes are handled one after the other. It is there while one
// of them is handled or waits.
type lane struct {
	next     *entry // waits; a later change of the document takes its place
	busy     bool   // one is being handled
	failures int    // of Handle, one after the other
}

// queue waits for room and puts a change in; false when the pass ends.
func (p *pass) queue(e *entry) bool {
	f := p.f
	f.mu.Lock()
	defer f.mu.Unlock()
	for !p.ended && p.count > 0 && (p.count >= f.o.MaxPending || p.bytes+e.size() > f.o.MaxBytes) {
		p.room.Wait()
	}
	if p.ended {
		return false
	}
	f.status.Read++
	p.pending--
	p.order.add(e)
	p.count++
	p.bytes += e.size()
	l := p.lanes[e.change.ID]
	switch {
	case l == nil:
		l = &lane{next: e}
		p.lanes[e.change.ID] = l
		p.offer(l)
	case l.next != nil: // what it says is outdated
		p.settle(l.next)
		l.next = e
	default:
		l.next = e
	}
	return true
}

// offer makes a lane ready for a worker; f.mu is held.
func (p *pass) offer(l *lane) {
	p.ready = append(p.ready, l)
	p.work.Signal()
}

// worker handles changes until the pass ends.
func (p *pass) worker(ctx context.Context) {
	f := p.f
	f.mu.Lock()
	defer f.mu.Unlock()
	for {
		for !p.ended && (len(p.ready) == 0 || f.resume != nil) {
			p.work.Wait()
		}
		if p.ended {
			return
		}
		l := p.ready[0]
		p.ready[0] = nil
		p.ready = p.ready[1:]
		e := l.next
		l.next, l.busy = nil, true
		f.mu.Unlock()
		err := f.handle(ctx, e.change)
		f.mu.Lock()
		if p.ended && err != nil {
			return // it may be the end that made it fail
		}
		p.handledOne(l, e, err)
	}
}

// handle calls Handle. A panic in it must not take the server along, again after each start.
func (f *Follower) handle(ctx context.Context, c Change) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v", p)
			f.log.Error("follower: a handler panicked", "document", c.ID, "panic", p, "stack", string(debug.Stack()))
		}
	}()
	return f.o.Handle(ctx, c)
}

// handledOne goes on with a lane; f.mu is held.
func (p *pass) handledOne(l *lane, e *entry, err error) {
	f := p.f
	l.busy = false
	if err == nil {
		f.status.Handled++
		f.cleared(e.change.ID)
		p.settle(e)
		l.failures = 0
		p.proceed(l, e.change.ID)
		return
	}
	f.status.Failures++
	f.noteError(fmt.Errorf("%s: %w", e.change.ID, err))
	l.failures++
	spent := f.o.Retries >= 0 && l.failures > f.o.Retries
	switch {
	case l.next != nil:
		p.settle(e) // the later change is tried instead
	case spent && f.putAside(e.change, err):
		f.log.Error("follower: a change was set aside", "document", e.change.ID, "error", err)
		p.settle(e)
		p.proceed(l, e.change.ID)
		return
	default:
		l.next = e
	}
	p.timers[l] = time.AfterFunc(retryPause(l.failures), func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		delete(p.timers, l)
		p.offer(l)
	})
}

// proceed offers a lane's next change, or removes the lane; f.mu is held.
func (p *pass) proceed(l *lane, id string) {
	if l.next == nil {
		delete(p.lanes, id)
		return
	}
	p.offer(l)
}

// retryPause is how long after the n-th failure a change is tried again.
func retryPause(n int) time.Duration {
	const longest = 10 * time.Second
	if n > 7 {
		return longest
	}
	return min(longest, 100*time.Millisecond<<(n-1))
}
