package packuments

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"testing"
	"time"

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
			put(b, db, "_design/"+Name, couch.Rev{}, DesignDoc(false))
			var rev couch.Rev
			next := func(i int) {
				rev = put(b, db, "pkg", rev, published(text, i))
			}
			abbreviated := func() {
				rows, err := engine.Query(b.Context(), db, Name, "abbreviated", views.Query{Key: json.RawMessage(`"pkg"`), Limit: -1})
				require.NoError(b, err)
				require.True(b, rows.Next())
				require.Greater(b, len(rows.Row().Value), len(text)/4)
				require.NoError(b, rows.Close())
			}
			next(0)
			abbreviated()
			var took []time.Duration
			b.ResetTimer()
			for i := range b.N {
				b.StopTimer()
				time.Sleep(time.Duration(len(text)/1e5) * time.Millisecond) // the compactions of the publish before
				next(i + 1)
				b.StartTimer()
				start := time.Now()
				abbreviated()
				took = append(took, time.Since(start))
			}
			slices.Sort(took)
			b.ReportMetric(float64(took[0].Microseconds())/1000, "ms-best")
			b.ReportMetric(float64(took[len(took)/2].Microseconds())/1000, "ms-p50")
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
				put(b, db, "_design/"+Name, couch.Rev{}, DesignDoc(false))
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

// published is the packument with one more version, the latest.
func published(text []byte, i int) []byte {
	latest := Member(Member(text, "dist-tags"), "latest")
	manifest := Member(Member(text, "versions"), Text(latest))
	for _, edit := range []struct {
		before string
		text   string
	}{
		{`},"time":{`, fmt.Sprintf(`,"99.0.%d":%s`, i, manifest)},
		{`"modified":"`, fmt.Sprintf(`"99.0.%d":"2030-01-01T00:00:00.000Z",`, i)},
	} {
		text = bytes.Replace(text, []byte(edit.before), []byte(edit.text+edit.before), 1)
	}
	return bytes.Replace(text, append([]byte(`"latest":`), latest...), fmt.Appendf(nil, `"latest":"99.0.%d"`, i), 1)
}

func put(b *testing.B, db *couch.DB, id string, parent couch.Rev, text []byte) couch.Rev {
	doc, err := couch.ParseDocument(text)
	require.NoError(b, err)
	doc.ID, doc.Rev = couch.DocID(id), parent
	rev, err := db.Put(b.Context(), doc, couch.WriteOptions{})
	require.NoError(b, err)
	return rev
}
