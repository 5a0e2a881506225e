package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

// bencher is one run of bench: the servers, and what is to be removed after it.
type bencher struct {
	ctx            context.Context
	flags          benchFlags
	couch, npm     benchServer
	stdout, stderr io.Writer
	stamp          string // makes this run's names its own

	databases []string
	packages  []string
	loaded    string // the database of bulk, once it is full
	big       string // the package of many versions, once it is published
	small     string // a package of 20 kB, once there is one
}

func newBencher(ctx context.Context, f benchFlags, stdout, stderr io.Writer) *bencher {
	b := &bencher{ctx: ctx, flags: f, stdout: stdout, stderr: stderr, stamp: strconv.FormatInt(time.Now().UnixMilli(), 36)}
	if f.couch != nil {
		b.couch = newBenchServer(f.couch, f.admin, "")
	}
	if f.npm != nil {
		b.npm = newBenchServer(f.npm, f.admin, f.token)
	}
	return b
}

// load is the outcome of a workload.
type load struct {
	elapsed time.Duration
	took    []time.Duration // of each request
}

// during repeats f in c clients until the time is over, i counting from 0 in each.
func (b *bencher) during(s benchServer, c int, f func(conn *benchConn, client, i int) error) (load, error) {
	length := time.Duration(b.flags.seconds * float64(time.Second))
	return b.clients(s, c, func(conn *benchConn, client int, start time.Time, took *[]time.Duration) error {
		for i := 0; time.Since(start) < length; i++ {
			if err := timed(took, func() error { return f(conn, client, i) }); err != nil {
				return err
			}
		}
		return nil
	})
}

// each calls f once for every number below n, in c clients.
func (b *bencher) each(s benchServer, c, n int, f func(conn *benchConn, i int) error) (load, error) {
	var next atomic.Int64
	return b.clients(s, c, func(conn *benchConn, _ int, _ time.Time, took *[]time.Duration) error {
		for i := int(next.Add(1)) - 1; i < n; i = int(next.Add(1)) - 1 {
			if err := timed(took, func() error { return f(conn, i) }); err != nil {
				return err
			}
		}
		return nil
	})
}

func timed(took *[]time.Duration, f func() error) error {
	start := time.Now()
	err := f()
	*took = append(*took, time.Since(start))
	return err
}

func (b *bencher) clients(s benchServer, c int, f func(conn *benchConn, client int, start time.Time, took *[]time.Duration) error) (load, error) {
	conns := make([]*benchConn, c)
	for i := range conns {
		var err error
		if conns[i], err = s.dial(b.ctx); err != nil {
			return load{}, err
		}
		defer conns[i].close()
	}
	took := make([][]time.Duration, c)
	errs := make([]error, c)
	var wg sync.WaitGroup
	start := time.Now()
	for i, conn := range conns {
		wg.Go(func() { errs[i] = f(conn, i, start, &took[i]) })
	}
	wg.Wait()
	elapsed := time.Since(start)
	if err := b.ctx.Err(); err != nil {
		return load{}, err
	}
	for _, err := range errs { // one is enough: the others say the same
		if err != nil {
			return load{}, err
		}
	}
	return load{elapsed, slices.Concat(took...)}, nil
}

// print writes a line of Go's benchmark format. n is how much work was done
// where that is not the number of requests, or 0.
func (b *bencher) print(name string, l load, n int, unit string) error {
	if n == 0 {
		n = len(l.took)
	}
	if n == 0 {
		return errors.New("nothing was done in the time given")
	}
	slices.Sort(l.took)
	at := func(q float64) float64 { return l.took[int(q*float64(len(l.took)-1))].Seconds() * 1e3 }
	_, err := fmt.Fprintf(b.stdout, "Benchmark%s-%d\t%d\t%.0f ns/op\t%.0f %s/s\t%.3f p50-ms\t%.3f p99-ms\n",
		name, runtime.GOMAXPROCS(0), n, float64(l.elapsed.Nanoseconds())/float64(n), float64(n)/l.elapsed.Seconds(), unit, at(.5), at(.99))
	return err
}

// sum is the load of some requests made one after the other.
func sum(took []time.Duration) load {
	l := load{took: slices.Clone(took)}
	for _, t := range took {
		l.elapsed += t
	}
	return l
}

// clean removes what the run made, also after an interrupt.
func (b *bencher) clean() error {
	if len(b.databases)+len(b.packages) == 0 {
		return nil
	}
	fmt.Fprintf(b.stderr, "bench: removing %d databases and %d packages\n", len(b.databases), len(b.packages))
	ctx, cancel := context.WithTimeout(context.WithoutCancel(b.ctx), time.Minute)
	defer cancel()
	b.ctx = ctx
	_, couch := b.each(b.couch, min(1, len(b.databases)), len(b.databases), func(c *benchConn, i int) error {
		_, err := c.do("DELETE", "/"+b.databases[i], "", nil, false)
		return err
	})
	_, npm := b.each(b.npm, min(8, len(b.packages)), len(b.packages), func(c *benchConn, i int) error {
		return b.unpublish(c, b.packages[i])
	})
	if err := errors.Join(couch, npm); err != nil {
		return fmt.Errorf("bench: what begins with bench was not all removed: %w", err)
	}
	return nil
}
