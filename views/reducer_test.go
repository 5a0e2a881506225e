package views

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
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
		rows = append(rows, entry{collated: collated, id: []byte("x"), key: json.RawMessage(key), value: json.RawMessage(v)})
	}
	return rows
}

func reducerOf(t testing.TB, name string) reducer {
	r, err := builtin(name, &guard{limit: func() string { return "true" }, log: slog.New(slog.DiscardHandler)})
	require.NoError(t, err)
	return r
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
		{"_sum", []string{`9223372036854775807`, `1`}, `9223372036854775808`},
		{"_sum", []string{`[1,2]`, `[3]`, `[0,0,5]`}, `[4,2,5]`},
		{"_sum", []string{`1`, `[2,3]`}, `[3,3]`},
		{"_sum", []string{`{"a":1,"b":{"c":2}}`, `{"b":{"c":3,"d":1},"a":1}`}, `{"a":2,"b":{"c":5,"d":1}}`},
		{"_stats", []string{`1`, `3`, `-2`}, `{"sum":2,"count":3,"min":-2,"max":3,"sumsqr":14}`},
		{"_stats", []string{`[1,2]`, `[3,4]`}, `[{"sum":4,"count":2,"min":1,"max":3,"sumsqr":10},{"sum":6,"count":2,"min":2,"max":4,"sumsqr":20}]`},
		{"_stats", []string{`{"sum":2,"count":3,"min":-2,"max":3,"sumsqr":14}`, `1`}, `{"sum":3,"count":4,"min":-2,"max":3,"sumsqr":15}`},
		{"_approx_count_distinct", []string{`1`, `1`, `1`}, `3`},
	} {
		r, rows := reducerOf(t, c.name), values(c.values...)
		require.Equal(t, c.want, string(r.final(r.reduce(rows))), c)
		for cut := 1; cut < len(rows); cut++ {
			parts := [][]byte{r.reduce(rows[:cut]), r.reduce(rows[cut:])}
			require.Equal(t, c.want, string(r.final(combine(r, parts))), c)
		}
	}
	for _, bad := range [][]string{{`"x"`}, {`1`, `null`}, {`{"a":1}`, `1`}, {`[1]`, `{"a":1}`}} {
		r, rows := reducerOf(t, "_sum"), values(bad...)
		require.Contains(t, string(r.reduce(rows)), `{"error":"builtin_reduce_error"`, bad)
		require.Contains(t, string(combine(r, [][]byte{r.reduce(rows), r.reduce(values("1"))})), `builtin_reduce_error`)
	}
	for _, bad := range []string{`"x"`, `null`, `{"sum":1}`, `["x"]`} {
		part := reducerOf(t, "_stats").reduce(values("1", bad))
		f, is := parseFailure(combine(reducerOf(t, "_stats"), [][]byte{reducerOf(t, "_stats").reduce(values("1")), part}))
		require.True(t, is)
		require.Equal(t, "invalid_value", f.Error)
	}
}

