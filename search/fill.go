package search

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/blevesearch/bleve/v2/document"
	"github.com/go-kivik/kivik/v4"

	"settee/replicate"
)

// Source is a database of packages.
type Source struct {
	DB *kivik.DB
	// Read makes a package of a change, which has the document; false where there is none to be found. It is called concurrently.
	Read func(context.Context, replicate.Change) (Package, bool, error)
	// Held says which revisions Read can do without the document of, which may be missing then. nil: none.
	Held func(id, rev string) bool
}

// The bounds of a batch, and how long it waits for more once all was read: it costs a few synchronous writes to
// the disk, of which a thousand publishes a second need no more.
const (
	mostBatch      = 1000
	mostBatchBytes = 16 << 20
	gathering      = 100 * time.Millisecond
	resting        = time.Second // between two batches: what is published alone is found after gathering
	fillers        = 1000        // changes that wait for a batch
)

// op is a write that waits for its batch.
type op struct {
	source int
	doc    *document.Document // nil: delete id
	id     string             // with doc nil; "": all of the source
	hides  bool               // what sources after this one have under the same name
	done   chan error
}

// fill starts the followers and the writer of a generation.
func (x *Index) fill(g *generation) {
	ctx, stop := context.WithCancel(context.Background())
	g.stop = stop
	var behind atomic.Int32
	behind.Store(int32(len(x.sources)))
	for i, s := range x.sources {
		var once sync.Once
		var f *replicate.Follower
		f = replicate.NewFollower(s.DB, replicate.FollowerOptions{
			Name: "search-" + g.id, IncludeDocs: true, Held: s.Held, Conflicts: true, Workers: fillers, MaxPending: 2 * fillers, Retries: -1, Gather: resting,
			Handle: func(ctx context.Context, c replicate.Change) error { return g.handle(ctx, i, s, c) },
			CaughtUp: func(at time.Time) {
				x.hear(g, i, at)
				once.Do(func() {
					if behind.Add(-1) == 0 {
						g.live.Store(true)
						g.proved()
						close(g.caughtUp)
					}
				})
			},
			Lost: func() {
				if g.forget(ctx, i) == nil {
					f.Replay("") // whatever the index said: it knows nothing now
				}
			},
			Proof: x.o.Proof, Logger: x.log, Now: x.o.Now,
		})
		f.Replay(g.reached(i))
		g.followers = append(g.followers, f)
	}
	g.writing.Go(func() { x.write(g) })
	for _, f := range g.followers {
		g.running.Go(func() { _ = f.Run(ctx) })
	}
}

// reached is how far a source was handled, as the index knows it.
func (g *generation) reached(source int) (seq string) {
	_ = guarded(func() error {
		raw, err := g.bleve.GetInternal(seqKey(source))
		seq = string(raw)
		return err
	})
	return seq
}

func seqKey(source int) []byte { return []byte("seq" + strconv.Itoa(source)) }

func (g *generation) handle(ctx context.Context, i int, s Source, c replicate.Change) error {
	if strings.HasPrefix(c.ID, "_") {
		return nil
	}
	o := &op{source: i, id: c.ID, hides: !c.Deleted, done: make(chan error, 1)}
	p, found, err := s.Read(ctx, c)
	if err != nil {
		return err
	}
	if found {
		p.Name = c.ID
		o.doc = record(i, p.bounded())
	}
	return g.send(ctx, o)
}

// send waits until a write is durable.
func (g *generation) send(ctx context.Context, o *op) error {
	select {
	case g.ops <- o:
	case <-ctx.Done():
		return ctx.Err()
	}
	select {
	case err := <-o.done:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// forget removes all packages of a source. It may be called while nothing writes any more.
func (g *generation) forget(ctx context.Context, source int) error {
	return g.send(ctx, &op{source: source, done: make(chan error, 1)})
}

// write writes batches until the last follower has ended.
func (x *Index) write(g *generation) {
	failures := 0
	var next *op
	for {
		if next == nil {
			first, more := <-g.ops
			if !more {
				return
			}
			next = first
		}
		var batch []*op
		batch, next = g.gather(next)
		err := guarded(func() error { return g.commit(batch) })
		for _, o := range batch {
			o.done <- err
		}
		if err == nil {
			failures = 0
			g.proved()
			continue
		}
		failures++
		x.log.Warn("search: a batch was not written", "error", err)
		if errors.Is(err, errDamaged) || failures >= patience && !full(err) {
			x.replace(g, err)
		}
	}
}

// patience is how many batches may fail, one after the other, before the index is taken for damaged.
const patience = 5

// full reports whether the disk is.
func full(err error) bool { return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) }

// gather makes a batch of what is there, and while little is to come of what comes within a moment. A forgetting
// is a batch of its own. next is what was taken and is of the next batch.
func (g *generation) gather(first *op) (batch []*op, next *op) {
	batch, size := []*op{first}, weight(first)
	var moment <-chan time.Time
	if g.live.Load() {
		moment = time.After(max(gathering, resting-time.Since(g.wrote)))
	}
	for len(batch) < mostBatch && size < mostBatchBytes && !first.forgets() {
		var o *op
		select {
		case o = <-g.ops:
		default:
			if moment == nil {
				return batch, nil
			}
			select {
			case o = <-g.ops:
			case <-moment:
				return batch, nil
			}
		}
		if o == nil || o.forgets() { // nil: the channel is closed
			return batch, o
		}
		batch, size = append(batch, o), size+weight(o)
	}
	return batch, nil
}

func (o *op) forgets() bool { return o.doc == nil && o.id == "" }

func weight(o *op) int {
	if o.doc == nil {
		return 0
	}
	return o.doc.Size()
}

// commit writes a batch; it is durable when commit returns.
func (g *generation) commit(ops []*op) error {
	defer func() { g.wrote = time.Now() }()
	batch := g.bleve.NewBatch()
	for i, f := range g.followers {
		// All up to there is handled, so it is in a batch before. Of what was forgotten nothing is.
		if seq := f.Status().Seq; seq != "" && seq != g.forgot[i] {
			batch.SetInternal(seqKey(i), []byte(seq))
			delete(g.forgot, i)
		}
	}
	for _, o := range ops {
		for later := o.source + 1; o.hides && later < len(g.followers); later++ {
			batch.Delete(key(later, o.id))
		}
		switch {
		case o.doc != nil:
			if err := batch.IndexAdvanced(o.doc); err != nil {
				return err
			}
		case o.id != "":
			batch.Delete(key(o.source, o.id))
		default:
			ids, err := g.all(o.source)
			if err != nil {
				return err
			}
			for _, id := range ids {
				batch.Delete(id)
			}
			batch.DeleteInternal(seqKey(o.source))
			g.forgot[o.source] = g.followers[o.source].Status().Seq
		}
	}
	return g.bleve.Batch(batch)
}

// all are the ids of a source's packages.
func (g *generation) all(source int) (ids []string, err error) {
	reader, err := g.store.Reader()
	if err != nil {
		return nil, err
	}
	defer func() { _ = reader.Close() }()
	lists, err := listsOf(reader)
	if err != nil {
		return nil, err
	}
	m := &matcher{ctx: context.Background(), reader: reader, lists: lists, space: new(space)}
	docs, err := m.any("f", 1, "db:"+strconv.Itoa(source))
	if err != nil {
		return nil, err
	}
	for _, doc := range docs {
		id, err := reader.ExternalID(number(doc))
		if err != nil {
			return nil, err
		}
		ids = append(ids, id)
	}
	return ids, nil
}
