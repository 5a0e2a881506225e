package views

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"settee/couch"
)

// filtered lists the rows of the feed that pass: id and leaves.
func (h *house) filtered(o FilterOptions, rows couch.ChangesOptions) ([]string, error) {
	if o.Request == nil {
		o.Request = func() ([]byte, error) { return []byte(`{"query":{}}`), nil }
	}
	f, err := h.engine.Filter(h.ctx, h.db, o)
	if err != nil {
		return nil, err
	}
	rows.Limit = -1
	if f != nil {
		f.Narrow(&rows)
	}
	feed, err := h.db.Changes(h.ctx, rows)
	require.NoError(h.t, err)
	defer feed.Close()
	list := []string{}
	for feed.Next() {
		if f != nil {
			passes, err := f.Passes(feed)
			if err != nil {
				return nil, err
			}
			if !passes {
				continue
			}
		}
		list = append(list, fmt.Sprint(feed.Change().ID, feed.Change().Revs))
	}
	require.NoError(h.t, feed.Err())
	require.Equal(h.t, int64(0), feed.Pending())
	return list, nil
}

// What is looked up and what is picked out of the feed are the same rows in the same order.
func TestFilterLooksUp(t *testing.T) {
	h := open(t, Options{})
	for i := range 2000 {
		id := fmt.Sprintf("d%04d", (i*7)%1000)
		if i%100 == 3 {
			id = "_design/" + id
		}
		h.put(id, `{"n":1}`)
	}
	h.remove("d0007")
	few := map[string]bool{"d0007": true, "d0700": true, "d0001": true, "_design/d0021": true}
	for _, rows := range []couch.ChangesOptions{{}, {Since: 1500}, {Since: 1999}, {Descending: true}} {
		all, err := h.filtered(FilterOptions{}, rows)
		require.NoError(t, err)
		pick := func(want func(id string) bool) []string {
			some := []string{}
			for i, id := range idsOf(all) {
				if want(id) {
					some = append(some, all[i])
				}
			}
			return some
		}
		got, err := h.filtered(FilterOptions{Name: "_design"}, rows)
		require.NoError(t, err)
		require.Equal(t, pick(func(id string) bool { return couch.DocID(id).IsDesign() }), got)
		got, err = h.filtered(FilterOptions{Name: "_doc_ids", DocIDs: json.RawMessage(`["d0007","d0700","d0700","none","d0001","_design/d0021"]`)}, rows)
		require.NoError(t, err)
		require.Equal(t, pick(func(id string) bool { return few[id] }), got)
		got, err = h.filtered(FilterOptions{Name: "_doc_ids", DocIDs: mustJSON(idsOf(all))}, rows) // too many to look up
		require.NoError(t, err)
		require.Equal(t, all, got)
	}
}

func idsOf(rows []string) []string {
	ids := []string{}
	for _, r := range rows {
		ids = append(ids, r[:strings.IndexByte(r, '[')])
	}
	return ids
}

// A feed keeps the filter that it began with; the next one sees the new revision.
func TestFilterIsOfItsRevision(t *testing.T) {
	h := open(t, Options{})
	h.put("a", `{}`)
	h.put("b", `{}`)
	h.put("_design/d", `{"filters":{"f":"function(doc){return doc._id=='a'}"}}`)
	o := FilterOptions{Name: "d/f", Request: func() ([]byte, error) { return []byte("{}"), nil }}
	f, err := h.engine.Filter(h.ctx, h.db, o)
	require.NoError(t, err)
	h.put("_design/d", `{"filters":{"f":"function(doc){return doc._id=='b'}"}}`)
	feed, err := h.db.Changes(h.ctx, couch.ChangesOptions{Limit: -1})
	require.NoError(t, err)
	defer feed.Close()
	require.True(t, feed.Next())
	passes, err := f.Passes(feed)
	require.NoError(t, err)
	require.True(t, passes)
	list, err := h.filtered(o, couch.ChangesOptions{})
	require.NoError(t, err)
	require.Len(t, list, 1)
	require.Equal(t, "b", idsOf(list)[0])
}

// Compiled filters are shared by feeds and bounded in number.
func TestFilterIsCompiledOnce(t *testing.T) {
	h := open(t, Options{})
	h.put("_design/d", `{"filters":{"f":"function(doc){return true}"}}`)
	first, err := h.engine.filterProgram(h.ctx, h.db, "d", "filters", "f")
	require.NoError(t, err)
	second, err := h.engine.filterProgram(h.ctx, h.db, "d", "filters", "f")
	require.NoError(t, err)
	require.Same(t, first, second)
	for i := range 3 * keptPrograms {
		h.put("_design/d", fmt.Sprintf(`{"n":%d,"filters":{"f":"function(doc){return true}"}}`, i))
		_, err := h.engine.filterProgram(h.ctx, h.db, "d", "filters", "f")
		require.NoError(t, err)
	}
	require.LessOrEqual(t, len(h.engine.programs), keptPrograms)
}

