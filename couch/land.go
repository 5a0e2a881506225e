package couch

import (
	"bytes"
	"encoding/binary"
	"errors"

	"github.com/cockroachdb/pebble/v2"

	"settee/couch/revtree"
)

// landing collects the changes of one batch; the database's lock is held.
type landing struct {
	db     *DB
	batch  *pebble.Batch
	counts counts
	order  []*pending
	byID   map[DocID]*pending // nil when there is but one edit
	fresh  bool               // what edits found before the lock still holds

	replaced []Seq // of each new sequence the one that it takes the place of, or 0; see vanished

	room              []pending // for documents that are still to be loaded
	key, record, head []byte    // of the document that is being finished
}

// pending is a document between its first edit of this batch and the end of it.
type pending struct {
	id        DocID
	record    docRecord
	before    docRecord // as stored; without a tree
	old       []byte    // the body that was current, if it was read
	stored    *edit     // the last edit that brought a body; each knows the one before
	existed   bool
	whole     bool   // the trunk's segments were read back into the tree
	unspilled uint64 // how many generations those were
	dirty     bool
	added     int64 // bytes of new leaves
	kept      int64 // bytes of attachments and pieces that they share with the old ones
	freed     int64 // bytes of purged ones
	edited    bool

	joined bool   // a known revision brought ancestors
	loaded []byte // the tree before it did
}

// load reads a document's record, or begins one.
func (l *landing) load(e *edit) (*pending, error) {
	if p, ok := l.byID[e.id]; ok {
		return p, nil
	}
	if len(l.room) == 0 {
		l.room = make([]pending, 1)
	}
	p := &l.room[0]
	l.room, p.id = l.room[1:], e.id
	if l.fresh && e.found != nil {
		p.record, p.old = *e.found, e.current
	} else {
		record, err := l.db.readRecord(l.db.store.pebble, e.id, true)
		if err != nil && !errors.Is(err, ErrMissing) {
			return nil, err
		}
		p.record = record
	}
	p.existed = p.record.seq > 0
	p.before = p.record
	p.before.tree = revtree.Tree{}
	if l.byID != nil {
		l.byID[e.id] = p
	}
	l.order = append(l.order, p)
	return p, nil
}

func (l *landing) merge(e *edit) error {
	if e.id.IsLocal() {
		return l.local(e)
	}
	p, err := l.load(e)
	if err != nil {
		return err
	}
	path := e.path
	if !e.replicated {
		if err := p.check(e); err != nil {
			return err
		}
		path = e.path // check may have named another parent
	} else if p.record.spill > 0 {
		if !touches(&p.record.tree, path) {
			if err := l.readTrunk(p); err != nil {
				return err
			}
		} else {
			path = inCrown(path, p.record.tree.Root().Pos)
		}
	}
	for i := range e.atts {
		// A compaction may have taken what only an old revision used.
		if e.atts[i].inline != nil {
			continue
		}
		if held, err := l.db.holds(e.atts[i].locator); err != nil {
			return err
		} else if !held {
			return missingStub(e, e.atts[i].name)
		}
	}
	if e.pieces != nil {
		if e.held, err = l.sharedPieces(p, path); err != nil {
			return err
		}
	}
	known := p.record.tree.Has(path[0])
	late := false
	if known {
		if late, err = l.late(e, p); err != nil {
			return err
		}
	}
	outcome := l.graft(p, path, e.doc.Deleted && (late || !known), known)
	p.edited = true
	leaves := p.added
	if late || !known {
		l.store(e, p)
	}
	if known {
		p.added = leaves
	}
	p.dirty = p.dirty || late || outcome != revtree.Known
	return nil
}

// graft merges a path. That a known revision comes with ancestors may be nothing
// new in the end, where stemming cuts them off again.
func (l *landing) graft(p *pending, path []Rev, deleted, known bool) revtree.Outcome {
	tree := &p.record.tree
	if known && p.loaded == nil && !p.dirty {
		p.loaded = tree.Append(nil)
	}
	outcome := tree.Merge(path, deleted)
	if outcome == revtree.Joined && p.record.spill == 0 {
		p.joined = true
		return revtree.Known
	}
	return outcome
}

// changed reports whether a document whose trees were joined is another one
// when it is stemmed.
func (l *landing) changed(p *pending) bool {
	if p.joined && !p.dirty {
		p.record.tree.Stem(l.db.RevsLimit())
		p.dirty = !bytes.Equal(p.loaded, p.record.tree.Append(nil))
	}
	return p.dirty
}

// late reports whether an edit brings the body of a revision that was known as
// an ancestor only.
func (l *landing) late(e *edit, p *pending) (bool, error) {
	if p.record.tree.IsLeaf(e.rev()) || p.before.current && e.rev() == p.before.winner.Rev {
		return false, nil
	}
	held, err := has(l.db.store.pebble, l.db.bodyKey(e.id, e.rev()))
	return !held, err
}

