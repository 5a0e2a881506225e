package views

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"settee/couch"
	"settee/couch/collate"
)

func newRNG(seed int64) *rand.Rand { return rand.New(rand.NewPCG(uint64(seed), 1)) }

func values(raw ...string) (rows []entry) {
	for i, v := range raw {
		key := fmt.Sprint(i)
		collated, _ := collate.Append(nil, []byte(key))
		rows = append(rows, entry{collated: collated, id: "x", key: json.RawMessage(key), value: json.RawMessage(v)})
	}
	return rows
}

// Reducing at once and in parts must agree.
func TestBuiltinReducers(t *testing.T) {
	for _, c := range []struct {
		name   string
		values []string
		want   string
	}{
		{"_count", []string{`null`, `1`, `"x"`}, `3`},
		{"_sum", []string{`1`, `2`, `-4`}, `-1`},
		{"_sum", []string{`1`, `2.5`}, `3.5`},
		{"_sum", []string{`0.5`, `0.5`}, `1.0`},
		{"_sum", []string{`9223372036854775807`, `1`}, `9.223372036854776e+18`},
		{"_sum", []string{`[1,2]`, `[3]`, `[0,0,5]`}, `[4,2,5]`},
		{"_sum", []string{`1`, `[2,3]`}, `[3,3]`},
		{"_sum", []string{`{"a":1,"b":{"c":2}}`, `{"b":{"c":3,"d":1},"a":1}`}, `{"a":2,"b":{"c":5,"d":1}}`},
		{"_stats", []string{`1`, `3`, `-2`}, `{"sum":2,"count":3,"min":-2,"max":3,"sumsqr":14}`},
		{"_stats", []string{`[1,2]`, `[3,4]`}, `[{"sum":4,"count":2,"min":1,"max":3,"sumsqr":10},{"sum":6,"count":2,"min":2,"max":4,"sumsqr":20}]`},
		{"_stats", []string{`{"sum":2,"count":3,"min":-2,"max":3,"sumsqr":14}`, `1`}, `{"sum":3,"count":4,"min":-2,"max":3,"sumsqr":15}`},
		{"_approx_count_distinct", []string{`1`, `1`, `1`}, `3`},
	} {
		r, rows := builtin[c.name], values(c.values...)
		require.Equal(t, c.want, string(r.final(r.reduce(rows))), c)
		for cut := 1; cut < len(rows); cut++ {
			parts := [][]byte{r.reduce(rows[:cut]), r.reduce(rows[cut:])}
			require.Equal(t, c.want, string(r.final(combine(r, parts))), c)
		}
	}
	for _, bad := range [][]string{{`"x"`}, {`1`, `null`}, {`{"a":1}`, `1`}, {`{"a":"x"}`}, {`[1]`, `{"a":1}`}} {
		r, rows := builtin["_sum"], values(bad...)
		require.Contains(t, string(r.reduce(rows)), `{"error":"builtin_reduce_error"`, bad)
		require.Contains(t, string(combine(r, [][]byte{r.reduce(rows), r.reduce(values("1"))})), `builtin_reduce_error`)
	}
	for _, bad := range []string{`"x"`, `null`, `{"sum":1}`, `["x"]`} {
		part := builtin["_stats"].reduce(values("1", bad))
		f, is := parseFailure(combine(builtin["_stats"], [][]byte{builtin["_stats"].reduce(values("1")), part}))
		require.True(t, is)
		require.Equal(t, "invalid_value", f.Error)
	}
}

func TestDistinctIsNearTheTruth(t *testing.T) {
	r := builtin["_approx_count_distinct"]
	for _, n := range []int{10, 500, 3000, 50000} {
		var parts [][]byte
		for from := 0; from < n; from += 100 {
			var rows []entry
			for i := range 100 {
				rows = append(rows, entry{collated: []byte(fmt.Sprint((from + i) % n))})
			}
			parts = append(parts, r.reduce(rows))
		}
		got, err := strconv.Atoi(string(r.final(combine(r, parts))))
		require.NoError(t, err)
		require.InEpsilon(t, n, got, 0.1)
	}
}

func FuzzParseDesign(f *testing.F) {
	f.Add([]byte(basic))
	f.Add([]byte(`{"language":"query","views":{"x":{"map":{"fields":{"a":"asc"}},"reduce":"_count","options":{"def":{}}}}}`))
	f.Add([]byte(`{"views":{"lib":{"a":"b"},"x":{"map":"","options":{"collation":"raw"}}},"options":{"include_design":true}}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		d, err := parseDesign(body)
		if err != nil {
			require.ErrorIs(t, err, &couch.Error{Kind: couch.InvalidDesignDoc})
			return
		}
		require.Len(t, d.signature, 32)
		for i, v := range d.views {
			require.Equal(t, i, d.find(v.name))
		}
	})
}

func FuzzSpans(f *testing.F) {
	f.Add([]byte(`["a",1]`), []byte(`["a",{}]`), "x", "y", true, false)
	f.Add([]byte(`"\ufff0"`), []byte(`null`), "", "\x00", false, true)
	f.Fuzz(func(t *testing.T, start, end []byte, startID, endID string, descending, raw bool) {
		q := Query{StartKey: start, EndKey: end, StartKeyDocID: startID, EndKeyDocID: endID, Descending: descending}
		spans, err := q.spans(raw)
		if err != nil {
			return
		}
		key, _ := collated(start, raw)
		row := appendRowKey(nil, key, couch.DocID(startID), 0)
		e := parseEntry(row, appendRowValue(nil, len(key), start, []byte("1")))
		require.Equal(t, couch.DocID(startID), e.id)
		if string(start) == string(end) && startID == endID {
			require.True(t, spans[0].holds(row), "a key is in its own range")
		}
	})
}
