package mango

import "slices"

// Why an index cannot serve a search, in CouchDB's words.
const (
	needsText    = "needs_text_search"
	mismatch     = "field_mismatch"
	sortMismatch = "sort_order_mismatch"
)

// unusable says why an index cannot serve a search; nothing: it can. A document that
// lacks a column is not in the index, so every column must be one that the selector wants
// there, or the sort.
func (x *Index) unusable(s *Selector, sort []Column) (reasons []string) {
	if x.IsAllDocs() {
		return unusableAllDocs(s, sort)
	}
	if s.searchesText() {
		reasons = append(reasons, needsText)
	}
	var required []string
	for _, c := range x.Columns {
		name := c.name()
		if name == "_id" || name == "_rev" || slices.ContainsFunc(sort, func(by Column) bool { return by.name() == name }) {
			continue
		}
		required = append(required, name)
	}
	if len(s.lacking(sortedSet(required))) > 0 {
		reasons = append(reasons, mismatch)
	}
	if !x.sorts(s, sort) {
		reasons = append(reasons, sortMismatch)
	}
	return reasons
}

// unusableAllDocs: _all_docs serves everything but sorts, and that of ids only
// where the selector asks for some.
func unusableAllDocs(s *Selector, sort []Column) (reasons []string) {
	if len(sort) == 0 {
		return nil
	}
	if !slices.Contains(s.indexable(), "_id") {
		reasons = append(reasons, mismatch)
	}
	if len(sort) > 1 || sort[0].name() != "_id" {
		reasons = append(reasons, sortMismatch)
	}
	return reasons
}

// sorts reports whether the index has the order of a sort: it is a prefix of
// the columns, once those that the selector makes constant are left out before it.
func (x *Index) sorts(s *Selector, sort []Column) bool {
	if len(sort) == 0 {
		return true
	}
	for i, c := range x.Columns {
		if c.name() == sort[0].name() {
			rest := x.Columns[i:]
			return len(sort) <= len(rest) && slices.EqualFunc(sort, rest[:len(sort)], func(a, b Column) bool { return a.name() == b.name() })
		}
		if !s.constant(c.name()) {
			return false
		}
	}
	return false
}

// constant reports whether the selector leaves a field but one value.
func (s *Selector) constant(field string) bool {
	found := false
	s.conjuncts(func(e *expr) {
		found = found || e.op == "" && e.path.String() == field && e.args[0].op == "$eq"
	})
	return found
}

// lacking are those of the fields that a match may be without.
func (s *Selector) lacking(fields []string) []string {
	if s.normal == nil {
		return fields
	}
	return s.normal.lacking(fields)
}

func (e *expr) lacking(fields []string) []string {
	switch e.op {
	case "$and":
		for _, arg := range e.args {
			fields = arg.lacking(fields)
		}
		return fields
	case "$or":
		if len(e.args) == 0 {
			return fields // of nothing: it holds for everything
		}
		var lacking []string
		for _, arg := range e.args {
			lacking = append(lacking, arg.lacking(fields)...)
		}
		return sortedSet(lacking)
	case "":
		if cond := e.args[0]; cond.op == "$exists" && kind(cond.arg) == no {
			return fields
		}
		name := e.path.String()
		return slices.DeleteFunc(slices.Clone(fields), func(f string) bool { return f == name })
	}
	return fields
}

// searchesText reports whether $text is in the selector, which takes an index of another kind.
func (s *Selector) searchesText() bool { return s.normal != nil && s.normal.searchesText() }

func (e *expr) searchesText() bool {
	return e.op == "$default" || slices.ContainsFunc(e.args, (*expr).searchesText)
}

// names are the fields that the selector asks for.
func (s *Selector) names() []string {
	if s.normal == nil {
		return nil
	}
	return sortedSet(s.normal.names(nil))
}

func (e *expr) names(list []string) []string {
	switch e.op {
	case "":
		return append(list, e.path.String())
	case "$default":
		return append(list, e.op)
	}
	for _, arg := range e.args {
		list = arg.names(list)
	}
	return list
}

// hopeless reports a selector that CouchDB does not even look for: an $and or $or of
// nothing that stands alone.
func (s *Selector) hopeless() bool {
	return s.normal != nil && (s.normal.op == "$and" || s.normal.op == "$or") && len(s.normal.args) == 0
}

func sortedSet(names []string) []string {
	slices.Sort(names)
	return slices.Compact(names)
}