// check holds the rules of an interactive edit: it names a leaf, or makes the
// document. Of a deleted document it names none and makes it anew, out of the
// tombstone that wins.
func (p *pending) check(e *edit) error {
	tree := &p.record.tree
	switch {
	case p.edited:
		// The first edit of a batch wins, though CouchDB lets a later one follow it:
		// what validated the later one has not seen the first.
		return ErrConflict
	case tree.Len() == 0:
		if !e.doc.Rev.IsZero() {
			return ErrConflict
		}
		return nil
	case !p.record.winner.Deleted:
		if !tree.IsLeaf(e.doc.Rev) {
			return ErrConflict
		}
		return nil
	case !e.doc.Rev.IsZero(), e.doc.Deleted:
		return ErrConflict
	}
	winner := p.record.winner
	for i := range e.atts {
		if e.atts[i].revpos == 1 {
			e.atts[i].revpos = winner.Rev.Pos + 1
		}
	}
	e.name(winner.Rev)
	return nil
}

// touches reports whether a path needs nothing older than the crown.
func touches(t *revtree.Tree, path []Rev) bool {
	for _, r := range path {
		if t.Has(r) {
			return true
		}
	}
	return false
}

// inCrown cuts off what a path repeats of the trunk's segments. In the crown it
// would put the tree out of step with them.
func inCrown(path []Rev, root uint64) []Rev {
	for i, r := range path {
		if r.Pos < root {
			return path[:i]
		}
	}
	return path
}

// store takes the revision's body and writes its attachments, and its pieces.
func (l *landing) store(e *edit, p *pending) {
	e.earlier, p.stored = p.stored, e
	for i := range e.atts {
		a := &e.atts[i]
		p.added += a.length
		if l.db.touched != nil {
			l.db.touched[a.locator] = true
		}
		if a.inline == nil {
			p.kept += a.length
			continue
		}
		if held, err := l.db.holds(a.locator); err != nil || !held { // written twice is as good as once
			l.chunks(a)
		}
	}
	l.storePieces(e, p)
	p.added += int64(len(e.doc.Body))
}

func (l *landing) chunks(a *staged) {
	rest := a.inline
	for n := 0; n == 0 || len(rest) > 0; n++ {
		part := rest[:min(len(rest), chunkSize)]
		set(l.batch, l.db.chunkKey(a.locator, n), part)
		rest = rest[len(part):]
	}
}

// finish gives every changed document its sequence and writes its records.
func (l *landing) finish() error {
	changed := false
	for _, p := range l.order {
		if !l.changed(p) {
			continue
		}
		changed = true
		if p.record.tree.Len() > 0 {
			if err := l.finishDoc(p); err != nil {
				return err
			}
		} else if err := l.vanish(p); err != nil {
			return err
		}
	}
	if changed {
		set(l.batch, l.db.prefix(kindMeta).key(metaCounts), l.counts.append(make([]byte, 0, 48)))
	}
	return nil
}

func (l *landing) finishDoc(p *pending) error {
	r := &p.record
	l.trim(p)
	leaves := r.tree.Leaves()
	l.counts.seq++
	r.seq, r.winner = l.counts.seq, leaves[0]
	if r.size = p.added; len(leaves) > 1 || p.added == 0 || p.freed > 0 {
		r.size = max(p.before.size+p.added-p.freed, 0)
	}
	if p.existed {
		l.counts.stale += p.superseded(len(leaves))
		// A sequence's key is written once and never again, so that one delete
		// meets one set and both can go at the first flush.
		_ = l.batch.SingleDelete(l.db.seqKey(p.before.seq), nil)
		l.count(p.before.winner, -1)
	}
	l.replaced = append(l.replaced, p.before.seq)
	l.count(r.winner, 1)
	l.counts.external += r.size - p.before.size
	if err := l.settle(p); err != nil {
		return err
	}
	l.record = r.append(l.record[:0])
	l.key = l.db.prefix(kindID).onto(l.key[:0], string(p.id))
	set(l.batch, l.key, l.record)
	l.record = appendSeqRecord(l.record[:0], p.id, leaves)
	l.key = binary.BigEndian.AppendUint64(l.db.prefix(kindSeq).onto(l.key[:0], ""), uint64(r.seq))
	set(l.batch, l.key, l.record)
	return nil
}

// superseded is about how many bytes the new revisions made useless. Where there
// are conflicts, one takes the place of another of its size.
func (p *pending) superseded(leaves int) int64 {
	old := p.before.size
	if leaves > 1 || p.freed > 0 {
		old = min(old, p.added)
	}
	return max(old-p.kept, 0)
}

func (l *landing) count(winner revtree.Node, n int64) {
	if winner.Deleted {
		l.counts.deleted += n
	} else {
		l.counts.docs += n
	}
}
