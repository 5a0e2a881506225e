package views

import (
	"bytes"
	"context"
	"encoding/json"

	"settee/couch"
	"settee/couch/collate"
	"settee/views/mango"
)

// docsSource reads _all_docs.
type docsSource struct {
	rows *couch.DocRows
}

func openDocs(ctx context.Context, db *couch.DB, f *mango.Find, plan *mango.Plan) (findSource, error) {
	o := couch.AllDocsOptions{Descending: plan.Descending(), Limit: -1, IncludeDocs: true, Get: couch.GetOptions{Conflicts: f.Conflicts}}
	least, most := plan.Keys()
	lower, upper := idOf(least), idOf(most)
	if most != nil && upper == nil {
		return nil, nil // every id is above what is no text
	}
	if f.Partition != "" {
		if !db.Partitioned() {
			return nil, parseError("`partition` parameter is not supported on this db")
		}
		first, last := couch.PartitionRange(f.Partition)
		if lower == nil || *lower < first {
			lower = &first
		}
		if upper == nil || *upper > last {
			upper = &last
		}
	}
	if f.After != nil {
		at := couch.DocID(f.After.DocID)
		if next := at + "\x00"; !o.Descending && (lower == nil || *lower < next) {
			lower = &next
		}
		if o.Descending && (upper == nil || *upper >= at) {
			upper, o.ExclusiveEnd = &at, false
		}
	}
	if lower != nil && upper != nil && *lower > *upper {
		return nil, nil
	}
	if o.Start, o.End = lower, upper; o.Descending {
		o.Start, o.End = upper, lower
	}
	rows, err := db.AllDocs(ctx, o)
	if err != nil {
		return nil, err
	}
	s := &docsSource{rows: rows}
	if o.Descending && f.After != nil {
		return &docsBelow{s, couch.DocID(f.After.DocID)}, nil
	}
	return s, nil
}

// idOf is an end of ids; nil: what is no text is below all of them.
func idOf(raw []byte) *couch.DocID {
	var id couch.DocID
	if raw == nil || raw[0] != '"' || json.Unmarshal(raw, &id) != nil {
		return nil
	}
	return &id
}

func (s *docsSource) next() (bool, error) { return s.rows.Next(), s.rows.Err() }

func (s *docsSource) appendDoc(dst []byte) ([]byte, error) {
	return s.rows.Row().Doc.AppendJSON(dst), nil
}

func (s *docsSource) isDesign() bool { return s.rows.Row().ID.IsDesign() }

func (s *docsSource) place(p *mango.Place) {
	p.DocID = string(s.rows.Row().ID)
	p.Key = append(p.Key[:0], mustJSON(p.DocID)...)
}

func (s *docsSource) Close() error { return s.rows.Close() }

// docsBelow leaves out the id at which a backward walk begins.
type docsBelow struct {
	*docsSource
	id couch.DocID
}

func (s *docsBelow) next() (bool, error) {
	ok, err := s.docsSource.next()
	if ok && s.rows.Row().ID == s.id {
		return s.docsSource.next()
	}
	return ok, err
}

// indexSource reads the rows of an index.
type indexSource struct {
	ctx        context.Context
	snapshot   *couch.SpaceSnapshot
	rows       *couch.SpaceIter
	prefix     int // bytes of a key before the row's own
	partition  int // bytes of a row's key that name its partition
	descending bool
	begun      bool
	get        couch.GetOptions
	covering   *mango.Index // nil: documents are read
	row        entry
}

func (e *Engine) openIndex(ctx context.Context, db *couch.DB, d *design, f *mango.Find, plan *mango.Plan) (findSource, error) {
	x, err := e.index(db, d)
	if err != nil {
		return nil, err
	}
	if !f.NoUpdate && !f.Stale {
		if err := x.refresh(ctx); err != nil {
			return nil, err
		}
	}
	s := &indexSource{ctx: ctx, descending: plan.Descending(), get: couch.GetOptions{Conflicts: f.Conflicts}}
	if plan.Covering {
		s.covering = plan.Index
	}
	if err := s.open(x, d.find(plan.Index.Name), f, plan); err != nil {
		_ = s.Close() // the first error is the one to tell
		return nil, err
	}
	return s, nil
}

