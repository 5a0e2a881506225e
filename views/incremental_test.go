package views

import (
	"cmp"
	"encoding/json"
	"fmt"
	"math/rand"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"settee/couch"
	"settee/fixtures/keyorder"
)

// The views of the test: one map function, every reducer. doc.rows are [key,value].
const everyRow = `"map":"function(doc){ for (var i = 0; i < doc.rows.length; i++) emit(doc.rows[i][0], doc.rows[i][1]); if (doc._conflicts) emit(['conflicts'], doc._conflicts.length); if (doc.n % 7 == 0) throw 'not this one'; }"`

var everyReduce = map[string]string{
	"plain": "", "count": "_count", "sum": "_sum", "stats": "_stats", "distinct": "_approx_count_distinct",
	"top": "_top_3", "bottom": "_bottom_5", "first": "_first", "last": "_last",
	"js": "function(keys,values,rereduce){ return sum(values) }", "longest": "function(k,v,r){ return Math.max.apply(null, v) }",
}

// designOf is the design document; more sets its signature apart.
func designOf(more string) string {
	var views []string
	for name, reduce := range everyReduce {
		if reduce != "" {
			reduce = `,"reduce":"` + reduce + `"`
		}
		views = append(views, `"`+name+`":{`+everyRow+reduce+`}`, `"raw-`+name+`":{`+everyRow+reduce+`,"options":{"collation":"raw"}}`)
	}
	return `{` + more + `"views":{` + strings.Join(views, ",") + `}}`
}

// plainRow is a row of the plain model.
type plainRow struct {
	id, key string
	parsed  keyorder.Key
	value   int
	emit    int
}

// plainModel computes an answer from all documents, as directly as can be.
type plainModel struct {
	rows  []plainRow // in order
	order *keyorder.Order
	view  *keyorder.Order // of _first and _last, whatever the view's is
}

func (h *house) plainModel(rawOrder bool) *plainModel {
	m := &plainModel{order: keyorder.View(), view: keyorder.View()}
	if rawOrder {
		m.order = keyorder.Raw()
	}
	rows, err := h.db.AllDocs(h.ctx, couch.AllDocsOptions{Limit: -1, IncludeDocs: true, Get: couch.GetOptions{Conflicts: true}})
	require.NoError(h.t, err)
	defer rows.Close()
	for rows.Next() {
		doc := rows.Row().Doc
		var body struct {
			N         int
			Rows      [][2]json.RawMessage
			Conflicts []string `json:"_conflicts"`
		}
		require.NoError(h.t, json.Unmarshal(doc.AppendJSON(nil), &body))
		if doc.ID.IsDesign() || body.N%7 == 0 {
			continue
		}
		if body.Conflicts != nil {
			body.Rows = append(body.Rows, [2]json.RawMessage{raw(`["conflicts"]`), mustJSON(len(body.Conflicts))})
		}
		for i, r := range body.Rows {
			row := plainRow{id: string(doc.ID), key: string(r[0]), parsed: keyorder.Parse(string(r[0])), emit: i}
			require.NoError(h.t, json.Unmarshal(r[1], &row.value))
			m.rows = append(m.rows, row)
		}
	}
	require.NoError(h.t, rows.Err())
	slices.SortFunc(m.rows, func(a, b plainRow) int {
		return cmp.Or(m.order.Compare(a.parsed, b.parsed), cmp.Compare(a.id, b.id), cmp.Compare(a.emit, b.emit))
	})
	return m
}

// ranges are the rows of a query's keys, or of its one range, in the order of the answer.
func (m *plainModel) ranges(q Query) (ranges [][]plainRow) {
	if q.Keys == nil {
		return [][]plainRow{m.rangeOf(q, q.StartKey, q.EndKey)}
	}
	keys := slices.Clone(q.Keys)
	if q.Descending && !q.Group {
		slices.Reverse(keys)
	}
	for _, k := range keys {
		ranges = append(ranges, m.rangeOf(q, k, k))
	}
	return ranges
}

