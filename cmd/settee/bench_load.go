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
	couch, rival   *subject     // nil: not measured
	npm, rivalShop *shop        // the same
	local          *localServer // nil: the server is not ours
	stdout, stderr io.Writer
	progress       *progress
	stamp          string  // makes this run's names its own
	seconds        float64 // of a timed workload, or of one of its rounds
}

func newBencher(ctx context.Context, f benchFlags, stdout, stderr io.Writer) (*bencher, error) {
	b := &bencher{ctx: ctx, flags: f, stdout: stdout, stderr: stderr, progress: newProgress(stderr, "bench:"),
		stamp: strconv.FormatInt(time.Now().UnixMilli(), 36), seconds: f.seconds}
	if f.local() {
		var err error
		if b.local, err = startLocal(ctx); err != nil {
			return nil, fmt.Errorf("bench: a server of its own: %w", err)
		}
		b.couch, b.npm = &subject{bencher: b}, &shop{bencher: b}
		b.find()
	}
	if f.couch != nil {
		b.couch = &subject{bencher: b, server: newBenchServer(f.couch, f.admin, "")}
	}
	if f.npm != nil {
		b.npm = &shop{bencher: b, server: newBenchServer(f.npm, f.admin, f.token)}
	}
	if f.against != nil {
		b.rival = &subject{bencher: b, server: newBenchServer(f.against, "", ""), rival: true}
	}
	if f.againstNPM != nil {
		b.rivalShop = newRivalShop(b, f.againstNPM)
	}
	return b, nil
}

// find learns where the own server listens, again after each start.
func (b *bencher) find() {
	b.couch.server = newBenchServer(b.local.couch, b.local.admin, "")
	b.npm.server = newBenchServer(b.local.npm, b.local.admin, "")
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
	if row.own != nil {
		figures, err = row.own(b)
	} else {
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
	work := func(rival bool) ([]figure, error) {
		switch {
		case row.npm != nil && rival:
			return row.npm(b.rivalShop)
		case row.npm != nil:
			return row.npm(b.npm)
		case rival:
			return row.couch(b.rival)
		}
		return row.couch(b.couch)
	}
	if !there {
		figures, err = work(false)
		return figures, nil, err
	}
	order := []bool{false, true} // whether it is the rival's turn
	if row.timed {
		order = []bool{false, true, true, false}
		b.seconds /= 2
		defer func() { b.seconds *= 2 }()
	}
	var failed error
	for _, rival := range order {
		if rival && failed != nil {
			continue
		}
		fs, err := work(rival)
		switch {
		case b.ctx.Err() != nil:
			return nil, nil, b.ctx.Err()
		case rival && err != nil:
			failed = err
		case err != nil:
			return nil, nil, err
		case rival:
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

// during repeats f in c clients until the time is over, i counting from 0 in each: once at least, for there is a figure of all.
func (b *bencher) during(s benchServer, c int, f func(conn *benchConn, client, i int) error) (load, error) {
	length := time.Duration(b.seconds * float64(time.Second))
	return b.clients(s, c, func(conn *benchConn, client int, start time.Time, took *[]time.Duration) error {
		for i := 0; i == 0 || time.Since(start) < length; i++ {
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
	ctx, cancel := context.WithTimeout(context.WithoutCancel(b.ctx), 5*time.Minute) // a rival may be slow at it
	defer cancel()
	b.ctx = ctx
	b.progress.stage("")
	var errs []error
	if b.local != nil {
		errs = append(errs, b.local.remove()) // and everything in it
	} else {
		errs = append(errs, b.couch.clean(), b.npm.clean())
	}
	if err := errors.Join(append(errs, b.rival.clean(), b.rivalShop.clean())...); err != nil {
		return fmt.Errorf("bench: what begins with bench was not all removed: %w", err)
	}
	return nil
}
