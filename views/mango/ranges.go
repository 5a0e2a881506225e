package mango

import (
	"bytes"

	"settee/couch/collate"
)

// A field's range is what the comparisons of a selector's conjunction leave of
// it. Comparisons are as in a selector: by view collation, of ids by their bytes.
type fieldRange struct {
	field     string
	empty     bool
	low, high bound
}

// bound is one end. Without a value it is open.
type bound struct {
	op  string // $gt, $gte, $lt, $lte or $eq
	raw []byte
	key []byte
}

func newBound(field, op string, raw []byte) bound {
	appendKey := collate.Append
	if field == "_id" {
		appendKey = collate.AppendRaw
	}
	key, _ := appendKey(nil, raw) // raw is valid, and not deep
	return bound{op, raw, key}
}

// ranges are the ranges of the fields that an index can find by. Of an impossible
// selector there is only the impossible one.
func (s *Selector) ranges() []fieldRange {
	var list []fieldRange
	for _, name := range s.indexable() {
		r := fieldRange{field: name}
		s.narrow(&r)
		if r.empty {
			return []fieldRange{r}
		}
		list = append(list, r)
	}
	return list
}

// conjuncts calls f for each condition that every match fulfils.
func (s *Selector) conjuncts(f func(*expr)) {
	if s.normal != nil {
		s.normal.conjuncts(f)
	}
}

func (e *expr) conjuncts(f func(*expr)) {
	if e.op != "$and" {
		f(e)
		return
	}
	for _, arg := range e.args {
		arg.conjuncts(f)
	}
}

// ranged are the operators by which an index finds rows. $exists narrows nothing; it is
// here for indexes that answer without documents.
var ranged = map[string]bool{"$lt": true, "$lte": true, "$eq": true, "$gt": true, "$gte": true, "$beginsWith": true, "$exists": true}

// indexable are the fields that an index can find by, in order.
func (s *Selector) indexable() []string {
	var names []string
	s.conjuncts(func(e *expr) {
		if e.op == "" && ranged[e.args[0].op] {
			names = append(names, e.path.String())
		}
	})
	return sortedSet(names)
}

func (s *Selector) narrow(r *fieldRange) {
	s.conjuncts(func(e *expr) {
		if e.op != "" || e.path.String() != r.field {
			return
		}
		switch cond := e.args[0]; cond.op {
		case "$lt", "$lte", "$eq", "$gt", "$gte":
			r.narrow(newBound(r.field, cond.op, cond.arg))
		case "$beginsWith":
			r.narrow(newBound(r.field, "$gte", cond.arg))
			// U+FFFF collates behind every other character.
			last := append(bytes.Clone(cond.arg[:len(cond.arg)-1]), "\uffff\""...)
			r.narrow(newBound(r.field, "$lte", last))
		}
	})
}

// The places where a value can be in respect to a range.
const (
	below = iota
	atLow
	inside
	atHigh
	above
)

func (r *fieldRange) place(b bound) int {
	if r.low.raw != nil {
		switch c := bytes.Compare(b.key, r.low.key); {
		case c < 0:
			return below
		case c == 0:
			return atLow
		}
	}
	if r.high.raw != nil {
		switch c := bytes.Compare(b.key, r.high.key); {
		case c == 0:
			return atHigh
		case c > 0:
			return above
		}
	}
	return inside
}

// narrow takes one more comparison into the range.
func (r *fieldRange) narrow(b bound) {
	if r.empty {
		return
	}
	place := r.place(b)
	closedLow := r.low.op == "$gte" || r.low.op == "$eq"
	closedHigh := r.high.op == "$lte" || r.high.op == "$eq"
	exactly := func() { r.low, r.high = bound{"$eq", b.raw, b.key}, bound{"$eq", b.raw, b.key} }
	switch b.op {
	case "$lt":
		r.empty = place <= atLow
		if place == inside || place == atHigh {
			r.high = b
		}
	case "$lte":
		switch {
		case place == atLow && closedLow:
			exactly()
		case place <= atLow:
			r.empty = true
		case place == inside:
			r.high = b
		}
	case "$eq":
		switch {
		case place == inside, place == atLow && closedLow, place == atHigh && closedHigh:
			exactly()
		default:
			r.empty = true
		}
	case "$gte":
		switch {
		case place == atHigh && closedHigh:
			exactly()
		case place >= atHigh:
			r.empty = true
		case place == inside:
			r.low = b
		}
	case "$gt":
		r.empty = place >= atHigh
		if place == inside || place == atLow {
			r.low = b
		}
	}
}
