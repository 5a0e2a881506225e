package replicate

import (
	"context"
	"errors"
	"sync"
	"time"
)

// pass is one reading of the feed: from where begin found the place until it is lost,
// somebody wants to read elsewhere, or Run ends. What it read and did not handle ends with it.
type pass struct {
	f *Follower

	// The reader alone uses these.
	since  string    // what was read
	proof  time.Time // when the feed last proved that it brought all changes
	heeded time.Time
	limit  int  // rows of the next poll
	live   bool // all was read: polls wait
	proven bool
	counts bool // the server's sequences are a number and what is the same in all of one feed

	news chan struct{} // holds a token when keep has to look

	// Follower.mu guards what follows.
	end      context.CancelCauseFunc
	nudge    context.CancelCauseFunc // interrupts the poll under way
	work     sync.Cond               // workers: something is ready, or the pass ends
	room     sync.Cond               // reader: something was handled, or the pass ends
	ended    bool
	lanes    map[string]*lane
	ready    []*lane
	order    order
	count    int       // changes that were read and not handled
	bytes    int64     // that they take
	pending  int64     // rows that the feed had after the last poll
	handled  string    // all up to here
	unsaved  bool      // changes were handled that the checkpoint does not know
	caughtUp time.Time // to be told
	timers   map[*lane]*time.Timer
}

func (f *Follower) newPass(heard time.Time, atEnd bool) *pass {
	p := &pass{
		f: f, since: f.place.seq, handled: f.place.seq, proof: heard, heeded: heard, limit: firstRows, live: atEnd,
		news: make(chan struct{}, 1), lanes: map[string]*lane{}, timers: map[*lane]*time.Timer{},
	}
	p.order.reset()
	p.work.L, p.room.L = &f.mu, &f.mu
	f.mu.Lock()
	defer f.mu.Unlock()
	if atEnd {
		p.mark(p.since, p.clock(heard))
	}
	return p
}

// clock is a time on the clock of Options.
func (p *pass) clock(t time.Time) time.Time { return p.f.o.Now().Add(-time.Since(t)) }

// run reads and hands out until it ends, and returns why.
func (p *pass) run(ctx context.Context) error {
	f := p.f
	within, end := context.WithCancelCause(ctx)
	defer end(nil)
	f.mu.Lock()
	f.pass, p.end, f.status.State, f.status.Seq = p, end, p.state(), p.handled
	if f.replay != nil {
		end(errReplay)
	}
	f.mu.Unlock()

	var running sync.WaitGroup
	for range f.o.Workers {
		running.Go(func() { p.worker(within) })
	}
	running.Go(func() { p.keep(within) })
	stop := context.AfterFunc(within, p.close)
	defer stop()
	err := p.read(within)
	end(err)
	p.close()
	running.Wait()

	f.mu.Lock()
	f.pass = nil
	f.mu.Unlock()
	f.place.seq, f.place.lost = p.handled, errors.Is(err, errPlaceLost)
	if f.place.lost || errors.Is(err, ErrFollowerTaken) {
		return err
	}
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastSave)
	defer cancel()
	return errors.Join(err, p.save(last))
}

// lastSave bounds how long Run's end waits for a checkpoint.
const lastSave = 5 * time.Second

// close lets workers and reader go.
func (p *pass) close() {
	p.f.mu.Lock()
	defer p.f.mu.Unlock()
	p.ended = true
	for _, t := range p.timers {
		t.Stop()
	}
	p.work.Broadcast()
	p.room.Broadcast()
}

// keep writes the checkpoint and tells of proofs.
func (p *pass) keep(ctx context.Context) {
	var due <-chan time.Time
	for {
		select {
		case <-ctx.Done():
			return
		case <-p.news:
			unsaved, caughtUp := p.takeNews()
			if !caughtUp.IsZero() {
				p.f.o.CaughtUp(caughtUp)
			}
			if unsaved && due == nil && p.f.o.Name != "" {
				due = time.After(p.f.o.CheckpointInterval)
			}
		case <-due:
			due = nil
			err := p.save(ctx)
			if errors.Is(err, ErrFollowerTaken) {
				p.end(err)
				return
			}
			if err != nil && ctx.Err() == nil {
				p.f.log.Warn("follower: the checkpoint was not written", "error", err)
				due = time.After(p.f.o.CheckpointInterval)
			}
		}
	}
}

func (p *pass) takeNews() (unsaved bool, caughtUp time.Time) {
	p.f.mu.Lock()
	defer p.f.mu.Unlock()
	caughtUp, p.caughtUp = p.caughtUp, time.Time{}
	return p.unsaved, caughtUp
}

// save writes the checkpoint, if there is something new to say.
func (p *pass) save(ctx context.Context) error {
	p.f.mu.Lock()
	unsaved, seq := p.unsaved, p.handled
	p.unsaved = false
	p.f.mu.Unlock()
	if !unsaved {
		return nil
	}
	err := p.f.save(ctx, seq)
	if err != nil {
		p.f.mu.Lock()
		p.unsaved = true
		p.f.mu.Unlock()
	}
	return err
}

// moved notes that there is something to save; f.mu is held.
func (f *Follower) moved() {
	if p := f.pass; p != nil && !p.unsaved {
		p.unsaved = true
		p.tell()
	}
}

// endPass ends the pass under way; f.mu is held.
func (f *Follower) endPass(why error) {
	if f.pass != nil {
		f.pass.end(why)
	}
}

// tell wakes keep.
func (p *pass) tell() {
	select {
	case p.news <- struct{}{}:
	default:
	}
}
