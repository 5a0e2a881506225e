package main

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"runtime"
	"strings"
	"time"

	"github.com/go-kivik/kivik/v4"

	"settee/replicate"
)

// attached is the size of the attachment whose replication's memory is measured.
const attached = 100 << 20

// away makes a database of the own server, and reaches it over HTTP.
func (m *replicating) away(name string) (replicate.Peer, error) {
	name, err := m.couch.database(name)
	if err != nil {
		return replicate.Peer{}, err
	}
	return m.reach(name)
}

func (m *replicating) reach(name string) (replicate.Peer, error) {
	user, password, _ := strings.Cut(m.local.admin, ":")
	e := replicate.Endpoint{URL: m.local.couch.JoinPath(name).String(), User: user, Password: password}
	return replicate.Dial(m.ctx, e, replicate.DialOptions{})
}

// overHTTP brings the documents from the engine here to the server, and from there into another database here.
func (m *replicating) overHTTP(here replicate.Peer) ([]figure, error) {
	there, err := m.away("replicate")
	if err != nil {
		return nil, err
	}
	back, err := m.peer("back")
	if err != nil {
		return nil, err
	}
	push, err := m.bring("push", here, there)
	if err != nil {
		return nil, err
	}
	pull, err := m.bring("pull", there, back)
	return []figure{push, pull}, err
}

// large measures the memory that a large attachment costs on its way to the server, and back. The server is
// started again before each, so that its peak is of that alone.
func (m *replicating) large() ([]figure, error) {
	here, err := m.peer("large")
	if err != nil {
		return nil, err
	}
	back, err := m.peer("large_back")
	if err != nil {
		return nil, err
	}
	content := io.NopCloser(io.LimitReader(rand.Reader, attached))
	a := &kivik.Attachment{Filename: "film", ContentType: "video/mp4", Content: content, Size: attached}
	if _, err := here.DB.PutAttachment(m.ctx, "large", a); err != nil {
		return nil, err
	}
	if err := m.couch.afresh(); err != nil {
		return nil, err
	}
	there, err := m.away("large")
	if err != nil {
		return nil, err
	}
	push, err := m.weigh("push", here, there)
	if err != nil {
		return nil, err
	}
	if err := m.couch.afresh(); err != nil {
		return nil, err
	}
	if there, err = m.reach(there.DB.Name()); err != nil {
		return nil, err
	}
	pull, err := m.weigh("pull", there, back)
	return []figure{push, pull}, err
}

// weigh tells how fast a replication is, and how much more memory its two ends take than before: the heap
// here at its fullest, and the process of the server.
func (m *replicating) weigh(way string, source, target replicate.Peer) (figure, error) {
	before := m.local.peak()
	heap := watchHeap()
	r, took, err := m.once(source, target)
	grown := heap()
	if err == nil && r.Stats.DocsWritten != 1 {
		err = errors.New("the attachment did not arrive")
	}
	f := figure{name: fmt.Sprintf("ReplicateAttachment/MB=%d/%s", attached>>20, way), n: 1}
	f.values = []value{{float64(took.Nanoseconds()), "ns/op", 0}, {attached / 1e6 / took.Seconds(), "MB/s", 0},
		{float64(grown) / 1e6, "more-heap-MB", 1}, {max(m.local.peak()-before, 0) / 1e6, "more-server-MB", 1}}
	return f, err
}

// watchHeap tells, when it is called to end, by how much the heap has grown at most.
func watchHeap() (end func() uint64) {
	runtime.GC()
	var now runtime.MemStats
	runtime.ReadMemStats(&now)
	began, most := now.HeapAlloc, now.HeapAlloc
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		tick := time.NewTicker(5 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-stop:
				return
			case <-tick.C:
				runtime.ReadMemStats(&now)
				most = max(most, now.HeapAlloc)
			}
		}
	}()
	return func() uint64 { close(stop); <-stopped; return most - began }
}

// replication lets a server replicate two databases of its own.
func (s *subject) replication() ([]figure, error) {
	bodies, err := documents(batch)
	if err != nil {
		return nil, err
	}
	source, err := s.database("source")
	if err != nil {
		return nil, err
	}
	target, err := s.database("target")
	if err != nil {
		return nil, err
	}
	if _, err := s.grow(source, bodies, 0, replicated); err != nil {
		return nil, err
	}
	ends, err := json.Marshal(map[string]string{"source": source, "target": target})
	if err != nil {
		return nil, err
	}
	begin := time.Now()
	raw, err := s.once("POST", "/_replicate", ends)
	took := time.Since(begin)
	if err != nil {
		return nil, err
	}
	var said struct{ History []replicate.Session }
	if err := json.Unmarshal(raw, &said); err != nil {
		return nil, err
	}
	if len(said.History) != 1 || said.History[0].DocsWritten != replicated {
		return nil, fmt.Errorf("not all documents arrived: %s", raw)
	}
	return []figure{broughtOver("_replicate", took)}, nil
}
