package httpd

import (
	"errors"
	"strconv"

	"settee/couch"
)

// passes asks the filter about a row, and reads the document of one that passes.
func (f *feed) passes(it *couch.Changes) (bool, error) {
	if f.updates {
		_, ok := couch.ParseDBUpdate(it.Change().ID)
		return ok, nil
	}
	if f.p.Filter == nil {
		return true, nil
	}
	ch := it.Change()
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

// row appends one row in the feed's form.
func (f *feed) row(ch *couch.Change) {
	first := f.sent == 0
	f.sent++
	dst := f.change(f.open(f.out.buf, first), ch, f.tells())
	if f.p.Rows.IncludeDocs {
		if dst = append(dst, `,"doc":`...); ch.Doc == nil {
			dst = append(dst, "null"...)
		} else {
			dst = f.appendDoc(dst, ch.Doc)
		}
	}
	f.out.buf = f.close(dst, ch)
}

// rowForm is how rows are written.
type rowForm struct {
	feed    feedKind
	tail    string // of a sequence's text, after its number: the same for all of a database
	updates bool   // the rows are of _db_updates
}

// The feeds that are one JSON object are drawn alike.
func (r *rowForm) object() bool { return r.feed == normal || r.feed == longpoll }

// open appends what stands before a row.
func (r *rowForm) open(dst []byte, first bool) []byte {
	switch {
	case r.feed == eventsource:
		return append(dst, "data: "...)
	case r.object() && !first:
		return append(dst, ",\r\n"...)
	}
	return dst
}

// change appends a row up to its document.
func (r *rowForm) change(dst []byte, ch *couch.Change, tells bool) []byte {
	if r.updates {
		return r.appendUpdate(dst, ch)
	}
	dst = append(dst, `{"seq":`...)
	if tells {
		dst = r.appendSeq(dst, ch.Seq)
	} else {
		dst = append(dst, "null"...)
	}
	dst = append(dst, `,"id":`...)
	dst = appendString(dst, ch.ID)
	dst = append(dst, `,"changes":[`...)
	for i, rev := range ch.Revs {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(dst, `{"rev":`...)
		dst = append(appendQuotedRev(dst, rev), '}')
	}
	dst = append(dst, ']')
	if ch.Deleted {
		dst = append(dst, `,"deleted":true`...)
	}
	return dst
}

// close appends a row's end.
func (r *rowForm) close(dst []byte, ch *couch.Change) []byte {
	switch dst = append(dst, '}'); r.feed {
	case continuous:
		return append(dst, '\n')
	case eventsource:
		return append(r.appendSeq(append(dst, "\nid: "...), ch.Seq), "\n\n"...)
	}
	return dst
}

// appendSeq appends a sequence's text in quotes.
func (r *rowForm) appendSeq(dst []byte, s couch.Seq) []byte {
	dst = strconv.AppendUint(append(dst, '"'), uint64(s), 10)
	return append(append(dst, r.tail...), '"')
}

// appendDoc appends a row's document: what the filter keeps of it, or all, with
// its attachments read as they are written.
func (f *feed) appendDoc(dst []byte, d *couch.Document) []byte {
	if f.p.Filter.Projects() {
		return append(dst, f.p.Filter.Project(d.AppendJSON(nil))...)
	}
	return f.out.doc(dst, d)
}

// endless is CouchDB's limit where none is given.
const endless = 1_000_000_000_000_000

// tells reports whether the row tells its sequence. CouchDB counts seq_interval by
// the rows that the limit leaves, this one too.
func (f *feed) tells() bool {
	if f.p.Interval == 0 {
		return true
	}
	limit := f.p.Rows.Limit
	if limit < 0 {
		limit = endless
	}
	return (limit-f.sent+1)%f.p.Interval == 0
}

// finish writes last_seq and pending.
func (f *feed) finish() error {
	dst := f.out.buf
	switch {
	case f.p.Feed == eventsource:
		f.out.buf = append(dst, '\n')
		return f.out.finish()
	case f.object():
		dst = append(dst, "\n],\n\"last_seq\":"...)
	default:
		dst = append(dst, `{"last_seq":`...)
	}
	dst = f.appendSeq(dst, f.last)
	if !f.updates {
		dst = append(dst, `,"pending":`...)
		dst = strconv.AppendInt(dst, f.pending, 10)
	}
	dst = append(dst, "}\n\n"...)
	f.out.buf = dst
	return f.out.finish()
}
