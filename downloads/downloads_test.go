package downloads

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/go-kivik/kivik/v4"
	"github.com/stretchr/testify/require"

	"settee/fixtures"
	"settee/fixtures/engine"
	"settee/replicate"
)

// at is a clock that stands at a time.
func at(t testing.TB, text string) *fixtures.Clock {
	when, err := time.Parse(time.RFC3339, text)
	require.NoError(t, err)
	return fixtures.ClockAt(when)
}

func counting(t testing.TB, client *kivik.Client, region string, c *fixtures.Clock) *Downloads {
	d, err := Open(t.Context(), client, Options{Region: region, Interval: time.Hour, Now: c.Now})
	require.NoError(t, err)
	return d
}

func TestCounting(t *testing.T) {
	client, c := engine.Open(t).Client, at(t, "2026-02-28T23:59:59Z")
	d := counting(t, client, "", c)
	count := func(n int, name, version string) {
		for range n {
			d.Count(name, version, true)
		}
	}
	count(3, "p", "1.0.0")
	count(2, "p", "2.0.0")
	count(1, "@acme/p", "1.0.0")
	c.Pass(time.Second)
	count(5, "p", "2.0.0")
	d.Count("secret", "1.0.0", false)
	look := func(why string) {
		t.Helper()
		p := func(text string) Period {
			p, err := ParsePeriod(text, c.Now())
			require.NoError(t, err)
			return p
		}
		days, err := d.PerDay(t.Context(), "p", p("2026-02-27:2026-03-02"))
		require.NoError(t, err)
		require.Equal(t, []int64{0, 5, 5, 0}, days, why)
		versions, err := d.PerVersion(t.Context(), "p", p("last-week"))
		require.NoError(t, err)
		require.Equal(t, map[string]int64{"1.0.0": 3, "2.0.0": 7}, versions, why)
		sum, err := d.Sum(t.Context(), "", p("last-year"))
		require.NoError(t, err)
		require.Equal(t, int64(11), sum, "%s: of what is public", why)
		weekly, err := d.Weekly(t.Context(), "@acme/p")
		require.NoError(t, err)
		require.Equal(t, int64(1), weekly, why)
		other, err := d.Sum(t.Context(), "acme/p", p("last-year"))
		require.NoError(t, err)
		require.Zero(t, other, why)
	}
	look("counted")
	require.NoError(t, d.Flush(t.Context()))
	look("written")
	require.Empty(t, d.behind)
	require.NoError(t, d.renew(t.Context()))
	require.Equal(t, map[string]Recent{"p": {10, 10}, "@acme/p": {1, 1}, "secret": {1, 1}}, d.All())
	require.NoError(t, d.Close())

	d = counting(t, client, "", c) // the same writer
	look("after a restart")
	count(1, "p", "2.0.0")
	require.NoError(t, d.Close())
	d = counting(t, client, "", c)
	sum, err := d.Weekly(t.Context(), "p")
	require.NoError(t, err)
	require.Equal(t, int64(11), sum, "an end writes")
	require.NoError(t, d.Close())
	stats, err := client.DB(Database).Stats(t.Context())
	require.NoError(t, err)
	require.Equal(t, int64(6), stats.DocCount, "a document a package and month, with two of all packages")
}

// TestWriters counts in processes that share a database, and in regions that replicate both ways.
func TestWriters(t *testing.T) {
	c := at(t, "2026-05-05T12:00:00Z")
	eu, us := engine.Open(t).Client, engine.Open(t).Client
	all := []*Downloads{counting(t, eu, "eu", c), counting(t, eu, "eu", c), counting(t, us, "us", c)}
	var running sync.WaitGroup
	for _, d := range all {
		running.Go(func() {
			for i := range 300 {
				d.Count("p", fmt.Sprintf("1.%d.0", i%3), true)
				if i%50 == 0 {
					_ = d.Flush(context.Background()) // a conflict lost five times waits for the next
				}
			}
		})
	}
	running.Wait()
	for _, d := range all {
		require.Eventually(t, func() bool { return d.Flush(t.Context()) == nil }, time.Minute, time.Millisecond)
	}
	for range 2 {
		for _, way := range [][2]*kivik.Client{{eu, us}, {us, eu}} {
			_, err := replicate.Run(t.Context(), replicate.Peer{DB: way[0].DB(Database)}, replicate.Peer{DB: way[1].DB(Database)}, replicate.Options{})
			require.NoError(t, err)
		}
	}
	for _, d := range all {
		versions, err := d.PerVersion(t.Context(), "p", Period{dayOf(c.Now()), dayOf(c.Now())})
		require.NoError(t, err)
		require.Equal(t, map[string]int64{"1.0.0": 300, "1.1.0": 300, "1.2.0": 300}, versions)
		require.NoError(t, d.Close())
	}
	rows := eu.DB(Database).AllDocs(t.Context(), kivik.Params(map[string]any{"include_docs": true, "conflicts": true}))
	defer rows.Close()
	n := 0
	for rows.Next() {
		var doc map[string]any
		require.NoError(t, rows.ScanDoc(&doc))
		require.NotContains(t, doc, "_conflicts")
		n++
	}
	require.Equal(t, 4, n)
}

