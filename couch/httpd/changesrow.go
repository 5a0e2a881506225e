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
	dst := f.out.buf
	switch {
	case f.p.Feed == eventsource:
		dst = append(dst, "data: "...)
	case f.object() && f.sent > 0:
		dst = append(dst, ",\r\n"...)
	}
	f.sent++
	if f.updates {
		dst = f.appendUpdate(dst, ch)
	} else {
		dst = f.appendChange(dst, ch)
	}
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
	if !f.tells() {
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

// appendSeq appends a sequence's text in quotes.
func (f *feed) appendSeq(dst []byte, s couch.Seq) []byte {
	dst = strconv.AppendUint(append(dst, '"'), uint64(s), 10)
	return append(append(dst, f.tail...), '"')
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
