package views

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"math/rand"
	"sync"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/stretchr/testify/require"

	"settee/couch"
	"settee/fixtures"
)

func random(t testing.TB) *rand.Rand { return rand.New(rand.NewSource(int64(fixtures.Seed(t)))) }

// house is a store with an engine and one database.
type house struct {
	t      testing.TB
	ctx    context.Context
	store  *couch.Store
	engine *Engine
	db     *couch.DB
	revs   map[string]couch.Rev
	log    bytes.Buffer
}

func open(t testing.TB, o Options) *house {
	h := &house{t: t, ctx: context.Background(), revs: map[string]couch.Rev{}}
	store, err := couch.Open("store", couch.Options{FS: vfs.NewMem()})
	require.NoError(t, err)
	o.Logger = slog.New(slog.NewTextHandler(&h.log, nil))
	h.store, h.engine = store, New(store, o)
	h.db, err = store.Create(h.ctx, "db")
	require.NoError(t, err)
	t.Cleanup(func() {
		require.NoError(t, h.engine.Close())
		h.whole()
		require.NoError(t, store.Close())
	})
	return h
}

// whole proves the indexes.
func (h *house) whole() {
	h.t.Helper()
	for _, space := range h.damaged() {
		require.Fail(h.t, "an index is damaged", "%s", space)
	}
}

// damaged lists the indexes that are.
func (h *house) damaged() (found []string) {
	names, err := h.store.Databases(h.ctx)
	require.NoError(h.t, err)
	for _, name := range names {
		db, err := h.store.DB(name)
		require.NoError(h.t, err)
		require.NoError(h.t, Check(h.ctx, db, func(space string, err error) { found = append(found, space+": "+err.Error()) }))
	}
	return found
}

func (h *house) put(id, body string) {
	h.t.Helper()
	require.NoError(h.t, h.try(id, body))
}

func (h *house) try(id, body string) error {
	members := map[string]json.RawMessage{}
	require.NoError(h.t, json.Unmarshal([]byte(body), &members))
	members["_id"] = mustJSON(id)
	doc, err := couch.ParseDocument(mustJSON(members))
	require.NoError(h.t, err)
	doc.Rev = h.revs[id]
	rev, err := h.db.Put(h.ctx, doc, couch.WriteOptions{})
	if err == nil {
		h.revs[id] = rev
	}
	return err
}

func (h *house) remove(id string) {
	h.put(id, `{"_deleted":true}`)
	delete(h.revs, id)
}

func (h *house) query(view string, q Query) []string {
	h.t.Helper()
	lines, err := h.tryQuery(view, q)
	require.NoError(h.t, err)
	return lines
}

// tryQuery lists an answer, total and offset first.
func (h *house) tryQuery(view string, q Query) (lines []string, err error) {
	rows, err := h.engine.Query(h.ctx, h.db, "d", view, q)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	if !rows.Reduced() {
		lines = append(lines, fmt.Sprintf("%d/%d", rows.Offset(), rows.Total()))
	}
	for rows.Next() {
		r := rows.Row()
		line := fmt.Sprintf("%s %s %s", r.ID, r.Key, r.Value)
		if rows.Reduced() {
			line = fmt.Sprintf("%s %s", r.Key, r.Value)
		}
		if q.IncludeDocs {
			line += " null"
			if r.Doc != nil {
				line = line[:len(line)-4] + string(r.Doc.ID)
			}
		}
		lines = append(lines, line+r.Error)
	}
	return lines, rows.Err()
}

func raw(s string) json.RawMessage { return json.RawMessage(s) }

const basic = `{"views":{
	"n":{"map":"function(doc){ emit(doc.n, doc.v) }","reduce":"_sum"},
	"pair":{"map":"function(doc){ emit([doc.a, doc.n], 1) }","reduce":"function(k,v,r){ return sum(v) }"},
	"plain":{"map":"function(doc){ emit(doc.n, doc.link ? {_id: doc.link} : null) }"},
	"bad":{"map":"function(doc){ if (doc.n == 2) throw new Error('two'); emit(doc.n, 'x') }","reduce":"_stats"},
	"rev":{"map":"function(doc){ emit(typeof doc._rev, doc._id) }","reduce":"_approx_count_distinct"},
	"throws":{"map":"function(doc){ emit(1) }","reduce":"function(){ throw new Error('no') }"}
}}`