// TestBatch writes a batch whose answer is lost.
func TestBatch(t *testing.T) {
	c := at(t, "2026-05-05T12:00:00Z")
	d := counting(t, engine.Open(t).Client, "eu", c)
	d.Count("p", "1.0.0", true)
	require.NoError(t, d.Flush(t.Context()))
	d.Count("p", "1.0.0", true)
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(errors.New("the database is away"))
	require.Error(t, d.Flush(ctx))
	d.Count("p", "1.0.0", true)
	sum, err := d.Weekly(t.Context(), "p")
	require.NoError(t, err)
	require.Equal(t, int64(3), sum, "written, taken, and counted since")

	behind := map[cell]int64{}
	for cell, n := range d.behind {
		behind[cell] = n
	}
	require.NoError(t, d.writeBehind(t.Context()))
	d.behind = behind // as if nobody had heard that it is written
	require.NoError(t, d.Flush(t.Context()))
	sum, err = d.Weekly(t.Context(), "p")
	require.NoError(t, err)
	require.Equal(t, int64(3), sum)
	require.NoError(t, d.Close())
}

func TestTallyIsBounded(t *testing.T) {
	c := at(t, "2026-05-05T12:00:00Z")
	d := counting(t, engine.Open(t).Client, "eu", c)
	for i := range mostCells + 10 {
		d.Count("p", fmt.Sprint(i), false)
	}
	require.Equal(t, int64(10), d.lost.Load())
	d.Count("p", "0", false)
	require.Equal(t, int64(10), d.lost.Load(), "what is known goes on being counted")
	require.NoError(t, d.Close())
}

func TestPeriods(t *testing.T) {
	now := time.Date(2026, 3, 1, 15, 0, 0, 0, time.UTC)
	for text, want := range map[string]string{
		"last-day": "2026-03-01 2026-03-01 1", "last-week": "2026-02-23 2026-03-01 7", "last-month": "2026-01-31 2026-03-01 30", "last-year": "2025-03-02 2026-03-01 365",
		"2026-02-28": "2026-02-28 2026-02-28 1", "2026-01-01:2026-01-31": "2026-01-01 2026-01-31 31", "2024-09-01:2026-03-01": "2024-09-01 2026-03-01 547",
		"2030-01-01": "2030-01-01 2030-01-01 1",
		"":           "", "yesterday": "", "2026-02-30": "", "2026-01-31:2026-01-01": "", "2024-01-01:2026-01-01": "", "2026-1-1": "", ":": "", "2026-01-01:": "", "0001-01-01": "", "2026-01-01:2026-01-02:2026-01-03": "",
	} {
		p, err := ParsePeriod(text, now)
		if want == "" {
			require.Error(t, err, text)
			continue
		}
		require.NoError(t, err, text)
		require.Equal(t, want, fmt.Sprint(p.Start(), " ", p.End(), " ", p.Days()), text)
		require.Equal(t, p.Start(), p.Day(0))
	}
	p, err := ParsePeriod("2025-11-30:2026-02-01", now)
	require.NoError(t, err)
	require.Equal(t, []string{"2025-11", "2025-12", "2026-01", "2026-02"}, p.months())
}

func FuzzParsePeriod(f *testing.F) {
	for _, seed := range []string{"last-day", "2026-01-01:2026-12-31", "9999-12-31", "0000-00-00", ":::", "-1-1-1"} {
		f.Add(seed)
	}
	now := time.Date(2026, 3, 1, 15, 0, 0, 0, time.UTC)
	f.Fuzz(func(t *testing.T, text string) {
		p, err := ParsePeriod(text, now)
		if err != nil {
			return
		}
		require.True(t, p.Days() >= 1 && p.Days() <= MostDays)
		require.NotEmpty(t, p.months())
		again, err := ParsePeriod(p.Start()+":"+p.End(), now)
		require.NoError(t, err)
		require.Equal(t, p, again)
	})
}

// BenchmarkCount is what a served tarball costs more.
func BenchmarkCount(b *testing.B) {
	d, err := Open(b.Context(), engine.Open(b).Client, Options{Region: "eu"})
	require.NoError(b, err)
	names := make([]string, 1000)
	for i := range names {
		names[i] = fmt.Sprint("package-", i)
	}
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for i := 0; pb.Next(); i++ {
			d.Count(names[i%len(names)], "1.0.0", true)
		}
	})
	require.NoError(b, d.Close())
}