func (s *indexSource) open(x *index, view int, f *mango.Find, plan *mango.Plan) (err error) {
	if s.snapshot, err = x.space.Snapshot(); err != nil {
		return err
	}
	if _, ours, err := readState(x.db, s.snapshot, len(x.design.views)); err != nil || !ours {
		return err
	}
	start := levelPrefix(view, 0)
	s.prefix = len(start)
	if f.Partition != "" {
		start = appendPartition(start, f.Partition)
		s.partition = len(start) - s.prefix
	}
	lower, upper, err := s.bounds(start, f, plan)
	if err != nil {
		return err
	}
	s.rows, err = s.snapshot.Iter(lower, upper)
	return err
}

// bounds are the keys between which the rows lie: those that begin with the plan's keys,
// and beyond the bookmark.
func (s *indexSource) bounds(start []byte, f *mango.Find, plan *mango.Plan) (lower, upper []byte, err error) {
	first, last := plan.Keys()
	if lower, err = appendBeginning(start, first); err != nil {
		return nil, nil, err
	}
	if upper, err = appendBeginning(start, last); err != nil {
		return nil, nil, err
	}
	upper = append(upper, high)
	if f.After == nil {
		return lower, upper, nil
	}
	at, err := collate.Append(bytes.Clone(start), f.After.Key)
	if err != nil {
		return nil, nil, &couch.Error{Kind: couch.BadRequest, Reason: "invalid UTF-8 JSON", Err: err}
	}
	at = appendDocID(at, couch.DocID(f.After.DocID))
	if s.descending {
		if bytes.Compare(at, upper) < 0 {
			upper = at
		}
	} else if at = append(at, high); bytes.Compare(at, lower) > 0 {
		lower = at
	}
	return lower, upper, nil
}

// appendBeginning appends what the keys of all lists that begin with those elements have
// in common.
func appendBeginning(start, list []byte) ([]byte, error) {
	key, err := collate.Append(bytes.Clone(start), list)
	if err != nil {
		return nil, &couch.Error{Kind: couch.BadRequest, Reason: "invalid UTF-8 JSON", Err: err}
	}
	return key[:len(key)-1], nil // without the list's end
}

func (s *indexSource) next() (ok bool, err error) {
	switch {
	case s.rows == nil:
		return false, nil
	case s.begun && s.descending:
		ok = s.rows.Prev()
	case s.begun:
		ok = s.rows.Next()
	case s.descending:
		ok = s.rows.Last()
	default:
		ok = s.rows.First()
	}
	s.begun = true
	if !ok {
		return false, s.rows.Err()
	}
	value, err := s.rows.Value()
	if err != nil {
		return false, err
	}
	s.row = parseEntry(s.rows.Key()[s.prefix:], value)
	return true, nil
}

func (s *indexSource) appendDoc(dst []byte) ([]byte, error) {
	if s.covering != nil {
		return s.covering.AppendDoc(dst, string(s.row.id), s.row.key), nil
	}
	doc, err := s.snapshot.Document(s.ctx, couch.DocID(s.row.id), s.get)
	if missing(err) {
		return dst, nil
	}
	if err != nil {
		return dst, err
	}
	return doc.AppendJSON(dst), nil
}

func (s *indexSource) isDesign() bool { return false } // no index holds one

func (s *indexSource) place(p *mango.Place) {
	p.DocID, p.Key = string(s.row.id), append(p.Key[:0], s.row.key...)
}

func (s *indexSource) Close() error {
	var err error
	if s.rows != nil {
		err = s.rows.Close()
	}
	if s.snapshot != nil {
		if e := s.snapshot.Close(); err == nil {
			err = e
		}
	}
	s.rows, s.snapshot = nil, nil
	return err
}
