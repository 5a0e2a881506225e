package views

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"settee/couch"
)

// A map function that does what it should not emits nothing for its document, is
// logged, and hurts neither the functions beside it nor the next document.
func TestBadMapFunctions(t *testing.T) {
	for name, source := range map[string]string{
		"loops":      "while (true) {}",
		"allocates":  "var a = []; while (true) a.push(new Array(1000).join('x'))",
		"doubles":    "var s = 'x'; while (true) s += s",
		"recurses":   "function f() { return f() + 1 }; f()",
		"throws":     "throw {error: 'x'}",
		"fatal":      "throw ['fatal', 'x', 'why']",
		"undefined":  "doc.none.more",
		"cycle":      "var a = {}; a.a = a; emit(a, 1)",
		"value":      "var a = []; a.push(a); emit(1, a)",
		"getter":     "emit({get a() { throw 'no' }}, 1)",
		"toJSON":     "emit({toJSON: function() { while (true) {} }}, 1)",
		"much":       "for (;;) emit(new Array(1000000).join('x'), 1)",
		"many":       "for (;;) emit(1)",
		"deep":       "var a = []; for (var i = 0; i < 100000; i++) a = [a]; emit(a, 1)",
		"deep value": "var a = []; for (var i = 0; i < 1000000; i++) a = [a]; emit(1, a)",
	} {
		t.Run(name, func(t *testing.T) {
			h := open(t, Options{Timeout: 200 * time.Millisecond, Ken: -1})
			h.put("_design/d", fmt.Sprintf(`{"views":{"bad":{"map":%s},"good":{"map":"function(doc){ emit(doc._id, 1) }","reduce":"_count"}}}`,
				mustJSON("function(doc){ if (doc._id == 'b') { "+source+" } else emit(doc._id, 1) }")))
			for _, id := range []string{"a", "b", "c"} {
				h.put(id, `{}`)
			}
			require.Equal(t, []string{`0/2`, `a "a" 1`, `c "c" 1`}, h.query("bad", Query{Limit: -1}))
			require.Equal(t, []string{"null 3"}, h.query("good", Query{Limit: -1}))
			require.Contains(t, h.log.String(), "map function failed")
		})
	}
}

// Keys as deep as a document may be, and long ones, are keys like others.
func TestGreatKeys(t *testing.T) {
	h := open(t, Options{Ken: -1})
	h.put("_design/d", `{"views":{"deep":{"map":"function(doc){ var a = []; for (var i = 1; i < doc.n; i++) a = [a]; emit(a, doc.n) }","reduce":"_sum"},
		"long":{"map":"function(doc){ emit(new Array(doc.n * 100).join('x'), doc.n) }","reduce":"_count"}}}`)
	for _, n := range []int{9999, 10000, 100} {
		h.put(fmt.Sprint(n), fmt.Sprintf(`{"n":%d}`, n))
	}
	key := raw(strings.Repeat("[", 10000) + strings.Repeat("]", 10000))
	require.Equal(t, []string{"null 10000"}, h.query("deep", Query{Key: key, Limit: -1}))
	require.Len(t, h.query("deep", Query{GroupLevel: 1, Limit: -1}), 3)
	require.Len(t, h.query("deep", Query{Group: true, Limit: -1}), 3)
	require.Equal(t, []string{"null 3"}, h.query("long", Query{Limit: -1}))
	require.Equal(t, []string{"null 2"}, h.query("long", Query{StartKey: raw(`"` + strings.Repeat("x", 500_000) + `"`), Limit: -1}))

	_, err := h.tryQuery("deep", Query{Key: raw("[" + string(key) + "]"), Limit: -1})
	require.ErrorIs(t, err, &couch.Error{Kind: couch.BadRequest})
}

// A reduce function that is stopped breaks the rows that need it, and nothing else; one that
// throws, or gives what is no JSON, gives null.
func TestBadReduceFunctions(t *testing.T) {
	const stopped, null = "null os_process_error", "null null"
	for source, want := range map[string]string{
		"while (true) {}": stopped,
		"var a = []; while (true) a.push(new Array(1000).join('x'))": stopped,
		"function f() { return f() + 1 }; return f()":                null,
		"throw 'no'":                    null,
		"return values.x.y":             null,
		"return function(){}":           null,
		"return NaN":                    null,
		"var a = {}; a.a = a; return a": null,
		"var a = []; for (var i = 0; i < 12000; i++) a = [a]; return a":        null,
		"return new Array(10000).join('x')":                                    "null reduce_overflow_error",
		"keys.length = 0; values.sort(); values.push(1); return values.length": "null 3",
	} {
		t.Run(source, func(t *testing.T) {
			o := Options{Ken: -1}
			if want == stopped {
				o.Timeout = 100 * time.Millisecond
			}
			h := open(t, o)
			h.put("_design/d", fmt.Sprintf(`{"views":{"bad":{"map":"function(doc){ emit(doc._id, 1) }","reduce":%s},"good":{"map":"function(doc){ emit(doc._id, 1) }","reduce":"_count"}}}`,
				mustJSON("function(keys, values, rereduce){ "+source+" }")))
			for _, id := range []string{"a", "b"} {
				h.put(id, `{}`)
			}
			require.Equal(t, []string{want}, h.query("bad", Query{Limit: -1}))
			require.Equal(t, []string{`0/2`, `a "a" 1`, `b "b" 1`}, h.query("bad", Query{NoReduce: true, Limit: -1}))
			require.Equal(t, []string{"null 2"}, h.query("good", Query{Limit: -1}))
		})
	}
}
