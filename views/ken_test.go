package views

import (
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"settee/couch"
)

// soon waits for what happens in the background.
func soon(t testing.TB, happened func() bool) {
	t.Helper()
	require.Eventually(t, happened, time.Minute, 2*time.Millisecond)
}

// built is how many rows a view has, for who does not have it built.
func (h *house) built(ddoc string) int64 {
	rows, err := h.engine.Query(h.ctx, h.db, ddoc, "v", Query{Update: UpdateFalse, NoReduce: true, Limit: 0})
	require.NoError(h.t, err)
	defer rows.Close()
	return rows.Total()
}

const idView = `"views":{"v":{"map":"function(doc){ emit(doc._id) }"}}`

func TestKen(t *testing.T) {
	h := open(t, Options{Ken: time.Millisecond})
	_, _, err := h.store.SetSetting("ken.ignore", "ignored", "true")
	require.NoError(t, err)
	for name, body := range map[string]string{
		"no":     `{"autoupdate":false,"views":{"v":{"map":"function(doc){ emit(1) }"}}}`,
		"not":    `{"autoupdate":{"views":false},"views":{"v":{"map":"function(doc){ emit(2) }"}}}`,
		"cobol":  `{"language":"cobol",` + idView + `}`,
		"nobody": `{"views":{}}`,
		"yes":    `{"autoupdate":{"views":true},"views":{"v":{"map":"function(doc){ emit(3) }"}}}`,
		"z":      `{` + idView + `}`,
	} {
		h.put("_design/"+name, body)
	}
	for i := range 100 {
		h.put(fmt.Sprint(i), `{}`)
	}
	soon(t, func() bool { return h.built("z") == 100 })
	soon(t, func() bool { return h.built("yes") == 100 })
	require.Zero(t, h.built("no"))
	require.Zero(t, h.built("not"))

	h.remove("0")
	soon(t, func() bool { return h.built("z") == 99 })

	first := h.db
	h.db, err = h.store.Create(h.ctx, "ignored")
	require.NoError(t, err)
	h.revs = map[string]couch.Rev{}
	h.put("_design/z", `{`+idView+`}`)
	h.put("a", `{}`)
	ignored := h.db
	h.db = first
	h.put("b", `{}`)
	soon(t, func() bool { return h.built("z") == 100 })
	h.db = ignored
	require.Zero(t, h.built("z"))
}

// Nothing is built while the setting says so.
func TestKenIsOff(t *testing.T) {
	h := open(t, Options{Ken: time.Millisecond})
	_, _, err := h.store.SetSetting("ken", "batch_channels", "0")
	require.NoError(t, err)
	h.put("_design/d", `{`+idView+`}`)
	h.put("a", `{}`)
	require.Zero(t, h.built("d"))
	_, _, err = h.store.SetSetting("ken", "batch_channels", "2")
	require.NoError(t, err)
	n := 0
	soon(t, func() bool { // what was told while it was off is past
		h.put(fmt.Sprint(n), `{}`)
		n++
		return h.built("d") > 1
	})
}

// What one life of the store leaves undone, the next does.
func TestKenCatchesUp(t *testing.T) {
	h := open(t, Options{Ken: -1})
	h.put("_design/d", `{`+idView+`}`)
	for i := range 10 {
		h.put(fmt.Sprint(i), `{}`)
	}
	require.Zero(t, h.built("d"))
	require.NoError(t, h.engine.Close())
	h.engine = New(h.store, Options{Ken: time.Millisecond})
	soon(t, func() bool { return h.built("d") == 10 })
}

// A build that nobody waits for hurries once somebody does; Close and the end
// of the database stop it.
func TestKenEnds(t *testing.T) {
	for _, end := range []string{"wanted", "closed", "deleted"} {
		t.Run(end, func(t *testing.T) {
			entered, leave := make(chan struct{}, 1), make(chan struct{})
			twin := "function(doc){ twin }"
			h := open(t, Options{Ken: time.Millisecond, Native: Native{Twins: map[string]int{twin: 0}, Map: func(_ []byte, _ []int, emit func(int, []byte, []byte)) {
				select {
				case entered <- struct{}{}:
				default:
				}
				<-leave
				emit(0, []byte("1"), []byte("1"))
			}}})
			h.put("_design/d", `{"views":{"v":{"map":"`+twin+`"}}}`)
			for i := range 1000 {
				h.put(fmt.Sprint(i), `{}`)
			}
			<-entered
			switch end {
			case "wanted":
				done := make(chan []string)
				go func() { done <- h.query("v", Query{Limit: 1}) }()
				close(leave)
				require.Len(t, <-done, 2)
			case "closed":
				closed := make(chan error)
				go func() { closed <- h.engine.Close() }()
				close(leave)
				require.NoError(t, <-closed)
			case "deleted":
				require.NoError(t, h.store.Delete(h.ctx, "db"))
				close(leave)
			}
		})
	}
}