func TestDistinctIsNearTheTruth(t *testing.T) {
	r := reducerOf(t, "_approx_count_distinct")
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

// What CouchDB was seen to answer.
func TestSumAsCouchDB(t *testing.T) {
	bad := func(cause string) string {
		return `{"error":"builtin_reduce_error","reason":"` + sumReason + `","caused_by":` + cause + `}`
	}
	for _, c := range []struct {
		values []string
		want   string
	}{
		{[]string{`9223372036854775807`, `9223372036854775807`}, `18446744073709551614`},
		{[]string{`-9223372036854775808`, `-1`, `1`}, `-9223372036854775808`},
		{[]string{`1.0`}, `1`},
		{[]string{`[1.0,{"a":2.0}]`}, `[1,{"a":2}]`},
		{[]string{`0.5`, `0.5`}, `1.0`},
		{[]string{`1e22`}, `1e+22`},
		{[]string{`1e20`, `0.5`}, `100000000000000000000.0`},
		{[]string{`1e-7`}, `1e-7`},
		{[]string{`123456789.5`}, `123456789.5`},
		{[]string{`[]`}, `[0]`},
		{[]string{`{}`}, `{}`},
		{[]string{`{"b":2,"a":1}`}, `{"b":2,"a":1}`},
		{[]string{`{"b":2,"a":1}`, `{"z":1,"B":1}`}, `{"B":1,"a":1,"b":2,"z":1}`},
		{[]string{`{"a":1}`, `{"a":[3]}`}, `{"a":[4]}`},
		{[]string{`{"a":"x"}`}, `{"a":"x"}`},
		{[]string{`{"a":"x"}`, `{"b":1}`}, `{"a":"x","b":1}`},
		{[]string{`{"a":"<&>"}`, `{"b\n":[null,true]}`}, `{"a":"<&>","b\n":[null,true]}`},
		{[]string{`[1,"x"]`}, `[1,"x"]`},
		{[]string{`{"error":"builtin_reduce_error","x":1}`, `1`}, `{"error":"builtin_reduce_error","x":1}`},
		{[]string{`1`, `"x"`}, bad(`"x"`)},
		{[]string{`1`, `null`}, bad(`null`)},
		{[]string{`{"a":1}`, `{"a":"x"}`}, bad(`"x"`)},
		{[]string{`["x"]`}, bad(`[0]`)},
		{[]string{`[1]`, `["x"]`}, bad(`[1]`)},
		{[]string{`[[1]]`, `[[2]]`}, bad(`[0]`)},
		{[]string{`{"a":1}`, `0`}, bad(`0`)},
		// CouchDB's own code fails on these.
		{[]string{`1`, `{"a":1}`}, bad(`{"a":1}`)},
		{[]string{`[1]`, `{"a":1}`}, bad(`{"a":1}`)},
		{[]string{`{"error":"foo"}`, `{"a":1}`}, bad(`{"error":"foo"}`)},
		{[]string{`1e308`, `1e308`}, bad(`1e+308`)},
	} {
		require.Equal(t, c.want, string(reducerOf(t, "_sum").reduce(values(c.values...))), c.values)
	}
}

func TestRanks(t *testing.T) {
	rows := values(`3`, `1`, `3.0`, `"a"`, `"A"`, `null`, `[1]`, `{"b":1}`, `"é"`, `"e\u0301"`, `1`)
	for name, want := range map[string]string{
		"_top_3":      `[{"b":1},[1],"é"]`,
		"_top_100":    `[{"b":1},[1],"é","A","a",3,1,null]`,
		"_bottom_2":   `[null,1]`,
		"_bottom_010": `[null,1,3,"a","A","é",[1],{"b":1}]`,
		"_first":      `3`,
		"_lastly":     `1`,
		"_countless":  `11`,
	} {
		r := reducerOf(t, name)
		require.Equal(t, want, string(r.final(r.reduce(rows))), name)
		for cut := 1; cut < len(rows); cut++ {
			parts := [][]byte{r.reduce(rows[:cut]), r.reduce(rows[cut:])}
			require.Equal(t, want, string(r.final(combine(r, parts))), name)
		}
	}
	for name, want := range map[string]string{
		"_top_0": "rank value must be between 1 and 100", "_bottom_101": "rank value must be between 1 and 100", "_top_-1": "rank value must be between 1 and 100",
		"_top_99999999999999999999": "rank value must be between 1 and 100",
		"_top_":                     "invalid rank reducer", "_top_1x": "invalid rank reducer",
		"_top": "`_top` is not a supported reduce function.", "_": "`_` is not a supported reduce function.",
	} {
		_, err := builtin(name, nil)
		require.ErrorContains(t, err, want)
	}
}

// The sizes are those that CouchDB told.
func TestReduceLimit(t *testing.T) {
	h := open(t, Options{})
	h.put("_design/d", `{"views":{
		"grow":{"map":"function(d){emit(d.k,d.v)}","reduce":"function(k,v,r){var s='';while(s.length<5000)s+='x';return s}"},
		"shrink":{"map":"function(d){emit(d.k,new Array(10000).join('x'))}","reduce":"function(k,v,r){return v[0].substr(0,5000)}"},
		"sum":{"map":"function(d){for(var i=0;i<300;i++){var o={};o['k'+i+d._id]=1;emit([i],o)}}","reduce":"_sum"},
		"wide":{"map":"function(d){var o={};for(var i=0;i<700;i++)o['k'+i]=i;emit(d.k,o)}","reduce":"_sum"}}}`)
	for i, doc := range []string{`{"k":1,"v":3}`, `{"k":1,"v":1}`, `{"k":2,"v":3}`, `{"k":2,"v":"a"}`} {
		h.put(fmt.Sprintf("%02d", i), doc)
	}
	whole := Query{Limit: -1}
	grouped := Query{Limit: -1, Group: true}
	one := func(view string, q Query) *Row {
		rows, err := h.engine.Query(h.ctx, h.db, "d", view, q)
		require.NoError(t, err)
		defer rows.Close()
		require.True(t, rows.Next())
		row := *rows.Row()
		return &row
	}
	row := one("grow", grouped)
	require.Equal(t, Row{Key: raw("null"), Error: "reduce_overflow_error", Reason: "Reduce output must shrink more rapidly: input size: 43 output size: 5004"}, *row)
	require.Empty(t, one("shrink", whole).Error)
	require.Regexp(t, `^{"error":"builtin_reduce_error","reason":"Reduce output must shrink more rapidly: input size: \d+ output size: \d+"}$`, string(one("sum", whole).Value))
	require.Contains(t, string(one("wide", whole).Value), `"k3":12`, "it is half as long as the input")

	for limit, logged := range map[string]bool{"log": true, "false": false} {
		_, _, err := h.store.SetSetting("query_server_config", "reduce_limit", limit)
		require.NoError(t, err)
		h.put("_design/d", `{"views":{"grow":{"map":"function(d){emit('`+limit+`')}","reduce":"function(k,v,r){return new Array(5000).join('x')}"}}}`)
		before := h.log.Len()
		require.Len(t, one("grow", whole).Value, 5001)
		require.Equal(t, logged, bytes.Contains(h.log.Bytes()[before:], []byte("does not shrink")))
	}
}

// Sizes of terms as Erlang tells them.
func TestTerms(t *testing.T) {
	for raw, want := range map[string]int{
		`0`: 2, `255`: 2, `256`: 5, `-1`: 5, `2147483647`: 5, `2147483648`: 7, `-9007199254740993`: 10, `1.5`: 9, `null`: 7, `"é"`: 7, `"\u00e9"`: 7,
		`[]`: 1, `[1,2]`: 5, `[1,300]`: 13, `[[]]`: 7, `{}`: 3, `{"a":1}`: 18,
	} {
		require.Equal(t, want, parseSum([]byte(raw)).term(), raw)
	}
}
