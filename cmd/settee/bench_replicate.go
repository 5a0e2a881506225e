package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"github.com/go-kivik/kivik/v4"

	"settee/couch"
	"settee/couch/driver"
	"settee/replicate"
)

const (
	// replicated is how many documents a replication brings over: as many as CouchDB was once measured with.
	replicated = 20_000
	// followed is how many writes are timed until a continuous replication's target has them.
	followed = 500
)

// replicates measures replications between two databases of the embedded engine in a temporary folder. A
// server beside has no part in it.
func replicates(b *bencher) (figures []figure, err error) {
	dir, err := os.MkdirTemp("", "settee-bench-")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	client, err := kivik.New(driver.Name, dir, driver.WithOptions(couch.Options{}))
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, client.Close()) }()
	m := &replicating{bencher: b, client: client}
	measures := []func() (figure, error){m.all, m.follow}
	if b.flags.growth > 0 {
		measures = append(measures, m.nothingNew)
	}
	for _, measure := range measures {
		f, err := measure()
		if err != nil {
			return figures, err
		}
		figures = append(figures, f)
	}
	return figures, nil
}

type replicating struct {
	*bencher
	client *kivik.Client
}

// peer makes a database.
func (m *replicating) peer(name string) (replicate.Peer, error) {
	return replicate.Peer{DB: m.client.DB(name), Name: name}, m.client.CreateDB(m.ctx, name)
}

// pair makes two databases, n documents in the first.
func (m *replicating) pair(name string, n int) (source, target replicate.Peer, err error) {
	if source, err = m.peer(name + "_source"); err != nil {
		return source, target, err
	}
	if target, err = m.peer(name + "_target"); err != nil {
		return source, target, err
	}
	bodies, err := documents(prepared)
	if err != nil {
		return source, target, err
	}
	for k := range n / batch {
		docs := make([]any, batch)
		for i := range docs {
			docs[i] = append(fmt.Appendf(nil, `{"_id":"doc%08d",`, k*batch+i), bodies[i%prepared][1:]...)
		}
		if _, err := source.DB.BulkDocs(m.ctx, docs); err != nil {
			return source, target, err
		}
		m.progress.tell(int64(k), int64(n/batch))
	}
	return source, target, nil
}

// once times one run.
func (m *replicating) once(source, target replicate.Peer) (replicate.Result, time.Duration, error) {
	begin := time.Now()
	r, err := replicate.Run(m.ctx, source, target, replicate.Options{})
	return r, time.Since(begin), err
}

func (m *replicating) all() (figure, error) {
	f := figure{name: "Replicate/n=20000", n: replicated}
	source, target, err := m.pair("all", replicated)
	if err != nil {
		return f, err
	}
	r, took, err := m.once(source, target)
	if err == nil && r.Stats.DocsWritten != replicated {
		err = fmt.Errorf("%d documents arrived, not %d", r.Stats.DocsWritten, replicated)
	}
	f.values = []value{{float64(took.Nanoseconds()) / replicated, "ns/op", 0}, {replicated / took.Seconds(), "docs/s", 0}}
	return f, err
}

func (m *replicating) nothingNew() (figure, error) {
	f := figure{name: fmt.Sprintf("ReplicateNothingNew/n=%d", m.flags.growth), n: 1}
	source, target, err := m.pair("again", m.flags.growth)
	if err != nil {
		return f, err
	}
	if _, _, err := m.once(source, target); err != nil {
		return f, err
	}
	r, took, err := m.once(source, target)
	if err == nil && !r.NoChanges {
		err = errors.New("a second run found something new")
	}
	f.values = []value{{float64(took.Nanoseconds()), "ns/op", 0}, {took.Seconds() * 1e3, "ms", 3}}
	return f, err
}

// follow times from the acknowledgement of a write to its arrival in the feed of the target.
func (m *replicating) follow() (figure, error) {
	f := figure{name: "ReplicateContinuous", unit: "docs"}
	source, target, err := m.pair("live", 0)
	if err != nil {
		return f, err
	}
	ctx, cancel := context.WithCancel(m.ctx)
	var running sync.WaitGroup
	running.Go(func() { _, _ = replicate.Run(ctx, source, target, replicate.Options{Continuous: true}) }) // it ends by cancel
	defer running.Wait()
	defer cancel()
	feed := target.DB.Changes(m.ctx, kivik.Param("feed", "continuous"))
	defer feed.Close() //nolint:errcheck // it is endless
	begin := time.Now()
	for i := range followed {
		id := fmt.Sprintf("doc%08d", i)
		if _, err := source.DB.Put(m.ctx, id, map[string]int{"n": i}); err != nil {
			return f, err
		}
		written := time.Now()
		for feed.Next() && feed.ID() != id {
		}
		if err := feed.Err(); err != nil {
			return f, err
		}
		f.took = append(f.took, time.Since(written))
	}
	f.elapsed = time.Since(begin)
	return f, nil
}