func TestQuery(t *testing.T) {
	h := open(t, Options{})
	h.put("_design/d", basic)
	for i := range 5 {
		h.put(fmt.Sprint("doc", i), fmt.Sprintf(`{"n":%d,"v":%d,"a":"%c"}`, i, 10*i, 'a'+i%2))
	}
	h.put("same", `{"n":3,"v":1,"a":"a","link":"doc0"}`)
	h.put("lost", `{"n":9,"v":1,"a":"b","link":"none"}`)
	all := Query{Limit: -1}
	with := func(f func(*Query)) Query { q := all; f(&q); return q }
	for name, c := range map[string]struct {
		view string
		q    Query
		want []string
	}{
		"all":       {"plain", with(func(q *Query) { q.Limit = 2 }), []string{"0/7", "doc0 0 null", "doc1 1 null"}},
		"key":       {"plain", with(func(q *Query) { q.Key = raw("3") }), []string{"3/7", "doc3 3 null", `same 3 {"_id":"doc0"}`}},
		"float key": {"plain", with(func(q *Query) { q.Key = raw(" 2.0 ") }), []string{"2/7", "doc2 2 null"}},
		"range": {"plain", with(func(q *Query) { q.StartKey, q.EndKey, q.ExclusiveEnd = raw("1"), raw("3"), true }),
			[]string{"1/7", "doc1 1 null", "doc2 2 null"}},
		"docid":     {"plain", with(func(q *Query) { q.StartKey, q.StartKeyDocID, q.EndKey = raw("3"), "e", raw("4") }), []string{"4/7", `same 3 {"_id":"doc0"}`, "doc4 4 null"}},
		"end docid": {"plain", with(func(q *Query) { q.StartKey, q.EndKey, q.EndKeyDocID = raw("3"), raw("3"), "doc3" }), []string{"3/7", "doc3 3 null"}},
		"descending": {"plain", with(func(q *Query) { q.Descending, q.StartKey, q.EndKey = true, raw("3"), raw("2") }),
			[]string{"2/7", `same 3 {"_id":"doc0"}`, "doc3 3 null", "doc2 2 null"}},
		"descending docid": {"plain", with(func(q *Query) { q.Descending, q.StartKey, q.StartKeyDocID, q.Limit = true, raw("3"), "doc3", 1 }), []string{"3/7", "doc3 3 null"}},
		"skip":             {"plain", with(func(q *Query) { q.Skip, q.Limit = 5, 9 }), []string{"5/7", "doc4 4 null", `lost 9 {"_id":"none"}`}},
		"limit 0":          {"plain", with(func(q *Query) { q.Limit = 0 }), []string{"0/7"}},
		"behind":           {"plain", with(func(q *Query) { q.StartKey = raw("{}") }), []string{"7/7"}},
		"keys":             {"plain", with(func(q *Query) { q.Keys = []json.RawMessage{raw("2"), raw("7"), raw("1"), raw("2")} }), []string{"2/7", "doc2 2 null", "doc1 1 null", "doc2 2 null"}},
		"include docs":     {"plain", with(func(q *Query) { q.IncludeDocs, q.StartKey = true, raw("3") }), []string{"3/7", "doc3 3 null doc3", `same 3 {"_id":"doc0"} doc0`, "doc4 4 null doc4", `lost 9 {"_id":"none"} null`}},
		"no reduce":        {"n", with(func(q *Query) { q.NoReduce, q.Limit = true, 1 }), []string{"0/7", "doc0 0 0"}},
		"reduce":           {"n", all, []string{"null 102"}},
		"reduce range":     {"n", with(func(q *Query) { q.StartKey = raw("3") }), []string{"null 72"}},
		"reduce nothing":   {"n", with(func(q *Query) { q.StartKey = raw("10") }), nil},
		"group":            {"n", with(func(q *Query) { q.Group, q.StartKey = true, raw("3") }), []string{"3 31", "4 40", "9 1"}},
		"group descending": {"n", with(func(q *Query) { q.Group, q.Descending, q.Limit = true, true, 2 }), []string{"9 1", "4 40"}},
		"group keys":       {"n", with(func(q *Query) { q.Group, q.Keys = true, []json.RawMessage{raw("4"), raw("3")} }), []string{"4 40", "3 31"}},
		"level 1":          {"pair", with(func(q *Query) { q.GroupLevel = 1 }), []string{`["a"] 4`, `["b"] 3`}},
		"level 9":          {"pair", with(func(q *Query) { q.GroupLevel, q.Limit = 9, 1 }), []string{`["a",0] 1`}},
		"skip groups":      {"pair", with(func(q *Query) { q.GroupLevel, q.Skip = 1, 1 }), []string{`["b"] 3`}},
		"failed document":  {"bad", with(func(q *Query) { q.NoReduce, q.Limit = true, 3 }), []string{"0/6", `doc0 0 "x"`, `doc1 1 "x"`, `doc3 3 "x"`}},
		"rev":              {"rev", with(func(q *Query) { q.NoReduce, q.Limit = true, 1 }), []string{"0/7", `doc0 "string" "doc0"`}},
		"distinct":         {"rev", all, []string{"null 1"}},
		"reduce throws":    {"throws", all, []string{"null null"}},
	} {
		t.Run(name, func(t *testing.T) { require.Equal(t, c.want, h.query(c.view, c.q)) })
	}
	require.Equal(t, 1, bytes.Count(h.log.Bytes(), []byte("map function failed")), h.log.String())

	for name, c := range map[string]struct {
		view string
		q    Query
		want couch.Error
	}{
		"missing":     {"none", all, couch.Error{Kind: couch.NotFound, Reason: "missing_named_view"}},
		"reversed":    {"plain", with(func(q *Query) { q.StartKey, q.EndKey = raw("2"), raw("1") }), couch.Error{Kind: couch.QueryParse, Reason: "No rows can match your key range, reverse your start_key and end_key or set descending=true"}},
		"descending":  {"plain", with(func(q *Query) { q.Descending, q.StartKey, q.EndKey = true, raw("1"), raw("2") }), couch.Error{Kind: couch.QueryParse, Reason: "No rows can match your key range, reverse your start_key and end_key or set descending=false"}},
		"group a map": {"plain", with(func(q *Query) { q.Group = true }), couch.Error{Kind: couch.QueryParse, Reason: "Invalid use of grouping on a map view."}},
		"docs":        {"n", with(func(q *Query) { q.IncludeDocs = true }), couch.Error{Kind: couch.QueryParse, Reason: "`include_docs` is invalid for reduce"}},
		"keys":        {"n", with(func(q *Query) { q.Keys = []json.RawMessage{raw("1"), raw("2")} }), couch.Error{Kind: couch.QueryParse, Reason: "Multi-key fetches for reduce views must use `group=true`"}},
		"both":        {"n", with(func(q *Query) { q.Keys, q.Key = []json.RawMessage{raw("1")}, raw("1") }), couch.Error{Kind: couch.QueryParse, Reason: "`keys` is incompatible with `key`, `start_key` and `end_key`"}},
		"no JSON":     {"n", with(func(q *Query) { q.Key = raw("[1") }), couch.Error{Kind: couch.BadRequest, Reason: "invalid UTF-8 JSON"}},
		"stats":       {"bad", all, couch.Error{Kind: couch.InvalidValue, Reason: "The _stats function requires that map values be numbers or arrays of numbers, not '\"x\"'"}},
	} {
		t.Run("refuse "+name, func(t *testing.T) {
			_, err := h.tryQuery(c.view, c.q)
			require.ErrorIs(t, err, &c.want)
		})
	}
}

