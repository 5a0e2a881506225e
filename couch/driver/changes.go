package driver

import (
	"context"
	"io"
	"slices"
	"sync"
	"time"

	kdriver "github.com/go-kivik/kivik/v4/driver"

	"settee/couch"
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
	if !ok {
		return nil, badRequest("Supported `feed` types: normal, continuous, live, longpoll, eventsource")
	}
	if p.Descending {
		kind = ends // there is nothing to wait for before the beginning
	}
	keep, err := p.keep()
	if err != nil {
		return nil, err
	}
	f := &feed{db: c, kind: kind, keep: keep, timeout: p.Timeout, limit: p.Limit}
	f.o = couch.ChangesOptions{Descending: p.Descending, AllLeaves: p.AllLeaves, IncludeDocs: p.IncludeDocs, Get: p.rowGet()}
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

func orZero(s string) string {
	if s == "" {
		return "0"
	}
	return s
}

// keep is the filter; nil keeps all.
func (o *options) keep() (func(*couch.Change) bool, error) {
	switch {
	case o.Filter == "_design":
		return func(c *couch.Change) bool { return c.ID.IsDesign() }, nil
	case o.Filter == "_doc_ids" || o.Filter == "" && o.DocIDs != nil:
		if o.DocIDs == nil {
			return nil, badRequest("`doc_ids` filter parameter is not a list of doc ids.")
		}
		return func(c *couch.Change) bool { return slices.Contains(o.DocIDs, string(c.ID)) }, nil
	case o.Filter == "":
		return nil, nil
	default:
		return nil, &couch.Error{Kind: couch.NotImplemented, Reason: "The filter " + o.Filter + " is not supported here."}
	}
}

// feed iterates over changes, snapshot after snapshot.
type feed struct {
	db      *couch.DB
	o       couch.ChangesOptions // Since moves on with each snapshot
	kind    feedKind
	keep    func(*couch.Change) bool
	timeout time.Duration // 0: none
	ctx     context.Context
	cancel  context.CancelFunc // Close interrupts a waiting Next with it

	mu      sync.Mutex     // held by Next all through; guards what follows
	cur     *couch.Changes // nil once it was read to its end
	limit   int            // rows still wanted; < 0: all
	shown   bool           // a row was returned
	last    couch.Seq
	pending int64
}

// snapshot opens what follows Since.
func (f *feed) snapshot() (err error) {
	// The engine counts rows itself unless a filter drops some of them.
	if f.o.Limit = -1; f.keep == nil {
		f.o.Limit = f.limit
	}
	f.cur, err = f.db.Changes(f.ctx, f.o)
	return err
}

func (f *feed) Next(change *kdriver.Change) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	for {
		if err := f.ctx.Err(); err != nil {
			return err
		}
		if f.cur == nil {
			return io.EOF
		}
		if f.limit != 0 && f.cur.Next() {
			if c := f.cur.Change(); f.keep == nil || f.keep(c) {
				f.limit = max(f.limit-1, -1)
				f.shown = true
				f.fill(change, c)
				return nil
			}
			continue
		}
		if err := f.advance(); err != nil {
			return err
		}
	}
}

func (f *feed) fill(change *kdriver.Change, c *couch.Change) {
	change.ID, change.Seq, change.Deleted = string(c.ID), f.db.FormatSeq(c.Seq), c.Deleted
	change.Changes = change.Changes[:0]
	for _, r := range c.Revs {
		change.Changes = append(change.Changes, r.String())
	}
	if c.Doc != nil {
		change.Doc = c.Doc.AppendJSON(change.Doc[:0])
	}
}

// advance is called at the end of a snapshot: it opens the next one when there
// is something in it, or ends the feed (io.EOF).
func (f *feed) advance() error {
	if err := f.cur.Err(); err != nil {
		return err
	}
	f.last, f.pending = f.cur.LastSeq(), f.cur.Pending()
	err := f.cur.Close()
	f.cur = nil
	switch {
	case err != nil:
		return err
	case f.kind == ends, f.kind == waits && f.shown, f.limit == 0:
		return io.EOF
	}
	// Without a row LastSeq says where the feed stands, which is never before Since.
	f.o.Since = max(f.o.Since, f.last)
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