func TestFilterThatLoopsIsStopped(t *testing.T) {
	h := open(t, Options{Timeout: 100 * time.Millisecond})
	h.put("a", `{}`)
	h.put("_design/d", `{"filters":{"f":"function(doc){for(;;);}"},"language":"javascript"}`)
	_, err := h.filtered(FilterOptions{Name: "d/f"}, couch.ChangesOptions{})
	require.ErrorIs(t, err, &couch.Error{Kind: "os_process_error"})
}

func TestFilterErrors(t *testing.T) {
	h := open(t, Options{})
	h.put("a", `{}`)
	h.put("_design/d", `{"filters":{"none":{},"syntax":"function(","number":"1","throws":"function(){throw 'x'}","object":"function(){throw {a:1}}","missing":"function(){throw {error:'not_found',reason:'x'}}","getter":"function(){throw {get error(){for(;;);}}}"},"views":{"lib":{"m":"1"}},"list":[]}`)
	h.put("_design/cobol", `{"language":"cobol","filters":{"f":"PERFORM"}}`)
	for _, c := range []struct {
		o    FilterOptions
		want *couch.Error
	}{
		{FilterOptions{Name: "_other"}, &couch.Error{Kind: couch.BadRequest, Reason: "unknown builtin filter name"}},
		{FilterOptions{Name: "d"}, &couch.Error{Kind: couch.BadRequest, Reason: "`filter` must be of the form `designname/filtername`"}},
		{FilterOptions{Name: "d/%zz"}, &couch.Error{Kind: couch.BadRequest, Reason: "`filter` must be of the form `designname/filtername`"}},
		{FilterOptions{Name: "_view", View: "/"}, &couch.Error{Kind: couch.BadRequest, Reason: "`view` must be of the form `designname/viewname`"}},
		{FilterOptions{Name: "_view", View: "d/lib"}, &couch.Error{Kind: couch.NotFound, Reason: "missing function"}},
		{FilterOptions{Name: "_view", View: "d/v"}, &couch.Error{Kind: couch.NotFound, Reason: "missing json key: v"}},
		{FilterOptions{Name: "_doc_ids", DocIDs: json.RawMessage("null")}, &couch.Error{Kind: couch.BadRequest}},
		{FilterOptions{Name: "d/none"}, &couch.Error{Kind: couch.NotFound, Reason: "missing function"}},
		{FilterOptions{Name: "d/syntax"}, &couch.Error{Kind: couch.Compilation}},
		{FilterOptions{Name: "d/number"}, &couch.Error{Kind: couch.Compilation}},
		{FilterOptions{Name: "d/throws"}, &couch.Error{Kind: "unnamed_error", Reason: "x"}},
		{FilterOptions{Name: "d/object"}, &couch.Error{Kind: "unnamed_error", Reason: `{"a":1}`}},
		{FilterOptions{Name: "d/missing"}, &couch.Error{Kind: "error", Reason: "not_found: x"}},
		{FilterOptions{Name: "d/getter"}, &couch.Error{Kind: "unnamed_error"}},
		{FilterOptions{Name: "cobol/f"}, &couch.Error{Kind: couch.UnknownLanguage, Reason: "cobol"}},
	} {
		_, err := h.filtered(c.o, couch.ChangesOptions{})
		require.ErrorIs(t, err, c.want, "%+v", c.o)
	}
	var none *Engine
	_, err := none.Filter(h.ctx, h.db, FilterOptions{Name: "d/f"})
	require.ErrorIs(t, err, &couch.Error{Kind: couch.NotImplemented})
	_, err = none.Filter(h.ctx, h.db, FilterOptions{Name: "_design"})
	require.NoError(t, err)
}

// BenchmarkFilter goes through ten thousand rows, of which a tenth passes.
func BenchmarkFilter(b *testing.B) {
	h := open(b, Options{})
	h.put("_design/d", `{"filters":{"f":"function(doc,req){return doc.n%10==req.query.n}"},"views":{"v":{"map":"function(doc){if(doc.n%10==3)emit(null)}"}}}`)
	const docs = 10_000
	var all []*couch.Document
	for i := range docs {
		doc, err := couch.ParseDocument(fmt.Appendf(nil, `{"_id":"d%05d","n":%d,"mod":%d,"text":%q}`, i, i, i%10, strings.Repeat("x", 400)))
		require.NoError(b, err)
		all = append(all, doc)
	}
	_, err := h.db.Bulk(h.ctx, all, couch.WriteOptions{})
	require.NoError(b, err)
	for name, o := range map[string]FilterOptions{
		"none":     {},
		"ids":      {Name: "_doc_ids", DocIDs: json.RawMessage(`["d00001","d05000"]`)},
		"selector": {Name: "_selector", Selector: json.RawMessage(`{"mod":3}`)},
		"function": {Name: "d/f", Request: func() ([]byte, error) { return []byte(`{"query":{"n":"3"}}`), nil }},
		"view":     {Name: "_view", View: "d/v"},
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			n := 0
			for b.Loop() {
				_, err := h.filtered(o, couch.ChangesOptions{})
				require.NoError(b, err)
				n++
			}
			b.ReportMetric(float64(n*docs)/b.Elapsed().Seconds(), "rows/s")
		})
	}
}