func TestUpdate(t *testing.T) {
	h := open(t, Options{})
	h.put("_design/d", basic)
	h.put("a", `{"n":1}`)
	q := Query{Limit: -1, Update: UpdateFalse}
	require.Equal(t, []string{"0/0"}, h.query("plain", q))
	q.Update = UpdateLazy
	require.Equal(t, []string{"0/0"}, h.query("plain", q))
	require.Eventually(t, func() bool { return len(h.query("plain", Query{Limit: -1, Update: UpdateFalse})) == 2 }, time.Minute, time.Millisecond)
	h.remove("a")
	q.Update = UpdateTrue
	require.Equal(t, []string{"0/0"}, h.query("plain", q))
}

func TestInfoAndCleanup(t *testing.T) {
	h := open(t, Options{})
	h.put("_design/d", basic)
	h.put("_design/e", basic[:len(basic)-1]+`,"filters":{"x":"function(){}"}}`)
	h.put("a", `{"n":1}`)
	info, err := h.engine.Info(h.ctx, h.db, "d")
	require.NoError(t, err)
	require.Positive(t, info.Pending)
	h.query("plain", Query{Limit: -1})
	other, err := h.engine.Info(h.ctx, h.db, "e")
	require.NoError(t, err)
	require.Equal(t, info.Signature, other.Signature, "the same views share an index")
	require.Zero(t, other.Pending)
	require.Positive(t, other.File)

	h.put("_design/e", `{"views":{"x":{"map":"function(d){emit(1)}"}}}`)
	require.NoError(t, h.engine.Cleanup(h.ctx, h.db))
	spaces, err := h.db.Spaces(h.ctx)
	require.NoError(t, err)
	require.Len(t, spaces, 1, "one that is used stays")
	h.remove("_design/d")
	require.NoError(t, h.engine.Cleanup(h.ctx, h.db))
	spaces, err = h.db.Spaces(h.ctx)
	require.NoError(t, err)
	require.Empty(t, spaces)
	h.put("_design/d", basic)
	require.Len(t, h.query("plain", Query{Limit: -1}), 2, "built again from nothing")
}

