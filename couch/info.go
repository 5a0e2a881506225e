package couch

import (
	"context"
	"encoding/binary"
	"slices"

	"github.com/cockroachdb/pebble/v2"
)

// Info reads the database's figures. File is what its tables take; what is not
// yet in a table is counted as it is. Active is what of it would be left.
func (db *DB) Info(context.Context) (Info, error) {
	if err := db.enter(); err != nil {
		return Info{}, err
	}
	defer db.leave()
	c := db.counts.Load()
	all := db.prefix(0)
	disk, err := db.store.pebble.EstimateDiskUsage(all[:5], end(all[:5]))
	if err != nil {
		return Info{}, readError(err)
	}
	file := max(int64(disk), 1)
	// Live bodies and garbage compress alike.
	active := int64(float64(file) * float64(c.external) / float64(max(c.external+c.stale, 1)))
	return Info{Name: db.name, Docs: c.docs, Deleted: c.deleted, UpdateSeq: db.durable.now(), PurgeSeq: c.purged, File: file,
		Active: active, External: c.external, CompactRunning: db.compacts.Load(), Created: db.created}, nil
}

// UpdateSeq is the sequence up to which everything is durable.
func (db *DB) UpdateSeq() (Seq, error) {
	if err := db.enter(); err != nil {
		return 0, err
	}
	defer db.leave()
	return db.durable.now(), nil
}

// RevsLimit is how many revisions a branch keeps.
func (db *DB) RevsLimit() int { return int(db.revsLimit.Load()) }

// SetRevsLimit changes it.
func (db *DB) SetRevsLimit(_ context.Context, n int) error {
	if n < 1 {
		return &Error{Kind: BadRequest, Reason: "`revs_limit` must be a positive integer."}
	}
	return db.setMeta(metaRevsLimit, binary.AppendUvarint(nil, uint64(n)), func() { db.revsLimit.Store(int64(n)) })
}

// Security reads the _security object.
func (db *DB) Security() Security { return slices.Clone(*db.security.Load()) }

// SetSecurity replaces it.
func (db *DB) SetSecurity(_ context.Context, s Security) error {
	doc, err := ParseDocument(s)
	if err != nil {
		return err
	}
	return db.setMeta(metaSecurity, doc.Body, func() { db.security.Store((*Security)(&doc.Body)) })
}

// setMeta writes one key of the database and waits for it.
func (db *DB) setMeta(name string, value []byte, then func()) error {
	return db.change(len(value), func(b *pebble.Batch) { set(b, db.prefix(kindMeta).key(name), value) }, then)
}

// change applies what fill puts into a batch, so many bytes, under the lock, and waits for it.
func (db *DB) change(bytes int, fill func(*pebble.Batch), then func()) error {
	if err := db.enter(); err != nil {
		return err
	}
	defer db.leave()
	if err := db.store.room.admit(bytes); err != nil {
		return err
	}
	b := db.store.pebble.NewBatch()
	defer b.Close() //nolint:errcheck // it only goes back to its pool
	if err := db.applyChange(b, fill, then); err != nil {
		return err
	}
	return db.store.sync(b)
}

func (db *DB) applyChange(b *pebble.Batch, fill func(*pebble.Batch), then func()) error {
	db.mu.Lock()
	defer db.mu.Unlock()
	if db.gone.Load() {
		return ErrNoDatabase
	}
	fill(b)
	if err := db.store.apply(b); err != nil {
		return err
	}
	then()
	return nil
}
