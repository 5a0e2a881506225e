package views

import (
	"context"
	"fmt"
	"math/rand"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/stretchr/testify/require"

	"settee/couch"
)

// A machine that stops in the middle of a build loses whole batches of the index,
// never a part of one: what is there agrees with itself, and the next build takes it up.
func TestCrashDuringBuilds(t *testing.T) {
	r := random(t)
	ctx := context.Background()
	fs := vfs.NewCrashableMem()
	m := model{}
	for life := range 8 {
		store, err := couch.Open("store", couch.Options{FS: fs})
		require.NoError(t, err)
		h := &house{t: t, ctx: ctx, store: store, engine: New(store, Options{}), revs: map[string]couch.Rev{}}
		if life%2 == 1 {
			h.engine.batches = batches{docs: 50, bytes: 1 << 20, bulkFrom: 40, bulkBytes: 20_000} // several loads a build
		}
		if h.db, err = store.DB("db"); err != nil {
			h.db, err = store.Create(ctx, "db")
			require.NoError(t, err)
			h.put("_design/d", `{"views":{"x":{"map":"function(doc){ for (var i = 0; i < doc.n % 3; i++) emit([doc.a, doc.n], doc.v + i) }","reduce":"_sum"}}}`)
		}
		for id := range m {
			doc, err := h.db.Get(ctx, couch.DocID(id), couch.GetOptions{})
			require.NoError(t, err, "what was acknowledged is there")
			h.revs[id] = doc.Rev
		}
		for _, update := range []Update{UpdateFalse, UpdateTrue} {
			rows := h.query("x", Query{Limit: -1, NoReduce: true, Update: update})
			require.Equal(t, fmt.Sprintf("0/%d", len(rows)-1), rows[0], "total and rows agree")
			sum := 0
			for _, row := range rows[1:] {
				var v int
				_, err := fmt.Sscanf(row[len(row)-3:], "%d", &v)
				if err != nil {
					_, err = fmt.Sscanf(row[len(row)-2:], "%d", &v)
				}
				require.NoError(t, err)
				sum += v
			}
			got := h.query("x", Query{Limit: -1, Update: UpdateFalse})
			if len(rows) == 1 {
				require.Empty(t, got)
			} else {
				require.Equal(t, []string{fmt.Sprintf("null %d", sum)}, got, "summaries and rows agree")
			}
		}
		require.Equal(t, m.answer(Query{Limit: -1, Group: true}), h.query("x", Query{Limit: -1, Group: true}))

		for range 200 + r.Intn(400) {
			id := fmt.Sprint("doc", r.Intn(800))
			if rev, there := h.revs[id]; there && r.Intn(5) == 0 {
				h.purge(id, rev)
				delete(m, id)
				continue
			}
			d := modelDoc{string(rune('a' + r.Intn(3))), r.Intn(800), 10 + r.Intn(80)}
			h.put(id, fmt.Sprintf(`{"a":"%s","n":%d,"v":%d}`, d.a, d.n, d.v))
			m[id] = d
			if r.Intn(100) == 0 {
				h.query("x", Query{Limit: 1})
			}
		}
		h.query("x", Query{Limit: 0, Update: UpdateLazy})
		after := fs.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: 50, RNG: newRNG(int64(life))})
		require.NoError(t, h.engine.Close())
		require.NoError(t, store.Close())
		fs = after
	}
}

func BenchmarkViews(b *testing.B) {
	const docs = 20000
	const design = `{"views":{"by_tag":{"map":"function(doc){ if (doc.type==='post') { for (var i=0;i<doc.tags.length;i++) emit([doc.tags[i], doc.n], doc.score); } }","reduce":"_sum"},"by_author":{"map":"function(doc){ emit(doc.author.name, doc.author.age); }","reduce":"_stats"}}}`
	h := open(b, Options{})
	words := []string{"alpha", "bravo", "charlie", "delta", "echo", "foxtrot", "golf", "hotel", "india", "juliet"}
	r := rand.New(rand.NewSource(1))
	for i := 0; i < docs; i += 1000 {
		var batch []*couch.Document
		for k := i; k < i+1000; k++ {
			text := ""
			for range 60 {
				text += words[r.Intn(10)] + " "
			}
			doc, err := couch.ParseDocument(fmt.Appendf(nil, `{"_id":"doc%08d","type":"post","n":%d,"tags":["%s","%s"],"author":{"name":"%s","age":%d},"score":%v,"text":"%s"}`,
				k, k, words[r.Intn(10)], words[r.Intn(10)], words[r.Intn(10)], r.Intn(90), r.Float64(), text))
			require.NoError(b, err)
			batch = append(batch, doc)
		}
		_, err := h.db.Bulk(h.ctx, batch, couch.WriteOptions{})
		require.NoError(b, err)
	}
	b.Run("build", func(b *testing.B) {
		for n := 0; b.Loop(); n++ {
			h.put("_design/d", design[:len(design)-1]+fmt.Sprintf(`,"options":{"include_design":false},"lib":{"n":"%d"}}`, n))
			h.put("_design/d", fmt.Sprintf(`{"views":{"lib":{"n":"%d"},%s`, n, design[10:]))
			h.query("by_tag", Query{Limit: 1, NoReduce: true})
		}
		b.ReportMetric(docs*float64(b.N)/b.Elapsed().Seconds(), "docs/s")
	})
	h.put("_design/d", design)
	h.query("by_tag", Query{Limit: 1})
	questions := map[string]func() Query{
		"range-20": func() Query {
			return Query{NoReduce: true, Limit: 20, StartKey: raw(fmt.Sprintf(`["%s",%d]`, words[r.Intn(5)], r.Intn(docs)))}
		},
		"reduce-range": func() Query {
			from := r.Intn(docs)
			return Query{Limit: -1, StartKey: raw(fmt.Sprintf(`["charlie",%d]`, from)), EndKey: raw(fmt.Sprintf(`["charlie",%d]`, from+r.Intn(docs-from)))}
		},
		"group-level-1": func() Query { return Query{Limit: -1, GroupLevel: 1} },
		"group":         func() Query { return Query{Limit: 1000, Group: true} },
	}
	for name, question := range questions {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				h.query("by_tag", question())
			}
		})
	}
	b.Run("update-one", func(b *testing.B) {
		for n := 0; b.Loop(); n++ {
			h.put("extra", fmt.Sprintf(`{"type":"post","n":%d,"tags":["alpha"],"author":{"name":"x","age":1},"score":1}`, n))
			h.query("by_tag", Query{Limit: 1, NoReduce: true})
		}
	})
}