// Ordinary documents and tombstones are none of the validator's business.
func TestCares(t *testing.T) {
	h := open(t, Options{})
	for want, docs := range map[bool][]couch.Document{
		true:  {{ID: "_design/a"}},
		false: {{ID: "a"}, {ID: "_local/a"}, {ID: "_design/a", Deleted: true}},
	} {
		for _, doc := range docs {
			require.Equal(t, want, validator{h.engine}.Cares(h.db, &doc, nil), doc.ID)
		}
	}
}

func TestValidation(t *testing.T) {
	h := open(t, Options{})
	for body, want := range map[string]couch.Error{
		`{"views":[]}`:   {Kind: couch.InvalidDesignDoc, Reason: "`views` field must have object type"},
		`{"views":null}`: {Kind: couch.InvalidDesignDoc, Reason: "`views` field must have object type"},
		`{"language":1}`: {Kind: couch.InvalidDesignDoc, Reason: "`language` field must have string type"},
		`{"views":{"x":{"map":"function(d){}","reduce":"_foo"}}}`: {Kind: couch.InvalidDesignDoc, Reason: "`_foo` is not a supported reduce function."},
		`{"views":{"x":{"map":7}}}`:                               {Kind: couch.InvalidDesignDoc},
		`{"views":{"x":"y"}}`:                                     {Kind: couch.InvalidDesignDoc},
		`{"views":{"x":{"map":"function(d){"}}}`:                  {Kind: couch.Compilation},
		`{"views":{"x":{"map":"function(d){}","reduce":"1"}}}`:    {Kind: couch.Compilation},
	} {
		require.ErrorIs(t, h.try("_design/d", body), &want, body)
	}
	require.ErrorContains(t, h.try("_design/d", `{"views":{"x":{"map":"function(d){"}}}`), "Compilation of the map function in the 'x' view failed: ")
	h.put("_design/d", `{"language":"erlang","views":{"x":{"map":"fun(X) -> X end."}}}`)
	_, err := h.tryQuery("x", Query{})
	require.ErrorIs(t, err, &couch.Error{Kind: couch.UnknownLanguage, Reason: "erlang"})
}

func TestLoopingFunctionDoesNotHoldTheBuild(t *testing.T) {
	h := open(t, Options{Timeout: 50 * time.Millisecond})
	h.put("_design/d", `{"views":{"x":{"map":"function(doc){ if (doc.loop) for(;;); emit(doc._id) }"}}}`)
	h.put("a", `{}`)
	h.put("b", `{"loop":true}`)
	h.put("c", `{}`)
	require.Equal(t, []string{"0/2", `a "a" null`, `c "c" null`}, h.query("x", Query{Limit: -1}))
	require.Contains(t, h.log.String(), "stopped")
}

func TestNativeTwin(t *testing.T) {
	const source = "function(doc){ emit(doc._id, 1) }"
	h := open(t, Options{Native: Native{
		Twins: map[string]int{"function(doc){}": 6, source: 7},
		Map: func(doc []byte, twins []int, emit func(n int, k, v []byte)) {
			var d struct {
				ID string `json:"_id"`
			}
			if json.Unmarshal(doc, &d) != nil || d.ID == "silent" {
				return
			}
			for n, twin := range twins {
				emit(n, mustJSON(d.ID), fmt.Appendf(nil, `"native %d of %d"`, twin, len(twins)))
			}
		},
	}})
	h.put("_design/d", `{"views":{"w":{"map":"`+source+`","reduce":"_count"},"x":{"map":"`+source+`"},"y":{"map":"`+source+` "}}}`)
	h.put("a", `{}`)
	h.put("silent", `{}`)
	require.Equal(t, []string{"null 1"}, h.query("w", Query{Limit: -1}))
	require.Equal(t, []string{"0/1", `a "a" "native 7 of 2"`}, h.query("x", Query{Limit: -1}))
	require.Equal(t, []string{"0/2", `a "a" 1`, `silent "silent" 1`}, h.query("y", Query{Limit: -1}))
}

