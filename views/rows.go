package views

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"

	"settee/couch"
)

// Row is one row of an answer. Reduce rows have no ID. Error is set where the
// row's value could not be computed.
type Row struct {
	ID     couch.DocID
	Key    json.RawMessage // "null" for an ungrouped reduce
	Value  json.RawMessage
	Doc    *couch.Document // with IncludeDocs; nil: null
	Error  string
	Reason string
}

// Rows iterates an answer on a snapshot; read it to the end or Close it.
type Rows struct {
	ctx      context.Context
	index    *index
	query    Query
	view     int
	snapshot *couch.SpaceSnapshot
	reader   reader
	spans    []span
	reduced  bool

	state  state
	offset int64
	left   int  // rows still to return; negative: all
	inside bool // the current span has been entered
	row    Row
	err    error
}

// read opens the answer and stands before its first row.
func (x *index) read(ctx context.Context, view int, q Query, spans []span, reduced bool) (*Rows, error) {
	snapshot, err := x.space.Snapshot()
	if err != nil {
		return nil, err
	}
	r := &Rows{ctx: ctx, index: x, query: q, view: view, snapshot: snapshot, spans: spans, reduced: reduced, left: q.Limit}
	if err := r.open(); err != nil {
		_ = r.Close() // the first error is the one to tell
		return nil, err
	}
	return r, nil
}

func (r *Rows) open() (err error) {
	ours := false
	if r.state, ours, err = readState(r.index.db, r.snapshot, len(r.index.design.views)); err != nil {
		return err
	}
	if !ours {
		r.spans = nil
	}
	r.reader = reader{summaries: *r.index.summaries(r.snapshot, r.view), summed: r.state.Summed, rows: r.state.Rows[r.view]}
	if !r.reduced && ours {
		if err := r.count(); err != nil {
			return err
		}
	}
	moved := 0
	for moved < r.query.Skip && r.move() {
		moved++
	}
	if r.query.Partition == nil { // there CouchDB counts what it skips; elsewhere it adds what it was told
		moved = r.query.Skip
	}
	r.offset = min(r.offset+int64(moved), r.Total())
	return r.err
}

// count sets the offset to the place of the first row of all spans; without one it
// is that of the last span.
func (r *Rows) count() (err error) {
	rows, err := r.reader.level(0)
	if err != nil {
		return err
	}
	s := span{}
	for _, s = range r.spans {
		if r.enter(rows, &s) && s.holds(rows.it.Key()[len(rows.prefix):]) {
			break
		}
		if err := rows.it.Err(); err != nil {
			return err
		}
	}
	switch {
	case !r.query.Descending && s.lower != nil:
		r.offset, err = r.reader.count(nil, s.lower)
	case r.query.Descending && s.upper != nil:
		r.offset, err = r.reader.count(s.upper, nil)
	}
	return err
}

// enter stands where the span begins; false where nothing is behind it.
func (r *Rows) enter(rows *cursor, s *span) bool {
	if r.query.Descending {
		return rows.last(s.upper)
	}
	return rows.seek(s.lower)
}

// Next moves to the next row; false at the end or on an error.
func (r *Rows) Next() bool {
	if r.left == 0 || r.err != nil {
		return false
	}
	if r.err = r.ctx.Err(); r.err != nil || !r.move() {
		return false
	}
	r.left--
	if r.query.IncludeDocs && !r.reduced {
		r.err = r.include()
	}
	return r.err == nil
}

// move takes one row of the spans; the first of each is entered, the others follow.
func (r *Rows) move() bool {
	step := r.step
	if r.reduced {
		step = r.group
	}
	for len(r.spans) > 0 && r.err == nil {
		ok, err := step(&r.spans[0])
		if err != nil {
			r.err = err
			return false
		}
		if ok {
			return true
		}
		r.spans, r.inside = r.spans[1:], false
	}
	return false
}

// step moves to the next row of a map view in the span.
func (r *Rows) step(s *span) (bool, error) {
	rows, err := r.reader.level(0)
	if err != nil {
		return false, err
	}
	var ok bool
	switch {
	case r.inside && r.query.Descending:
		ok = rows.it.Prev()
	case r.inside:
		ok = rows.it.Next()
	default:
		ok = r.enter(rows, s)
	}
	r.inside = true
	if !ok {
		return false, rows.it.Err()
	}
	key := rows.it.Key()[len(rows.prefix):]
	if !s.holds(key) {
		return false, nil
	}
	value, err := rows.it.Value()
	if err != nil {
		return false, err
	}
	e := parseEntry(key, value)
	r.row = Row{ID: couch.DocID(e.id), Key: e.key}
	r.row.Value, err = r.reader.value(key, e)
	return err == nil, err
}

func (s *span) holds(key []byte) bool {
	return bytes.Compare(key, s.lower) >= 0 && (s.upper == nil || bytes.Compare(key, s.upper) < 0)
}

// last stands on the last record before upper; nil is the end.
func (c *cursor) last(upper []byte) bool {
	if upper == nil {
		return c.it.SeekLT(after(c.prefix))
	}
	return c.it.SeekLT(append(bytes.Clone(c.prefix), upper...))
}

// include reads the row's document, or the one that its value names.
func (r *Rows) include() error {
	id, o, ok := r.linked()
	if !ok {
		return nil // no document can have this id, or this revision
	}
	doc, err := r.index.db.Get(r.ctx, id, o)
	if errors.Is(err, &couch.Error{Kind: couch.NotFound}) {
		return nil
	}
	r.row.Doc = doc
	return err
}

// linked is the document that a row stands for: its value may name another one,
// or a revision. Of another one the options of the query ask nothing, as in CouchDB.
func (r *Rows) linked() (id couch.DocID, o couch.GetOptions, ok bool) {
	var link struct {
		ID, Rev json.RawMessage
	}
	id, o = r.row.ID, r.query.Get
	if len(r.row.Value) == 0 || r.row.Value[0] != '{' || !bytes.Contains(r.row.Value, []byte(`"_`)) {
		return id, o, true
	}
	link.ID, _ = member(r.row.Value, "_id")
	link.Rev, _ = member(r.row.Value, "_rev")
	if link.ID == nil && link.Rev == nil {
		return id, o, true
	}
	if link.ID == nil {
		link.ID = mustJSON(id)
	} else {
		o = couch.GetOptions{}
	}
	name := append([]byte(`{"_id":`), link.ID...)
	if link.Rev != nil {
		name = append(append(name, `,"_rev":`...), link.Rev...)
	}
	doc, err := couch.ParseDocument(append(name, '}'))
	if err != nil {
		return "", o, false
	}
	o.Rev = doc.Rev
	return doc.ID, o, true
}

// Row is the current row, valid until the next call of Next.
func (r *Rows) Row() *Row { return &r.row }

// Reduced reports whether rows are reductions: then there is no total and no offset.
func (r *Rows) Reduced() bool { return r.reduced }

// Total is the number of rows of the whole view; Offset the rows before the first one.
func (r *Rows) Total() int64  { return r.state.Rows[r.view] }
func (r *Rows) Offset() int64 { return r.offset }

// UpdateSeq is the sequence that the index has reached.
func (r *Rows) UpdateSeq() couch.Seq { return r.state.seq }

// Err is what ended the iteration early.
func (r *Rows) Err() error { return r.err }

// Close releases the snapshot.
func (r *Rows) Close() error {
	if r.snapshot == nil {
		return nil
	}
	err := r.reader.Close()
	if e := r.snapshot.Close(); err == nil {
		err = e
	}
	r.snapshot, r.spans = nil, nil
	return err
}
