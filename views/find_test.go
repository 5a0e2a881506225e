package views

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"settee/couch"
	"settee/couch/collate"
	"settee/views/mango"
)

// searcher makes random documents, indexes and searches over a few fields and values, so
// that they meet.
type searcher struct{ *rand.Rand }

func (s searcher) pick(of ...string) string { return of[s.Intn(len(of))] }

func (s searcher) field() string { return s.pick("a", "a", "b", "c", "d.e", "d.f", `x\\.y`) }

func (s searcher) value() string {
	return s.pick("null", "true", "false", "1", "1", "2", "2.0", "3", "-1", "12345678901234567890", `"a"`, `"A"`, `"ab"`, `"b"`, `"é"`, `"é"`, `""`, "[]", "[1]", "[1,2]", `{}`, `{"e":1}`, `"a￿"`)
}

// doc has its members in the order in which put writes them.
func (s searcher) doc() string {
	var members []string
	for _, name := range []string{"a", "b", "c", "d", "x.y"} {
		switch n := s.Intn(4); {
		case n == 0:
		case name == "d" && n > 1:
			members = append(members, fmt.Sprintf(`"d":{"e":%s,"f":%s}`, s.value(), s.value()))
		default:
			members = append(members, fmt.Sprintf(`"%s":%s`, name, s.value()))
		}
	}
	return "{" + strings.Join(members, ",") + "}"
}

func (s searcher) condition() string {
	switch s.Intn(12) {
	case 0:
		return fmt.Sprintf(`{"$in":[%s,%s]}`, s.value(), s.value())
	case 1:
		return fmt.Sprintf(`{"$exists":%s}`, s.pick("true", "true", "false"))
	case 2:
		return fmt.Sprintf(`{"$beginsWith":%s}`, s.pick(`"a"`, `"A"`, `""`, `"é"`, `"e"`))
	case 3:
		return fmt.Sprintf(`{%q:%s,%q:%s}`, s.pick("$gt", "$gte"), s.value(), s.pick("$lt", "$lte"), s.value())
	case 4:
		return fmt.Sprintf(`{"$not":{%q:%s}}`, s.pick("$gt", "$eq", "$lte", "$regex"), s.pick(`"a"`, `"b"`))
	case 5:
		return fmt.Sprintf(`{"$ne":%s}`, s.value())
	}
	return fmt.Sprintf(`{%q:%s}`, s.pick("$eq", "$gt", "$gte", "$lt", "$lte"), s.value())
}

func (s searcher) selector(deep int) string {
	switch n := s.Intn(8); {
	case deep > 0 && n == 0:
		return fmt.Sprintf(`{"$or":[%s,%s]}`, s.selector(deep-1), s.selector(deep-1))
	case deep > 0 && n == 1:
		return fmt.Sprintf(`{"$and":[%s,%s]}`, s.selector(deep-1), s.selector(deep-1))
	case deep > 0 && n == 2:
		return fmt.Sprintf(`{%q:[%s]}`, s.pick("$nor", "$and", "$or"), s.pick("", s.selector(deep-1)))
	case n == 3:
		return fmt.Sprintf(`{"_id":{%q:%s}}`, s.pick("$gt", "$lt", "$gte", "$eq"), s.pick(`"d5"`, `"D2"`, "null", `{}`, "7"))
	case n == 4:
		return "{}"
	case n < 6:
		return fmt.Sprintf(`{"%s":%s,"%s":%s}`, s.pick("a", "d.e"), s.condition(), s.pick("b", "c"), s.condition())
	}
	return fmt.Sprintf(`{"%s":%s}`, s.field(), s.condition())
}

func (s searcher) fields() string {
	list := []string{s.field(), s.field(), s.pick("_id", "b")}[:1+s.Intn(3)]
	return `["` + strings.Join(list, `","`) + `"]`
}

func (s searcher) index(n int) string {
	filter := ""
	if s.Intn(4) == 0 {
		filter = `,"partial_filter_selector":` + s.selector(1)
	}
	return fmt.Sprintf(`{"index":{"fields":%s%s},"ddoc":"i%d","name":"n"}`, s.fields(), filter, n)
}

func (s searcher) search() string {
	body := `{"selector":` + s.selector(2)
	if s.Intn(3) == 0 {
		fields := strings.Split(strings.Trim(s.fields(), `[]`), ",")
		direction := s.pick("asc", "desc")
		for i, f := range fields {
			fields[i] = fmt.Sprintf(`{%s:%q}`, f, direction)
		}
		body += `,"sort":[` + strings.Join(fields, ",") + `]`
	}
	if s.Intn(3) == 0 {
		body += `,"fields":` + s.fields()
	}
	if s.Intn(2) == 0 {
		body += fmt.Sprintf(`,"use_index":"i%d"`, s.Intn(6))
	}
	return body + fmt.Sprintf(`,"skip":%d`, max(0, s.Intn(8)-5))
}

