package views

import (
	"context"
	"runtime"
	"sync"

	"golang.org/x/sync/errgroup"

	"settee/couch"
)

// mapped is a document's place in the feed and the rows it has now.
type mapped struct {
	seq    couch.Seq
	id     couch.DocID
	record []byte // its 'd' record; nil: it has no rows
	rows   []mappedRow
}

type mappedRow struct {
	view       int
	key, value []byte // of the record
}

func (r *mappedRow) size() int { return len(r.key) + len(r.value) }

// perRow is what a row takes in memory beside its bytes.
const perRow = 100

func (m *mapped) size() int {
	n := perRow + len(m.id) + len(m.record)
	for i := range m.rows {
		n += perRow + m.rows[i].size()
	}
	return n
}

// chunk is some documents of the feed on their way through a worker. A nil document has no rows.
type chunk struct {
	docs [][]byte
	out  []mapped
	done chan struct{}
}

// The size of a chunk: so many documents that handing them over costs nothing,
// so few bytes that big documents use all workers.
const (
	chunkDocs  = 64
	chunkBytes = 256 << 10
)

func (e *Engine) workers() int {
	if e.options.Workers > 0 {
		return e.options.Workers
	}
	return runtime.GOMAXPROCS(0)
}

// mapAll maps the documents of the feed in parallel and hands them on in order.
func (b *builder) mapAll(changes *couch.Changes, add func(mapped) error) error {
	workers := b.engine.workers()
	group, ctx := errgroup.WithContext(b.ctx)
	work := make(chan *chunk)             // to the workers
	ordered := make(chan *chunk, workers) // to the writer; its room bounds what is in memory
	report := b.reporter()
	group.Go(func() error {
		defer close(work)
		defer close(ordered)
		return b.read(ctx, changes, work, ordered)
	})
	for range workers {
		group.Go(func() error {
			for c := range work {
				b.gently(ctx, func() {
					w := mapper{builder: b, chunk: c, report: report, numbers: make([]uint32, len(b.design.views))}
					w.run()
					close(c.done)
				})
			}
			return nil
		})
	}
	group.Go(func() error {
		for c := range ordered {
			select {
			case <-c.done:
			case <-ctx.Done():
				return ctx.Err()
			}
			for _, m := range c.out {
				if err := add(m); err != nil {
					return err
				}
			}
		}
		return nil
	})
	return group.Wait()
}

func (b *builder) read(ctx context.Context, changes *couch.Changes, work, ordered chan<- *chunk) error {
	c, size := &chunk{done: make(chan struct{})}, 0
	send := func() error {
		for _, to := range []chan<- *chunk{ordered, work} {
			select {
			case to <- c:
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		c, size = &chunk{done: make(chan struct{})}, 0
		return nil
	}
	for changes.Next() {
		change := changes.Change()
		if change.ID.IsDesign() && !b.design.options.IncludeDesign {
			continue
		}
		var doc []byte
		if !change.Deleted && change.Doc != nil {
			doc = change.Doc.AppendJSON(nil)
		}
		c.docs = append(c.docs, doc)
		c.out = append(c.out, mapped{seq: change.Seq, id: change.ID})
		if size += len(doc); len(c.docs) == chunkDocs || size >= chunkBytes {
			if err := send(); err != nil {
				return err
			}
		}
	}
	if err := changes.Err(); err != nil {
		return err
	}
	return send()
}

// reporter logs the first failure of each view.
func (b *builder) reporter() func(view int, id couch.DocID, err error) {
	once := make([]sync.Once, len(b.design.views))
	return func(view int, id couch.DocID, err error) {
		once[view].Do(func() {
			b.engine.options.Logger.Warn("map function failed", "database", b.db.Name(), "signature", b.design.signature,
				"view", b.design.views[view].name, "id", string(id), "error", err)
		})
	}
}
