package driver_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/go-kivik/kivik/v4"
	"github.com/stretchr/testify/require"

	"settee/couch"
	"settee/couch/driver"
	"settee/views"
)

// open returns a client of a store that is proved when the test ends.
func open(t testing.TB) *kivik.Client {
	t.Helper()
	store, err := couch.Open(t.TempDir(), couch.Options{MaxDocumentSize: 64 << 20})
	require.NoError(t, err)
	eng := views.New(store, views.Options{})
	client, err := driver.NewClient(store, eng)
	require.NoError(t, err)
	t.Cleanup(func() {
		require.NoError(t, client.Close())
		// The client left the store to its owner.
		report, err := store.Check(context.Background(), nil)
		require.NoError(t, err)
		require.Empty(t, report.Problems)
		require.NoError(t, eng.Close())
		require.NoError(t, store.Close())
	})
	return client
}

func database(t testing.TB) *kivik.DB {
	t.Helper()
	client := open(t)
	require.NoError(t, client.CreateDB(t.Context(), "db"))
	return client.DB("db")
}

func put(t testing.TB, db *kivik.DB, id, doc string) string {
	t.Helper()
	rev, err := db.Put(t.Context(), id, json.RawMessage(doc))
	require.NoError(t, err)
	return rev
}

func TestOwnedStore(t *testing.T) {
	dir := t.TempDir()
	client, err := kivik.New(driver.Name, dir, driver.WithOptions(couch.Options{MaxDocumentSize: 100}))
	require.NoError(t, err)
	require.NoError(t, client.CreateDB(t.Context(), "db"))
	db := client.DB("db")
	rev := put(t, db, "a", `{"n":1}`)
	_, err = db.Put(t.Context(), "b", json.RawMessage(`{"x":"`+strings.Repeat("x", 200)+`"}`))
	require.Equal(t, 413, kivik.HTTPStatus(err))
	require.NoError(t, client.Close())

	client, err = kivik.New(driver.Name, dir)
	require.NoError(t, err)
	got, err := client.DB("db").GetRev(t.Context(), "a")
	require.NoError(t, err)
	require.Equal(t, rev, got)
	require.NoError(t, client.Close())
	_, err = client.DB("db").GetRev(t.Context(), "a")
	require.ErrorIs(t, err, kivik.ErrClientClosed)
}

func TestErrorsAreTheEngines(t *testing.T) {
	db := database(t)
	err := db.Get(t.Context(), "none").Err()
	require.ErrorIs(t, err, couch.ErrMissing)
	require.IsType(t, &couch.Error{}, err)
	require.ErrorIs(t, db.Client().DB("none").Get(t.Context(), "a").Err(), couch.ErrNoDatabase)
}

func TestQueries(t *testing.T) {
	db := database(t)
	for _, id := range []string{"a", "b", "c"} {
		put(t, db, id, `{}`)
	}
	put(t, db, "_design/d", `{"views":{"ids":{"map":"function(doc){emit(doc._id)}"}}}`)
	queries := kivik.Param("queries", []map[string]any{{"key": "b"}, {"startkey": "b", "endkey": "c"}, {"key": "x"}})
	for name, rows := range map[string]*kivik.ResultSet{
		"_all_docs": db.AllDocs(t.Context(), queries), "view": db.Query(t.Context(), "d", "ids", queries),
	} {
		var got [][]string
		for rows.NextResultSet() {
			set := []string{}
			for rows.Next() {
				id, err := rows.ID()
				require.NoError(t, err)
				set = append(set, id)
			}
			got = append(got, set)
			if len(got) > 4 {
				break
			}
		}
		require.NoError(t, rows.Err())
		require.Equal(t, [][]string{{"b"}, {"b", "c"}, {}}, got[:3], name)
	}
}

func TestFilters(t *testing.T) {
	db := database(t)
	for i := range 10 {
		put(t, db, fmt.Sprint("doc", i), `{}`)
	}
	put(t, db, "_design/d", `{}`)
	read := func(o map[string]any) (ids []string) {
		feed := db.Changes(t.Context(), kivik.Params(o))
		for feed.Next() {
			ids = append(ids, feed.ID())
		}
		require.NoError(t, feed.Err())
		return ids
	}
	require.Equal(t, []string{"doc3", "doc7"}, read(map[string]any{"filter": "_doc_ids", "doc_ids": []string{"doc7", "doc3"}}))
	require.Equal(t, []string{"doc3"}, read(map[string]any{"doc_ids": []string{"doc7", "doc3"}, "limit": 1}))
	require.Equal(t, []string{"_design/d"}, read(map[string]any{"filter": "_design"}))
	// A feed with a timeout ends without an error when nothing comes.
	require.Empty(t, read(map[string]any{"feed": "continuous", "since": "now", "timeout": 20}))
	require.Empty(t, read(map[string]any{"feed": "longpoll", "since": "now", "timeout": 20}))
	require.Equal(t, 400, kivik.HTTPStatus(db.Changes(t.Context(), kivik.Param("filter", "_doc_ids")).Err()))
}

// TestDatabaseGoes: a waiting feed ends with the reason when its database is deleted.
func TestDatabaseGoes(t *testing.T) {
	db := database(t)
	feed := db.Changes(t.Context(), kivik.Param("feed", "continuous"))
	done := make(chan error)
	go func() {
		feed.Next()
		done <- feed.Err()
	}()
	require.NoError(t, db.Client().DestroyDB(t.Context(), "db"))
	require.ErrorIs(t, <-done, couch.ErrNoDatabase)
}
