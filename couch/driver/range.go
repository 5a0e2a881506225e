package driver

import (
	"encoding/json"

	"settee/couch"
)

// idRange is the part of the ordered ids that startkey, endkey and key choose.
// The bounds are in reading order: Descending begins at the higher one.
type idRange struct {
	start, end   *couch.DocID
	exclusiveEnd bool
}

func (o *options) idRange() (idRange, error) {
	r := idRange{exclusiveEnd: o.ExclusiveEnd}
	start, end := o.StartKey, o.EndKey
	if o.Key != nil {
		start, end, r.exclusiveEnd = o.Key, o.Key, false
	}
	var err error
	if r.start, err = idBound(start); err != nil {
		return r, err
	}
	r.end, err = idBound(end)
	return r, err
}

// idBound is the id of a key. One that is no string lies before all ids, where
// no id is either; objects too, which among the keys of views come last.
func idBound(key json.RawMessage) (*couch.DocID, error) {
	if key == nil {
		return nil, nil
	}
	var v any
	if err := json.Unmarshal(key, &v); err != nil {
		return nil, invalid(err)
	}
	text, _ := v.(string)
	id := couch.DocID(text)
	return &id, nil
}

// holds reports whether id lies in the range.
func (r idRange) holds(id couch.DocID, descending bool) bool {
	before := func(a, b couch.DocID) bool { return (a < b) != descending && a != b }
	switch {
	case r.start != nil && before(id, *r.start), r.end != nil && before(*r.end, id):
		return false
	}
	return !r.exclusiveEnd || r.end == nil || id != *r.end
}

// within narrows the range to the ids from low to high.
func (r *idRange) within(low, high couch.DocID, descending bool) {
	if descending {
		low, high = high, low
	}
	bounds := idRange{start: &low, end: &high}
	if r.start == nil || !bounds.holds(*r.start, descending) && r.holds(low, descending) {
		r.start = &low
	}
	if r.end == nil || !bounds.holds(*r.end, descending) && r.holds(high, descending) {
		r.end, r.exclusiveEnd = &high, false
	}
}
