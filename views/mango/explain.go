package mango

import (
	"cmp"
	"slices"
	"strconv"
)

// Explain appends what _explain answers.
func (p *Plan) Explain(dst []byte, database string) []byte {
	f := p.find
	dst = appendQuoted(append(dst, `{"dbname":`...), database)
	dst = append(dst, `,"index":`...)
	if p.Index == nil {
		dst = append(dst, "null"...)
	} else {
		dst = p.Index.AppendJSON(dst)
	}
	dst = append(append(dst, `,"partitioned":`...), trueOrFalse(p.trace.partitioned)...)
	dst = append(append(dst, `,"selector":`...), f.Selector.String()...)
	dst = f.append(append(dst, `,"opts":`...))
	dst = append(strconv.AppendInt(append(dst, `,"limit":`...), int64(f.Limit), 10), `,"skip":`...)
	dst = append(strconv.AppendInt(dst, int64(f.Skip), 10), `,"fields":`...)
	dst = appendList(dst, f.fields)
	dst = p.appendCandidates(append(dst, `,"index_candidates":`...))
	dst = p.appendHints(append(dst, `,"selector_hints":`...))
	if p.Index != nil {
		dst = p.appendArguments(append(dst, `,"mrargs":`...))
		dst = append(append(dst, `,"covering":`...), trueOrFalse(p.Covering)...)
	}
	return append(dst, '}')
}

func appendList(dst []byte, names []string) []byte {
	dst = append(dst, '[')
	for i, name := range names {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = appendQuoted(dst, name)
	}
	return append(dst, ']')
}

// append writes the options as they were understood.
func (f *Find) append(dst []byte) []byte {
	dst = appendList(append(dst, `{"use_index":`...), f.UseIndex)
	dst = appendQuoted(append(dst, `,"bookmark":`...), cmp.Or(f.Bookmark, "nil"))
	dst = strconv.AppendInt(append(dst, `,"limit":`...), int64(f.Limit), 10)
	dst = strconv.AppendInt(append(dst, `,"skip":`...), int64(f.Skip), 10)
	dst = appendColumns(append(dst, `,"sort":`...), f.Sort)
	dst = appendList(append(dst, `,"fields":`...), f.fields)
	dst = appendQuoted(append(dst, `,"partition":`...), f.Partition)
	dst = strconv.AppendInt(append(dst, `,"r":`...), int64(f.Quorum), 10)
	stale := "false"
	if f.Stale {
		stale = `"ok"`
	}
	dst = append(append(dst, `,"conflicts":`...), trueOrFalse(f.Conflicts)...)
	dst = append(append(dst, `,"stale":`...), stale...)
	dst = append(append(dst, `,"update":`...), trueOrFalse(!f.NoUpdate)...)
	dst = append(append(dst, `,"stable":`...), trueOrFalse(f.Stable)...)
	dst = append(append(dst, `,"execution_stats":`...), trueOrFalse(f.Stats)...)
	dst = append(append(dst, `,"allow_fallback":`...), trueOrFalse(!f.NoFallback)...)
	return append(dst, '}')
}

// candidate is an index that was not chosen, and why.
type candidate struct {
	*Index
	usable  bool
	reasons []string
	rank    int
}

// candidates are all indexes but the chosen one, the last name first. Each stage
// of planning that left some out gives them a rank; an index left out at two stages has the sum.
func (p *Plan) candidates() []candidate {
	t := &p.trace
	unfavoured := max(1, len(t.ranked))
	excluded := unfavoured + atMostOne(without(t.filtered, t.ofType))
	unusable := excluded + atMostOne(without(t.usable, t.filtered))
	outside := unusable + atMostOne(without(t.scope, t.usable))
	partial := outside + atMostOne(without(t.global, t.scope))
	var list []candidate
	for _, x := range t.all {
		if x == p.Index {
			continue
		}
		c := candidate{Index: x, usable: true}
		note := func(in, of []*Index, usable bool, rank int, reasons ...string) {
			if !slices.Contains(in, x) || slices.Contains(of, x) {
				return
			}
			c.usable = c.usable && usable
			c.rank += rank
			c.reasons = append(c.reasons, reasons...)
		}
		note(t.all, t.global, false, partial, "is_partial")
		note(t.global, t.scope, false, outside, "scope_mismatch")
		note(t.scope, t.usable, false, unusable, t.reasons[x]...)
		note(t.usable, t.filtered, true, excluded, "excluded_by_user")
		note(t.filtered, t.ofType, true, unfavoured, "unfavored_type")
		for i, r := range t.ranked {
			if r.Index == x {
				c.rank += i
				c.reasons = append(c.reasons, p.beaten(r))
			}
		}
		list = append(list, c)
	}
	slices.SortFunc(list, func(a, b candidate) int { return -cmp.Or(cmp.Compare(a.DDoc, b.DDoc), cmp.Compare(a.Name, b.Name)) })
	return list
}

