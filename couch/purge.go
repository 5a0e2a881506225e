package couch

import (
	"context"
	"errors"

	"github.com/cockroachdb/pebble/v2"
)

// Purge forgets leaves, as if they had never been written: they are neither in
// the feed nor replicated, and a replica that still has them may bring them
// back. With a leaf go its ancestors that lead to no other one; a document
// without leaves is gone. What is no leaf stays. The answer has a row for each
// that was asked for, with the leaves that went, in the order of their generations.
func (db *DB) Purge(ctx context.Context, asked []RevsQuery) ([]Purged, error) {
	if err := db.enter(); err != nil {
		return nil, err
	}
	defer db.leave()
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if err := db.store.room.admit(len(asked) * perWrite); err != nil {
		return nil, err
	}
	sizes, err := db.leafSizes(asked)
	if err != nil {
		return nil, err
	}
	answers, batch, seq, err := db.purge(asked, sizes)
	if err != nil {
		return nil, err
	}
	if batch == nil {
		return answers, db.durable.wait(ctx, seq) // what was not found may be another purge's, on its way to the disk
	}
	defer batch.Close() //nolint:errcheck // it only goes back to its pool
	if err := db.store.sync(batch); err != nil {
		return nil, err
	}
	db.written(seq)
	return answers, nil
}

// purge applies one batch under the lock, as land does.
func (db *DB) purge(asked []RevsQuery, sizes map[string]leafSize) ([]Purged, *pebble.Batch, Seq, error) {
	db.mu.Lock()
	defer db.mu.Unlock()
	if db.gone.Load() {
		return nil, nil, 0, ErrNoDatabase
	}
	before := *db.counts.Load()
	l := landing{db: db, batch: db.store.pebble.NewBatch(), counts: before, byID: make(map[DocID]*pending, len(asked))}
	answers := make([]Purged, len(asked))
	err := func() (err error) {
		for i, q := range asked {
			if answers[i], err = l.purge(q, sizes); err != nil {
				return err
			}
		}
		return l.finish()
	}()
	if err != nil || l.batch.Empty() {
		_ = l.batch.Close()
		return answers, nil, before.seq, err
	}
	db.tally.add(l.replaced)
	db.ranks.add(l.order, l.counts.seq)
	if err := db.store.apply(l.batch); err != nil {
		return nil, nil, 0, err
	}
	after := l.counts
	db.counts.Store(&after)
	l.noteDesigns()
	db.store.keeper.look(db, &after)
	db.store.global.updated(db)
	return answers, l.batch, after.seq, nil
}

// purge removes leaves from one document's tree and logs it.
func (l *landing) purge(q RevsQuery, sizes map[string]leafSize) (Purged, error) {
	out := Purged{ID: q.ID, Revs: []Rev{}}
	p, err := l.load(&edit{id: q.ID})
	if err != nil {
		return out, err
	}
	leaves, gone := p.record.tree.Remove(q.Revs)
	if len(leaves) == 0 {
		return out, nil
	}
	for _, leaf := range leaves {
		out.Revs = append(out.Revs, leaf.Rev)
		size := sizes[string(l.db.bodyKey(q.ID, leaf.Rev))]
		p.freed += max(size.all, 1)
		l.counts.stale += size.atts
	}
	for _, r := range gone {
		_ = l.batch.Delete(l.db.bodyKey(q.ID, r), nil)
	}
	p.dirty = true
	l.counts.purged++
	out.Seq = l.counts.purged
	set(l.batch, l.db.purgeKey(out.Seq), out.append(nil))
	if limit := Seq(l.db.PurgedInfosLimit()); out.Seq > limit {
		// Older ones went before, or when the limit was lowered.
		_ = l.batch.Delete(l.db.purgeKey(out.Seq-limit), nil)
	}
	return out, nil
}

// leafSize is the bytes of a revision, and of these its attachments' and pieces', which lie
// where they are until a compaction.
type leafSize struct{ all, atts int64 }

// leafSizes reads, before the lock is taken, what the revisions would free; by body key.
func (db *DB) leafSizes(asked []RevsQuery) (map[string]leafSize, error) {
	sizes := map[string]leafSize{}
	for _, q := range asked {
		for _, r := range q.Revs {
			body, err := db.readBodyHead(db.store.pebble, q.ID, r)
			if errors.Is(err, errNoBody) || errors.Is(err, &Error{Kind: Internal}) {
				continue // a body that is damaged can be purged, too
			}
			if err != nil {
				return nil, err
			}
			var size leafSize
			for i := range body.atts {
				size.atts += body.atts[i].length
			}
			size.all = size.atts + int64(body.length())
			if body.pieces != nil {
				size.atts = size.all
			}
			sizes[string(db.bodyKey(q.ID, r))] = size
		}
	}
	return sizes, nil
}

// vanish removes a document without leaves. It takes a sequence, so that who
// waits for the database's next one hears of it.
func (l *landing) vanish(p *pending) error {
	l.counts.seq++
	_ = l.batch.SingleDelete(l.db.seqKey(p.before.seq), nil)
	_ = l.batch.Delete(l.db.idKey(p.id), nil)
	l.count(p.before.winner, -1)
	l.counts.external -= p.before.size
	l.replaced = append(l.replaced, p.before.seq|vanished)
	for _, kind := range []byte{kindBody, kindTrunk} {
		if err := l.deleteAll(l.db.prefix(kind).key(closed(p.id))); err != nil {
			return err
		}
	}
	return nil
}

// few is up to how many keys are deleted one by one. The tombstone of a range
// is one write, but slows the reads around it until it is compacted away.
const few = 256

// deleteAll deletes the keys that begin with start.
func (l *landing) deleteAll(start []byte) error {
	it, err := l.db.store.pebble.NewIter(&pebble.IterOptions{LowerBound: start, UpperBound: end(start)})
	if err != nil {
		return readError(err)
	}
	n := 0
	for ok := it.First(); ok; ok = it.Next() {
		if n++; n > few {
			_ = l.batch.DeleteRange(it.Key(), end(start), nil)
			break
		}
		_ = l.batch.Delete(it.Key(), nil)
	}
	if err := it.Close(); err != nil {
		return readError(err)
	}
	return nil
}
