package mango

import (
	"cmp"
	"slices"
	"strings"
)

// A Plan is how a search is answered: the index, and which part of it is read. What
// it finds still has to match the selector.
type Plan struct {
	Index *Index // nil where none can serve the search; only Explain wants such a plan
	Empty bool   // nothing can match
	// Covering says that the index holds all that the selector and the answer need.
	Covering bool

	find   *Find
	ranges []fieldRange // of the index's first columns
	trace  trace
}

// trace is what planning went through, for Explain. The sets may overlap: who names a
// partial index makes it one that is considered.
type trace struct {
	all         []*Index
	global      []*Index // not partial
	scope       []*Index // of the partition asked for, or of none
	reasons     map[*Index][]string
	usable      []*Index
	filtered    []*Index // after use_index
	ofType      []*Index // of the kind that is preferred
	ranked      []ranked
	partitioned bool
}

// ranked is an index with the ranges of the columns by which it finds.
type ranked struct {
	*Index
	ranges   []fieldRange
	distance int // fields that could be found by and are not
}

// Plan chooses an index. known are those of the database, AllDocs among them; partitioned
// says that the database is. Its errors are *Error.
func (f *Find) Plan(known []*Index, partitioned bool) (*Plan, error) {
	p := f.consider(known, partitioned)
	if len(p.trace.usable) == 0 {
		return nil, f.noIndex(partitioned)
	}
	return p, p.choose()
}

// Consider is Plan for Explain, which also tells of a search that no index can serve.
func (f *Find) Consider(known []*Index, partitioned bool) (*Plan, error) {
	p := f.consider(known, partitioned)
	return p, p.choose()
}

func (f *Find) noIndex(partitioned bool) error {
	kind := ""
	if partitioned {
		kind = " global"
	}
	if partitioned && f.Partition != "" {
		kind = " partitioned"
	}
	return &Error{"no_usable_index", "No" + kind + " index exists for this sort, try indexing by the sort fields."}
}

// consider finds the usable indexes.
func (f *Find) consider(known []*Index, partitioned bool) *Plan {
	p := &Plan{find: f, trace: trace{all: known, partitioned: partitioned, reasons: map[*Index][]string{}}}
	t := &p.trace
	for _, x := range known {
		if x.Partial == nil {
			t.global = append(t.global, x)
		} else if !f.names(x) {
			continue
		}
		if !x.IsAllDocs() && x.Partitioned != (f.Partition != "") {
			continue
		}
		t.scope = append(t.scope, x)
		if t.reasons[x] = x.unusable(f.Selector, f.Sort); len(t.reasons[x]) == 0 {
			t.usable = append(t.usable, x)
		}
	}
	return p
}

// names reports whether use_index names an index.
func (f *Find) names(x *Index) bool {
	switch len(f.UseIndex) {
	case 1:
		return x.DDoc == DesignID(f.UseIndex[0])
	case 2:
		return x.DDoc == DesignID(f.UseIndex[0]) && x.Name == f.UseIndex[1]
	}
	return false
}

// DesignID is the id of a design document that may be named without its prefix.
func DesignID(name string) string { return Design + designName(name) }

func designName(id string) string { return strings.TrimPrefix(id, Design) }

// choose takes the best of the usable indexes.
func (p *Plan) choose() error {
	f, t := p.find, &p.trace
	for _, x := range t.usable {
		if f.names(x) {
			t.filtered = append(t.filtered, x)
		}
	}
	if t.filtered == nil {
		if f.NoFallback && (len(f.UseIndex) > 0 || len(t.usable) <= 1) {
			return f.unsuitable()
		}
		t.filtered = t.usable
	}
	if len(t.usable) == 0 {
		t.filtered = nil
		return nil
	}
	for _, x := range t.filtered {
		if !x.IsAllDocs() {
			t.ofType = append(t.ofType, x)
		}
	}
	fields := f.Selector.ranges()
	if t.ofType == nil {
		t.ofType = t.filtered
		fields = append(fields, fieldRange{field: "_id", low: newBound("_id", "$gt", []byte("null"))})
	}
	for _, x := range t.ofType {
		ranges := x.leading(fields)
		t.ranked = append(t.ranked, ranked{x, ranges, len(fields) - len(ranges)})
	}
	slices.SortStableFunc(t.ranked, func(a, b ranked) int {
		return cmp.Or(cmp.Compare(a.distance, b.distance), cmp.Compare(len(a.Columns), len(b.Columns)),
			cmp.Compare(a.DDoc, b.DDoc), cmp.Compare(a.Name, b.Name))
	})
	p.Index, p.ranges = t.ranked[0].Index, t.ranked[0].ranges
	p.Empty = f.Selector.hopeless() || len(p.ranges) == 1 && p.ranges[0].empty
	p.Covering = p.Index.covers(f)
	return nil
}

