package couch

import (
	"context"
	"errors"

	"github.com/cockroachdb/pebble/v2"
)

// DocRows iterates like Changes.
type DocRows struct {
	ctx    context.Context
	snap   *snapshot
	o      AllDocsOptions
	source rowSource
	row    DocRow
	rows   int
	skip   int
	err    error
	closed bool
	bodies *bodies // made for the first document that is included in order

	lower, upper []byte // of the range that was asked for
}

// rowSource gives the next row; false at the end.
type rowSource interface {
	next(r *DocRows) (bool, error)
	close()
}

// AllDocs lists documents by id.
func (db *DB) AllDocs(ctx context.Context, o AllDocsOptions) (*DocRows, error) {
	return db.list(ctx, o, kindID, "", readIDRow)
}

// LocalDocs lists _local documents like AllDocs.
func (db *DB) LocalDocs(ctx context.Context, o AllDocsOptions) (*DocRows, error) {
	return db.list(ctx, o, kindLocal, localPrefix, readLocalRow)
}

func (db *DB) list(ctx context.Context, o AllDocsOptions, kind byte, idPrefix string, read func(*DocRows, DocID, []byte) (bool, error)) (*DocRows, error) {
	snap, err := db.snapshot(ctx)
	if err != nil {
		return nil, err
	}
	p := db.prefix(kind)
	lower, upper := bounds(o, p, idPrefix)
	it, err := snap.NewIter(&pebble.IterOptions{LowerBound: lower, UpperBound: upper})
	if err != nil {
		snap.release()
		return nil, readError(err)
	}
	return &DocRows{ctx: ctx, snap: snap, o: o, skip: o.Skip, lower: lower, upper: upper,
		source: &rangeSource{it: it, from: len(p), idPrefix: idPrefix, descending: o.Descending, read: read}}, nil
}

// bounds turns Start and End into keys. An id and a NUL is the next id.
func bounds(o AllDocsOptions, p prefix, idPrefix string) (lower, upper []byte) {
	key := func(id DocID, after bool) []byte {
		s := string(id)
		switch {
		case len(s) >= len(idPrefix) && s[:len(idPrefix)] == idPrefix:
			s = s[len(idPrefix):]
		case s < idPrefix:
			return p.key()
		default:
			return end(p[:])
		}
		if after {
			s += "\x00"
		}
		return p.key(s)
	}
	lower, upper = p.key(), end(p[:])
	low, high := o.Start, o.End
	if o.Descending {
		low, high = high, low
	}
	if low != nil {
		lower = key(*low, o.Descending && o.ExclusiveEnd)
	}
	if high != nil {
		upper = key(*high, o.Descending || !o.ExclusiveEnd)
	}
	switch {
	case string(lower) <= string(upper):
	case o.Descending: // nothing, and the rows before it are counted from the start all the same
		lower = upper
	default:
		upper = lower
	}
	return lower, upper
}

type rangeSource struct {
	it         *pebble.Iterator
	from       int
	idPrefix   string
	descending bool
	begun      bool
	read       func(*DocRows, DocID, []byte) (bool, error)
}

func (s *rangeSource) step() bool {
	first := !s.begun
	s.begun = true
	switch {
	case first && s.descending:
		return s.it.Last()
	case first:
		return s.it.First()
	case s.descending:
		return s.it.Prev()
	}
	return s.it.Next()
}

func (s *rangeSource) next(r *DocRows) (bool, error) {
	for s.step() {
		value, err := s.it.ValueAndErr()
		if err != nil {
			return false, readError(err)
		}
		live, err := s.read(r, DocID(s.idPrefix+string(s.it.Key()[s.from:])), value)
		if live || err != nil {
			return live, err
		}
	}
	if err := s.it.Error(); err != nil {
		return false, readError(err)
	}
	return false, nil
}

func (s *rangeSource) close() { _ = s.it.Close() }

func readIDRow(r *DocRows, id DocID, value []byte) (bool, error) {
	record, err := readDoc(value, false)
	if err != nil || record.winner.Deleted {
		return false, err
	}
	if r.row = (DocRow{ID: id, Rev: record.winner.Rev}); r.skip > 0 {
		return true, nil
	}
	return true, r.include()
}

func readLocalRow(r *DocRows, id DocID, value []byte) (bool, error) {
	c := cursor{b: value}
	r.row = DocRow{ID: id, Rev: localRev(c.uvarint())}
	if r.o.IncludeDocs {
		r.row.Doc = &Document{ID: id, Rev: r.row.Rev, Body: append([]byte(nil), c.b...)}
	}
	return true, nil
}