func (m *plainModel) rangeOf(q Query, start, end json.RawMessage) (in []plainRow) {
	rows := slices.Clone(m.rows)
	if q.Descending {
		slices.Reverse(rows)
	}
	against := func(r plainRow, bound json.RawMessage, id string) int {
		order := m.order.Compare(r.parsed, keyorder.Parse(string(bound)))
		if order == 0 && id != "" {
			order = cmp.Compare(r.id, id)
		}
		if q.Descending {
			return -order
		}
		return order
	}
	for _, r := range rows {
		if q.Partition != nil && !strings.HasPrefix(r.id, *q.Partition+":") {
			continue
		}
		if start != nil && against(r, start, q.StartKeyDocID) < 0 {
			continue
		}
		if end != nil {
			if order := against(r, end, q.EndKeyDocID); order > 0 || order == 0 && q.ExclusiveEnd {
				continue
			}
		}
		in = append(in, r)
	}
	return in
}

func (m *plainModel) answer(q Query, reduce string) []string {
	lines := []string{}
	for _, in := range m.ranges(q) {
		if reduce == "" || q.NoReduce {
			for _, r := range in {
				lines = append(lines, fmt.Sprintf("%s %s %d", r.id, r.key, r.value))
			}
			continue
		}
		for len(in) > 0 {
			n := 1
			for n < len(in) && m.together(q, in[0], in[n]) {
				n++
			}
			lines = append(lines, m.groupKey(q, in[0])+" "+m.reduce(reduce, in[:n]))
			in = in[n:]
		}
	}
	lines = lines[min(q.Skip, len(lines)):]
	if q.Limit >= 0 {
		lines = lines[:min(q.Limit, len(lines))]
	}
	return lines
}

// together reports whether two rows are of one group.
func (m *plainModel) together(q Query, a, b plainRow) bool {
	if !q.grouped() {
		return true
	}
	x, isX := a.parsed.([]keyorder.Key)
	y, isY := b.parsed.([]keyorder.Key)
	if q.GroupLevel > 0 && isX && isY {
		return m.order.Compare(x[:min(q.GroupLevel, len(x))], y[:min(q.GroupLevel, len(y))]) == 0
	}
	return m.order.Compare(a.parsed, b.parsed) == 0
}

func (m *plainModel) groupKey(q Query, r plainRow) string {
	if !q.grouped() {
		return "null"
	}
	var items []json.RawMessage
	if q.GroupLevel == 0 || json.Unmarshal([]byte(r.key), &items) != nil || len(items) <= q.GroupLevel {
		return r.key
	}
	return string(mustJSON(items[:q.GroupLevel]))
}

func (m *plainModel) reduce(name string, rows []plainRow) string {
	sum, squares, least, most := 0, 0, rows[0].value, rows[0].value
	var values []int
	for _, r := range rows {
		sum, squares = sum+r.value, squares+r.value*r.value
		least, most = min(least, r.value), max(most, r.value)
		values = append(values, r.value)
	}
	slices.Sort(values)
	values = slices.Compact(values)
	byKey := func(a, b plainRow) int {
		return cmp.Or(m.view.Compare(a.parsed, b.parsed), cmp.Compare(a.id, b.id), cmp.Compare(a.emit, b.emit))
	}
	switch name {
	case "count":
		return fmt.Sprint(len(rows))
	case "sum", "js":
		return fmt.Sprint(sum)
	case "longest":
		return fmt.Sprint(most)
	case "stats":
		return fmt.Sprintf(`{"sum":%d,"count":%d,"min":%d,"max":%d,"sumsqr":%d}`, sum, len(rows), least, most, squares)
	case "bottom":
		return string(mustJSON(values[:min(5, len(values))]))
	case "top":
		slices.Reverse(values)
		return string(mustJSON(values[:min(3, len(values))]))
	case "first":
		return fmt.Sprint(slices.MinFunc(rows, byKey).value)
	case "last":
		slices.Reverse(rows) // of equals the last
		defer slices.Reverse(rows)
		return fmt.Sprint(slices.MaxFunc(rows, byKey).value)
	}
	return "" // _approx_count_distinct is compared with an index from nothing only
}

