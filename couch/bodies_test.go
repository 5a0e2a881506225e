package couch

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
)

// Documents in order come from one iterator, others from look-ups: they are the same.
func TestIncludedDocumentsOfEveryOrder(t *testing.T) {
	db := database(t, Options{})
	for i := range 50 {
		rev := put(t, db, fmt.Sprintf(`{"_id":"d%03d","n":%d}`, i, i))
		if i%3 == 0 {
			rev = put(t, db, fmt.Sprintf(`{"_id":"d%03d","_rev":"%s","n":%d}`, i, rev, -i))
		}
		if i%7 == 0 {
			put(t, db, fmt.Sprintf(`{"_id":"d%03d","_rev":"%s","_deleted":true}`, i, rev))
		}
	}
	read := func(rows *DocRows, err error) map[DocID]string {
		require.NoError(t, err)
		found := map[DocID]string{}
		for rows.Next() {
			if row := rows.Row(); !row.Deleted {
				require.Equal(t, row.Rev, row.Doc.Rev)
				found[row.ID] = string(row.Doc.Body)
			}
		}
		require.NoError(t, rows.Err())
		require.NoError(t, rows.Close())
		return found
	}
	up := read(db.AllDocs(ctx, AllDocsOptions{Limit: -1, IncludeDocs: true}))
	require.Len(t, up, 42)
	require.Equal(t, `{"n":-3}`, up["d003"])
	require.Equal(t, up, read(db.AllDocs(ctx, AllDocsOptions{Limit: -1, IncludeDocs: true, Descending: true})))
	var ids []DocID
	for i := range 50 {
		ids = append(ids, DocID(fmt.Sprintf("d%03d", 49-i)))
	}
	require.Equal(t, up, read(db.AllDocsByID(ctx, ids, AllDocsOptions{Limit: -1, IncludeDocs: true})))
}

// BenchmarkAllDocsIncluded lists twenty thousand documents with their bodies.
func BenchmarkAllDocsIncluded(b *testing.B) {
	db := benchDB(b)
	for range 20 {
		bulk(b, db, 1000)
	}
	require.NoError(b, db.Compact(ctx))
	for b.Loop() {
		rows, err := db.AllDocs(ctx, AllDocsOptions{Limit: -1, IncludeDocs: true})
		require.NoError(b, err)
		for rows.Next() {
		}
		require.NoError(b, rows.Err())
		require.NoError(b, rows.Close())
	}
	b.ReportMetric(float64(b.N)*20_000/b.Elapsed().Seconds(), "docs/s")
}
