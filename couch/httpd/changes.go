package httpd

import (
	"context"
	"errors"
	"hash/fnv"
	"net/http"
	"strconv"
	"strings"

	"settee/couch"
)

// changes is GET and POST /{db}/_changes.
func (c *call) changes() error {
	p, err := c.changesParams()
	if err != nil {
		return err
	}
	if p.Feed == normal && c.verb != http.MethodPost {
		if unchanged, err := c.changesTag(); unchanged || err != nil {
			return err
		}
	}
	f := &feed{c: c, p: p, out: c.stream(), tail: strings.TrimPrefix(c.db.FormatSeq(0), "0")}
	defer f.out.release()
	return f.run()
}

// changesTag is the ETag of the normal feed: the query and where the database stands.
func (c *call) changesTag() (unchanged bool, err error) {
	info, err := c.db.Info(c.ctx())
	if err != nil {
		return false, err
	}
	h := fnv.New64a()
	_, _ = h.Write([]byte(c.db.FormatSeq(info.UpdateSeq) + "?" + c.r.URL.RawQuery))
	return c.etag(`"` + strconv.FormatUint(h.Sum64(), 36) + `"`), nil
}

// A feed is one answer of _changes while it is written.
type feed struct {
	c   *call
	p   changesParams
	out *stream

	tail string // of a sequence's text, after its number: the same for all of a database

	sent    int // rows
	last    couch.Seq
	pending int64
	ended   bool // the limit is reached, the database or the server goes
}

