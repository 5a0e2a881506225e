package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
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
	couch, rival   *subject // nil: not measured
	npm            benchServer
	local          *localServer // nil: the server is not ours
	stdout, stderr io.Writer
	progress       *progress
	stamp          string  // makes this run's names its own
	seconds        float64 // of a timed workload, or of one of its rounds

	packages []string
	big      string // the package of many versions, once it is published
	small    string // a package of 20 kB, once there is one
}

func newBencher(ctx context.Context, f benchFlags, stdout, stderr io.Writer) (*bencher, error) {
	b := &bencher{ctx: ctx, flags: f, stdout: stdout, stderr: stderr, progress: newProgress(stderr, "bench:"),
		stamp: strconv.FormatInt(time.Now().UnixMilli(), 36), seconds: f.seconds}
	if f.local() {
		var err error
		if b.local, err = startLocal(ctx); err != nil {
			return nil, fmt.Errorf("bench: a server of its own: %w", err)
		}
		b.couch = &subject{bencher: b}
		b.find()
	}
	if f.couch != nil {
		b.couch = &subject{bencher: b, server: newBenchServer(f.couch, f.admin, "")}
	}
	if f.npm != nil {
		b.npm = newBenchServer(f.npm, f.admin, f.token)
	}
	if f.against != nil {
		b.rival = &subject{bencher: b, server: newBenchServer(f.against, "", ""), rival: true}
	}
	return b, nil
}

// find learns where the own server listens, again after each start.
func (b *bencher) find() {
	b.couch.server = newBenchServer(b.local.couch, b.local.admin, "")
	b.npm = newBenchServer(b.local.npm, b.local.admin, "")
}

// run measures one workload, and prints what is done here as soon as it is.
func (b *bencher) run(row benchmark, there bool) (figures, rivals []figure, err error) {
	start := time.Now()
	fail := func(err error) error {
		return fmt.Errorf("bench: %s, after %s: %w", row.name, time.Since(start).Round(time.Millisecond), err)
	}
	if b.progress.stage(""); b.progress.terminal {
		b.progress.stage(row.name) // elsewhere the line that names the workload suffices
	}
	switch {
	case row.own != nil:
		figures, err = row.own(b)
	case row.npm != nil:
		figures, err = row.npm(b)
	default:
		figures, rivals, err = b.sides(row, there)
	}
	b.progress.end()
	if err != nil {
		return nil, nil, fail(err)
	}
	for _, f := range figures {
		if err := f.print(b.stdout, ""); err != nil {
			return nil, nil, fail(err)
		}
	}
	for _, f := range rivals {
		if err := f.print(b.stdout, "Against/"); err != nil {
			return nil, nil, fail(err)
		}
	}
	return figures, rivals, nil
}

// sides measures here and there, timed workloads in two rounds of half the length so that what
// slows the machine meets both. A failure there is a figure of its own.
func (b *bencher) sides(row benchmark, there bool) (figures, rivals []figure, err error) {
	if !there {
		figures, err = row.couch(b.couch)
		return figures, nil, err
	}
	order := []*subject{b.couch, b.rival}
	if row.timed {
		order = []*subject{b.couch, b.rival, b.rival, b.couch}
		b.seconds /= 2
		defer func() { b.seconds *= 2 }()
	}
	var failed error
	for _, s := range order {
		if s.rival && failed != nil {
			continue
		}
		fs, err := row.couch(s)
		switch {
		case b.ctx.Err() != nil:
			return nil, nil, b.ctx.Err()
		case s.rival && err != nil:
			failed = err
		case err != nil:
			return nil, nil, err
		case s.rival:
			rivals = join(rivals, fs)
		default:
			figures = join(figures, fs)
		}
	}
	if failed != nil {
		return figures, []figure{{name: row.name, failed: failed}}, nil
	}
	return figures, rivals, nil
}

// load is the outcome of a workload.
type load struct {
	elapsed time.Duration
	took    []time.Duration // of each request
}

// during repeats f in c clients until the time is over, i counting from 0 in each.
func (b *bencher) during(s benchServer, c int, f func(conn *benchConn, client, i int) error) (load, error) {
	length := time.Duration(b.seconds * float64(time.Second))
	return b.clients(s, c, func(conn *benchConn, client int, start time.Time, took *[]time.Duration) error {
		for i := 0; time.Since(start) < length; i++ {
			if err := timed(took, func() error { return f(conn, client, i) }); err != nil {
				return err
			}
			if client == 0 {
				b.progress.tell(int64(time.Since(start)), int64(length))
			}
		}
		return nil
	})
}

// longest is how long work of a fixed amount may last where the servers are compared, in lengths
// of a timed workload: a slow server's figure is of what it did until then.
const longest = 10

// each calls f once for every number below n, in c clients.
func (b *bencher) each(s benchServer, c, n int, f func(conn *benchConn, i int) error) (load, error) {
	return b.within(time.Duration(math.MaxInt64), s, c, n, f)
}

// some is each, as far as the time suffices.
func (b *bencher) some(s benchServer, c, n int, f func(conn *benchConn, i int) error) (load, error) {
	return b.within(time.Duration(longest*b.flags.seconds*float64(time.Second)), s, c, n, f)
}

func (b *bencher) within(limit time.Duration, s benchServer, c, n int, f func(conn *benchConn, i int) error) (load, error) {
	var next atomic.Int64
	return b.clients(s, c, func(conn *benchConn, client int, start time.Time, took *[]time.Duration) error {
		for i := int(next.Add(1)) - 1; i < n && (i < c || time.Since(start) < limit); i = int(next.Add(1)) - 1 {
			if err := timed(took, func() error { return f(conn, i) }); err != nil {
				return err
			}
			if client == 0 {
				b.progress.tell(int64(i+1), int64(n))
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
	ctx, cancel := context.WithTimeout(context.WithoutCancel(b.ctx), time.Minute)
	defer cancel()
	b.ctx = ctx
	b.progress.stage("")
	var errs []error
	if b.local != nil {
		errs = append(errs, b.local.remove()) // and everything in it
	} else {
		errs = append(errs, b.couch.clean(), b.unpublishAll())
	}
	if err := errors.Join(append(errs, b.rival.clean())...); err != nil {
		return fmt.Errorf("bench: what begins with bench was not all removed: %w", err)
	}
	return nil
}

func (b *bencher) unpublishAll() error {
	if len(b.packages) == 0 {
		return nil
	}
	fmt.Fprintf(b.stderr, "bench: removing %d packages\n", len(b.packages))
	_, err := b.each(b.npm, 8, len(b.packages), func(c *benchConn, i int) error {
		return b.unpublish(c, b.packages[i])
	})
	return err
}
