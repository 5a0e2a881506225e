package driver_test

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"settee/fixtures"
)

// The sizes are those of packuments, the documents the registry keeps.
var sizes = map[string]fixtures.Size{"40kB": fixtures.Median, "1MB": fixtures.Large, "20MB": fixtures.Largest}

func BenchmarkPut(b *testing.B) {
	for name, size := range sizes {
		b.Run(name, func(b *testing.B) {
			db := database(b)
			doc := json.RawMessage(fixtures.Packument(1, "package", size))
			b.SetBytes(int64(len(doc)))
			for i := 0; b.Loop(); i++ {
				_, err := db.Put(b.Context(), fmt.Sprint(i), doc)
				require.NoError(b, err)
			}
		})
	}
}

func BenchmarkGet(b *testing.B) {
	for name, size := range sizes {
		b.Run(name, func(b *testing.B) {
			db := database(b)
			doc := fixtures.Packument(1, "package", size)
			put(b, db, "a", string(doc))
			b.SetBytes(int64(len(doc)))
			for b.Loop() {
				var out json.RawMessage
				require.NoError(b, db.Get(b.Context(), "a").ScanDoc(&out))
			}
		})
	}
}

func BenchmarkChanges(b *testing.B) {
	db := database(b)
	docs := make([]any, 1000)
	for i := range docs {
		docs[i] = map[string]int{"n": i}
	}
	_, err := db.BulkDocs(b.Context(), docs)
	require.NoError(b, err)
	for b.Loop() {
		feed := db.Changes(b.Context())
		n := 0
		for feed.Next() {
			n++
		}
		require.NoError(b, feed.Err())
		require.Equal(b, len(docs), n)
	}
	b.ReportMetric(float64(len(docs)*b.N)/b.Elapsed().Seconds(), "rows/s")
}