// Whatever the index, a search finds the documents that match, in order, page by page.
func TestFindIsAScan(t *testing.T) {
	r := searcher{random(t)}
	h := open(t, Options{})
	docs := map[string]string{}
	rounds, hits, used := 60, 0, map[bool]int{}
	if testing.Short() {
		rounds = 15
	}
	for n := range 6 {
		h.indexed(r.index(n))
	}
	for range rounds {
		for range 1 + r.Intn(30) {
			id := fmt.Sprintf("%s%d", r.pick("d", "D"), r.Intn(40))
			if docs[id] != "" && r.Intn(4) == 0 {
				h.remove(id)
				delete(docs, id)
				continue
			}
			docs[id] = r.doc()
			h.put(id, docs[id])
		}
		n := r.Intn(6)
		if err := h.engine.DeleteIndexes(h.ctx, h.db, fmt.Sprintf("i%d", n), Designer{}); err != nil {
			require.ErrorIs(t, err, couch.ErrMissing)
		}
		h.indexed(r.index(n))
		for range 40 {
			body := r.search()
			want, x := h.scan(t, docs, body+`,"limit":1000}`)
			if x == nil {
				continue // no index has that sort
			}
			got := h.pages(t, body, 1+r.Intn(20))
			require.Equal(t, want, got, "%s}\nby %s %s", body, x.DDoc, x.Name)
			hits += len(got)
			used[x.IsAllDocs()]++
		}
	}
	require.Greater(t, hits, rounds*10, "the searches hardly find anything")
	require.Greater(t, used[false], rounds, "hardly any index is used: %v", used)
}

// pages reads a search page by page. skip is of the first.
func (h *house) pages(t *testing.T, body string, size int) (all []string) {
	bookmark := ""
	for {
		docs, found := h.find(fmt.Sprintf(`%s,"limit":%d,"bookmark":%q}`, body, size, bookmark))
		all = append(all, docs...)
		body, _, _ = strings.Cut(body, `,"skip"`)
		next, ok := found.Bookmark()
		if len(docs) < size || !ok {
			return all
		}
		require.NotEqual(t, bookmark, next)
		bookmark = next
	}
}

// scan is what a search finds by looking at every document, in the order of the index that it says
// it takes.
func (h *house) scan(t *testing.T, docs map[string]string, body string) (list []string, x *mango.Index) {
	f, err := mango.ParseFind([]byte(body), mango.DefaultLimit)
	require.NoError(t, err, body)
	found, err := h.engine.Find(h.ctx, h.db, []byte(body), "")
	if err != nil {
		require.ErrorContains(t, err, "no_usable_index", body)
		return nil, nil
	}
	defer found.Close()
	x = found.plan.Index
	type match struct{ key, shown string }
	var matches []match
	for id, doc := range docs {
		raw := []byte(fmt.Sprintf(`{"_id":%q,"_rev":%q%s`, id, h.revs[id], strings.Replace(","+doc[1:], ",}", "}", 1)))
		if !f.Selector.Match(raw) || x.Partial != nil && !x.Partial.Match(raw) || !sortable(raw, f.Sort) {
			continue
		}
		key := []byte(id)
		if !x.IsAllDocs() {
			key = append(columnKey(t, raw, x.Columns), id...)
		}
		matches = append(matches, match{string(key), string(f.Fields.Apply(compact(raw)))})
	}
	slices.SortFunc(matches, func(a, b match) int { return strings.Compare(a.key, b.key) })
	if len(f.Sort) > 0 && f.Sort[0].Desc {
		slices.Reverse(matches)
	}
	if f.Selector.String() == `{"$and":[]}` || f.Selector.String() == `{"$or":[]}` {
		matches = nil // CouchDB's rule for an $and or $or of nothing
	}
	for _, m := range matches[min(f.Skip, len(matches)):] {
		list = append(list, m.shown)
	}
	return list, x
}

// sortable: an index to sort by holds what has the fields.
func sortable(raw []byte, by []mango.Column) bool {
	return !slices.ContainsFunc(by, func(c mango.Column) bool { _, ok := memberAt(raw, c.Field); return !ok })
}

// columnKey: the selector must have seen to it that every column is there.
func columnKey(t *testing.T, raw []byte, columns []mango.Column) (key []byte) {
	for _, c := range columns {
		value, ok := memberAt(raw, c.Field)
		require.True(t, ok, "%s is not in the index", raw)
		var err error
		key, err = collate.Append(key, value)
		require.NoError(t, err)
	}
	return key
}

// memberAt follows a field's name by another way than package mango does.
func memberAt(raw []byte, field string) (json.RawMessage, bool) {
	for name := range strings.SplitSeq(strings.ReplaceAll(field, `\.`, "\x00"), ".") {
		var members map[string]json.RawMessage
		if json.Unmarshal(raw, &members) != nil {
			return nil, false
		}
		value, ok := members[strings.ReplaceAll(name, "\x00", ".")]
		if !ok {
			return nil, false
		}
		raw = value
	}
	return raw, true
}

func compact(raw []byte) []byte {
	var b bytes.Buffer
	_ = json.Compact(&b, raw)
	return b.Bytes()
}
