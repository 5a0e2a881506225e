package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/go-kivik/kivik/v4"

	"settee/couch"
	"settee/couch/driver"
	"settee/replicate"
	"settee/tarballs"
)

// replicated is how many documents a replication brings over: as many as CouchDB was once measured with.
const replicated = 20_000

// replicates measures replications between databases of the embedded engine in a temporary folder, and with the own
// server over HTTP. A server beside has no part in it; see replication.
func replicates(b *bencher) (figures []figure, err error) {
	dir, err := os.MkdirTemp("", "settee-bench-")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	blobs, err := tarballs.Folder(filepath.Join(dir, "blobs"))
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, blobs.Close()) }()
	client, err := kivik.New(driver.Name, filepath.Join(dir, "documents"), driver.WithOptions(couch.Options{Blobs: tarballs.Blobs(blobs)}))
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, client.Close()) }()
	m := &replicating{bencher: b, client: client}
	measures := []func() ([]figure, error){m.all, m.follow, m.handle, m.large}
	if b.flags.growth > 0 {
		measures = append(measures, m.nothingNew)
	}
	for _, measure := range measures {
		f, err := measure()
		figures = append(figures, f...)
		if err != nil {
			return figures, err
		}
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

func (m *replicating) all() ([]figure, error) {
	source, target, err := m.pair("all", replicated)
	if err != nil {
		return nil, err
	}
	within, err := m.bring("embedded", source, target)
	if err != nil {
		return nil, err
	}
	ways, err := m.overHTTP(source)
	return append([]figure{within}, ways...), err
}

// bring times a run that brings all documents over.
func (m *replicating) bring(way string, source, target replicate.Peer) (figure, error) {
	r, took, err := m.once(source, target)
	if err == nil && r.Stats.DocsWritten != replicated {
		err = fmt.Errorf("%s: %d documents arrived, not %d", way, r.Stats.DocsWritten, replicated)
	}
	return broughtOver(way, took), err
}

func broughtOver(way string, took time.Duration) figure {
	f := figure{name: fmt.Sprintf("Replicate/n=%d/%s", replicated, way), n: replicated}
	f.values = []value{{float64(took.Nanoseconds()) / replicated, "ns/op", 0}, {replicated / took.Seconds(), "docs/s", 0}}
	return f
}

func (m *replicating) nothingNew() ([]figure, error) {
	f := figure{name: fmt.Sprintf("ReplicateNothingNew/n=%d", m.flags.growth), n: 1}
	source, target, err := m.pair("again", m.flags.growth)
	if err != nil {
		return nil, err
	}
	if _, _, err := m.once(source, target); err != nil {
		return nil, err
	}
	r, took, err := m.once(source, target)
	if err == nil && !r.NoChanges {
		err = errors.New("a second run found something new")
	}
	f.values = []value{{float64(took.Nanoseconds()), "ns/op", 0}, {took.Seconds() * 1e3, "ms", 3}}
	return []figure{f}, err
}