// someKeys are few enough to be hit by ranges and equal keys, of every kind.
func someKeys(r *rand.Rand) []string {
	keys := []string{`null`, `false`, `true`, `-1`, `0`, `0.5`, `2`, `10`, `1e+30`, `""`, `"a"`, `"A"`, `"b"`, `"é"`, `"aa"`, `"a\u0000b"`, "\"\ufff0\"", `[]`, `{}`, `{"a":1}`, `{"a":{}}`, `{"b":[null]}`, `[[]]`, `[{}]`, `[["x"],1]`, `[null]`}
	for range 60 {
		keys = append(keys, fmt.Sprintf(`["%c",%d,"%c"]`, 'a'+r.Intn(3), r.Intn(6), 'x'+r.Intn(3)), fmt.Sprintf(`["%c",%d]`, 'a'+r.Intn(3), r.Intn(6)))
	}
	return keys
}

func (h *house) randomRead(r *rand.Rand, keys []string, reduces bool) Query {
	key := func() json.RawMessage { return raw(keys[r.Intn(len(keys))]) }
	id := func() string { return fmt.Sprint("p", r.Intn(3), ":", r.Intn(400)) }
	q := Query{Limit: -1, Descending: r.Intn(2) == 0, ExclusiveEnd: r.Intn(3) == 0}
	switch r.Intn(4) {
	case 0:
		q.Keys = []json.RawMessage{}
		for range r.Intn(5) {
			q.Keys = append(q.Keys, key())
		}
	default:
		if r.Intn(3) > 0 {
			q.StartKey = key()
		}
		if r.Intn(3) > 0 {
			q.EndKey = key()
		}
		if r.Intn(3) == 0 {
			q.StartKeyDocID = id()
		}
		if r.Intn(3) == 0 {
			q.EndKeyDocID = id()
		}
	}
	if r.Intn(3) == 0 {
		q.Skip, q.Limit = r.Intn(20), r.Intn(20)
	}
	switch n := r.Intn(5); {
	case !reduces || n == 0:
		q.NoReduce = true
	case n == 1 || q.Keys != nil:
		q.Group = true
	case n < 4:
		q.GroupLevel = 1 + r.Intn(3)
	}
	if h.db.Partitioned() {
		p := fmt.Sprint("p", r.Intn(3))
		q.Partition = &p
	}
	return q
}

// edit does one random thing to the database.
func (h *house) edit(r *rand.Rand, keys []string) {
	id := fmt.Sprint("p", r.Intn(3), ":", r.Intn(400))
	var rows []string
	for range r.Intn(4) {
		rows = append(rows, fmt.Sprintf(`[%s,%d]`, keys[r.Intn(len(keys))], r.Intn(200)-100))
	}
	body := fmt.Sprintf(`{"n":%d,"rows":[%s]}`, r.Intn(30), strings.Join(rows, ","))
	doc, err := h.db.Get(h.ctx, couch.DocID(id), couch.GetOptions{Conflicts: true})
	there := err == nil
	if there {
		h.revs[id] = doc.Rev
	} else {
		delete(h.revs, id)
	}
	switch n := r.Intn(12); {
	case n == 0:
		h.graft(id, fmt.Sprintf("%d-%x", 1+r.Intn(3), r.Int31()), body)
	case n == 1 && there:
		h.remove(id)
	case n == 2 && there:
		revs := append([]couch.Rev{doc.Rev}, doc.Conflicts...)
		r.Shuffle(len(revs), func(i, j int) { revs[i], revs[j] = revs[j], revs[i] })
		h.purge(id, revs[:1+r.Intn(len(revs))]...)
	case n == 3 && r.Intn(40) == 0:
		require.NoError(h.t, h.db.Compact(h.ctx))
	default:
		h.put(id, body)
	}
}

