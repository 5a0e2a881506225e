package views

import (
	"context"

	"settee/couch"
)

// batches are the sizes of the steps in which an index is written.
type batches struct {
	// So large that rows of neighbouring keys share summaries, so small that a
	// reader or a crash loses little.
	docs, bytes int
	// bulkFrom is from how many changes on a build drops the summaries of an index and makes them
	// anew at its end, and writes tables: one pass costs less than updating most of them in each batch.
	bulkFrom int64
	// bulkBytes is the size of a bulk's batches, some fifty thousand rows: tables of fewer
	// would be merged more often, and more take memory.
	bulkBytes int
}

var ordinary = batches{docs: 2000, bytes: 8 << 20, bulkFrom: 1000, bulkBytes: 16 << 20}

// builder brings an index up to date once.
type builder struct {
	*index
	run   *run
	ctx   context.Context
	state state
	// fresh: nothing was there when the build began. A feed tells of each document once, so none
	// has rows to take away.
	fresh   bool
	written bool // a batch is
	docs    []mapped
	bytes   int
}

// build follows the change feed to where it stands and returns the sequence reached.
func (b *builder) build() (couch.Seq, error) {
	changes, err := b.open()
	if err != nil {
		return 0, err
	}
	defer changes.Close()
	b.run.total.Store(changes.Pending())
	if pending := changes.Pending(); pending >= b.engine.batches.bulkFrom && pending >= b.rows()/4 {
		b.state.Summed = false
	}
	if err := b.mapAll(changes, b.add); err != nil {
		return 0, err
	}
	reached := max(changes.LastSeq(), b.state.seq)
	if reached != b.state.seq || len(b.docs) > 0 {
		if err := b.flush(reached, true); err != nil {
			return 0, err
		}
	}
	if !b.state.Summed {
		if err := b.summarise(); err != nil {
			return 0, err
		}
	}
	return reached, nil
}

// open opens the feed where the index stands, after what was purged meanwhile.
func (b *builder) open() (*couch.Changes, error) {
	if err := b.resume(); err != nil {
		return nil, err
	}
	changes, err := b.feed()
	if err != nil {
		return nil, err
	}
	known, err := b.forget(changes)
	if err == nil && known {
		return changes, nil
	}
	_ = changes.Close()
	if err != nil {
		return nil, err
	}
	b.engine.options.Logger.Info("index is older than the purge log", "database", b.db.Name(), "signature", b.design.signature)
	if err := b.space.Drop(b.ctx); err != nil {
		return nil, err
	}
	b.state, b.fresh, b.docs, b.bytes = freshState(len(b.design.views)), true, nil, 0
	if changes, err = b.feed(); err == nil {
		b.state.Purged = changes.PurgeSeq()
	}
	return changes, err
}

func (b *builder) feed() (*couch.Changes, error) {
	return b.db.Changes(b.ctx, couch.ChangesOptions{
		Since: b.state.seq, Limit: -1, IncludeDocs: true,
		Get: couch.GetOptions{Conflicts: true, DeletedConflicts: true, LocalSeq: b.design.options.LocalSeq},
	})
}

// forget takes away the rows of documents that a purge removed, which the feed
// does not tell; those that only lost leaves are in the feed. Not known: the purge
// log does not reach back to where the index stands.
func (b *builder) forget(changes *couch.Changes) (known bool, err error) {
	if b.state.seq > 0 {
		ids, known, err := changes.Vanished(b.state.Purged)
		if err != nil || !known {
			return false, err
		}
		for _, id := range ids {
			if err := b.add(mapped{seq: b.state.seq, id: id}); err != nil {
				return false, err
			}
		}
	}
	b.state.Purged = changes.PurgeSeq()
	return true, nil
}

func (b *builder) resume() error {
	snapshot, err := b.space.Snapshot()
	if err != nil {
		return err
	}
	defer snapshot.Close()
	ours := false
	if b.state, ours, err = readState(b.db, snapshot, len(b.design.views)); err != nil {
		return err
	}
	b.fresh = b.state.seq == 0 || !ours
	if ours {
		return nil
	}
	return b.space.Drop(b.ctx)
}

func (b *builder) rows() (n int64) {
	for _, r := range b.state.Rows {
		n += r
	}
	return n
}

// add takes the next document of the feed.
func (b *builder) add(m mapped) error {
	b.run.mapped.Add(1)
	b.docs = append(b.docs, m)
	b.bytes += m.size()
	if !b.full() {
		return nil
	}
	return b.flush(m.seq, false)
}

// full reports whether the collected documents are enough for a batch.
func (b *builder) full() bool {
	size := b.engine.batches
	if !b.state.Summed {
		return b.bytes >= size.bulkBytes
	}
	return len(b.docs) >= size.docs || b.bytes >= size.bytes
}
