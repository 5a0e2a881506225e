package couch

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"

	"github.com/cockroachdb/pebble/v2"
)

// mostSalvaged is how many bytes are held in memory while a span is cut out. A
// block in which that much is found has other tables below it that had better
// be saved by hand.
const mostSalvaged = 256 << 20

// salvaged finds records in a span that no iterator can read. The damage is in
// one table; what other tables hold there can be asked for by its key, because
// filters spare a look into the table that has not got it. Bodies tell the keys
// of by-id records and those tell the keys of bodies.
func (s *Store) salvaged(ctx context.Context, span pebble.KeyRange) (found []keyValue, ok bool, err error) {
	size := 0
	take := func(key []byte) bool {
		if bytes.Compare(key, span.Start) < 0 || bytes.Compare(key, span.End) >= 0 {
			return true
		}
		if value, err := read(s.pebble, key); err == nil {
			found = append(found, keyValue{key, value})
			size += len(key) + len(value)
		}
		return size < mostSalvaged
	}
	first, last := numberOf(span.Start), max(numberOf(span.Start), numberOf(span.End))
	for number := first; ; number++ {
		db := &DB{store: s, number: number}
		ok, err := db.eachKnown(ctx, take)
		if err != nil || !ok {
			return nil, false, err
		}
		if number == last {
			return found, true, nil
		}
	}
}

// numberOf is the database that a key belongs to, or 0.
func numberOf(key []byte) uint32 {
	if len(key) < len(prefix{}) || key[0] != 'd' {
		return 0
	}
	return binary.BigEndian.Uint32(key[1:])
}

// eachKnown calls take with the keys of the by-id records that bodies tell of and
// of the bodies that by-id records tell of, until take wants no more. What cannot
// be read it passes over.
func (db *DB) eachKnown(ctx context.Context, take func(key []byte) bool) (ok bool, err error) {
	snap := &snapshot{Snapshot: db.store.pebble.NewSnapshot(), db: db}
	defer snap.Close() //nolint:errcheck // it only releases the snapshot
	ok = true
	var last DocID
	err = snap.each(ctx, kindBody, func(key, _ []byte) error {
		if id, _, whole := bodyOf(key[len(prefix{}):]); whole && id != last && ok {
			ok, last = take(db.idKey(id)), id
		}
		return nil
	})
	if err != nil && !errors.Is(err, &Error{Kind: Internal}) {
		return false, err
	}
	err = snap.each(ctx, kindID, func(key, value []byte) error {
		r, err := readDoc(value, true)
		if err != nil {
			return nil
		}
		for _, leaf := range r.tree.Leaves() {
			ok = ok && take(db.bodyKey(DocID(key[len(prefix{}):]), leaf.Rev))
		}
		ok = ok && take(db.seqKey(r.seq))
		return nil
	})
	if err != nil && !errors.Is(err, &Error{Kind: Internal}) {
		return false, err
	}
	return ok, nil
}
