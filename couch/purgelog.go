package couch

import (
	"context"
	"encoding/binary"
	"slices"

	"github.com/cockroachdb/pebble/v2"
)

// Purged is an entry of the purge log: leaves that were removed from a document.
type Purged struct {
	Seq  Seq // of the purge log, whose first is 1; 0 where nothing was removed
	ID   DocID
	Revs []Rev
}

// defaultPurgedInfosLimit is CouchDB's.
const defaultPurgedInfosLimit = 1000

func (db *DB) purgeKey(s Seq) []byte { return db.prefix(kindPurge).key(pos8(uint64(s))) }

func (p Purged) append(dst []byte) []byte {
	dst = appendString(dst, string(p.ID))
	for _, r := range p.Revs {
		dst = appendRev(dst, r)
	}
	return dst
}

// readPurged reads an entry of the purge log; key is without its prefix.
func readPurged(key, value []byte) (p Purged, err error) {
	c := cursor{b: value}
	p.ID = DocID(c.text())
	for len(c.b) > 0 {
		p.Revs = append(p.Revs, c.rev())
	}
	if c.bad || len(key) != 8 || len(p.Revs) == 0 {
		return p, corrupt("entry of the purge log")
	}
	p.Seq = Seq(binary.BigEndian.Uint64(key))
	return p, nil
}

// PurgedInfosLimit is how many entries the purge log keeps.
func (db *DB) PurgedInfosLimit() int { return int(db.purgedInfosLimit.Load()) }

// SetPurgedInfosLimit changes it. Indexes that have not seen an entry when it
// goes are made anew.
func (db *DB) SetPurgedInfosLimit(_ context.Context, n int) error {
	if n < 1 {
		return &Error{Kind: BadRequest, Reason: "`purged_infos_limit` must be positive integer"}
	}
	return db.change(0, func(b *pebble.Batch) {
		set(b, db.prefix(kindMeta).key(metaPurgedInfosLimit), binary.AppendUvarint(nil, uint64(n)))
		if purged := db.counts.Load().purged; purged > Seq(n) {
			_ = b.DeleteRange(db.purgeKey(0), db.purgeKey(purged-Seq(n)+1), nil)
		}
	}, func() { db.purgedInfosLimit.Store(int64(n)) })
}

// PurgedInfos calls fn for each entry of the purge log, the oldest first.
func (db *DB) PurgedInfos(ctx context.Context, fn func(Purged) error) error {
	snap, err := db.snapshot(ctx)
	if err != nil {
		return err
	}
	defer snap.release()
	return snap.each(ctx, kindPurge, func(key, value []byte) error {
		p, err := readPurged(key[len(prefix{}):], value)
		if err != nil {
			return err
		}
		return fn(p)
	})
}

// PurgeSeq is the newest entry of the purge log, as the feed's snapshot has it.
func (c *Changes) PurgeSeq() Seq { return c.snap.counts.purged }

// Vanished lists the documents that were purged after an entry of the log and
// are not there any more: what the feed cannot tell. Ok is false when the log
// does not reach back so far.
func (c *Changes) Vanished(after Seq) (ids []DocID, ok bool, err error) {
	newest := c.snap.counts.purged
	if after >= newest {
		return nil, after == newest, nil
	}
	db, want := c.snap.db, after+1
	it, err := c.snap.NewIter(&pebble.IterOptions{LowerBound: db.purgeKey(want), UpperBound: db.prefix(kindPurge + 1).key()})
	if err != nil {
		return nil, false, readError(err)
	}
	defer it.Close() //nolint:errcheck // its error is read below
	for more := it.First(); more; more = it.Next() {
		value, err := it.ValueAndErr()
		if err != nil {
			return nil, false, readError(err)
		}
		p, err := readPurged(it.Key()[len(prefix{}):], value)
		if err != nil {
			return nil, false, err
		}
		if p.Seq != want {
			return nil, false, nil
		}
		want++
		there, err := has(c.snap, db.idKey(p.ID))
		if err != nil {
			return nil, false, err
		}
		if !there {
			ids = append(ids, p.ID)
		}
	}
	if err := it.Error(); err != nil {
		return nil, false, readError(err)
	}
	slices.Sort(ids)
	return slices.Compact(ids), want == newest+1, nil
}

// purges proves the purge log: its entries follow one another up to the counter.
func (c *checker) purges(ctx context.Context) error {
	last := Seq(0)
	err := c.snap.each(ctx, kindPurge, func(key, value []byte) error {
		switch p, err := readPurged(key[len(prefix{}):], value); {
		case err != nil:
			c.found(c.forgetPurges, "purge log: %v", err)
		case last > 0 && p.Seq != last+1:
			c.found(c.forgetPurges, "purge log: entry %d follows %d", p.Seq, last)
		default:
			last = p.Seq
		}
		return nil
	})
	if last != c.snap.counts.purged {
		c.found(c.forgetPurges, "the purge log ends at %d, the counter says %d", last, c.snap.counts.purged)
	}
	return err
}
