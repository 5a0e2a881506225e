package httpd

import (
	"errors"
	"net/http"
	"strconv"

	"settee/couch"
	"settee/views"
)

// listFunction is GET and POST /{db}/_design/{ddoc}/_list/{function}/[{other}/]{view}.
// The view may be of another design document, or _all_docs.
func (c *call) listFunction() error {
	f, err := c.function(views.Lists)
	if err != nil {
		return err
	}
	raw, err := c.postObject()
	if err != nil {
		return err
	}
	o, err := c.listOptions(raw)
	if err != nil {
		return err
	}
	req, err := c.appendRequest(nil, asked{body: raw})
	if err != nil {
		return err
	}
	rows, err := c.listed(o)
	if err != nil {
		return err
	}
	defer rows.close()
	l := listing{c: c, rows: rows, out: c.stream()}
	defer l.out.release()
	err = f.List(rows.head(), req, views.List{Next: l.next, Start: l.start, Send: l.send})
	return l.finish(err)
}

// listed opens the rows that the path names.
func (c *call) listed(o *options) (*listedRows, error) {
	view, err := c.segment("view")
	if err != nil {
		return nil, err
	}
	if view == "_all_docs" {
		return c.listedDocs(o)
	}
	ddoc, err := c.segment("ddoc")
	if other, ok := c.vars["other"]; ok {
		ddoc, err = unescape(other)
	}
	if err != nil {
		return nil, err
	}
	p, err := o.view()
	if err != nil {
		return nil, err
	}
	inline(&p.Query.Get)
	rows, err := c.s.views.Query(c.ctx(), c.db, ddoc, view, p.Query)
	if err != nil {
		return nil, err
	}
	l := &listedRows{c: c, updateSeq: p.UpdateSeq, seq: rows.UpdateSeq, first: rows.Next(), next: rows.Next, err: rows.Err, close: rows.Close}
	if !rows.Reduced() {
		l.total, l.offset = strconv.FormatInt(rows.Total(), 10), strconv.FormatInt(rows.Offset(), 10)
	}
	l.row = func(out *stream, dst []byte) []byte { return out.viewRow(dst, rows.Row(), p) }
	return l, nil
}

// listedDocs are the rows of _all_docs.
func (c *call) listedDocs(o *options) (*listedRows, error) {
	p, err := o.list()
	if err != nil {
		return nil, err
	}
	inline(&p.Rows.Get)
	rows, err := c.rows(everyDoc, p)
	if err != nil {
		return nil, err
	}
	l := &listedRows{c: c, updateSeq: p.UpdateSeq, seq: rows.UpdateSeq, first: rows.Next(), next: rows.Next, err: rows.Err, close: rows.Close}
	if l.total, l.offset, err = c.figures(everyDoc, rows, p); err != nil {
		_ = rows.Close()
		return nil, err
	}
	at := p.Rows.Skip
	l.row = func(out *stream, dst []byte) []byte {
		at++
		if row := rows.Row(); !row.Missing {
			return out.docRow(dst, row, p)
		}
		return append(append(append(dst, `{"key":`...), p.key(at-1)...), `,"error":"not_found"}`...)
	}
	return l, nil
}

// inline has attachments' bytes in the rows themselves, for functions to see.
func inline(o *couch.GetOptions) { o.Attachments, o.Follows = o.Follows, false }

// listedRows are a view's rows or those of _all_docs, for a list function.
type listedRows struct {
	c             *call
	total, offset string // "": it has none
	updateSeq     bool
	seq           func() couch.Seq
	first         bool // the first row is there, and was not taken yet
	next          func() bool
	row           func(out *stream, dst []byte) []byte
	err           func() error
	close         func() error
}

// head is what stands before the rows of a view's answer.
func (l *listedRows) head() []byte {
	dst := []byte{'{'}
	if l.total != "" {
		dst = appendMember(dst, "total_rows", []byte(l.total))
	}
	if l.offset != "" {
		dst = appendMember(dst, "offset", []byte(l.offset))
	}
	if l.updateSeq {
		dst = appendMember(dst, "update_seq", appendString(nil, l.c.db.FormatSeq(l.seq())))
	}
	return append(dst, '}')
}

// A listing is the answer of a list function while it is made. A client that takes it
// slowly holds the rows' snapshot and an interpreter, and nothing that others wait for.
type listing struct {
	c     *call
	rows  *listedRows
	taken bool // the first row was
	out   *stream
	head  *response
}

func (l *listing) next() ([]byte, error) {
	more := l.rows.first
	if l.taken {
		more = l.rows.next()
	}
	l.taken = true
	if !more {
		return nil, l.rows.err()
	}
	scratch := &stream{c: l.c}
	row := l.rows.row(scratch, nil)
	return row, scratch.broken
}

func (l *listing) start(raw []byte) (err error) {
	if l.out.started {
		return nil // it began with other headers
	}
	l.head, err = parseResponse(raw)
	return err
}

func (l *listing) send(text string) error {
	l.begin()
	l.out.buf = append(l.out.buf, text...)
	return l.out.spill()
}

// begin fixes the headers.
func (l *listing) begin() {
	if l.out.started {
		return
	}
	l.out.started = true
	if l.head == nil {
		l.head = &response{contentType: "application/json", headers: http.Header{}}
	}
	l.c.setHeaders(l.head, true)
	if l.out.status = l.head.status; l.out.status == 0 {
		l.out.status = http.StatusOK
	}
}

// finish ends the answer. An error behind its beginning is told at its end, as CouchDB
// tells it.
func (l *listing) finish(err error) error {
	if err != nil && (!l.out.started || l.out.err != nil) {
		return l.out.fail(err)
	}
	l.begin()
	if err != nil {
		p := explain(err)
		var own *couch.Error
		if !errors.As(err, &own) {
			return l.out.fail(err)
		}
		l.out.buf = append(l.out.buf, "\n{\"code\":"...)
		l.out.buf = append(strconv.AppendInt(l.out.buf, int64(p.status), 10), ',')
		l.out.buf = append(l.out.buf, appendProblem(nil, p)[1:]...)
	}
	if len(l.out.buf) == 0 {
		l.out.head()
	}
	return l.out.send(func() error { return nil })
}
