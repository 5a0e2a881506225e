package couch

import (
	"bytes"
	"context"
	"crypto/sha256"
	"sync/atomic"
	"time"

	"github.com/cockroachdb/pebble/v2"
)

// piece is how many bytes of bodies are walked between two places where a
// compaction that is held to a rate rests: a few tables of the lowest level.
const piece = 64 << 20

// Compact removes bodies of revisions that are no leaves and attachments that no leaf uses, online.
func (db *DB) Compact(ctx context.Context) error { return db.compact(ctx, 0) }

// compact compacts at so many bytes a second; 0: as fast as it can.
func (db *DB) compact(ctx context.Context, rate int64) error {
	if err := db.enter(); err != nil {
		return err
	}
	defer db.leave()
	db.compacting.Lock()
	defer db.compacting.Unlock()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(db.store.closing, cancel)()
	c := &compaction{db: db, pace: pace{ctx: ctx, rate: rate, began: time.Now()}}
	db.store.keeper.begin(c)
	defer db.store.keeper.end(c)
	err := c.drop(ctx)
	if err == nil {
		err = c.reclaim(ctx)
	}
	if err != nil && db.store.gate.isShut() {
		return ErrClosed
	}
	return err
}

// compaction is one that runs.
type compaction struct {
	db    *DB
	pace  pace
	start time.Time
	total int64
	done  atomic.Int64 // documents whose bodies were looked at
	cuts  [][]byte     // body keys a piece apart
	uncut int64        // bytes after the last of them
}

// drop deletes what is of no use any more. Nothing is freed while the snapshot
// that it looks at is held.
func (c *compaction) drop(ctx context.Context) error {
	snap, err := c.db.beginCompaction(ctx)
	if err != nil {
		return err
	}
	defer snap.release()
	defer c.db.endCompaction()
	used, err := c.dropBodies(ctx, snap)
	if err != nil {
		return err
	}
	if err := c.dropAttachments(ctx, snap, used); err != nil {
		return err
	}
	return c.db.forgetStale(snap.counts.stale)
}

// reclaim has Pebble rewrite the tables, so that the disk gets back what was deleted.
func (c *compaction) reclaim(ctx context.Context) error {
	all := c.db.prefix(0)
	if c.pace.rate == 0 {
		return c.rewrite(ctx, all[:5], end(all[:5]))
	}
	bodies := c.db.prefix(kindBody)
	from := all[:5]
	for _, to := range c.cuts {
		if err := c.rewrite(ctx, from, to); err != nil {
			return err
		}
		if err := c.pace.spend(piece); err != nil {
			return err
		}
		from = to
	}
	return c.rewrite(ctx, from, end(bodies[:]))
}

func (c *compaction) rewrite(ctx context.Context, from, to []byte) error {
	var failed error // which leaves the store as it was, unless Pebble panics
	if err := c.db.store.guard(func() error {
		failed = c.db.store.pebble.Compact(ctx, from, to, false)
		return nil
	}); err != nil {
		return err
	}
	if failed != nil {
		return readError(failed)
	}
	return nil
}

// forgetStale takes from the counters what a compaction has removed.
func (db *DB) forgetStale(bytes int64) error {
	db.mu.Lock()
	defer db.mu.Unlock()
	if db.gone.Load() {
		return ErrNoDatabase
	}
	after := *db.counts.Load()
	after.stale = max(after.stale-bytes, 0)
	b := db.store.pebble.NewBatch()
	defer b.Close() //nolint:errcheck // it only goes back to its pool
	set(b, db.prefix(kindMeta).key(metaCounts), after.append(make([]byte, 0, 64)))
	if err := db.store.applyUnsynced(b); err != nil {
		return err
	}
	db.counts.Store(&after)
	return nil
}

// beginCompaction has writers note the attachments they use from now on: the
// snapshot does not show those.
func (db *DB) beginCompaction(ctx context.Context) (*snapshot, error) {
	db.mu.Lock()
	db.touched = map[string]bool{}
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
}

// dropBodies deletes the bodies that are no leaf's. It returns what the leaves' attachments are.
func (c *compaction) dropBodies(ctx context.Context, snap *snapshot) (digests, error) {
	db := c.db
	used := digests{}
	batch := deletion{db: db, seq: snap.counts.seq}
	var id DocID
	begun := false
	leaves := map[Rev]bool{} // of the document; empty: not asked for
	err := snap.each(ctx, kindBody, func(key, value []byte) error {
		of, rev, ok := bodyOf(key[len(prefix{}):])
		if !ok {
			return corrupt("body key")
		}
		size := int64(len(key) + len(value))
		if c.uncut += size; c.uncut >= piece {
			c.cuts, c.uncut = append(c.cuts, bytes.Clone(key)), 0
		}
		if err := c.pace.spend(size); err != nil {
			return err
		}
		if id != of || !begun {
			c.done.Add(1)
			id, begun = of, true
			clear(leaves)
		}
		if rev.IsZero() { // the winner's
			_, body, err := splitCurrent(value)
			if err != nil {
				return err
			}
			return used.of(body)
		}
		if len(leaves) == 0 {
			record, err := db.readRecord(snap, of, true)
			if err != nil {
				return err
			}
			for _, l := range record.tree.Leaves() {
				leaves[l.Rev] = true
			}
		}
		if !leaves[rev] {
			return batch.add(key)
		}
		return used.of(value)
	})
	if err != nil {
		return nil, err
	}
	return used, batch.flush()
}

func (c *compaction) dropAttachments(ctx context.Context, snap *snapshot, used digests) error {
	batch := deletion{db: c.db, spare: true}
	err := snap.each(ctx, kindAtt, func(key, _ []byte) error {
		if locator := key[len(prefix{}):]; len(locator) == sha256.Size+chunkDigits && !used.has(locator[:sha256.Size]) {
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
	return s.eachIn(ctx, p[:], end(p[:]), fn)
}

// eachIn walks the keys from lower on, before upper.
func (s *snapshot) eachIn(ctx context.Context, lower, upper []byte, fn func(key, value []byte) error) error {
	it, err := s.NewIter(&pebble.IterOptions{LowerBound: lower, UpperBound: upper})
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
