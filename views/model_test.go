package views

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"math/rand"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"settee/couch"
	"settee/couch/collate"
)

// model is the view computed anew for every question.
type model map[string]modelDoc

type modelDoc struct {
	a string
	n int
	v int
}

type modelRow struct {
	id, key string
	v       int
	order   []byte
}

func (m model) rows(q Query) (rows []modelRow, offset int) {
	for id, d := range m {
		for i := range d.n % 3 {
			r := modelRow{id: id, key: fmt.Sprintf(`["%s",%d]`, d.a, d.n), v: d.v + i}
			key, _ := collate.Append(nil, []byte(r.key))
			r.order = appendRowKey(nil, key, couch.DocID(id), uint32(i))
			rows = append(rows, r)
		}
	}
	slices.SortFunc(rows, func(a, b modelRow) int { return bytes.Compare(a.order, b.order) })
	if q.Descending {
		slices.Reverse(rows)
	}
	var in []modelRow
	offset = len(rows)
	for i, r := range rows {
		if !modelHolds(r, q) {
			continue
		}
		if len(in) == 0 {
			offset = i
		}
		in = append(in, r)
	}
	if len(in) == 0 {
		offset = -1 // depends on where the range lies
	}
	return in, offset
}

func modelHolds(r modelRow, q Query) bool {
	key, _ := collate.Append(nil, []byte(r.key))
	against := func(bound json.RawMessage, id string) int {
		b, _ := collate.Append(nil, bound)
		order := bytes.Compare(key, b)
		if order == 0 && id != "" {
			order = cmp.Compare(r.id, id)
		}
		if q.Descending {
			order = -order
		}
		return order
	}
	if q.StartKey != nil && against(q.StartKey, q.StartKeyDocID) < 0 {
		return false
	}
	if q.EndKey != nil {
		order := against(q.EndKey, q.EndKeyDocID)
		return order < 0 || order == 0 && !q.ExclusiveEnd
	}
	return true
}

// answer is what the query should give.
func (m model) answer(q Query) (lines []string) {
	rows, offset := m.rows(q)
	skip := min(q.Skip, len(rows))
	if q.NoReduce {
		rows = rows[skip:]
		if q.Limit >= 0 {
			rows = rows[:min(q.Limit, len(rows))]
		}
		total, _ := m.rows(Query{})
		lines = append(lines, fmt.Sprintf("%d/%d", offset+skip, len(total)))
		for _, r := range rows {
			lines = append(lines, fmt.Sprintf("%s %s %d", r.id, r.key, r.v))
		}
		return lines
	}
	var keys []string
	sums := map[string]int{}
	for _, r := range rows {
		key := "null"
		switch {
		case q.GroupLevel == 1:
			var pair []json.RawMessage
			_ = json.Unmarshal([]byte(r.key), &pair)
			key = "[" + string(pair[0]) + "]"
		case q.grouped():
			key = r.key
		}
		if _, ok := sums[key]; !ok {
			keys = append(keys, key)
		}
		sums[key] += r.v
	}
	keys = keys[min(q.Skip, len(keys)):]
	if q.Limit >= 0 {
		keys = keys[:min(q.Limit, len(keys))]
	}
	for _, key := range keys {
		lines = append(lines, fmt.Sprintf("%s %d", key, sums[key]))
	}
	return lines
}

func randomQuery(r *rand.Rand, keys int) Query {
	q := Query{Limit: -1, Descending: r.Intn(2) == 0, ExclusiveEnd: r.Intn(3) == 0}
	bound := func() (json.RawMessage, string) {
		key := fmt.Sprintf(`["%c",%d]`, 'a'+r.Intn(3), r.Intn(keys))
		if r.Intn(3) > 0 {
			return raw(key), ""
		}
		return raw(key), fmt.Sprint("doc", r.Intn(keys))
	}
	if r.Intn(3) > 0 {
		q.StartKey, q.StartKeyDocID = bound()
	}
	if r.Intn(3) > 0 {
		q.EndKey, q.EndKeyDocID = bound()
	}
	if r.Intn(3) == 0 {
		q.Skip, q.Limit = r.Intn(10), r.Intn(20)
	}
	switch r.Intn(4) {
	case 0:
		q.NoReduce = true
	case 1:
		q.Group = true
	case 2:
		q.GroupLevel = 1 + r.Intn(2)
	}
	return q
}

// After every batch of random edits each question gets the answer that a
// computation from nothing gives.
func TestModel(t *testing.T) {
	r := random(t)
	for _, run := range []struct {
		reduce  string
		batches batches
	}{
		{"_sum", ordinary},
		{"function(k,v){ return sum(v) }", ordinary},
		{"_sum", batches{docs: 7, bytes: 1 << 20, bulkFrom: 30, bulkBytes: 30_000}},
		{"_sum", batches{docs: 2000, bytes: 1 << 20, bulkFrom: 1, bulkBytes: 1 << 20}},
	} {
		reduce := run.reduce
		h := open(t, Options{})
		h.engine.batches = run.batches
		h.put("_design/d", `{"views":{"x":{"map":"function(doc){ for (var i = 0; i < doc.n % 3; i++) emit([doc.a, doc.n], doc.v + i) }","reduce":"`+reduce+`"}}}`)
		require.NoError(t, h.db.SetPurgedInfosLimit(h.ctx, 60), "a large round outruns the purge log")
		m := model{}
		const docs = 1500
		for round := range 12 {
			for range []int{1, 3, 40, 2000}[round%4] {
				id := fmt.Sprint("doc", r.Intn(docs))
				if _, ok := m[id]; ok && r.Intn(4) == 0 {
					if r.Intn(2) == 0 {
						h.remove(id)
					} else {
						h.purge(id, h.revs[id])
					}
					delete(m, id)
					continue
				}
				d := modelDoc{string(rune('a' + r.Intn(3))), r.Intn(docs), r.Intn(100)}
				h.put(id, fmt.Sprintf(`{"a":"%s","n":%d,"v":%d}`, d.a, d.n, d.v))
				m[id] = d
			}
			for range 25 {
				q := randomQuery(r, docs)
				got, err := h.tryQuery("x", q)
				if err != nil {
					require.ErrorContains(t, err, "No rows can match")
					continue
				}
				want := m.answer(q)
				if rows, offset := m.rows(q); q.NoReduce && (offset < 0 || q.Skip > len(rows)) {
					got, want = got[1:], want[1:]
				}
				require.Equal(t, want, got, "%+v", q)
			}
		}
	}
}
