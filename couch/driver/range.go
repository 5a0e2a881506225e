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
	empty        bool
}

// idRange reads the keys as ids. Ids are strings; of other JSON values null,
// booleans and numbers sort before every string, arrays and objects after.
func (o *options) idRange() (idRange, error) {
	r := idRange{exclusiveEnd: o.ExclusiveEnd}
	start, end := o.StartKey, o.EndKey
	if o.Key != nil {
		start, end, r.exclusiveEnd = o.Key, o.Key, false
	}
	var startSide, endSide int
	var err error
	if r.start, startSide, err = idBound(start); err != nil {
		return r, err
	}
	if r.end, endSide, err = idBound(end); err != nil {
		return r, err
	}
	if o.Descending {
		startSide, endSide = -startSide, -endSide
	}
	r.empty = startSide > 0 || endSide < 0
	return r, nil
}

// idBound is the id of a key, or on which side of all ids it lies.
func idBound(key json.RawMessage) (id *couch.DocID, side int, err error) {
	if key == nil {
		return nil, 0, nil
	}
	var v any
	if err := json.Unmarshal(key, &v); err != nil {
		return nil, 0, invalid(err)
	}
	switch v := v.(type) {
	case string:
		d := couch.DocID(v)
		return &d, 0, nil
	case []any, map[string]any:
		return nil, 1, nil
	default:
		return nil, -1, nil
	}
}

// holds reports whether id lies in the range.
func (r idRange) holds(id couch.DocID, descending bool) bool {
	before := func(a, b couch.DocID) bool { return (a < b) != descending && a != b }
	switch {
	case r.empty, r.start != nil && before(id, *r.start), r.end != nil && before(*r.end, id):
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