// After every batch of random edits, every answer of an index that followed them
// is that of one made from nothing, and of a plain computation over the documents.
func TestIncrementalEqualsRebuilt(t *testing.T) {
	rounds, queries := 8, 12
	if testing.Short() {
		rounds, queries = 4, 3
	}
	for _, partitioned := range []bool{false, true} {
		t.Run(fmt.Sprint("partitioned=", partitioned), func(t *testing.T) {
			r := random(t)
			h := open(t, Options{Ken: time.Millisecond})
			if partitioned {
				var err error
				h.db, err = h.store.CreatePartitioned(h.ctx, "partitioned")
				require.NoError(t, err)
			}
			keys := someKeys(r)
			h.put("_design/d", designOf(""))
			for round := range rounds {
				for range []int{1, 10, 300, 1500}[round%4] {
					h.edit(r, keys)
				}
				switch round {
				case 3:
					h.put("_design/d", designOf(`"filters":{"f":"function(){}"},`)) // the index stays
				case 5:
					h.put("_design/d", designOf(`"options":{"local_seq":true},`)) // and goes
				}
				h.fresh(round)
				for _, rawOrder := range []bool{false, true} {
					m := h.plainModel(rawOrder)
					for range queries {
						for name, reduce := range everyReduce {
							q := h.randomRead(r, keys, reduce != "")
							h.compare(m, name, q, rawOrder)
						}
					}
				}
			}
		})
	}
}

// fresh makes the design document "fresh", whose index nobody else has.
func (h *house) fresh(round int) {
	body := designOf("")
	body = strings.Replace(body, `"views":{`, fmt.Sprintf(`"views":{"lib":{"round":"%d"},`, round), 1)
	h.put("_design/fresh", body)
}

func (h *house) compare(m *plainModel, name string, q Query, rawOrder bool) {
	view := name
	if rawOrder {
		view = "raw-" + name
	}
	got, err := h.read("d", view, q)
	fresh, freshErr := h.read("fresh", view, q)
	require.Equal(h.t, freshErr, err)
	if err != nil {
		require.ErrorContains(h.t, err, "No rows can match")
		return
	}
	require.Equal(h.t, fresh, got, "%s %+v", view, q)
	want, reduce := []string(nil), name
	if name == "plain" {
		reduce = ""
	}
	if want = m.answer(q, reduce); name != "distinct" || q.NoReduce {
		require.Equal(h.t, want, got.lines, "%s %+v", view, q)
	}
	require.Len(h.t, got.lines, len(want))
	if (name == "plain" || q.NoReduce) && q.Partition == nil {
		require.EqualValues(h.t, len(m.rows), got.total)
		require.Equal(h.t, m.offset(q, got), got.offset, "%s %+v", view, q)
	}
}

// offset is how many rows of the view come before the answer's first.
func (m *plainModel) offset(q Query, got reading) int64 {
	ranges := m.ranges(q)
	if len(got.lines) == 0 || len(ranges) == 0 {
		return got.offset // where there is no row there is no place
	}
	rows := slices.Clone(m.rows)
	if q.Descending {
		slices.Reverse(rows)
	}
	if len(ranges[0]) == 0 {
		return got.offset
	}
	first := ranges[0][0]
	at := slices.IndexFunc(rows, func(r plainRow) bool { return r.id == first.id && r.emit == first.emit && r.key == first.key })
	return int64(min(at+q.Skip, len(m.rows))) // rows of later keys may stand before the first key's
}

// reading is an answer.
type reading struct {
	lines         []string
	total, offset int64
}

func (h *house) read(ddoc, view string, q Query) (a reading, err error) {
	rows, err := h.engine.Query(h.ctx, h.db, ddoc, view, q)
	if err != nil {
		return a, err
	}
	defer rows.Close()
	a.lines = []string{}
	if !rows.Reduced() {
		a.total, a.offset = rows.Total(), rows.Offset()
	}
	for rows.Next() {
		r := rows.Row()
		require.Empty(h.t, r.Error, r.Reason)
		line := fmt.Sprintf("%s %s", r.Key, r.Value)
		if !rows.Reduced() {
			line = string(r.ID) + " " + line
		}
		a.lines = append(a.lines, line)
	}
	return a, rows.Err()
}