func (f *Find) unsuitable() error {
	reason := "You must specify an index with the `use_index` parameter."
	if len(f.UseIndex) > 0 {
		reason = f.hint() + " specified by `use_index` could not be found or it is not suitable."
	}
	return &Error{"invalid_index", reason}
}

// hint is use_index as CouchDB says it.
func (f *Find) hint() string {
	named := DesignID(f.UseIndex[0])
	if len(f.UseIndex) > 1 {
		named += ", " + f.UseIndex[1]
	}
	return named
}

// leading are the ranges of the index's first columns, as far as there are any.
func (x *Index) leading(fields []fieldRange) (list []fieldRange) {
	for _, c := range x.Columns {
		name := c.name()
		at := slices.IndexFunc(fields, func(r fieldRange) bool { return r.field == name })
		if at < 0 {
			break
		}
		list = append(list, fields[at])
	}
	return list
}

// covers reports whether the index alone can answer.
func (x *Index) covers(f *Find) bool {
	return len(f.fields) > 0 && x.holds(f.fields) && x.holds(f.Selector.names())
}

func (x *Index) holds(fields []string) bool {
	return !x.IsAllDocs() && !slices.ContainsFunc(fields, func(name string) bool {
		return name != "_id" && !slices.ContainsFunc(x.Columns, func(c Column) bool { return c.Field == name })
	})
}

// Descending reports whether the index is read backwards.
func (p *Plan) Descending() bool { return len(p.find.Sort) > 0 && p.find.Sort[0].Desc }

// Warnings are those that the choice of an index deserves.
func (p *Plan) Warnings() []string {
	var list []string
	if f := p.find; len(f.UseIndex) > 0 && !f.names(p.Index) {
		why := " was not used because it does not contain a valid index for this query."
		if len(f.UseIndex) > 1 {
			why = " was not used because it is not a valid index for this query."
		}
		list = append(list, f.hint()+why)
	}
	if p.Index.IsAllDocs() {
		list = append(list, "No matching index found, create an index to optimize query time.")
	}
	return list
}

// Keys are the ends of the part of the index that is read, as JSON: lists that begin the keys of
// the first and the last row, or of _all_docs the ids, where nil is open. It does not
// matter here whether the ends themselves match.
func (p *Plan) Keys() (low, high []byte) {
	if p.Index.IsAllDocs() {
		return p.ranges[0].low.raw, p.ranges[0].high.raw
	}
	return keysOf(p.ordered())
}

// ordered are the ranges up to one of ids, which an index has not in the order in which a selector
// compares them. (CouchDB reads that part of the index alone, and misses ids.)
func (p *Plan) ordered() []fieldRange {
	for i, r := range p.ranges {
		if r.field == "_id" && r.low.op != "$eq" {
			return p.ranges[:i]
		}
	}
	return p.ranges
}

func keysOf(ranges []fieldRange) (low, high []byte) {
	return appendKeys(ranges, func(r fieldRange) []byte { return r.low.raw }), appendKeys(ranges, func(r fieldRange) []byte { return r.high.raw })
}

// appendKeys lists the ends of the ranges up to the first that is open.
func appendKeys(ranges []fieldRange, end func(fieldRange) []byte) []byte {
	key := []byte{'['}
	for _, r := range ranges {
		raw := end(r)
		if raw == nil {
			break
		}
		if len(key) > 1 {
			key = append(key, ',')
		}
		key = append(key, raw...)
	}
	return append(key, ']')
}
