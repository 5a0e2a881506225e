package driver_test

import (
	"fmt"
	"testing"

	"github.com/go-kivik/kivik/v4"
	"github.com/stretchr/testify/require"
)

func people(t *testing.T, partitioned bool) *kivik.DB {
	t.Helper()
	client, err := kivik.New("settee", t.TempDir())
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, client.Close()) })
	require.NoError(t, client.CreateDB(t.Context(), "people", kivik.Param("partitioned", partitioned)))
	db := client.DB("people")
	for i, name := range []string{"Ada", "Bob", "Cid", "Dee", "Eve"} {
		_, err := db.Put(t.Context(), fmt.Sprintf("%s:%d", []string{"a", "b"}[i%2], i), map[string]any{"name": name, "age": 20 + i%3})
		require.NoError(t, err)
	}
	return db
}

// names reads what a search finds.
func names(t *testing.T, rows *kivik.ResultSet) (all []string, meta *kivik.ResultMetadata) {
	t.Helper()
	for rows.Next() {
		var doc struct{ Name string }
		require.NoError(t, rows.ScanDoc(&doc))
		all = append(all, doc.Name)
	}
	meta, err := rows.Metadata()
	require.NoError(t, err)
	return all, meta
}

func TestFind(t *testing.T) {
	db := people(t, false)
	all, meta := names(t, db.Find(t.Context(), `{"selector":{"age":{"$gt":20}}}`))
	require.Equal(t, []string{"Cid", "Eve", "Bob"}, all)
	require.Equal(t, "No matching index found, create an index to optimize query time.", meta.Warning)

	require.NoError(t, db.CreateIndex(t.Context(), "by", "age", `{"fields":["age"]}`))
	require.NoError(t, db.CreateIndex(t.Context(), "by", "age", map[string]any{"fields": []string{"age"}}), "it is there already")
	indexes, err := db.GetIndexes(t.Context())
	require.NoError(t, err)
	require.Len(t, indexes, 2)
	require.Equal(t, "_all_docs", indexes[0].Name)
	require.Equal(t, kivik.Index{DesignDoc: "_design/by", Name: "age", Type: "json", Definition: map[string]any{"fields": []any{map[string]any{"age": "asc"}}}}, indexes[1])

	query := map[string]any{"selector": map[string]any{"age": map[string]any{"$gt": 20}}, "sort": []any{"age"}, "limit": 2}
	all, meta = names(t, db.Find(t.Context(), query))
	require.Equal(t, []string{"Eve", "Bob"}, all)
	require.Empty(t, meta.Warning)
	all, _ = names(t, db.Find(t.Context(), query, kivik.Param("bookmark", meta.Bookmark)))
	require.Equal(t, []string{"Cid"}, all)

	plan, err := db.Explain(t.Context(), query)
	require.NoError(t, err)
	require.Equal(t, "_design/by", plan.Index["ddoc"])

	require.NoError(t, db.DeleteIndex(t.Context(), "by", "age"))
	err = db.DeleteIndex(t.Context(), "by", "age")
	require.Equal(t, 404, kivik.HTTPStatus(err))
	require.Equal(t, 400, kivik.HTTPStatus(db.Find(t.Context(), query).Err()), "there is no index to sort by")
	require.Equal(t, 400, kivik.HTTPStatus(db.CreateIndex(t.Context(), "", "", `{"fields":`)))
}

func TestFindInAPartition(t *testing.T) {
	db := people(t, true)
	require.NoError(t, db.CreateIndex(t.Context(), "by", "age", `{"fields":["age"]}`))
	all, meta := names(t, db.Find(t.Context(), `{"selector":{"age":{"$gt":20}},"sort":["age"]}`, kivik.Param("partition", "a")))
	require.Equal(t, []string{"Eve", "Cid"}, all)
	require.Empty(t, meta.Warning)
	err := db.Find(t.Context(), `{"selector":{"age":{"$gt":20}},"sort":["age"]}`).Err()
	require.ErrorContains(t, err, "No global index exists for this sort")
}

func TestFindClosedEarly(t *testing.T) {
	rows := people(t, false).Find(t.Context(), `{"selector":{}}`)
	require.True(t, rows.Next())
	require.NoError(t, rows.Close())
	require.False(t, rows.Next())
}
