package driver

import (
	"context"
	"encoding/json"
	"io"
	"sync"
	"time"

	kdriver "github.com/go-kivik/kivik/v4/driver"

	"settee/couch"
	"settee/views"
)

// feedKind is what happens when a feed has shown all there is.
type feedKind int

const (
	ends  feedKind = iota // normal
	waits                 // longpoll: waits once, if there was nothing
	lives                 // continuous: waits again and again
)

var feedKinds = map[string]feedKind{"": ends, "normal": ends, "longpoll": waits, "continuous": lives, "live": lives}

func (d *db) Changes(ctx context.Context, o kdriver.Options) (kdriver.Changes, error) {
	c, p, err := d.open(o)
	if err != nil {
		return nil, err
	}
	kind, ok := feedKinds[p.Feed]
	switch {
	case p.Feed == "eventsource":
		return nil, badRequest("The feed eventsource is for browsers; use continuous.")
	case !ok:
		return nil, badRequest("Supported `feed` types: normal, continuous, live, longpoll, eventsource")
	case p.Descending:
		kind = ends // there is nothing to wait for before the beginning
	}
	filter, err := d.filter(ctx, c, p, o)
	if err != nil {
		return nil, err
	}
	f := &feed{db: c, kind: kind, filter: filter, timeout: p.Timeout, limit: p.Limit, interval: p.Interval, given: p.Limit}
	if f.given < 0 {
		f.given = endless
	}
	f.o = couch.ChangesOptions{Descending: p.Descending, AllLeaves: p.AllLeaves, IncludeDocs: p.IncludeDocs, Get: p.rowGet()}
	if held := p.held; held != nil {
		f.o.Held = func(id couch.DocID, rev couch.Rev) bool { return held(string(id), rev.String()) }
	}
	f.raw = p.raw
	if f.o.Since, err = c.ParseSeq(orZero(p.Since)); err != nil {
		return nil, err
	}
	f.ctx, f.cancel = context.WithCancel(ctx)
	if err := f.snapshot(); err != nil {
		f.cancel()
		return nil, err
	}
	return f, nil
}

// endless is CouchDB's limit where none is given.
const endless = 1_000_000_000_000_000

func orZero(s string) string {
	if s == "" {
		return "0"
	}
	return s
}

// feed iterates over changes, snapshot after snapshot.
type feed struct {
	db       *couch.DB
	o        couch.ChangesOptions // Since moves on with each snapshot
	kind     feedKind
	filter   *views.Filter    // nil: all rows
	timeout  time.Duration    // 0: none
	interval int              // 0: each row tells its sequence
	given    int              // the limit at the beginning
	raw      *json.RawMessage // see options.Raw
	ctx      context.Context
	cancel   context.CancelFunc // Close interrupts a waiting Next with it

	mu      sync.Mutex     // held by Next all through; guards what follows
	cur     *couch.Changes // nil once it was read to its end, or let go
	letGo   bool           // the rest is read from a newer snapshot
	timer   *time.Timer    // lets cur go
	limit   int            // rows still wanted; < 0: all
	shown   int            // rows returned
	last    couch.Seq
	pending int64
}

// snapshot opens what follows Since.
func (f *feed) snapshot() (err error) {
	o := f.o
	if o.Limit = f.limit; f.filter != nil {
		f.filter.Narrow(&o)
		o.IncludeDocs = false // of rows that pass only
	}
	if f.cur, err = f.db.Changes(f.ctx, o); err != nil || f.o.Descending {
		return err
	}
	if f.timer == nil {
		f.timer = time.AfterFunc(longestHold, f.release)
	} else {
		f.timer.Reset(longestHold)
	}
	return nil
}

// longestHold is how long a feed keeps a snapshot. While one is kept nothing can
// be compacted that is newer, so a reader who takes his time gets another.
const longestHold = time.Minute

// release lets the snapshot go in the middle of it. What was overwritten
// meanwhile comes later in the feed, so nothing is missed.
func (f *feed) release() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.cur == nil || f.cur.Err() != nil {
		return
	}
	f.o.Since = f.cur.LastSeq()
	_ = f.cur.Close()
	f.cur, f.letGo = nil, true
}

func (f *feed) Next(change *kdriver.Change) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	for {
		if err := f.ctx.Err(); err != nil {
			return err
		}
		if f.letGo {
			f.letGo = false
			if err := f.snapshot(); err != nil {
				return err
			}
		}
		if f.cur == nil {
			return io.EOF
		}
		if f.limit != 0 && f.cur.Next() {
			passes, err := f.passes()
			if err != nil {
				return err
			}
			if passes {
				f.limit = max(f.limit-1, -1)
				f.shown++
				f.fill(change, f.cur.Change())
				return nil
			}
			continue
		}
		if err := f.advance(); err != nil {
			return err
		}
	}
}

// passes asks the filter about a row, and reads the document of one that passes.
func (f *feed) passes() (bool, error) {
	if f.filter == nil {
		return true, nil
	}
	row := f.cur.Change()
	winner := row.Revs[0] // the filter may drop it
	passes, err := f.filter.Passes(f.cur)
	if passes && f.o.IncludeDocs {
		row.Doc, err = f.cur.Document(winner, f.o.Get)
	}
	return passes, err
}

func (f *feed) fill(change *kdriver.Change, c *couch.Change) {
	change.ID, change.Seq, change.Deleted = string(c.ID), "", c.Deleted
	if f.interval == 0 || (f.given-f.shown+1)%f.interval == 0 { // as CouchDB counts
		change.Seq = f.db.FormatSeq(c.Seq)
	}
	change.Changes = change.Changes[:0]
	for _, r := range c.Revs {
		change.Changes = append(change.Changes, r.String())
	}
	switch {
	case f.raw != nil:
		if *f.raw, change.Doc = nil, append(change.Doc[:0], null...); c.Doc != nil {
			*f.raw = f.filter.Project(render(c.Doc))
		}
	case c.Doc != nil:
		change.Doc = f.filter.Project(c.Doc.AppendJSON(change.Doc[:0]))
	}
}

// advance is called at the end of a snapshot: it opens the next one when there
// is something in it, or ends the feed (io.EOF).
func (f *feed) advance() error {
	if err := f.cur.Err(); err != nil {
		return err
	}
	f.last, f.pending = f.cur.LastSeq(), f.cur.Pending()
	err := f.close()
	switch {
	case err != nil:
		return err
	case f.kind == ends, f.kind == waits && f.shown > 0, f.limit == 0:
		return io.EOF
	}
	f.o.Since = f.last
	if err := f.wait(); err != nil {
		return err
	}
	return f.snapshot()
}

func (f *feed) wait() error {
	ctx := f.ctx
	if f.timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, f.timeout)
		defer cancel()
	}
	err := f.db.WaitSeq(ctx, f.o.Since)
	if err != nil && ctx.Err() != nil && f.ctx.Err() == nil {
		return io.EOF // the feed's own timeout is its regular end
	}
	return err
}

// Close ends the feed, also one that waits in Next.
func (f *feed) Close() error {
	f.cancel()
	f.mu.Lock()
	defer f.mu.Unlock()
	f.letGo = false
	return f.close()
}

// close closes the snapshot; f.mu is held.
func (f *feed) close() error {
	if f.timer != nil {
		f.timer.Stop()
	}
	if f.cur == nil {
		return nil
	}
	cur := f.cur
	f.cur = nil
	return cur.Close()
}

func (f *feed) LastSeq() string { return f.db.FormatSeq(f.last) }
func (f *feed) Pending() int64  { return f.pending }
func (*feed) ETag() string      { return "" }
