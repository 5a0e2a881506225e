package couch

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/big"

	"github.com/cockroachdb/pebble/v2"
)

// storeEnd is past all keys.
var storeEnd = []byte{0xff}

// keyValue is a record of the store.
type keyValue struct{ key, value []byte }

// neighbours is how many records before a damage are remembered.
const neighbours = 256

// cutOut removes spans of keys that no iterator can read, because a block of a
// table is not what was written. What they held is lost, and found missing later
// on. A table that cannot be read at all may span all there is: it stays.
func (m *mending) cutOut(ctx context.Context) error {
	for from := []byte{0}; ; {
		before, damaged, err := m.store.readable(ctx, from)
		if err != nil || !damaged || len(before) == 0 {
			return err
		}
		lower := append(bytes.Clone(before[len(before)-1].key), 0)
		upper := m.store.nextReadable(lower, storeEnd)
		cut, err := m.excise(ctx, before, upper)
		if err != nil || !cut {
			return err
		}
		m.mended = append(m.mended, fmt.Sprintf("the keys from %q to %q cannot be read: cut out", lower, upper))
		from = upper
	}
}

// readable reads from a key on until it meets damage, and returns the last records before.
func (s *Store) readable(ctx context.Context, from []byte) (before []keyValue, damaged bool, err error) {
	it, err := s.pebble.NewIterWithContext(ctx, &pebble.IterOptions{LowerBound: from, UpperBound: storeEnd})
	if err != nil {
		return nil, false, readError(err)
	}
	for ok := it.First(); ok; ok = it.Next() {
		value, err := it.ValueAndErr()
		if err != nil {
			break
		}
		if before = append(before, keyValue{bytes.Clone(it.Key()), bytes.Clone(value)}); len(before) == 2*neighbours {
			before = append(before[:0], before[neighbours:]...)
		}
	}
	switch err := it.Close(); {
	case pebble.IsCorruptionError(err):
		return before, true, nil
	case err != nil:
		return nil, false, readError(err)
	}
	return nil, false, nil
}

// reads tells whether what begins at a key can be read, and gives the first record there.
func (s *Store) reads(from []byte) (first keyValue, ok bool) {
	it, err := s.pebble.NewIter(&pebble.IterOptions{LowerBound: from, UpperBound: storeEnd})
	if err != nil {
		return first, false
	}
	if it.First() {
		first = keyValue{bytes.Clone(it.Key()), bytes.Clone(it.Value())}
	}
	return first, it.Close() == nil
}

// nextReadable finds a key after lower from which on it can be read, as near as
// it can. It tries greater and greater steps first, so that a second damage far
// away does not hide what is between.
func (s *Store) nextReadable(lower, upper []byte) []byte {
	bad := lower
	for n := len(lower); n > 0; n-- {
		step := end(lower[:n])
		if step == nil {
			continue
		}
		if _, ok := s.reads(step); ok {
			upper = step
			break
		}
		bad = step
	}
	width := len(lower) + 16
	for {
		middle := between(bad, upper, width)
		if bytes.Compare(middle, bad) <= 0 || bytes.Compare(middle, upper) >= 0 {
			return upper
		}
		if _, ok := s.reads(middle); ok {
			upper = middle
		} else {
			bad = middle
		}
	}
}

// between is a key of a width in the middle of two.
func between(a, b []byte, width int) []byte {
	number := func(k []byte) *big.Int {
		padded := make([]byte, width)
		copy(padded, k)
		return new(big.Int).SetBytes(padded)
	}
	sum := new(big.Int).Add(number(a), number(b))
	return sum.Rsh(sum, 1).FillBytes(make([]byte, width))
}

// excise cuts a span out of all tables. Pebble looks for a table's last key
// before the span and its first one after it, and takes a block that it cannot
// read for the table's end; and an iterator at a table's last key looks into the
// next block. So the span begins with a record that has readable ones before it
// and ends likewise; those that could be read are written anew.
func (m *mending) excise(ctx context.Context, before []keyValue, upper []byte) (bool, error) {
	var again []keyValue
	i := len(before) - 1
	for ; ; i-- {
		if i < 0 {
			return false, nil
		}
		if again = append(again, before[i]); m.store.readsBefore(before[i].key) {
			break
		}
	}
	if first, ok := m.store.reads(upper); ok && first.key != nil {
		again = append(again, first)
		upper = append(bytes.Clone(first.key), 0)
		if _, ok := m.store.reads(upper); !ok {
			return false, nil
		}
	}
	span := pebble.KeyRange{Start: before[i].key, End: upper}
	others, ok, err := m.store.salvaged(ctx, span)
	if err != nil || !ok {
		return false, err
	}
	again = append(again, others...)
	if err := m.store.pebble.Excise(ctx, span); err != nil {
		return false, readError(err)
	}
	b := m.store.pebble.NewBatch()
	defer b.Close()           //nolint:errcheck // it only goes back to its pool
	for _, r := range again { // some twice, and a landing's SingleDelete has to meet one set
		_ = b.Delete(r.key, nil)
		set(b, r.key, r.value)
	}
	return true, m.store.commit(b)
}

// readsBefore tells whether every table can be read just before a key.
func (s *Store) readsBefore(key []byte) bool {
	it, err := s.pebble.NewIter(&pebble.IterOptions{UpperBound: storeEnd})
	if err != nil {
		return false
	}
	it.SeekLT(key)
	return it.Close() == nil
}

// finds proves that every table tells what it does not have: that is asked of its filter, which
// iterators do without. Where one is damaged, records that are there seem to be lost.
func (s *Store) finds() error {
	levels, err := s.pebble.SSTables()
	if err != nil {
		return readError(err)
	}
	for _, tables := range levels {
		for _, t := range tables {
			_, closer, err := s.pebble.Get(append(bytes.Clone(t.Smallest.UserKey), 0)) // within the table, and no key
			if err == nil {
				err = closer.Close()
			}
			if err != nil && !errors.Is(err, pebble.ErrNotFound) {
				return readError(err)
			}
		}
	}
	return nil
}
