package couch

import (
	"context"
	"encoding/binary"
	"errors"

	"github.com/cockroachdb/pebble/v2"
)

// snapshot is a consistent view of a database, all of it durable. It counts as
// a running operation until it is released.
type snapshot struct {
	*pebble.Snapshot
	db     *DB
	counts counts
}

// snapshot waits until all that it shows is durable: were an update visible
// whose loss a crash could undo, its reader would never hear of the older
// revision that comes back.
func (db *DB) snapshot(ctx context.Context) (*snapshot, error) {
	if err := db.enter(); err != nil {
		return nil, err
	}
	s := &snapshot{Snapshot: db.store.pebble.NewSnapshot(), db: db}
	var err error
	switch s.counts, err = db.countsIn(s); {
	case err != nil:
	case db.gone.Load():
		err = ErrNoDatabase
	default:
		err = db.durable.wait(ctx, s.counts.seq)
	}
	if err != nil {
		s.release()
		return nil, err
	}
	return s, nil
}

func (s *snapshot) release() {
	_ = s.Snapshot.Close()
	s.db.leave()
}

// ended reports why a long read has to stop.
func (s *snapshot) ended(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if s.db.store.gate.isShut() {
		return ErrClosed
	}
	return nil
}

// Changes is a snapshot's rows; read it to the end or Close it.
type Changes struct {
	ctx    context.Context
	snap   *snapshot
	o      ChangesOptions
	it     *pebble.Iterator // over the by-sequence index; nil: the rows are found
	found  []Seq            // the rows that were looked up and are still to come
	done   bool             // there are no more rows
	begun  bool
	row    Change
	rows   int
	total  int64 // rows from since to the snapshot's end; < 0: not asked yet
	last   Seq
	err    error
	closed bool
	ids    inOrder
}

// Changes reads the feed on a snapshot, up to the durable watermark.
func (db *DB) Changes(ctx context.Context, o ChangesOptions) (*Changes, error) {
	snap, err := db.snapshot(ctx)
	if err != nil {
		return nil, err
	}
	c := &Changes{ctx: ctx, snap: snap, o: o, last: o.Since, total: -1}
	if o.Descending { // CouchDB begins at the end and goes to the start, whatever since says
		c.o.Since, c.last = 0, snap.counts.seq
	}
	if o.Since > snap.counts.seq {
		c.last = snap.counts.seq
	}
	if c.selective() {
		err = c.find()
	} else {
		err = c.scan()
	}
	if err != nil {
		snap.release()
		return nil, err
	}
	return c, nil
}

// scan opens the index after since.
func (c *Changes) scan() error {
	db := c.snap.db
	lower := db.seqKey(min(c.o.Since, c.snap.counts.seq) + 1)
	it, err := c.snap.NewIter(&pebble.IterOptions{LowerBound: lower, UpperBound: db.prefix(kindSeq + 1).key()})
	if err != nil {
		return readError(err)
	}
	c.it = it
	return nil
}

// lookUp is how many rows pass between two looks at whether the reader is still wanted.
const lookUp = 256

// Next moves to the next row; false at the end or on an error.
func (c *Changes) Next() bool {
	if c.closed || c.err != nil || (c.o.Limit >= 0 && c.rows >= c.o.Limit) {
		return false
	}
	if c.rows%lookUp == 0 {
		if c.err = c.snap.ended(c.ctx); c.err != nil {
			return false
		}
	}
	more, err := c.advance()
	if c.err = err; err != nil {
		return false
	}
	if !more {
		if c.done = true; !c.o.Descending { // sequences without a row are read too
			c.last = c.snap.counts.seq
		}
		return false
	}
	if c.err = c.include(); c.err != nil {
		return false
	}
	c.rows++
	c.last = c.row.Seq
	return true
}

// advance reads the next row.
func (c *Changes) advance() (bool, error) {
	if c.it == nil {
		return c.nextFound()
	}
	if !c.step() {
		if err := c.it.Error(); err != nil {
			return false, readError(err)
		}
		if !c.o.Descending {
			c.last = c.snap.counts.seq // a purge takes a sequence without a row
		}
		return false, nil
	}
	value, err := c.it.ValueAndErr()
	if err != nil {
		return false, readError(err)
	}
	c.row.Seq = Seq(binary.BigEndian.Uint64(c.it.Key()[len(prefix{}):]))
	return true, readSeq(value, &c.row, c.o.AllLeaves)
}

func (c *Changes) step() bool {
	first := !c.begun
	c.begun = true
	switch {
	case first && c.o.Descending:
		return c.it.Last()
	case first:
		return c.it.First()
	case c.o.Descending:
		return c.it.Prev()
	}
	return c.it.Next()
}

// Document reads a leaf of the current row's document, deleted or not, on the
// feed's snapshot; ErrMissing where there is none. o.Rev does not matter.
func (c *Changes) Document(leaf Rev, o GetOptions) (*Document, error) {
	db, id := c.snap.db, c.row.ID
	if o.Rev = (Rev{}); o.plain() {
		doc, err := db.readRev(c.snap, id, leaf)
		if errors.Is(err, errNoBody) {
			err = ErrMissing
		}
		return doc, err
	}
	record, err := db.fullRecord(c.snap, id, o.Revs || o.RevsInfo || len(o.AttsSince) > 0)
	if err != nil {
		return nil, err
	}
	return db.dress(c.ctx, c.snap, id, &record, leaf, o)
}

// Change is the current row, valid until the next call of Next.
func (c *Changes) Change() *Change { return &c.row }

// LastSeq is the sequence of the last row read, or where the feed stands when there was none
// or all were read.
func (c *Changes) LastSeq() Seq { return c.last }

// Pending is how many rows of the snapshot follow the last one read. Whatever
// the size of the database it costs a short walk at most.
func (c *Changes) Pending() int64 {
	switch {
	case c.closed, c.done:
		return 0
	case c.o.Descending && c.it != nil:
		return c.snap.counts.docs + c.snap.counts.deleted - int64(c.rows)
	case c.it == nil:
		return c.pendingFound()
	case c.total < 0:
		c.total = c.after(c.last) + int64(c.rows)
	}
	return c.total - int64(c.rows)
}

// after counts the rows of the snapshot after a sequence.
func (c *Changes) after(seq Seq) int64 {
	n, err := c.snap.after(c.ctx, seq)
	if err != nil && c.err == nil {
		c.err = err
	}
	return n
}

// Err is what ended the iteration early.
func (c *Changes) Err() error { return c.err }

// Close releases the snapshot.
func (c *Changes) Close() error {
	if c.closed {
		return nil
	}
	c.closed = true
	if c.it != nil {
		_ = c.it.Close()
	}
	c.ids.bodies.close()
	c.snap.release()
	return nil
}

// WaitSeq returns when a sequence after since is durable; ErrNoDatabase when the
// database goes, ErrClosed when the store does, ctx.Err otherwise. It does not poll.
func (db *DB) WaitSeq(ctx context.Context, since Seq) error {
	if err := db.enter(); err != nil {
		return err
	}
	defer db.leave()
	return db.durable.wait(ctx, since+1)
}

// Sync returns when everything written before is durable.
func (db *DB) Sync(context.Context) error {
	if err := db.enter(); err != nil {
		return err
	}
	defer db.leave()
	b := db.store.pebble.NewBatch()
	defer b.Close() //nolint:errcheck // it only goes back to its pool
	if err := b.LogData(nil, nil); err != nil {
		return wrapBatch(err)
	}
	return db.store.commit(b)
}
