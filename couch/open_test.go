package couch

import (
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"
)

// BenchmarkOpen opens a store of 100,000 documents and lists its feed's end.
func BenchmarkOpen(b *testing.B) {
	dir := b.TempDir()
	s, err := Open(dir, Options{})
	require.NoError(b, err)
	db, err := s.Create(ctx, "db")
	require.NoError(b, err)
	for range 100 {
		raw := make([]*Document, 1000)
		for i := range raw {
			raw[i], err = ParseDocument(small(s.NewUUID()))
			require.NoError(b, err)
		}
		_, err = db.Bulk(ctx, raw, WriteOptions{})
		require.NoError(b, err)
	}
	require.NoError(b, s.Close())
	for b.Loop() {
		s, err := Open(dir, Options{})
		require.NoError(b, err)
		db, err := s.DB("db")
		require.NoError(b, err)
		info, err := db.Info(ctx)
		require.NoError(b, err)
		require.EqualValues(b, 100_000, info.Docs)
		require.NoError(b, s.Close())
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	b.ReportMetric(float64(m.HeapInuse)/1e6, "heapMB")
}
