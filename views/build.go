package views

import (
	"bytes"
	"context"
	"slices"

	"settee/couch"
)

// The size of a batch: large enough that rows of neighbouring keys share summaries,
// small enough that a reader or a crash loses little.
const (
	batchDocs  = 2000
	batchBytes = 8 << 20
)

// bulkFrom is from how many changes on a build drops the summaries of an index and makes them
// anew at its end: then one pass costs less than updating most of them in each batch.
const bulkFrom = 5000

// builder brings an index up to date once.
type builder struct {
	*index
	run   *run
	ctx   context.Context
	state state
	docs  []mapped
	bytes int
}

// build follows the change feed to where it stands and returns the sequence reached.
func (b *builder) build() (couch.Seq, error) {
	changes, err := b.open()
	if err != nil {
		return 0, err
	}
	defer changes.Close()
	b.run.total.Store(changes.Pending())
	if pending := changes.Pending(); pending >= bulkFrom && pending >= b.rows()/4 {
		b.state.Summed = false
	}
	if err := b.mapAll(changes, b.add); err != nil {
		return 0, err
	}
	reached := max(changes.LastSeq(), b.state.seq)
	if reached != b.state.seq || len(b.docs) > 0 {
		if err := b.flush(reached); err != nil {
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
	if err := b.load(); err != nil {
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
	b.state, b.docs, b.bytes = freshState(len(b.design.views)), nil, 0
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

func (b *builder) load() error {
	snapshot, err := b.space.Snapshot()
	if err != nil {
		return err
	}
	defer snapshot.Close()
	ours := false
	if b.state, ours, err = readState(b.db, snapshot, len(b.design.views)); err != nil || ours {
		return err
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
	if len(b.docs) < batchDocs && b.bytes < batchBytes {
		return nil
	}
	return b.flush(m.seq)
}

// flush writes the collected documents in one batch, the summaries and the state with them.
func (b *builder) flush(seq couch.Seq) error {
	snapshot, err := b.space.Snapshot()
	if err != nil {
		return err
	}
	defer snapshot.Close()
	out := b.space.Batch()
	changed := make([]map[string][]byte, len(b.design.views)) // row keys; nil: removed
	for i := range changed {
		changed[i] = map[string][]byte{}
	}
	for _, m := range b.docs {
		if err := b.replace(snapshot, out, m, changed); err != nil {
			return err
		}
	}
	for view, rows := range changed {
		if err := b.writeRows(snapshot, out, view, rows); err != nil {
			return err
		}
	}
	b.state.seq = seq
	b.state.write(b.db, out)
	if err := out.Commit(); err != nil {
		return err
	}
	b.docs, b.bytes = b.docs[:0], 0
	return nil
}

// replace puts a document's rows in the place of those it had.
func (b *builder) replace(s *couch.SpaceSnapshot, out batch, m mapped, changed []map[string][]byte) error {
	key := docKey(m.id)
	old, err := s.Get(key)
	if err != nil && !missing(err) {
		return err
	}
	for _, r := range parseDocRows(old) {
		changed[r.view][string(r.key)] = nil
		b.state.Rows[r.view]--
		b.state.Bytes -= int64(r.size)
	}
	var record []byte
	for _, r := range m.rows {
		changed[r.view][string(r.key)] = r.value
		size := len(r.key) + len(r.value)
		record = appendDocRow(record, docRow{view: r.view, key: r.key, size: size})
		b.state.Rows[r.view]++
		b.state.Bytes += int64(size)
	}
	switch {
	case record != nil:
		out.Set(key, record)
	case old != nil:
		out.Delete(key)
	}
	return nil
}

func (b *builder) writeRows(s *couch.SpaceSnapshot, out batch, view int, rows map[string][]byte) error {
	prefix := levelPrefix(view, 0)
	changes := make([]change, 0, len(rows))
	for key, value := range rows {
		changes = append(changes, change{[]byte(key), value})
	}
	slices.SortFunc(changes, func(a, b change) int { return bytes.Compare(a.key, b.key) })
	for _, c := range changes {
		if key := append(bytes.Clone(prefix), c.key...); c.value == nil {
			out.Delete(key)
		} else {
			out.Set(key, c.value)
		}
	}
	if !b.state.Summed {
		return nil
	}
	return b.summaries(s, view).update(out, changes)
}

func (x *index) summaries(s *couch.SpaceSnapshot, view int) *summaries {
	return &summaries{view: view, reduce: x.reduces[view], open: func(lower, upper []byte) (iterator, error) { return s.Iter(lower, upper) }}
}

// summarise makes all summaries anew, in batches; the last one says that they are whole.
func (b *builder) summarise() error {
	snapshot, err := b.space.Snapshot()
	if err != nil {
		return err
	}
	defer snapshot.Close()
	out := b.space.Batch()
	out.DeleteRange([]byte{'s'}, []byte{'s' + 1})
	set := func(key, value []byte) error {
		out.Set(key, value)
		if out.Size() < flushSize {
			return b.ctx.Err()
		}
		err := out.Commit()
		out = b.space.Batch()
		return err
	}
	for view := range b.design.views {
		if err := b.summaries(snapshot, view).summariseAll(set); err != nil {
			return err
		}
	}
	b.state.Summed = true
	b.state.write(b.db, out)
	return out.Commit()
}
