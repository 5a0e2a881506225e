package httpd

import (
	"errors"
	"hash/fnv"
	"strconv"
	"strings"
	"time"

	"settee/couch"
)

// changes is GET and POST /{db}/_changes.
func (c *call) changes() error {
	p, err := c.changesParams()
	if err != nil {
		return err
	}
	if p.Feed == normal {
		if unchanged, err := c.changesTag(); unchanged || err != nil {
			return err
		}
	}
	f := &feed{c: c, p: p, out: c.stream(), rowForm: rowForm{feed: p.Feed, tail: strings.TrimPrefix(c.db.FormatSeq(0), "0")}}
	defer f.out.release()
	return f.run()
}

// changesTag is the ETag of the normal feed: the question, of which the body of a
// POST is a part, and where the database stands.
func (c *call) changesTag() (unchanged bool, err error) {
	seq, err := c.db.UpdateSeq()
	if err != nil {
		return false, err
	}
	h := fnv.New64a()
	_, _ = h.Write([]byte(c.db.FormatSeq(seq) + "?" + c.r.URL.RawQuery + "\n"))
	_, _ = h.Write(c.in)
	return c.etag(`"` + strconv.FormatUint(h.Sum64(), 36) + `"`), nil
}

// A feed is one answer of _changes while it is written.
type feed struct {
	c   *call
	p   changesParams
	out *stream

	rowForm

	sent    int // rows
	last    couch.Seq
	pending int64
	ended   bool // the limit is reached, the database or the server goes

	listener *couch.Listener // of a feed that waits
	shared   *tail           // the same's, where it reads with others
	timer    *time.Timer     // the same's: the next beat, or the time-out
	beaten   time.Time       // when the client last heard of us
	looked   int             // at rows that did not pass, since then
}

// waits reports whether the feed goes on after the rows that there are.
// Descending it does not: before the first row there is nothing to wait for.
func (f *feed) waits() bool { return f.p.Feed != normal && !f.p.Rows.Descending }

func (f *feed) run() error {
	f.last = f.p.Rows.Since
	if f.p.Feed == eventsource {
		f.c.w.Header().Set("Cache-Control", "no-cache")
		f.out.start("text/event-stream")
	} else {
		f.out.start("application/json")
	}
	if f.c.head() {
		return nil
	}
	if f.waits() {
		f.listener = f.c.db.Listen()
		defer f.listener.Close()
	}
	if f.shared = f.c.s.tails.join(f); f.shared != nil {
		defer f.c.s.tails.leave(f.shared)
	}
	if f.object() {
		f.out.buf = append(f.out.buf, "{\"results\":[\n"...)
	}
	f.beaten = time.Now()
	for {
		if !f.turn() {
			if err := f.rows(); err != nil {
				return f.out.fail(err)
			}
		}
		if f.out.err != nil {
			return f.out.finish()
		}
		if f.ended || !f.waits() || (f.p.Feed == longpoll && f.sent > 0) {
			break
		}
		if f.flush() != nil {
			return nil
		}
		if more, err := f.wait(); err != nil {
			return f.out.fail(err)
		} else if !more {
			break
		}
	}
	return f.finish()
}

// turn writes the next page of the tail; false where the feed reads for itself:
// at first, when much may be to read, and when there is no page.
func (f *feed) turn() bool {
	if f.shared == nil || f.timer == nil {
		return false
	}
	p := f.shared.after(f.c.s.ctx, f.last)
	if p.err != nil {
		return false
	}
	if f.last = p.to; len(p.text) > 0 {
		f.beaten = time.Now()
		_ = f.out.pass(p.text)
	}
	return true
}

// rows writes what stands in the feed after the last sequence.
func (f *feed) rows() error {
	for more := true; more; {
		var err error
		if more, err = f.read(); err != nil {
			return err
		}
	}
	f.ended = f.ended || f.full()
	return nil
}

// read writes the rows of one snapshot. One that is held for too long it lets go;
// then there are more rows in a newer one.
func (f *feed) read() (more bool, err error) {
	it, err := f.c.db.Changes(f.c.ctx(), f.following())
	if f.out.wrote && (errors.Is(err, couch.ErrNoDatabase) || errors.Is(err, couch.ErrClosed)) {
		f.ended = true
		return false, nil
	}
	if err != nil {
		return false, err
	}
	defer it.Close()
	opened := time.Now()
	for !more && !f.full() && it.Next() {
		more = f.tired(opened)
		passes, err := f.passes(it)
		if err != nil {
			return false, err
		}
		if passes {
			f.row(it.Change())
			err = f.out.spill()
		} else {
			err = f.pulse()
		}
		if err != nil {
			return false, nil
		}
	}
	if f.last = it.LastSeq(); more {
		return true, it.Err()
	}
	if f.pending = 0; f.full() {
		f.pending = it.Pending()
	}
	return false, it.Err()
}

// following are the options of the next snapshot.
func (f *feed) following() couch.ChangesOptions {
	o := f.p.Rows
	o.Since = f.last
	if o.Limit >= 0 {
		o.Limit -= f.sent
	}
	if f.p.Filter != nil {
		f.p.Filter.Narrow(&o)
		o.IncludeDocs = false // of rows that pass only
	}
	return o
}

// full reports whether the limit is reached.
func (f *feed) full() bool { return f.p.Rows.Limit >= 0 && f.sent >= f.p.Rows.Limit }
