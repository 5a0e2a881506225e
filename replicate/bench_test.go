package replicate_test

import (
	"context"
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/go-kivik/kivik/v4"
	"github.com/stretchr/testify/require"

	"settee/replicate"
)

// fillDB writes n small documents.
func fillDB(b *testing.B, db *kivik.DB, n int) {
	b.Helper()
	for begin := 0; begin < n; begin += 5000 {
		docs := make([]any, 0, 5000)
		for i := begin; i < min(n, begin+5000); i++ {
			docs = append(docs, json.RawMessage(fmt.Sprintf(`{"_id":"doc%08d","value":%d,"text":"the quick brown fox jumps over the lazy dog, and again, and again, until it is tired"}`, i, i)))
		}
		_, err := db.BulkDocs(b.Context(), docs)
		require.NoError(b, err)
	}
}

// 20,000 small documents into an empty database.
func BenchmarkReplicate(b *testing.B) {
	const n = 20_000
	h := newHouse(b)
	source := h.embedded("source")
	require.NoError(b, source.Create(b.Context()))
	fillDB(b, source.DB, n)
	for name, end := range map[string][2]func(i int) replicate.Peer{
		"embedded": {func(int) replicate.Peer { return source }, func(i int) replicate.Peer { return h.embedded(fmt.Sprint("t", i)) }},
		"push":     {func(int) replicate.Peer { return source }, func(i int) replicate.Peer { return h.http(b, fmt.Sprint("t", i)) }},
		"pull":     {func(int) replicate.Peer { return h.http(b, "source") }, func(i int) replicate.Peer { return h.embedded(fmt.Sprint("t", i)) }},
	} {
		b.Run(name, func(b *testing.B) {
			made := 0
			for b.Loop() {
				made++
				to := end[1](made)
				require.NoError(b, to.Create(b.Context()))
				r := run(b, end[0](made), to, replicate.Options{})
				require.EqualValues(b, n, r.Stats.DocsWritten)
			}
			b.ReportMetric(float64(n*b.N)/b.Elapsed().Seconds(), "docs/s")
			for i := range made {
				require.NoError(b, h.client.DestroyDB(b.Context(), fmt.Sprint("t", i+1)))
			}
		})
	}
}

// A run whose checkpoint is current.
func BenchmarkNothingNew(b *testing.B) {
	h := newHouse(b)
	source, target := h.embedded("source"), h.embedded("target")
	require.NoError(b, source.Create(b.Context()))
	require.NoError(b, target.Create(b.Context()))
	fillDB(b, source.DB, 100_000)
	run(b, source, target, replicate.Options{})
	for b.Loop() {
		require.True(b, run(b, source, target, replicate.Options{}).NoChanges)
	}
}

// From a write at the source to the target's feed.
func BenchmarkContinuous(b *testing.B) {
	h := newHouse(b)
	target := h.embedded("target")
	require.NoError(b, target.Create(b.Context()))
	for name, source := range map[string]replicate.Peer{"embedded": h.embedded("source"), "http": h.http(b, "remote")} {
		b.Run(name, func(b *testing.B) {
			if ok, err := source.DB.Client().DBExists(b.Context(), source.DB.Name()); err == nil && !ok {
				require.NoError(b, source.Create(b.Context()))
			}
			local := h.client.DB(source.DB.Name())
			ctx, cancel := context.WithCancel(b.Context())
			defer cancel()
			ended := make(chan struct{})
			go func() {
				defer close(ended)
				_, _ = replicate.Run(ctx, source, target, replicate.Options{Continuous: true})
			}()
			feed := target.DB.Changes(b.Context(), kivik.Param("feed", "continuous"), kivik.Param("since", "now"))
			var wrote time.Duration
			for b.Loop() {
				begin := time.Now()
				_, rev, err := local.CreateDoc(b.Context(), json.RawMessage(`{}`))
				wrote += time.Since(begin)
				require.NoError(b, err)
				for feed.Next() && feed.Changes()[0] != rev {
				}
			}
			b.ReportMetric(float64(wrote.Microseconds())/float64(b.N), "µs/write")
			require.NoError(b, feed.Close())
			cancel()
			<-ended
		})
	}
}