// beaten says why another index was preferred to one that would have done.
func (p *Plan) beaten(r ranked) string {
	switch {
	case r.distance > 0:
		return "less_overlap"
	case len(r.Columns) > len(p.Index.Columns):
		return "too_many_fields"
	}
	return "alphabetically_comes_after"
}

func without(list, others []*Index) []*Index {
	return slices.DeleteFunc(slices.Clone(list), func(x *Index) bool { return slices.Contains(others, x) })
}

// atMostOne counts a list as one or none.
func atMostOne(list []*Index) int { return min(1, len(list)) }

func (p *Plan) appendCandidates(dst []byte) []byte {
	dst = append(dst, '[')
	for i, c := range p.candidates() {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = c.AppendJSON(append(dst, `{"index":`...))
		dst = append(append(dst, `,"analysis":{"usable":`...), trueOrFalse(c.usable)...)
		dst = append(dst, `,"reasons":[`...)
		if len(c.reasons) > 0 {
			dst = append(appendQuoted(append(dst, `{"name":`...), c.reasons[0]), '}')
		}
		dst = strconv.AppendInt(append(dst, `],"ranking":`...), int64(c.rank), 10)
		covering := "null"
		if !c.IsAllDocs() {
			covering = trueOrFalse(len(p.find.fields) > 0 && c.holds(p.find.fields))
		}
		dst = append(append(append(dst, `,"covering":`...), covering...), '}', '}')
	}
	return append(dst, ']')
}

// appendHints tells which of the selector's fields an index could help with.
func (p *Plan) appendHints(dst []byte) []byte {
	indexable := p.find.Selector.indexable()
	rest := slices.DeleteFunc(p.find.Selector.names(), func(name string) bool { return slices.Contains(indexable, name) })
	dst = appendList(append(dst, `[{"type":"json","indexable_fields":`...), indexable)
	return append(appendList(append(dst, `,"unindexable_fields":`...), rest), '}', ']')
}

// appendArguments writes the plan as CouchDB would ask a view.
func (p *Plan) appendArguments(dst []byte) []byte {
	f := p.find
	start, end := p.ends()
	direction := "fwd"
	if p.Descending() {
		start, end, direction = end, start, "rev"
	}
	dst = append(append(dst, `{"include_docs":`...), trueOrFalse(f.Quorum == 1 && !p.Covering)...)
	dst = append(dst, `,"view_type":"map","reduce":false,"partition":`...)
	if f.Partition == "" {
		dst = append(dst, "null"...)
	} else {
		dst = appendQuoted(dst, f.Partition)
	}
	dst = append(append(dst, `,"start_key":`...), start...)
	dst = append(append(dst, `,"end_key":`...), end...)
	dst = append(append(append(dst, `,"direction":"`...), direction...), '"')
	dst = append(append(dst, `,"stable":`...), trueOrFalse(f.Stable || f.Stale)...)
	dst = append(append(dst, `,"update":`...), trueOrFalse(!f.NoUpdate && !f.Stale)...)
	conflicts := `"undefined"`
	if f.Conflicts {
		conflicts = "true"
	}
	return append(append(append(dst, `,"conflicts":`...), conflicts...), '}')
}

// ends are the keys as CouchDB writes them.
func (p *Plan) ends() (start, end []byte) {
	if p.Empty {
		return []byte("null"), []byte("null")
	}
	if !p.Index.IsAllDocs() {
		start, end = keysOf(p.ranges)
		end = end[:len(end)-1]
		if len(end) > 1 {
			end = append(end, ',')
		}
		return start, append(end, `"<MAX>"]`...)
	}
	start, end = p.Keys()
	if start == nil {
		start = []byte(`""`)
	}
	if end == nil {
		end = []byte(`"<MAX>"`)
	}
	return start, end
}
