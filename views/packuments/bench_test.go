package packuments

import (
	"bytes"
	"encoding/json"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"settee/couch"
	"settee/fixtures"
	"settee/views"
)

// BenchmarkRebuild is what a publish costs the views: the update of the whole index for
// one changed packument and the read of its abbreviated form.
func BenchmarkRebuild(b *testing.B) {
	for _, size := range []fixtures.Size{fixtures.Median, fixtures.Large, fixtures.Largest} {
		text := fixtures.Packument(1, "pkg", size)
		b.Run(fmt.Sprintf("kB=%d", len(text)/1000), func(b *testing.B) {
			store, engine := embedded(b, views.Native{Twins: Twins(), Map: Map})
			db, err := store.Create(b.Context(), "registry")
			require.NoError(b, err)
			put(b, db, "_design/"+Name, couch.Rev{}, DesignDoc())
			var rev couch.Rev
			next := func(i int) {
				changed := bytes.Replace(text, []byte(`"description":"`), fmt.Appendf(nil, `"description":"%d `, i), 1)
				rev = put(b, db, "pkg", rev, changed)
			}
			abbreviated := func() {
				rows, err := engine.Query(b.Context(), db, Name, "abbreviated", views.Query{Key: json.RawMessage(`"pkg"`), Limit: -1})
				require.NoError(b, err)
				require.True(b, rows.Next())
				require.NoError(b, rows.Close())
			}
			next(0)
			abbreviated()
			b.SetBytes(int64(len(text)))
			b.ResetTimer()
			for i := range b.N {
				b.StopTimer()
				next(i + 1)
				b.StartTimer()
				abbreviated()
			}
		})
	}
}

// BenchmarkBuild is the first build of the whole design document: documents a second.
func BenchmarkBuild(b *testing.B) {
	for name, native := range map[string]views.Native{"twins": {Twins: Twins(), Map: Map}, "sandbox": {}} {
		b.Run(name, func(b *testing.B) {
			const docs = 2000
			for range b.N {
				b.StopTimer()
				store, engine := embedded(b, native)
				db, err := store.Create(b.Context(), "registry")
				require.NoError(b, err)
				put(b, db, "_design/"+Name, couch.Rev{}, DesignDoc())
				for i := range docs {
					id := fmt.Sprintf("pkg%d", i)
					put(b, db, id, couch.Rev{}, fixtures.Packument(uint64(i), id, fixtures.Small))
				}
				b.StartTimer()
				rows, err := engine.Query(b.Context(), db, Name, "dependents", views.Query{Limit: 1})
				require.NoError(b, err)
				require.NoError(b, rows.Close())
			}
			b.ReportMetric(docs*float64(b.N)/b.Elapsed().Seconds(), "docs/s")
		})
	}
}

func put(b *testing.B, db *couch.DB, id string, parent couch.Rev, text []byte) couch.Rev {
	doc, err := couch.ParseDocument(text)
	require.NoError(b, err)
	doc.ID, doc.Rev = couch.DocID(id), parent
	rev, err := db.Put(b.Context(), doc, couch.WriteOptions{})
	require.NoError(b, err)
	return rev
}
