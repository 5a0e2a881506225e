package views

import (
	"bytes"
	"slices"

	"github.com/cespare/xxhash/v2"

	"settee/couch"
)

// edits is what one batch changes: 'd' records by docid, and rows by view and row key.
type edits struct {
	docs     []change
	rows     [][]change
	replaced [][]change // rows whose value alone changes, of views that only count
	values   [][]change // large values that go
	gone     bool       // some rows go: an old one may have the key of a new one
}

// flush writes the collected documents in one step, with the sequence reached and the
// summaries, if those are kept.
func (b *builder) flush(seq couch.Seq, last bool) error {
	e, err := b.edits()
	if err != nil {
		return err
	}
	b.state.seq = seq
	if b.state.Summed {
		err = b.write(e)
	} else {
		err = b.load(e, last && b.fresh && !b.written)
	}
	clear(b.docs)
	b.docs, b.bytes, b.written = b.docs[:0], 0, true
	return err
}

// edits puts the rows of the collected documents in the place of those they had.
func (b *builder) edits() (*edits, error) {
	n := len(b.design.views)
	e := &edits{rows: make([][]change, n), replaced: make([][]change, n), values: make([][]change, n), docs: make([]change, 0, len(b.docs))}
	if !b.fresh {
		if err := b.eachOld(func(m *mapped, old []byte) error { return b.remove(m, old, e) }); err != nil {
			return nil, err
		}
	}
	for i := range b.docs {
		m := &b.docs[i]
		for k := range m.rows {
			r := &m.rows[k]
			if r.key == nil {
				continue // remove left the old one, or replaced it
			}
			e.rows[r.view] = append(e.rows[r.view], change{r.key, r.value})
			b.state.Rows[r.view]++
			b.state.Bytes += int64(r.size())
		}
		if m.record != nil {
			e.docs = append(e.docs, change{[]byte(m.id), m.record})
		}
	}
	return e, nil
}

// remove takes away the rows that a document had and has no more.
func (b *builder) remove(m *mapped, old []byte, e *edits) error {
	if bytes.Equal(old, m.record) {
		m.record, m.rows = nil, nil
		return nil
	}
	rows, ok := docRows(m.id, old)
	if !ok {
		return &couch.Error{Kind: couch.Internal, Reason: "The index is damaged: the record of " + string(m.id) + " cannot be read."}
	}
	fresh := successors{rows: m.rows}
	for i := range rows {
		b.supersede(&rows[i], fresh.of(&rows[i]), e)
	}
	if m.record == nil {
		e.docs = append(e.docs, change{key: []byte(m.id)})
	}
	return nil
}

// supersede puts a new row in the place of the old one that has its key; nil: there is none.
func (b *builder) supersede(old *docRow, row *mappedRow, e *edits) {
	changes := row == nil || old.sum != xxhash.Sum64(row.value)
	if changes && old.size-len(old.key) > large {
		e.values[old.view] = append(e.values[old.view], change{key: old.key})
	}
	switch {
	case !changes:
		row.key = nil
	case row != nil && b.state.Summed && counts(b.reduces[old.view]):
		e.replaced[old.view] = append(e.replaced[old.view], change{row.key, row.value})
		b.state.Bytes += int64(row.size() - old.size)
		row.key = nil
	default:
		e.rows[old.view] = append(e.rows[old.view], change{key: old.key})
		b.state.Rows[old.view]--
		b.state.Bytes -= int64(old.size)
		e.gone = true
	}
}

func byKey(a, b change) int { return bytes.Compare(a.key, b.key) }

// sorted orders the changes of a view. A new row hides the removal of the old one under its key.
func (e *edits) sorted(view int) []change { return latest(e.rows[view], e.gone) }

// latest orders changes, and where some remove keeps the last one of each key.
func latest(changes []change, remove bool) []change {
	if !remove {
		slices.SortFunc(changes, byKey)
		return changes
	}
	slices.SortStableFunc(changes, byKey) // removals were collected first
	kept := changes[:0]
	for i, c := range changes {
		if i+1 == len(changes) || !bytes.Equal(c.key, changes[i+1].key) {
			kept = append(kept, c)
		}
	}
	return kept
}

// write is for a batch of little: it waits for nothing, and updates the summaries.
func (b *builder) write(e *edits) error {
	snapshot, err := b.space.Snapshot()
	if err != nil {
		return err
	}
	defer snapshot.Close()
	out := b.space.Batch()
	put(out, docKey(""), e.docs)
	padded := false
	for view := range e.rows {
		rows := e.sorted(view)
		if err := b.summaries(snapshot, view).update(out, rows); err != nil {
			return err
		}
		put(out, valuePrefix(view), e.values[view])
		for _, list := range [][]change{rows, e.replaced[view]} {
			values := takeApart(list)
			padded = padded || len(values) > 0
			put(out, valuePrefix(view), values)
			put(out, levelPrefix(view, 0), list)
		}
	}
	if padded {
		out.Set(paddingKey, padding)
	}
	b.state.write(b.db, out)
	return out.Commit()
}

func put(out batch, prefix []byte, changes []change) {
	key := prefix
	for _, c := range changes {
		if key = append(key[:len(prefix)], c.key...); c.value == nil {
			out.Delete(key)
		} else {
			out.Set(key, c.value)
		}
	}
}

func (x *index) summaries(s *couch.SpaceSnapshot, view int) *summaries {
	return &summaries{view: view, reduce: x.reduces[view], get: s.Get, open: func(lower, upper []byte) (iterator, error) { return s.Iter(lower, upper) }}
}
