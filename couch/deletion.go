package couch

import (
	"crypto/sha256"
	"errors"
)

// compactBatch is how much a compaction deletes at once: little under the lock.
const compactBatch = 1000

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