// include adds the row's document.
func (r *DocRows) include() (err error) {
	if !r.o.IncludeDocs || r.row.Deleted {
		return nil
	}
	if !r.o.Get.plain() {
		r.row.Doc, err = r.snap.db.get(r.ctx, r.snap, r.row.ID, r.o.Get)
		return err
	}
	if s, ok := r.source.(*rangeSource); !ok || s.descending {
		r.row.Doc, err = r.snap.db.readRev(r.snap, r.row.ID, r.row.Rev)
		return err
	}
	if r.bodies == nil {
		if r.bodies, err = r.snap.db.bodies(r.snap); err != nil {
			return err
		}
	}
	r.row.Doc, err = r.bodies.read(r.row.ID, r.row.Rev)
	return err
}

// namesSource gives the rows of named documents.
type namesSource struct{ ids []DocID }

func (s *namesSource) next(r *DocRows) (bool, error) {
	if len(s.ids) == 0 {
		return false, nil
	}
	id := s.ids[0]
	s.ids = s.ids[1:]
	r.row = DocRow{ID: id}
	if id.IsLocal() {
		return true, r.local()
	}
	record, err := r.snap.db.readRecord(r.snap, id, false)
	if errors.Is(err, ErrMissing) {
		r.row.Missing = true
		return true, nil
	}
	if err != nil {
		return false, err
	}
	r.row.Rev, r.row.Deleted = record.winner.Rev, record.winner.Deleted
	return true, r.include()
}

func (s *namesSource) close() {}

// local reads the row of a named _local document.
func (r *DocRows) local() error {
	doc, err := r.snap.db.readLocal(r.snap, r.row.ID)
	switch {
	case errors.Is(err, ErrMissing):
		r.row.Missing = true
		return nil
	case err != nil:
		return err
	}
	if r.row.Rev = doc.Rev; r.o.IncludeDocs {
		r.row.Doc = doc
	}
	return nil
}

// AllDocsByID lists the named documents in the given order, missing and deleted ones too.
func (db *DB) AllDocsByID(ctx context.Context, ids []DocID, o AllDocsOptions) (*DocRows, error) {
	snap, err := db.snapshot(ctx)
	if err != nil {
		return nil, err
	}
	if o.Descending {
		reversed := make([]DocID, len(ids))
		for i, id := range ids {
			reversed[len(ids)-1-i] = id
		}
		ids = reversed
	}
	return &DocRows{ctx: ctx, snap: snap, o: o, skip: o.Skip, source: &namesSource{ids}}, nil
}

// Next moves to the next row; false at the end or on an error.
func (r *DocRows) Next() bool {
	if r.closed || r.err != nil || (r.o.Limit >= 0 && r.rows >= r.o.Limit) {
		return false
	}
	for {
		if (r.rows+r.skip)%lookUp == 0 {
			if r.err = r.snap.ended(r.ctx); r.err != nil {
				return false
			}
		}
		ok, err := r.source.next(r)
		if r.err = err; err != nil || !ok {
			return false
		}
		if r.skip == 0 {
			r.rows++
			return true
		}
		r.skip--
	}
}

// Row is the current row, valid until the next call of Next.
func (r *DocRows) Row() *DocRow { return &r.row }

// Total is the number of live documents; Offset the rows before the first one returned.
func (r *DocRows) Total() int64 {
	if s, ok := r.source.(*rangeSource); ok && s.idPrefix == localPrefix {
		p := r.snap.db.prefix(kindLocal)
		n, err := countKeys(r.snap, p[:], end(p[:]))
		r.keep(err)
		return n
	}
	return r.snap.counts.docs
}

// Offset is exact, and costs a short walk at most whatever the size of the database.
func (r *DocRows) Offset() int64 {
	s, ok := r.source.(*rangeSource)
	if !ok || r.closed {
		return 0
	}
	n, err := r.before(s.idPrefix == localPrefix)
	r.keep(err)
	return min(n+int64(r.o.Skip), r.Total())
}

// before counts the rows before the range, of all there are.
func (r *DocRows) before(local bool) (int64, error) {
	if local {
		p := r.snap.db.prefix(kindLocal)
		if r.o.Descending {
			return countKeys(r.snap, r.upper, end(p[:]))
		}
		return countKeys(r.snap, p[:], r.lower)
	}
	if r.o.Descending {
		n, err := r.snap.rank(r.ctx, r.upper)
		return r.snap.counts.docs - n, err
	}
	return r.snap.rank(r.ctx, r.lower)
}

func (r *DocRows) keep(err error) {
	if r.err == nil {
		r.err = err
	}
}

// UpdateSeq is the sequence of the snapshot.
func (r *DocRows) UpdateSeq() Seq { return r.snap.counts.seq }

// Err is what ended the iteration early.
func (r *DocRows) Err() error { return r.err }

// Close releases the snapshot.
func (r *DocRows) Close() error {
	if r.closed {
		return nil
	}
	r.closed = true
	r.source.close()
	r.bodies.close()
	r.snap.release()
	return nil
}
