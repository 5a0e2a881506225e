package replicate

import "time"

// entry is a change that was read, or the end of a poll.
type entry struct {
	change Change
	seq    string    // the place once it and all before it are done; "" moves nothing
	at     time.Time // of a poll's end: all changes before are in front of it
	mark   bool      // it is an end, and no change
	done   bool

	prev, next *entry
}

// entryBytes is about what an entry costs beside its document.
const entryBytes = 500

func (e *entry) size() int64 { return entryBytes + int64(len(e.change.Doc)) }

// order is what was read, in its order, as far as it is needed to know the place: of those that
// are done one after the other only the last is kept, so that one change which takes
// long, or is tried again and again, does not make it grow with all that was handled after it.
type order struct{ root entry } // a ring

func (o *order) reset() { o.root.prev, o.root.next = &o.root, &o.root }

func (o *order) add(e *entry) {
	e.prev, e.next = o.root.prev, &o.root
	e.prev.next, e.next.prev = e, e
}

// finish notes that an entry is done with. It returns the last of those that
// are done without a gap from the beginning, if that is news; or nil.
func (o *order) finish(e *entry) *entry {
	e.done = true
	if e.prev.done {
		e.swallow(e.prev)
	}
	if e.next.done {
		e.next.swallow(e)
		e = e.next
	}
	if e.prev != &o.root {
		return nil
	}
	e.remove()
	return e
}

// swallow removes the entry before e, and says what it said.
func (e *entry) swallow(before *entry) {
	if e.seq == "" {
		e.seq = before.seq
	}
	if e.at.IsZero() {
		e.at = before.at
	}
	e.mark = e.mark && before.mark
	before.remove()
}

func (e *entry) remove() { e.prev.next, e.next.prev = e.next, e.prev }

// mark notes the end of a poll; f.mu is held.
func (p *pass) mark(seq string, at time.Time) {
	e := &entry{seq: seq, at: at, mark: true}
	p.order.add(e)
	p.settle(e)
}

// settle notes that an entry is done with, and moves the place past all that
// is done without a gap; f.mu is held.
func (p *pass) settle(e *entry) {
	if !e.mark {
		p.count--
		p.bytes -= e.size()
		e.change = Change{ID: e.change.ID}
		p.room.Signal()
	}
	last := p.order.finish(e)
	if last == nil {
		return
	}
	if last.seq != "" {
		p.handled, p.f.status.Seq = last.seq, last.seq
	}
	if !last.at.IsZero() {
		p.caughtUp, p.f.status.CaughtUp = last.at, last.at
		p.tell()
	}
	if !last.mark {
		p.f.moved()
	}
}