// The feeds that are one JSON object are drawn alike.
func (f *feed) object() bool { return f.p.Feed == normal || f.p.Feed == longpoll }

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
	if f.object() {
		f.out.buf = append(f.out.buf, "{\"results\":[\n"...)
	}
	if f.p.Feed != normal && f.out.flush() != nil {
		return nil
	}
	for {
		if err := f.rows(); err != nil {
			return f.out.fail(err)
		}
		if f.out.err != nil {
			return f.out.finish()
		}
		if f.ended || f.p.Feed == normal || (f.p.Feed == longpoll && f.sent > 0) {
			break
		}
		if f.out.flush() != nil {
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

// rows writes what stands in the feed after the last sequence.
func (f *feed) rows() error {
	o := f.p.Rows
	o.Since = f.last
	if o.Limit >= 0 {
		o.Limit -= f.sent
	}
	if f.p.Filter != nil {
		f.p.Filter.Narrow(&o)
		o.IncludeDocs = false // of rows that pass only
	}
	it, err := f.c.db.Changes(f.c.ctx(), o)
	if errors.Is(err, couch.ErrNoDatabase) || errors.Is(err, couch.ErrClosed) {
		if f.out.wrote {
			f.ended = true
			return nil
		}
	}
	if err != nil {
		return err
	}
	defer it.Close()
	for !f.full() && it.Next() {
		ch := it.Change()
		f.last = ch.Seq
		if f.p.Filter != nil {
			passes, err := f.passes(it, ch)
			if err != nil {
				return err
			}
			if !passes {
				continue
			}
		}
		f.row(ch)
		if f.out.spill() != nil {
			return nil
		}
	}
	if err := it.Err(); err != nil {
		return err
	}
	f.last, f.pending = it.LastSeq(), it.Pending()
	f.ended = f.ended || f.full() || f.p.Rows.Descending
	return nil
}

// passes asks the filter about a row, and reads the document of one that passes.
func (f *feed) passes(it *couch.Changes, ch *couch.Change) (bool, error) {
	winner := ch.Revs[0] // the filter may drop it
	passes, err := f.p.Filter.Passes(it)
	if err != nil || !passes || !f.p.Rows.IncludeDocs {
		return passes, err
	}
	ch.Doc, err = it.Document(winner, f.p.Rows.Get)
	if errors.Is(err, couch.ErrMissing) {
		err = nil
	}
	return true, err
}

// full reports whether the limit is reached.
func (f *feed) full() bool { return f.p.Rows.Limit >= 0 && f.sent >= f.p.Rows.Limit }

// row appends one row in the feed's form.
func (f *feed) row(ch *couch.Change) {
	dst := f.out.buf
	switch {
	case f.p.Feed == eventsource:
		dst = append(dst, "data: "...)
	case f.object() && f.sent > 0:
		dst = append(dst, ",\r\n"...)
	}
	f.sent++
	dst = f.appendChange(dst, ch)
	switch f.p.Feed {
	case continuous:
		dst = append(dst, '\n')
	case eventsource:
		dst = append(dst, "\nid: "...)
		dst = append(f.appendSeq(dst, ch.Seq), "\n\n"...)
	}
	f.out.buf = dst
}

func (f *feed) appendChange(dst []byte, ch *couch.Change) []byte {
	dst = append(dst, `{"seq":`...)
	if f.p.Interval > 1 && f.sent%f.p.Interval != 0 && f.sent != f.p.Rows.Limit {
		dst = append(dst, "null"...)
	} else {
		dst = f.appendSeq(dst, ch.Seq)
	}
	dst = append(dst, `,"id":`...)
	dst = appendString(dst, ch.ID)
	dst = append(dst, `,"changes":[`...)
	for i, r := range ch.Revs {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(dst, `{"rev":`...)
		dst = append(appendQuotedRev(dst, r), '}')
	}
	dst = append(dst, ']')
	if ch.Deleted {
		dst = append(dst, `,"deleted":true`...)
	}
	if f.p.Rows.IncludeDocs {
		dst = append(dst, `,"doc":`...)
		if ch.Doc == nil {
			dst = append(dst, "null"...)
		} else {
			dst = f.appendDoc(dst, ch.Doc)
		}
	}
	return append(dst, '}')
}

// appendDoc appends a row's document: what the filter keeps of it, or all, with
// its attachments read as they are written.
func (f *feed) appendDoc(dst []byte, d *couch.Document) []byte {
	if f.p.Filter.Projects() {
		return append(dst, f.p.Filter.Project(d.AppendJSON(nil))...)
	}
	return f.out.doc(dst, d)
}

// appendSeq appends a sequence's text in quotes.
func (f *feed) appendSeq(dst []byte, s couch.Seq) []byte {
	dst = strconv.AppendUint(append(dst, '"'), uint64(s), 10)
	return append(append(dst, f.tail...), '"')
}

// wait returns true when there is more to read, false when the feed ends. It
// sends heartbeats in the meantime.
func (f *feed) wait() (more bool, err error) {
	patience := f.p.Timeout
	if f.p.Heartbeat > 0 {
		patience = f.p.Heartbeat
	}
	for {
		ctx, cancel := context.WithTimeout(f.c.ctx(), patience)
		stop := context.AfterFunc(f.c.s.ctx, cancel)
		err := f.c.db.WaitSeq(ctx, f.last)
		stop()
		cancel()
		switch {
		case err == nil:
			return true, nil
		case errors.Is(err, couch.ErrNoDatabase), errors.Is(err, couch.ErrClosed):
			return false, nil
		case f.c.ctx().Err() != nil, f.c.s.ctx.Err() != nil:
			return false, nil // the client or the server goes
		case !errors.Is(err, context.DeadlineExceeded):
			return false, err
		case f.p.Heartbeat == 0:
			return false, nil
		}
		if f.beat() != nil {
			return false, nil
		}
	}
}

// beat shows the client that the connection lives.
func (f *feed) beat() error {
	if f.p.Feed == eventsource {
		f.out.buf = append(f.out.buf, "event: heartbeat\ndata: \n\n"...)
	} else {
		f.out.buf = append(f.out.buf, '\n')
	}
	return f.out.flush()
}

// finish writes last_seq and pending.
func (f *feed) finish() error {
	dst := f.out.buf
	switch {
	case f.p.Feed == eventsource:
		return f.out.finish()
	case f.object():
		dst = append(dst, "\n],\n\"last_seq\":"...)
	default:
		dst = append(dst, `{"last_seq":`...)
	}
	dst = f.appendSeq(dst, f.last)
	dst = append(dst, `,"pending":`...)
	dst = strconv.AppendInt(dst, f.pending, 10)
	if f.object() {
		dst = append(dst, "}\n\n"...)
	} else {
		dst = append(dst, "}\n"...)
	}
	f.out.buf = dst
	return f.out.finish()
}
