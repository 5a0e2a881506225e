package packuments

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"math/rand"
	"testing"

	"github.com/go-kivik/kivik/v4"
	_ "github.com/go-kivik/kivik/v4/couchdb" // the driver
	"github.com/stretchr/testify/require"

	"settee/couch"
	"settee/couch/driver"
	"settee/fixtures"
	"settee/views"
)

var couchURL = flag.String("couch", "", "URL of an Apache CouchDB, with credentials, that must give the same rows")

// indexed is a row of a database's view.
type indexed struct{ Key, ID, Value string }

// TestEveryDatabaseGivesTheSameRows queries all views of one set of documents: of the
// embedded engine with the twins and in the sandbox, and of the CouchDB that -couch names.
func TestEveryDatabaseGivesTheSameRows(t *testing.T) {
	docs := collection(t)
	want := rowsOf(t, database(t, views.Native{Twins: Twins(), Map: Map}), docs)
	for view := range reduces {
		require.NotEmpty(t, want[view], view)
	}
	require.Equal(t, want, rowsOf(t, database(t, views.Native{}), docs), "sandbox")
	if *couchURL != "" {
		client, err := kivik.New("couch", *couchURL)
		require.NoError(t, err)
		name := fmt.Sprintf("packuments-%d", rand.Int63())
		require.NoError(t, client.CreateDB(t.Context(), name))
		t.Cleanup(func() { require.NoError(t, client.DestroyDB(context.Background(), name)) })
		require.Equal(t, want, rowsOf(t, client.DB(name), docs), "CouchDB")
	}
}

// collection is odd, generated and large packuments, each with an id of its own.
func collection(t *testing.T) (docs []any) {
	texts := odd()
	r := rand.New(rand.NewSource(1))
	for i := range 30 {
		texts = append(texts, packument(r, i))
	}
	for i, size := range []fixtures.Size{fixtures.Small, fixtures.Median, fixtures.Large} {
		texts = append(texts, string(fixtures.Packument(1, fmt.Sprintf("@large/%d", i), size)))
	}
	for i, text := range texts {
		doc, err := couch.ParseDocument([]byte(text))
		require.NoError(t, err, text)
		doc.ID, doc.Rev = couch.DocID(fmt.Sprintf("%s~%d", doc.ID, i)), couch.Rev{}
		docs = append(docs, json.RawMessage(doc.AppendJSON(nil)))
	}
	return docs
}

// embedded opens a store and its views.
func embedded(t testing.TB, native views.Native) (*couch.Store, *views.Engine) {
	store, err := couch.Open(t.TempDir(), couch.Options{MaxDocumentSize: 64 << 20})
	require.NoError(t, err)
	engine := views.New(store, views.Options{Native: native})
	t.Cleanup(func() {
		require.NoError(t, engine.Close())
		require.NoError(t, store.Close())
	})
	return store, engine
}

func database(t *testing.T, native views.Native) *kivik.DB {
	client, err := driver.NewClient(embedded(t, native))
	require.NoError(t, err)
	require.NoError(t, client.CreateDB(t.Context(), "packuments"))
	return client.DB("packuments")
}

// rowsOf are the rows of every view and of every count, in their order.
func rowsOf(t *testing.T, db *kivik.DB, docs []any) map[string][]indexed {
	results, err := db.BulkDocs(t.Context(), append(docs, DesignDoc(false)))
	require.NoError(t, err)
	for _, r := range results {
		require.NoError(t, r.Error, r.ID)
	}
	all := map[string][]indexed{}
	for _, v := range twins {
		if reduces[v.view] != "" {
			all[v.view+", counted"] = query(t, db, v.view, map[string]any{"group": true})
		}
		all[v.view] = query(t, db, v.view, map[string]any{"reduce": false})
	}
	return all
}

func query(t *testing.T, db *kivik.DB, view string, params map[string]any) (found []indexed) {
	rows := db.Query(t.Context(), Name, view, kivik.Params(params))
	defer rows.Close()
	for rows.Next() {
		var key, value any
		require.NoError(t, rows.ScanKey(&key))
		require.NoError(t, rows.ScanValue(&value))
		id, _ := rows.ID() // none where rows are reduced
		found = append(found, indexed{text(t, key), id, text(t, value)})
	}
	require.NoError(t, rows.Err(), view)
	return found
}

// text writes a value as JSON with its members in order.
func text(t *testing.T, v any) string {
	raw, err := json.Marshal(v)
	require.NoError(t, err)
	return string(raw)
}
