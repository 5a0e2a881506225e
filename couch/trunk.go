package couch

import (
	"encoding/binary"
	"errors"

	"github.com/cockroachdb/pebble/v2"

	"settee/couch/revtree"
)

const (
	// longTrunk is when a trunk is split: a record of 128 revisions is 2 kB.
	longTrunk = 128
	// segment is how many revisions move out at once.
	segment = 64
)

// trim holds a tree to the limit of revisions and its record to a bounded size.
func (l *landing) trim(p *pending) {
	r := &p.record
	limit := l.db.RevsLimit()
	if p.whole {
		for newest := p.before.spill + segment - 1; newest < p.root(); newest += segment {
			_ = l.batch.Delete(l.db.trunkKey(p.id, newest), nil)
		}
		r.spill = 0
	}
	if r.spill == 0 {
		r.tree.Stem(limit)
	}
	for r.tree.Trunk() > longTrunk {
		old := r.tree.SplitTrunk(segment)
		newest := old.Winner().Rev.Pos
		set(l.batch, l.db.trunkKey(p.id, newest), old.Append(nil))
		if r.spill == 0 {
			r.spill = newest - segment + 1
		}
	}
	l.dropSegments(p, limit)
}

// root is the generation up to which segments were read back.
func (p *pending) root() uint64 { return p.before.spill + p.unspilled }

// dropSegments removes the oldest segments that no leaf reaches any more.
func (l *landing) dropSegments(p *pending, limit int) {
	r := &p.record
	if r.spill == 0 {
		return
	}
	lowest := r.winner.Rev.Pos
	for i, leaf := range r.tree.Leaves() {
		if i == 0 || leaf.Rev.Pos < lowest {
			lowest = leaf.Rev.Pos
		}
	}
	root := r.tree.Root().Pos
	for r.spill < root && r.spill+segment-1+uint64(limit) <= lowest {
		_ = l.batch.Delete(l.db.trunkKey(p.id, r.spill+segment-1), nil)
		r.spill += segment
	}
	if r.spill >= root {
		r.spill = 0
		r.tree.Stem(limit)
	}
}

// readTrunk puts a document's tree together, for a path that reaches below the crown.
func (l *landing) readTrunk(p *pending) error {
	root := p.record.tree.Root().Pos
	if err := l.db.joinTrunk(l.db.store.pebble, p.id, &p.record); err != nil {
		return err
	}
	p.whole, p.unspilled = true, root-p.before.spill
	p.record.spill = 0
	return nil
}

// joinTrunk reads the segments of a document back into its tree.
func (db *DB) joinTrunk(r pebble.Reader, id DocID, record *docRecord) error {
	for want := record.tree.Root().Pos - 1; want >= record.spill; want -= segment {
		v, err := read(r, db.trunkKey(id, want))
		if errors.Is(err, ErrMissing) {
			return corrupt("a trunk segment of " + string(id) + " is missing")
		}
		if err != nil {
			return err
		}
		old, err := revtree.Decode(v)
		if err != nil || old.Len() != segment || old.Winner().Rev.Pos != want {
			return corrupt("trunk segment of " + string(id))
		}
		record.tree.Rejoin(old)
	}
	return nil
}

// trunkOf reads a trunk key without its prefix.
func trunkOf(key []byte) (id DocID, newest uint64, ok bool) {
	id, rest, ok := open(key)
	if !ok || len(rest) != 8 {
		return "", 0, false
	}
	return id, binary.BigEndian.Uint64(rest), true
}
