package driver_test

import (
	"encoding/json"
	"testing"

	"github.com/go-kivik/kivik/v4"
	"github.com/stretchr/testify/require"
)

// inPlace asks for the text itself.
type inPlace struct{ into *json.RawMessage }

func (o inPlace) Apply(target any) {
	if t, ok := target.(interface{ Raw(into *json.RawMessage) }); ok {
		t.Raw(o.into)
	}
}

// What is handed over is what Kivik would have scanned.
func TestRaw(t *testing.T) {
	db := database(t)
	put(t, db, "_design/d", `{"views":{"v":{"map":"function(doc){ emit(doc.n, {n: doc.n}) }"}}}`)
	var want []string
	scan := func(scan func(any) error) string {
		var raw json.RawMessage
		require.NoError(t, scan(&raw))
		return string(raw)
	}
	for _, id := range []string{"a", "b"} {
		put(t, db, id, `{"n": 1.0, "big": 12345678901234567890}`)
		var raw json.RawMessage
		doc := db.Get(t.Context(), id, inPlace{&raw})
		require.NoError(t, doc.Err())
		require.Equal(t, "null", scan(doc.ScanDoc))
		require.Equal(t, scan(db.Get(t.Context(), id).ScanDoc), string(raw))
		var value json.RawMessage
		rows := db.Query(t.Context(), "d", "v", kivik.Param("limit", 1), inPlace{&value})
		require.True(t, rows.Next())
		require.Equal(t, "null", scan(rows.ScanValue))
		require.NoError(t, rows.Close())
		want = append(want, string(value))
	}
	rows := db.Query(t.Context(), "d", "v")
	for i := 0; rows.Next(); i++ {
		require.Equal(t, want[i], scan(rows.ScanValue))
	}
	require.NoError(t, rows.Err())
	var none json.RawMessage
	require.Equal(t, 404, kivik.HTTPStatus(db.Get(t.Context(), "nothing", inPlace{&none}).Err()))
	require.Nil(t, none)
}

// held asks for the documents of a feed but one.
type held struct{ is func(id, rev string) bool }

func (o held) Apply(target any) {
	if t, ok := target.(interface {
		Held(is func(id, rev string) bool)
	}); ok {
		t.Held(o.is)
	}
}

// A feed hands over what Kivik would have scanned, but what is held; of a document with several leaves nothing is.
func TestRawChanges(t *testing.T) {
	db := database(t)
	rev := put(t, db, "a", `{"n": 1.0}`)
	put(t, db, "b", `{"n": 2}`)
	put(t, db, "c", `{"n": 3}`)
	_, err := db.Put(t.Context(), "c", json.RawMessage(`{"_rev":"1-fff","n":4}`), kivik.Param("new_edits", false))
	require.NoError(t, err)
	gone := put(t, db, "d", `{}`)
	_, err = db.Delete(t.Context(), "d", gone)
	require.NoError(t, err)
	want := map[string]string{}
	with := kivik.Params(map[string]any{"include_docs": true, "style": "all_docs", "conflicts": true})
	rows := db.Changes(t.Context(), with)
	for rows.Next() {
		var raw json.RawMessage
		require.NoError(t, rows.ScanDoc(&raw))
		want[rows.ID()] = string(raw)
	}
	require.Len(t, want, 4)
	var raw json.RawMessage
	have := map[string]string{}
	rows = db.Changes(t.Context(), with, inPlace{&raw}, held{func(id, at string) bool { return id == "a" && at == rev || id == "c" }})
	for rows.Next() {
		var null json.RawMessage
		require.NoError(t, rows.ScanDoc(&null))
		require.Equal(t, "null", string(null))
		have[rows.ID()] = string(raw)
	}
	require.NoError(t, rows.Err())
	require.Empty(t, have["a"])
	have["a"] = want["a"]
	require.Equal(t, want, have)
}