func TestConcurrentQueries(t *testing.T) {
	h := open(t, Options{})
	h.put("_design/d", basic)
	for i := range 300 {
		h.put(fmt.Sprint(i), fmt.Sprintf(`{"n":%d,"v":1}`, i))
	}
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			if got, err := h.tryQuery("n", Query{Limit: -1}); err != nil || len(got) != 1 || got[0] != "null 300" {
				t.Errorf("%v %v", got, err)
			}
		})
	}
	wg.Wait()
}

func TestSignature(t *testing.T) {
	sign := func(body string) string {
		d, err := parseDesign([]byte(body))
		require.NoError(t, err)
		return d.signature
	}
	same := sign(`{"views":{"a":{"map":"x"},"b":{"map":"y","reduce":"_sum"},"lib":{"m":"z"}}}`)
	require.Equal(t, same, sign(`{"validate_doc_update":"v","views":{"lib":{ "m" : "z" },"b":{"reduce":"_sum","map":"y"},"a":{"map":"x"}},"language":"javascript"}`))
	for _, other := range []string{
		`{"views":{"a":{"map":"x"},"b":{"map":"y"},"lib":{"m":"z"}}}`,
		`{"views":{"a":{"map":"x"},"b":{"map":"y","reduce":"_sum"},"lib":{"m":"zz"}}}`,
		`{"views":{"a":{"map":"x"},"c":{"map":"y","reduce":"_sum"},"lib":{"m":"z"}}}`,
		`{"options":{"include_design":true},"views":{"a":{"map":"x"},"b":{"map":"y","reduce":"_sum"},"lib":{"m":"z"}}}`,
		`{"views":{"a":{"map":"x","options":{"collation":"raw"}},"b":{"map":"y","reduce":"_sum"},"lib":{"m":"z"}}}`,
	} {
		require.NotEqual(t, same, sign(other), other)
	}
}

func TestOptions(t *testing.T) {
	h := open(t, Options{})
	h.put("_design/d", `{"options":{"include_design":true},"views":{
		"x":{"map":"function(doc){ emit(doc.k || doc._id) }"},
		"raw":{"map":"function(doc){ emit(doc.k || doc._id) }","options":{"collation":"raw"}}}}`)
	h.put("1", `{"k":"b"}`)
	h.put("2", `{"k":"A"}`)
	h.put("3", `{"k":[1]}`)
	require.Equal(t, []string{"0/4", `_design/d "_design/d" null`, `2 "A" null`, `1 "b" null`, `3 [1] null`}, h.query("x", Query{Limit: -1}))
	require.Equal(t, []string{"0/4", `3 [1] null`, `2 "A" null`, `_design/d "_design/d" null`, `1 "b" null`}, h.query("raw", Query{Limit: -1}))
}

func TestConflictsAreSeen(t *testing.T) {
	h := open(t, Options{})
	h.put("_design/d", `{"views":{"x":{"map":"function(doc){ if (doc._conflicts) emit(doc._rev, doc._conflicts) }"}}}`)
	for _, rev := range []string{"1-aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "1-bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"} {
		doc, err := couch.ParseDocument([]byte(`{"_id":"c","_rev":"` + rev + `"}`))
		require.NoError(t, err)
		_, err = h.db.Put(h.ctx, doc, couch.WriteOptions{Replicated: true})
		require.NoError(t, err)
	}
	require.Equal(t, []string{"0/1", `c "1-bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb" ["1-aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"]`}, h.query("x", Query{Limit: -1}))
}

func TestClosedEngine(t *testing.T) {
	h := open(t, Options{})
	h.put("_design/d", basic)
	h.query("plain", Query{})
	require.NoError(t, h.engine.Close())
	h.put("a", `{}`)
	_, err := h.tryQuery("plain", Query{})
	require.ErrorIs(t, err, couch.ErrClosed)
}
