package audit

import (
	"context"
	"flag"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"settee/couch"
	"settee/views"
)

var many = flag.Int("entries", 20_000, "of the log that BenchmarkQuery reads")

// onDisk is a node whose writes are synced.
func onDisk(b *testing.B) *node {
	return newNode(b, func(o *couch.Options, _ *views.Options) { o.FS = nil })
}

func BenchmarkAppend(b *testing.B) {
	for _, writers := range []int{1, 8, 64} {
		b.Run(fmt.Sprintf("c=%d", writers), func(b *testing.B) {
			l := start(b, onDisk(b).db, Options{})
			require.NoError(b, l.Append(context.Background(), sample(0)))
			b.ReportAllocs()
			b.SetParallelism(max(1, writers/2))
			b.RunParallel(func(p *testing.PB) {
				for i := 0; p.Next(); i++ {
					if err := l.Append(context.Background(), sample(i)); err != nil {
						b.Error(err)
					}
				}
			})
		})
	}
}

// BenchmarkLink is what an entry costs beside the store.
func BenchmarkLink(b *testing.B) {
	l := &Log{o: Options{}, chain: "eu-aaaaaaaaaaaaa", last: head{1, "x"}}
	w := []*waiting{{entry: sample(0)}}
	b.ReportAllocs()
	for b.Loop() {
		_, _, err := l.link(w)
		require.NoError(b, err)
	}
}

// BenchmarkQuery reads pages of a hundred out of --entries.
func BenchmarkQuery(b *testing.B) {
	n := onDisk(b)
	l := start(b, n.db, Options{Now: moments()})
	const batch = 500
	for i := 0; i < *many; i += batch {
		var entries []*waiting
		for j := range batch {
			e := sample(i + j)
			e.At, e.Package, e.By = l.o.Now(), fmt.Sprintf("pkg-%d", (i+j)%1000), fmt.Sprintf("user-%d", (i+j)%100)
			entries = append(entries, &waiting{e, make(chan error, 1)})
		}
		for _, w := range entries {
			l.queue <- w
		}
		for _, w := range entries {
			require.NoError(b, <-w.done)
		}
	}
	began := time.Now()
	_, err := collectSome(n, Filter{}, 1)
	require.NoError(b, err)
	b.Logf("index of %d entries: %s", *many, time.Since(began))
	for name, f := range map[string]Filter{
		"newest": {}, "package": {Package: "pkg-7"}, "user": {User: "user-7"}, "act": {Act: PackagePublish}, "since": {Since: time.Date(2026, 3, 1, 12, 10, 0, 0, time.UTC), Until: time.Date(2026, 3, 1, 13, 0, 0, 0, time.UTC)},
	} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				list, err := collectSome(n, f, 100)
				require.NoError(b, err)
				require.NotEmpty(b, list)
			}
		})
	}
	b.Run("verify", func(b *testing.B) {
		for b.Loop() {
			require.Zero(b, sound(b, n.db).Problems)
		}
	})
}

func collectSome(n *node, f Filter, most int) (list []Entry, err error) {
	for e, err := range Query(context.Background(), n.db, f) {
		if err != nil {
			return nil, err
		}
		if list = append(list, e); len(list) == most {
			break
		}
	}
	return list, nil
}