// Design documents that have the same views have one index: what the first
// built, the second does not.
func TestIndexIsShared(t *testing.T) {
	var mapped atomic.Int64
	twin := "function(doc){ twin }"
	h := open(t, Options{Ken: -1, Native: Native{Twins: map[string]int{twin: 0}, Map: func(_ []byte, _ []int, emit func(int, []byte, []byte)) {
		mapped.Add(1)
		emit(0, []byte("1"), []byte("1"))
	}}})
	views := `"views":{"v":{"map":"` + twin + `","reduce":"_sum"}}`
	h.put("_design/d", `{`+views+`}`)
	h.put("_design/e", `{"filters":{"f":"function(){}"},"x":1,"language":"javascript",`+views+`}`)
	for i := range 50 {
		h.put(fmt.Sprint(i), `{}`)
	}
	require.Equal(t, []string{"null 50"}, h.query("v", Query{Limit: -1}))
	require.EqualValues(t, 50, mapped.Load())
	rows, err := h.engine.Query(h.ctx, h.db, "e", "v", Query{Limit: -1})
	require.NoError(t, err)
	defer rows.Close()
	require.True(t, rows.Next())
	require.Equal(t, "50", string(rows.Row().Value))
	require.EqualValues(t, 50, mapped.Load())
	spaces, err := h.db.Spaces(h.ctx)
	require.NoError(t, err)
	require.Len(t, spaces, 1)

	h.remove("_design/d")
	require.NoError(t, h.engine.Cleanup(h.ctx, h.db))
	require.Len(t, must(h.db.Spaces(h.ctx)), 1, "the other one still names it")
	h.remove("_design/e")
	require.NoError(t, h.engine.Cleanup(h.ctx, h.db))
	require.Empty(t, must(h.db.Spaces(h.ctx)))
}

// Databases come and go, and leave nothing in memory.
func TestDeletedDatabasesAreForgotten(t *testing.T) {
	h := open(t, Options{Ken: -1})
	for i := range 10 {
		var err error
		h.db, err = h.store.Create(h.ctx, fmt.Sprint("db", i))
		require.NoError(t, err)
		h.revs = map[string]couch.Rev{}
		h.put("_design/d", `{`+idView+`}`)
		h.put("a", `{}`)
		require.Len(t, h.query("v", Query{Limit: -1}), 2)
		require.Len(t, h.engine.indexes, 1)
		require.Len(t, h.engine.designs, 1)
		require.NoError(t, h.store.Delete(h.ctx, h.db.Name()))
	}
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// What a view costs those who write beside its build.
func BenchmarkPutBesideKen(b *testing.B) {
	for name, ken := range map[string]time.Duration{"off": -1, "on": 0} {
		b.Run(name, func(b *testing.B) {
			store, err := couch.Open(b.TempDir(), couch.Options{})
			require.NoError(b, err)
			defer store.Close() //nolint:errcheck // it is thrown away
			engine := New(store, Options{Ken: ken})
			defer engine.Close() //nolint:errcheck // likewise
			db, err := store.Create(b.Context(), "db")
			require.NoError(b, err)
			put := func(id, members string) {
				doc, err := couch.ParseDocument([]byte(`{"_id":"` + id + `",` + members + `}`))
				if err == nil {
					_, err = db.Put(b.Context(), doc, couch.WriteOptions{})
				}
				require.NoError(b, err)
			}
			put("_design/d", `"views":{"v":{"map":"function(doc){ emit([doc.kind, doc.n], doc.n) }","reduce":"_sum"},"w":{"map":"function(doc){ emit(doc.name) }"}}`)
			b.SetParallelism(32)
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					put(string(store.NewUUID()), `"kind":"benchmark","n":12345,"name":"a document of some size","tags":["a","b","c"],"text":"lorem ipsum dolor sit amet"`)
				}
			})
		})
	}
}
