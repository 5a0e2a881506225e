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
// filters spare a look into the table that has not got it. Bodies and the feed
// tell the keys of by-id records, and those and the feed the keys of bodies.
func (s *Store) salvaged(ctx context.Context, span pebble.KeyRange) (found []keyValue, ok bool, err error) {
	size, seen := 0, map[string]bool{}
	take := func(key []byte) bool {
		if bytes.Compare(key, span.Start) < 0 || bytes.Compare(key, span.End) >= 0 || seen[string(key)] {
			return true
		}
		seen[string(key)] = true
		if value, err := read(s.pebble, key); err == nil {
			found = append(found, keyValue{key, value})
			size += len(key) + len(value)
		}
		return size < mostSalvaged
	}
	first, last := numberOf(span.Start), max(numberOf(span.Start), numberOf(span.End))
	for number := first; ; number++ {
		db := &DB{store: s, number: number}
		ok, err := db.eachKnown(ctx, span, take)
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

// eachKnown calls take with the keys that bodies, the feed and by-id records tell
// of, until take wants no more. What cannot be read it passes over.
func (db *DB) eachKnown(ctx context.Context, span pebble.KeyRange, take func(key []byte) bool) (ok bool, err error) {
	snap := &snapshot{Snapshot: db.store.pebble.NewSnapshot(), db: db}
	defer snap.Close() //nolint:errcheck // it only releases the snapshot
	ok = true
	each := func(keys ...[]byte) {
		for _, k := range keys {
			ok = ok && take(k)
		}
	}
	row := func(_, value []byte) {
		var row Change
		if readSeq(value, &row, true) != nil {
			return
		}
		each(db.idKey(row.ID), db.currentKey(row.ID))
		for _, leaf := range row.Revs {
			each(db.bodyKey(row.ID, leaf))
		}
	}
	if err := db.seqsIn(ctx, snap, span, func(key, value []byte) { each(key); row(key, value) }); err != nil {
		return false, err
	}
	var last DocID
	for _, pass := range []struct {
		kind byte
		look func(key, value []byte)
	}{
		{kindSeq, row},
		{kindBody, func(key, _ []byte) {
			if id, _, whole := bodyOf(key[len(prefix{}):]); whole && id != last {
				each(db.idKey(id))
				last = id
			}
		}},
		{kindID, func(key, value []byte) {
			r, err := readDoc(value, true)
			if err != nil {
				return
			}
			id := DocID(key[len(prefix{}):])
			for _, leaf := range r.tree.Leaves() {
				each(db.bodyKey(id, leaf.Rev))
			}
			each(db.currentKey(id), db.seqKey(r.seq))
		}},
	} {
		err := snap.each(ctx, pass.kind, func(key, value []byte) error {
			pass.look(key, value)
			return nil
		})
		if err != nil && !errors.Is(err, &Error{Kind: Internal}) {
			return false, err
		}
	}
	return ok, nil
}

// mostSeqs is how many sequences are looked up where nothing tells how many there are: a minute's worth.
const mostSeqs = 1 << 26

// seqsIn looks every sequence of a span up: they are numbers, so that nothing needs
// to tell of them. Of a document whose keys all lie in the span nothing else would.
func (db *DB) seqsIn(ctx context.Context, snap *snapshot, span pebble.KeyRange, fn func(key, value []byte)) error {
	last := Seq(mostSeqs)
	if counts, err := db.countsIn(snap); err == nil { // which may lie in the span, too
		last = counts.seq
	}
	for seq, key := Seq(1), db.seqKey(1); seq <= last && bytes.Compare(key, span.End) < 0; seq++ {
		if seq%lookUp == 0 {
			if err := snap.ended(ctx); err != nil {
				return err
			}
		}
		binary.BigEndian.PutUint64(key[len(prefix{}):], uint64(seq))
		if bytes.Compare(key, span.Start) < 0 {
			continue
		}
		if value, err := read(snap, key); err == nil {
			fn(bytes.Clone(key), value)
		}
	}
	return nil
}
