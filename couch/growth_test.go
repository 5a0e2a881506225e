package couch

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// resident is the most memory that the process has had, in MB; 0 where the
// system does not tell.
func resident() float64 {
	status, _ := os.ReadFile("/proc/self/status")
	_, rest, _ := bytes.Cut(status, []byte("VmHWM:"))
	kb, _, _ := bytes.Cut(bytes.TrimSpace(rest), []byte(" "))
	n, _ := strconv.ParseFloat(string(kb), 64)
	return n / 1000
}

// timed runs a benchmark and tells what it took of the processors, which says
// more than the clock on a machine that others use too.
func timed(b *testing.B, name string, do func(i int)) {
	b.Run(name, func(b *testing.B) {
		before := processor(b)
		n := 0
		for b.Loop() {
			do(n)
			n++
		}
		b.ReportMetric(float64(processor(b)-before)/float64(n), "cpu-ns/op")
	})
}

func processor(b *testing.B) int64 {
	var u syscall.Rusage
	require.NoError(b, syscall.Getrusage(syscall.RUSAGE_SELF, &u))
	return u.Utime.Nano() + u.Stime.Nano()
}

// BenchmarkGrowth tells what operations cost with ten thousand documents and
// with a million: loaded a thousand at a time, as first written and after a
// compaction and a new start.
func BenchmarkGrowth(b *testing.B) {
	for _, n := range []int{10_000, 1_000_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			dir := b.TempDir()
			s, err := Open(dir, Options{})
			require.NoError(b, err)
			db, err := s.Create(ctx, "db")
			require.NoError(b, err)
			ids := make([]DocID, 0, n)
			b.Run("load", func(b *testing.B) {
				for len(ids) < n {
					docs := make([]*Document, 1000)
					for i := range docs {
						docs[i], err = ParseDocument(small(s.NewUUID()))
						require.NoError(b, err)
						ids = append(ids, docs[i].ID)
					}
					_, err = db.Bulk(ctx, docs, WriteOptions{})
					require.NoError(b, err)
				}
				b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "docs/s")
				b.ReportMetric(resident(), "MB")
			})
			for s.pebble.Metrics().Compact.NumInProgress > 0 {
				time.Sleep(time.Millisecond)
			}
			growthReads(b, "loaded", db, ids)
			require.NoError(b, db.Compact(ctx))
			info, err := db.Info(ctx)
			require.NoError(b, err)
			b.Run("compacted", func(b *testing.B) {
				b.ReportMetric(float64(info.File)/float64(n), "B/doc")
				b.ReportMetric(float64(folder(b, dir))/float64(n), "folderB/doc")
				b.ReportMetric(resident(), "MB")
			})
			require.NoError(b, s.Close())
			b.Run("open", func(b *testing.B) {
				for b.Loop() {
					s, err := Open(dir, Options{})
					require.NoError(b, err)
					db, err := s.DB("db")
					require.NoError(b, err)
					_, err = db.Info(ctx)
					require.NoError(b, err)
					require.NoError(b, s.Close())
				}
			})
			s, err = Open(dir, Options{})
			require.NoError(b, err)
			defer func() { require.NoError(b, s.Close()) }()
			db, err = s.DB("db")
			require.NoError(b, err)
			growthReads(b, "reopened", db, ids)
		})
	}
}

func folder(b *testing.B, dir string) (bytes int64) {
	files, err := os.ReadDir(dir)
	require.NoError(b, err)
	for _, f := range files {
		if info, err := f.Info(); err == nil { // one that is no longer used may go at any time
			bytes += info.Size()
		}
	}
	return bytes
}

// growthReads measures what a client of a large database asks for.
func growthReads(b *testing.B, when string, db *DB, ids []DocID) {
	at := func(i int) int { return int(uint64(i) * 7919 * 104729 % uint64(len(ids))) }
	timed(b, when+"/get", func(i int) {
		_, err := db.Get(ctx, ids[at(i)], GetOptions{})
		require.NoError(b, err)
	})
	timed(b, when+"/get-lately-used", func(i int) { // 5,000 of them are read again and again
		_, err := db.Get(ctx, ids[at(i%5000)], GetOptions{})
		require.NoError(b, err)
	})
	timed(b, when+"/changes-near-end", func(int) {
		c, err := db.Changes(ctx, ChangesOptions{Since: Seq(len(ids) - 100), Limit: 100})
		require.NoError(b, err)
		rows := 0
		for c.Next() {
			rows++
		}
		require.Equal(b, 100, rows)
		require.Zero(b, c.Pending())
		require.NoError(b, c.Close())
	})
	timed(b, when+"/all-docs-20", func(i int) {
		r, err := db.AllDocs(ctx, AllDocsOptions{Start: &ids[at(i)], Limit: 20})
		require.NoError(b, err)
		for r.Next() {
		}
		require.NoError(b, r.Err())
		r.Offset()
		require.NoError(b, r.Close())
	})
}
