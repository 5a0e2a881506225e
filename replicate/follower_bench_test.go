package replicate_test

import (
	"context"
	"slices"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-kivik/kivik/v4"
	"github.com/go-kivik/kivik/v4/couchdb"
	"github.com/stretchr/testify/require"

	"settee/replicate"
)

// From the moment a write is acknowledged to Handle; below zero would be before that,
// as the feed may be quicker than the answer. The figure is the median.
func BenchmarkFollowerLatency(b *testing.B) {
	h := newHouse(b)
	require.NoError(b, h.client.CreateDB(b.Context(), "db"))
	remote, err := kivik.New("couch", h.address, couchdb.OptionNoRequestCompression())
	require.NoError(b, err)
	for _, way := range []struct {
		name string
		db   *kivik.DB
	}{{"embedded", h.client.DB("db")}, {"http", remote.DB("db")}} {
		b.Run(way.name, func(b *testing.B) {
			at := make(chan time.Time, 1)
			f := replicate.NewFollower(way.db, replicate.FollowerOptions{Handle: func(context.Context, replicate.Change) error {
				at <- time.Now()
				return nil
			}})
			require.NoError(b, f.Begin(b.Context()))
			stop := follow(b, f)
			var took []time.Duration
			for i := range b.N {
				time.Sleep(time.Millisecond) // the next poll is on its way
				_, err := h.client.DB("db").Put(b.Context(), way.name+strconv.Itoa(b.N)+"-"+strconv.Itoa(i), map[string]any{})
				written := time.Now()
				require.NoError(b, err)
				took = append(took, (<-at).Sub(written))
			}
			slices.Sort(took)
			b.ReportMetric(took[len(took)/2].Seconds()*1e3, "p50-ms")
			b.ReportMetric(took[len(took)*99/100].Seconds()*1e3, "p99-ms")
			require.ErrorIs(b, stop(), context.Canceled)
		})
	}
}

// benched is how many changes BenchmarkFollowerThroughput has.
const benched = 1_000_000

// A million changes that are there already.
func BenchmarkFollowerThroughput(b *testing.B) {
	h := newHouse(b)
	require.NoError(b, h.client.CreateDB(b.Context(), "db"))
	load(b, h.client.DB("db"), benched, "x")
	remote, err := kivik.New("couch", h.address, couchdb.OptionNoRequestCompression())
	require.NoError(b, err)
	for _, way := range []struct {
		name string
		db   *kivik.DB
	}{{"embedded", h.client.DB("db")}, {"http", remote.DB("db")}} {
		b.Run(way.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				var handled atomic.Int64
				done := make(chan struct{})
				stop := follow(b, replicate.NewFollower(way.db, replicate.FollowerOptions{Since: "0", Handle: func(context.Context, replicate.Change) error {
					if handled.Add(1) == benched {
						close(done)
					}
					return nil
				}}))
				<-done
				require.ErrorIs(b, stop(), context.Canceled)
			}
			b.ReportMetric(float64(benched)*float64(b.N)/b.Elapsed().Seconds(), "changes/s")
		})
	}
}
