package views

import (
	"bytes"
	"encoding/json"

	"settee/couch"
	"settee/couch/collate"
)

// fewRows is up to how long a group is read row by row before its summaries are looked for.
const fewRows = 12

// group reduces the next group of the span and cuts it off the span.
func (r *Rows) group(s *span) (bool, error) {
	if s.upper != nil && bytes.Compare(s.lower, s.upper) >= 0 {
		return false, nil
	}
	if !r.query.grouped() {
		part, err := r.reader.reduced(s.lower, s.upper)
		s.lower, s.upper = []byte{high}, []byte{high}
		if part == nil || err != nil {
			return false, err
		}
		return true, r.reduction(json.RawMessage("null"), part)
	}
	rows, err := r.reader.level(0)
	if err != nil {
		return false, err
	}
	ok := r.inside // it stands there already
	switch {
	case r.query.Descending:
		ok = rows.last(s.upper)
	case !ok:
		ok = rows.seek(s.lower)
	}
	if r.inside = false; !ok {
		return false, rows.it.Err()
	}
	row := bytes.Clone(rows.it.Key()[len(rows.prefix):])
	if !s.holds(row) {
		return false, nil
	}
	value, err := rows.it.Value()
	if err != nil {
		return false, err
	}
	e := parseEntry(row, bytes.Clone(value))
	key, prefix := r.groupOf(e)
	part, err := r.reduceGroup(s, prefix)
	if err != nil {
		return false, err
	}
	return true, r.reduction(key, part)
}

// groupOf is the key of the group that a row is in, and what the keys of all its rows start with.
func (r *Rows) groupOf(e entry) (key json.RawMessage, prefix []byte) {
	if r.query.GroupLevel == 0 {
		return e.key, e.collated
	}
	arrayPrefix := collate.ArrayPrefix
	if r.index.design.views[r.view].raw {
		arrayPrefix = collate.ArrayPrefixRaw
	}
	start := 0
	if r.query.Partition != nil {
		start = len(appendPartition(nil, *r.query.Partition))
	}
	prefix, ok := arrayPrefix(e.collated[start:], r.query.GroupLevel)
	if !ok {
		return e.key, e.collated
	}
	prefix = e.collated[:start+len(prefix)]
	var items []json.RawMessage
	if json.Unmarshal(e.key, &items) != nil || len(items) <= r.query.GroupLevel {
		return e.key, prefix
	}
	key = append(json.RawMessage{'['}, bytes.Join(rawItems(items[:r.query.GroupLevel]), []byte{','})...)
	return append(key, ']'), prefix
}

func rawItems(items []json.RawMessage) [][]byte {
	raw := make([][]byte, len(items))
	for i, item := range items {
		raw[i] = item
	}
	return raw
}

// reduceGroup reduces the span's rows that start with prefix and leaves the rest in the span.
func (r *Rows) reduceGroup(s *span, prefix []byte) ([]byte, error) {
	lower, upper := s.lower, s.upper
	if r.query.Descending {
		if bytes.Compare(prefix, lower) > 0 {
			lower = bytes.Clone(prefix)
		}
		s.upper = lower
	} else {
		if end := append(bytes.Clone(prefix), high); upper == nil || bytes.Compare(end, upper) < 0 {
			upper = end
		}
		s.lower = upper
	}
	few := r.reader.collector()
	rows, err := r.reader.level(0)
	if err != nil {
		return nil, err
	}
	ok := !r.query.Descending || rows.seek(lower) // going up it stands on the first one
	for ; few.count < fewRows; ok = rows.next() {
		if !ok || bytes.Compare(rows.key, upper) >= 0 && upper != nil {
			if err := rows.it.Err(); err != nil {
				return nil, err
			}
			r.inside = ok && !r.query.Descending
			return r.reader.reduce.reduce(few.entries), nil
		}
		if err := few.add(rows.key, rows.value); err != nil {
			return nil, err
		}
	}
	return r.reader.reduced(lower, upper)
}

// reduction sets the row. A value that _stats cannot take breaks the answer, as in
// CouchDB; a JavaScript function that is stopped breaks its row, and so does one
// whose output does not shrink: of that row CouchDB does not tell the key.
func (r *Rows) reduction(key json.RawMessage, part []byte) error {
	r.row = Row{Key: key}
	f, bad := parseFailure(part)
	if !bad {
		r.row.Value = r.reader.reduce.final(part)
		return nil
	}
	if couch.Kind(f.Error) == couch.InvalidValue {
		return &couch.Error{Kind: couch.InvalidValue, Reason: f.Reason}
	}
	if r.row.Error, r.row.Reason = f.Error, f.Reason; f.Error == overflowError {
		r.row.Key = json.RawMessage("null")
	}
	return nil
}
