package views

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/stretchr/testify/require"

	"settee/couch"
)

var forbidden = &couch.Error{Kind: couch.Forbidden}

const refuseAll = `{"validate_doc_update":"function(){throw({forbidden:'no'})}"}`

// A validation function holds from the moment that its design document is acknowledged to
// the moment that it is gone, whichever way it came and went.
func TestVDUHoldsAtOnce(t *testing.T) {
	h := open(t, Options{})
	open, shut := func() { t.Helper(); h.put("a", `{}`) }, func() { t.Helper(); require.ErrorIs(t, h.try("a", `{}`), forbidden) }
	open()
	h.put("_design/v", refuseAll)
	shut()
	h.put("_design/v", `{"validate_doc_update":"function(){}"}`)
	open()
	h.put("_design/v", refuseAll)
	shut()
	h.remove("_design/v")
	open()

	replicated := func(body string) {
		doc, err := couch.ParseDocument([]byte(body))
		require.NoError(t, err)
		results, err := h.db.Bulk(h.ctx, []*couch.Document{doc}, couch.WriteOptions{Replicated: true})
		require.NoError(t, err)
		require.NoError(t, results[0].Err)
	}
	replicated(`{"_id":"_design/r","_rev":"1-a","validate_doc_update":"function(){throw({forbidden:'no'})}"}`)
	shut()
	replicated(`{"_id":"_design/r","_rev":"2-b","_revisions":{"start":2,"ids":["b","a"]},"_deleted":true}`)
	open()
	replicated(`{"_id":"_design/p","_rev":"1-a","validate_doc_update":"function(){throw({forbidden:'no'})}"}`)
	shut()
	_, err := h.db.Purge(h.ctx, []couch.RevsQuery{{ID: "_design/p", Revs: []couch.Rev{{Pos: 1, ID: "a"}}}})
	require.NoError(t, err)
	open()
}

// Nor does a restart, nor another database of the same name, leave a gap.
func TestVDUAfterRestart(t *testing.T) {
	fs := vfs.NewMem()
	write := func(s *couch.Store, id, body string) error {
		db, err := s.DB("db")
		require.NoError(t, err)
		doc, err := couch.ParseDocument([]byte(`{"_id":"` + id + `",` + body[1:]))
		require.NoError(t, err)
		_, err = db.Put(t.Context(), doc, couch.WriteOptions{})
		return err
	}
	run := func(do func(*couch.Store)) {
		s, err := couch.Open("store", couch.Options{FS: fs})
		require.NoError(t, err)
		e := New(s, Options{})
		do(s)
		require.NoError(t, e.Close())
		require.NoError(t, s.Close())
	}
	run(func(s *couch.Store) {
		_, err := s.Create(t.Context(), "db")
		require.NoError(t, err)
		require.NoError(t, write(s, "_design/v", refuseAll))
	})
	run(func(s *couch.Store) {
		require.ErrorIs(t, write(s, "a", `{"n":1}`), forbidden)
		require.NoError(t, s.Delete(t.Context(), "db"))
		_, err := s.Create(t.Context(), "db")
		require.NoError(t, err)
		require.NoError(t, write(s, "a", `{"n":1}`))
	})
}

// While a design document changes back and forth, every write that begins after an
// acknowledgement is judged by what was acknowledged.
func TestVDUHasNoWindow(t *testing.T) {
	h := open(t, Options{})
	stop := make(chan struct{})
	var readers sync.WaitGroup
	for w := range 4 { // writers who make the list be derived all the time
		readers.Go(func() {
			for i := 0; ; i++ {
				select {
				case <-stop:
					return
				default:
					doc, _ := couch.ParseDocument(fmt.Appendf(nil, `{"_id":"w%d-%d"}`, w, i))
					_, _ = h.db.Put(h.ctx, doc, couch.WriteOptions{})
				}
			}
		})
	}
	for i := range 100 {
		h.put("_design/v", refuseAll)
		require.ErrorIs(t, h.try(fmt.Sprint("x", i), `{}`), forbidden)
		h.put("_design/v", `{}`)
		require.NoError(t, h.try(fmt.Sprint("y", i), `{}`))
	}
	close(stop)
	readers.Wait()
}

// A function that loops or takes all memory is stopped, its write refused, and the
// next one is judged as ever.
func TestVDUIsStopped(t *testing.T) {
	h := open(t, Options{Timeout: 100 * time.Millisecond})
	h.put("_design/v", `{"validate_doc_update":"function(n){ if (n.loop) for(;;) try { for(;;); } catch (e) {}; var a = []; while (n.grow) a.push(new Array(1e5).join('x')); if (n.deep) (function f() { f() })(); if (n.bad) throw({forbidden: 'bad'}) }"}`)
	for _, member := range []string{"loop", "grow"} {
		require.ErrorIs(t, h.try("a", `{"`+member+`":true}`), &couch.Error{Kind: "os_process_error", Reason: "OS process timed out."})
		require.ErrorIs(t, h.try("a", `{"bad":true}`), forbidden)
	}
	require.ErrorIs(t, h.try("a", `{"deep":true}`), &couch.Error{Kind: "InternalError"})
	require.NoError(t, h.try("a", `{}`))
}

// What functions threw, in CouchDB's words.
func TestVDURefusals(t *testing.T) {
	h := open(t, Options{})
	for thrown, want := range map[string]couch.Error{
		`{forbidden: {a: 1}}`:             {Kind: couch.Forbidden, Reason: `{"a":1}`},
		`{unauthorized: 'x'}`:             {Kind: couch.Unauthorized, Reason: "x"},
		`{forbidden: 'x', b: 1}`:          {Kind: couch.Internal, Reason: `2 members were thrown: {"forbidden":"x","b":1}`},
		`['error', 'not_found', 'x']`:     {Kind: couch.NotFound, Reason: "x"},
		`['error', 'forbidden', 'x']`:     {Kind: couch.Forbidden, Reason: "x"},
		`['error', 'teapot', 'x']`:        {Kind: "teapot", Reason: "x"},
		`[]`:                              {Kind: couch.Internal, Reason: "[]"},
		`1`:                               {Kind: couch.Internal, Reason: "1"},
		`null`:                            {Kind: couch.Internal, Reason: "null"},
		`undefined`:                       {Kind: couch.Internal, Reason: "null"},
		`{}`:                              {Kind: couch.Internal, Reason: "{}"},
		`{get forbidden() { for (;;); }}`: {Kind: "unnamed_error"},
		`(function() { var a = {}; a.a = a; return a })()`: {Kind: "unnamed_error"},
	} {
		h.put("_design/v", string(mustJSON(map[string]string{"validate_doc_update": "function() { throw " + thrown + " }"})))
		require.ErrorIs(t, h.try("a", `{}`), &want, thrown)
	}
}

func BenchmarkVDU(b *testing.B) {
	for name, source := range map[string]string{"none": "", "one": `function(n, o, u) { if (!n.type) throw({forbidden: 'type'}) }`} {
		b.Run(name, func(b *testing.B) {
			h := open(b, Options{})
			if source != "" {
				h.put("_design/v", string(mustJSON(map[string]string{"validate_doc_update": source})))
			}
			body := []byte(`{"type":"post","n":12345,"tags":["alpha","echo"],"author":{"name":"golf","age":42},"text":"one two three four five"}`)
			v := validator{h.engine}
			doc := &couch.Document{ID: "a", Body: body}
			b.ReportAllocs()
			for b.Loop() {
				if v.Cares(h.db, doc, nil) {
					require.NoError(b, v.Validate(h.ctx, h.db, doc, nil, nil))
				}
			}
		})
	}
}
