package couch

import (
	"context"
	"errors"

	"settee/couch/revtree"
)

// OpenRevs reads the given revisions, or all leaves when revs is nil.
func (db *DB) OpenRevs(ctx context.Context, id DocID, revs []Rev, o GetOptions) ([]OpenRev, error) {
	reading := db.Opening()
	defer reading.Close()
	return reading.Revs(ctx, id, revs, o)
}

// An Opening reads revisions of one document after another. What is read of one document in a row is of one state of it, and
// its tree is read once: thousands of leaves may be asked for one by one. It counts as a running operation of the database until it
// is closed, and is not safe for concurrent use.
type Opening struct {
	db     *DB
	snap   *snapshot // nil: of no document yet
	id     DocID
	record docRecord
	err    error // in place of the record
}

// Opening begins to read. Close it.
func (db *DB) Opening() *Opening { return &Opening{db: db} }

// Close ends the reading.
func (p *Opening) Close() {
	if p.snap != nil {
		p.snap.release()
		p.snap = nil
	}
}

// Revs is OpenRevs of the next document, or the same again.
func (p *Opening) Revs(ctx context.Context, id DocID, revs []Rev, o GetOptions) ([]OpenRev, error) {
	if err := p.turn(id); err != nil {
		return nil, err
	}
	if p.err != nil && (revs == nil || !errors.Is(p.err, ErrMissing)) {
		return nil, p.err
	}
	var rows []OpenRev
	for _, rev := range wantedRevs(&p.record.tree, revs, o.Latest) {
		if err := p.snap.ended(ctx); err != nil {
			return nil, err
		}
		row := OpenRev{Rev: rev}
		if p.record.tree.Has(rev) {
			doc, err := p.db.dress(ctx, p.snap, id, &p.record, rev, o)
			if err != nil && !errors.Is(err, ErrMissing) {
				return nil, err
			}
			row.Doc = doc
		}
		rows = append(rows, row)
	}
	return rows, nil
}

// turn goes on to a document.
func (p *Opening) turn(id DocID) error {
	if p.snap != nil && p.id == id {
		return nil
	}
	p.Close()
	if err := p.db.enter(); err != nil {
		return err
	}
	p.snap, p.id = &snapshot{Snapshot: p.db.store.pebble.NewSnapshot(), db: p.db}, id
	p.record, p.err = p.db.fullRecord(p.snap, id, true)
	if p.err != nil {
		p.record = docRecord{}
	}
	return nil
}

// wantedRevs lists what open_revs answers; with latest a revision stands for
// all leaves below it.
func wantedRevs(tree *revtree.Tree, revs []Rev, latest bool) []Rev {
	var out []Rev
	add := func(nodes []revtree.Node) {
		for _, n := range nodes {
			out = append(out, n.Rev)
		}
	}
	if revs == nil {
		add(tree.Leaves())
		return out
	}
	for _, r := range revs {
		if latest && tree.Has(r) {
			add(tree.LeavesUnder(r))
		} else {
			out = append(out, r)
		}
	}
	return out
}
