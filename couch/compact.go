package couch

import (
	"context"
	"crypto/sha256"
	"errors"

	"github.com/cockroachdb/pebble/v2"
)

// compactBatch is how much a compaction deletes at once: little under the lock.
const compactBatch = 1000

// Compact removes bodies of revisions that are no leaves and attachments that no leaf uses, online.
func (db *DB) Compact(ctx context.Context) error {
	if err := db.enter(); err != nil {
		return err
	}
	defer db.leave()
	db.compacting.Lock()
	defer db.compacting.Unlock()
	snap, err := db.beginCompaction(ctx)
	if err != nil {
		return err
	}
	defer snap.release()
	defer db.endCompaction()
	used, err := db.dropBodies(ctx, snap)
	if err != nil {
		return err
	}
	if err := db.dropAttachments(ctx, snap, used); err != nil {
		return err
	}
	all := db.prefix(0)
	var failed error // which leaves the store as it was, unless Pebble panics
	if err := db.store.guard(func() error {
		failed = db.store.pebble.Compact(ctx, all[:5], end(all[:5]), false)
		return nil
	}); err != nil {
		return err
	}
	if failed != nil {
		return readError(failed)
	}
	return nil
}

// beginCompaction has writers note the attachments they use from now on: the
// snapshot does not show those.
func (db *DB) beginCompaction(ctx context.Context) (*snapshot, error) {
	db.mu.Lock()
	db.touched = map[string]bool{}
	db.compacts.Store(true)
	db.mu.Unlock()
	snap, err := db.snapshot(ctx)
	if err != nil {
		db.endCompaction()
	}
	return snap, err
}

func (db *DB) endCompaction() {
	db.mu.Lock()
	defer db.mu.Unlock()
	db.touched = nil
	db.compacts.Store(false)
}

// dropBodies deletes the bodies that are no leaf's: a revision that is none
// never becomes one again, but by a purge. It returns what the leaves' attachments are.
func (db *DB) dropBodies(ctx context.Context, snap *snapshot) (map[string]bool, error) {
	used := map[string]bool{}
	batch := deletion{db: db, purged: snap.counts.purged}
	var id DocID
	leaves := map[Rev]bool{}
	err := snap.each(ctx, kindBody, func(key, value []byte) error {
		of, rev, ok := bodyOf(key[len(prefix{}):])
		if !ok {
			return corrupt("body key")
		}
		if id != of || len(leaves) == 0 {
			record, err := db.readRecord(snap, of, true)
			if err != nil {
				return err
			}
			id = of
			clear(leaves)
			for _, l := range record.tree.Leaves() {
				leaves[l.Rev] = true
			}
		}
		if !leaves[rev] {
			return batch.add(key)
		}
		body, err := readBody(value)
		for i := range body.atts {
			used[body.atts[i].locator] = true
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return used, batch.flush()
}

func (db *DB) dropAttachments(ctx context.Context, snap *snapshot, used map[string]bool) error {
	batch := deletion{db: db, spare: true}
	err := snap.each(ctx, kindAtt, func(key, _ []byte) error {
		if locator := key[len(prefix{}):]; len(locator) == sha256.Size+chunkDigits && !used[string(locator[:sha256.Size])] {
			return batch.add(key)
		}
		return nil
	})
	if err != nil {
		return err
	}
	return batch.flush()
}

// each walks the keys of one kind; key and value are valid during the call.
func (s *snapshot) each(ctx context.Context, kind byte, fn func(key, value []byte) error) error {
	p := s.db.prefix(kind)
	it, err := s.NewIter(&pebble.IterOptions{LowerBound: p[:], UpperBound: end(p[:])})
	if err != nil {
		return readError(err)
	}
	defer it.Close() //nolint:errcheck // its error is read below
	n := 0
	for ok := it.First(); ok; ok = it.Next() {
		if n++; n%lookUp == 0 {
			if err := s.ended(ctx); err != nil {
				return err
			}
		}
		value, err := it.ValueAndErr()
		if err != nil {
			return readError(err)
		}
		if err := fn(it.Key(), value); err != nil {
			return err
		}
	}
	if err := it.Error(); err != nil {
		return readError(err)
	}
	return nil
}

// deletion collects keys and deletes them under the lock, with spare those of
// attachments that no writer has used in the meantime.
type deletion struct {
	db     *DB
	spare  bool
	purged Seq // where the purge log stood when the keys were chosen
	keys   [][]byte
}

func (d *deletion) add(key []byte) error {
	if d.keys = append(d.keys, append([]byte(nil), key...)); len(d.keys) < compactBatch {
		return nil
	}
	return d.flush()
}

func (d *deletion) flush() error {
	if len(d.keys) == 0 {
		return nil
	}
	b := d.db.store.pebble.NewBatch()
	defer b.Close() //nolint:errcheck // it only goes back to its pool
	d.db.mu.Lock()
	defer d.db.mu.Unlock()
	if d.db.gone.Load() {
		return ErrNoDatabase
	}
	for _, k := range d.keys {
		if d.spare && d.db.touched[string(k[len(prefix{}):len(prefix{})+sha256.Size])] {
			continue
		}
		if again, err := d.isLeafAgain(k); err != nil {
			return err
		} else if again {
			continue
		}
		_ = b.Delete(k, nil)
	}
	d.keys = d.keys[:0]
	return d.db.store.applyUnsynced(b)
}

// isLeafAgain reports whether a body belongs to a leaf after all: a purge took
// the revisions that followed it, and a replica sent it once more. The
// database's lock is held.
func (d *deletion) isLeafAgain(key []byte) (bool, error) {
	if d.spare || d.db.counts.Load().purged == d.purged {
		return false, nil
	}
	id, rev, ok := bodyOf(key[len(prefix{}):])
	if !ok {
		return false, corrupt("body key")
	}
	record, err := d.db.readRecord(d.db.store.pebble, id, true)
	if errors.Is(err, ErrMissing) {
		return false, nil
	}
	return err == nil && record.tree.IsLeaf(rev), err
}
