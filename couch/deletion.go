package couch

import (
	"crypto/sha256"
	"errors"

	"settee/couch/revtree"
)

// compactBatch is how much a compaction deletes at once. Where writes came between
// each document is looked at again: half a millisecond under the lock.
const compactBatch = 250

// deletion collects keys and deletes them under the lock, with spare those of
// attachments that no writer has used in the meantime.
type deletion struct {
	db    *DB
	spare bool
	seq   Seq // of the last update when the keys were chosen
	keys  [][]byte

	id   DocID // that was looked at last, while the lock is held
	tree revtree.Tree
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
	d.keys, d.id = d.keys[:0], ""
	return d.db.store.applyUnsynced(b)
}

// isLeafAgain reports whether a body belongs to a leaf after all: a revision that
// was purged or stemmed away may come back from a replica. The database's lock is held.
func (d *deletion) isLeafAgain(key []byte) (bool, error) {
	if d.spare || d.db.counts.Load().seq == d.seq {
		return false, nil
	}
	id, rev, ok := bodyOf(key[len(prefix{}):])
	if !ok {
		return false, corrupt("body key")
	}
	if id != d.id {
		record, err := d.db.readRecord(d.db.store.pebble, id, true)
		if err != nil && !errors.Is(err, ErrMissing) {
			return false, err
		}
		d.id, d.tree = id, record.tree
	}
	return d.tree.IsLeaf(rev), nil
}
