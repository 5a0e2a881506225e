package couch

import (
	"bytes"
	"context"

	"github.com/cockroachdb/pebble/v2"
)

// Space is an ordered key space beside a database, for indexes derived from it;
// it goes when the database goes.
type Space struct {
	db     *DB
	prefix []byte
}

// Space returns the space of that name (any bytes but NUL), empty when new.
func (db *DB) Space(name string) *Space {
	return &Space{db, db.prefix(kindSpace).key(name, "\x00")}
}

// Spaces lists the spaces that hold keys. It seeks from one to the next.
func (db *DB) Spaces(ctx context.Context) ([]string, error) {
	if err := db.enter(); err != nil {
		return nil, err
	}
	defer db.leave()
	p := db.prefix(kindSpace)
	it, err := db.store.pebble.NewIterWithContext(ctx, &pebble.IterOptions{LowerBound: p[:], UpperBound: end(p[:])})
	if err != nil {
		return nil, readError(err)
	}
	var names []string
	for ok := it.First(); ok; {
		name, _, _ := bytes.Cut(it.Key()[len(p):], []byte{0})
		names = append(names, string(name))
		ok = it.SeekGE(p.key(names[len(names)-1], "\x01"))
	}
	if err := it.Close(); err != nil {
		return nil, readError(err)
	}
	return names, nil
}

// Drop removes all keys of the space.
func (s *Space) Drop(context.Context) error {
	b := s.Batch()
	b.DeleteRange(nil, nil)
	return b.Commit()
}

// bounds turns keys of the space into keys of the store.
func (s *Space) bounds(lower, upper []byte) ([]byte, []byte) {
	low, high := append(bytes.Clone(s.prefix), lower...), end(s.prefix)
	if upper != nil {
		high = append(bytes.Clone(s.prefix), upper...)
	}
	return low, high
}

// Snapshot returns a consistent view of the space, to be closed.
func (s *Space) Snapshot() (*SpaceSnapshot, error) {
	if err := s.db.enter(); err != nil {
		return nil, err
	}
	return &SpaceSnapshot{space: s, snap: s.db.store.pebble.NewSnapshot()}, nil
}

// SpaceSnapshot reads a space as it was at one moment.
type SpaceSnapshot struct {
	space *Space
	snap  *pebble.Snapshot
}

// Get returns a copy of the value; ErrMissing where there is none.
func (s *SpaceSnapshot) Get(key []byte) ([]byte, error) {
	return read(s.snap, append(bytes.Clone(s.space.prefix), key...))
}

// Document reads a document of the database as it was at that moment, like DB.Get.
func (s *SpaceSnapshot) Document(ctx context.Context, id DocID, o GetOptions) (*Document, error) {
	if o.plain() {
		doc, _, err := s.space.db.readWinner(s.snap, id)
		return doc, err
	}
	return s.space.db.get(ctx, s.snap, id, o)
}

// Iter iterates keys k with lower <= k < upper; nil bounds are open. Close it.
func (s *SpaceSnapshot) Iter(lower, upper []byte) (*SpaceIter, error) {
	low, high := s.space.bounds(lower, upper)
	if bytes.Compare(low, high) > 0 {
		high = low
	}
	it, err := s.snap.NewIter(&pebble.IterOptions{LowerBound: low, UpperBound: high})
	if err != nil {
		return nil, readError(err)
	}
	return &SpaceIter{it: it, prefix: s.space.prefix}, nil
}

// Close releases the snapshot.
func (s *SpaceSnapshot) Close() error {
	if s.snap == nil {
		return nil
	}
	_ = s.snap.Close()
	s.snap = nil
	s.space.db.leave()
	return nil
}

// SpaceIter moves both ways. Key and Value are valid until the next move.
type SpaceIter struct {
	it     *pebble.Iterator
	prefix []byte
	seek   []byte
}

// First, Last, Next, Prev and SeekGE, SeekLT move and report whether there is a key.
func (i *SpaceIter) First() bool { return i.it.First() }
func (i *SpaceIter) Last() bool  { return i.it.Last() }
func (i *SpaceIter) Next() bool  { return i.it.Next() }
func (i *SpaceIter) Prev() bool  { return i.it.Prev() }

func (i *SpaceIter) SeekGE(key []byte) bool {
	i.seek = append(append(i.seek[:0], i.prefix...), key...)
	return i.it.SeekGE(i.seek)
}

func (i *SpaceIter) SeekLT(key []byte) bool {
	i.seek = append(append(i.seek[:0], i.prefix...), key...)
	return i.it.SeekLT(i.seek)
}

func (i *SpaceIter) Key() []byte { return i.it.Key()[len(i.prefix):] }

func (i *SpaceIter) Value() ([]byte, error) {
	v, err := i.it.ValueAndErr()
	if err != nil {
		return nil, readError(err)
	}
	return v, nil
}

func (i *SpaceIter) Err() error {
	if err := i.it.Error(); err != nil {
		return readError(err)
	}
	return nil
}

// Close releases the iterator.
func (i *SpaceIter) Close() error {
	if err := i.it.Close(); err != nil {
		return readError(err)
	}
	return nil
}

// Batch collects changes of a space, applied at once by Commit.
func (s *Space) Batch() *SpaceBatch {
	return &SpaceBatch{space: s, batch: s.db.store.pebble.NewBatch()}
}

// SpaceBatch is not safe for concurrent use.
type SpaceBatch struct {
	space *Space
	batch *pebble.Batch
	grows bool // it holds more than deletions, which a full disk takes too
	err   error
}

// Set, Delete and DeleteRange (lower <= k < upper, nil is open) copy what they are given.
func (b *SpaceBatch) Set(key, value []byte) {
	op := b.batch.SetDeferred(len(b.space.prefix)+len(key), len(value))
	copy(op.Key[copy(op.Key, b.space.prefix):], key)
	copy(op.Value, value)
	b.grows = true
	b.keep(op.Finish())
}

func (b *SpaceBatch) Delete(key []byte) {
	op := b.batch.DeleteDeferred(len(b.space.prefix) + len(key))
	copy(op.Key[copy(op.Key, b.space.prefix):], key)
	b.keep(op.Finish())
}

func (b *SpaceBatch) DeleteRange(lower, upper []byte) {
	low, high := b.space.bounds(lower, upper)
	b.keep(b.batch.DeleteRange(low, high, nil))
}

func (b *SpaceBatch) keep(err error) {
	if b.err == nil {
		b.err = err
	}
}

// Size is the bytes collected so far.
func (b *SpaceBatch) Size() int { return b.batch.Len() }

// Commit applies the batch. An index can be rebuilt, so it need not wait for the
// disk; a later durable write makes it durable too, in order.
func (b *SpaceBatch) Commit() error {
	defer b.batch.Close() //nolint:errcheck // it only goes back to its pool
	if b.err != nil {
		return wrapBatch(b.err)
	}
	db := b.space.db
	if err := db.enter(); err != nil {
		return err
	}
	defer db.leave()
	if b.grows {
		if err := db.store.room.admit(b.batch.Len()); err != nil {
			return err
		}
	}
	// Delete takes the same lock: nothing is written after its DeleteRange. Its
	// number is never used again, so this costs the writers of a database little.
	db.mu.Lock()
	defer db.mu.Unlock()
	if db.gone.Load() {
		return ErrNoDatabase
	}
	return db.store.applyUnsynced(b.batch)
}
