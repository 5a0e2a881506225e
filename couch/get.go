package couch

import (
	"context"
	"errors"

	"github.com/cockroachdb/pebble/v2"

	"settee/couch/revtree"
)

// Get reads one revision; ErrMissing or ErrDeleted where there is none.
func (db *DB) Get(ctx context.Context, id DocID, o GetOptions) (*Document, error) {
	if err := db.enter(); err != nil {
		return nil, err
	}
	defer db.leave()
	if id.IsLocal() {
		return db.readLocal(db.store.pebble, id)
	}
	if o.plain() {
		// The commonest read takes no snapshot: by the time the body is looked for,
		// compaction may have removed it, but only when there is a newer winner.
		for {
			doc, seq, err := db.readWinner(db.store.pebble, id)
			if err != errNoPiece && !errors.Is(err, errNoBody) {
				return doc, err
			}
			if r, again := db.readRecord(db.store.pebble, id, false); again != nil || r.seq == seq {
				return nil, corrupt("the body of " + string(id) + " is missing")
			}
		}
	}
	snap := db.store.pebble.NewSnapshot()
	defer snap.Close() //nolint:errcheck // it only releases the snapshot
	return db.get(ctx, snap, id, o)
}

// plain reports that the winner is asked for, with no more than stubs.
func (o *GetOptions) plain() bool {
	return o.Rev.IsZero() && !o.Latest && !o.Revs && !o.RevsInfo && !o.Conflicts && !o.DeletedConflicts &&
		!o.LocalSeq && !o.Attachments && !o.Follows && o.AttsSince == nil && !o.AttEncodingInfo
}

var errNoBody = errors.New("no body")

func (db *DB) readRecord(r pebble.Reader, id DocID, full bool) (docRecord, error) {
	var record docRecord
	err := look(r, db.idKey(id), func(v []byte) (err error) {
		record, err = readDoc(v, full)
		return err
	})
	if err != nil {
		err = db.notFound(id, err)
	}
	return record, err
}

func (db *DB) readWinner(r pebble.Reader, id DocID) (*Document, Seq, error) {
	if doc, err := db.readCurrent(r, id); !errors.Is(err, ErrMissing) {
		return doc, 0, err
	}
	record, err := db.readRecord(r, id, false)
	if err != nil {
		return nil, 0, err
	}
	if record.winner.Deleted {
		return nil, 0, ErrDeleted
	}
	doc, err := db.readRev(r, id, record.winner.Rev)
	return doc, record.seq, err
}

// readRev reads a revision's body with attachment stubs.
func (db *DB) readRev(r pebble.Reader, id DocID, rev Rev) (*Document, error) {
	body, err := db.readBody(r, id, rev)
	if err != nil {
		return nil, err
	}
	return body.document(id, rev), nil
}

func (db *DB) readBody(r pebble.Reader, id DocID, rev Rev) (bodyRecord, error) {
	b, err := db.readBodyHead(r, id, rev)
	if err == nil {
		err = db.join(r, &b)
	}
	return b, err
}

// readBodyHead reads a body record; a body in pieces is not gathered.
func (db *DB) readBodyHead(r pebble.Reader, id DocID, rev Rev) (bodyRecord, error) {
	db.store.meters.reads.Add(1)
	v, err := db.bodyValue(r, id, rev)
	if errors.Is(err, ErrMissing) {
		return bodyRecord{}, errNoBody
	}
	if err != nil {
		return bodyRecord{}, err
	}
	return readBody(v)
}

func (b *bodyRecord) document(id DocID, rev Rev) *Document {
	doc := &Document{ID: id, Rev: rev, Deleted: b.deleted, Body: b.json}
	for i := range b.atts {
		doc.Attachments = append(doc.Attachments, b.atts[i].stub())
	}
	return doc
}

// fullRecord reads a by-id record and its whole tree, stemmed.
func (db *DB) fullRecord(r pebble.Reader, id DocID, trunk bool) (docRecord, error) {
	record, err := db.readRecord(r, id, true)
	if err != nil {
		return record, err
	}
	if trunk && record.spill > 0 {
		if err := db.joinTrunk(r, id, &record); err != nil {
			return record, err
		}
		record.tree.Stem(db.RevsLimit())
	}
	return record, nil
}

// get reads as the options say, all on one snapshot.
func (db *DB) get(ctx context.Context, r pebble.Reader, id DocID, o GetOptions) (*Document, error) {
	record, err := db.fullRecord(r, id, o.Revs || o.RevsInfo || len(o.AttsSince) > 0 || (!o.Rev.IsZero()))
	if err != nil {
		return nil, err
	}
	rev := o.Rev
	switch {
	case rev.IsZero():
		if record.winner.Deleted {
			return nil, ErrDeleted
		}
		rev = record.winner.Rev
	case !record.tree.Has(rev):
		return nil, ErrMissing
	case o.Latest:
		if under := record.tree.LeavesUnder(rev); len(under) > 0 {
			rev = under[0].Rev
		}
	}
	return db.dress(ctx, r, id, &record, rev, o)
}

// dress reads a known revision and adds the members that were asked for.
func (db *DB) dress(ctx context.Context, r pebble.Reader, id DocID, record *docRecord, rev Rev, o GetOptions) (*Document, error) {
	body, err := db.readBody(r, id, rev)
	if errors.Is(err, errNoBody) {
		return nil, ErrMissing
	}
	if err != nil {
		return nil, err
	}
	doc := body.document(id, rev)
	path := record.tree.Path(rev)
	if o.Revs {
		for _, n := range path[:min(len(path), db.RevsLimit())] { // the limit may be younger than the tree
			doc.Revisions = append(doc.Revisions, n.Rev)
		}
	}
	if o.RevsInfo {
		if doc.RevsInfo, err = db.revsInfo(r, id, path); err != nil {
			return nil, err
		}
	}
	if o.Conflicts || o.DeletedConflicts {
		for _, leaf := range record.tree.Leaves() {
			switch {
			case leaf.Rev == record.winner.Rev:
			case leaf.Deleted && o.DeletedConflicts:
				doc.DeletedConflicts = append(doc.DeletedConflicts, leaf.Rev)
			case !leaf.Deleted && o.Conflicts:
				doc.Conflicts = append(doc.Conflicts, leaf.Rev)
			}
		}
	}
	if o.LocalSeq {
		doc.LocalSeq = record.seq
	}
	return doc, db.fill(ctx, r, doc, body.atts, newestOf(path, o.AttsSince), o)
}

func (db *DB) revsInfo(r pebble.Reader, id DocID, path []revtree.Node) ([]RevInfo, error) {
	infos := make([]RevInfo, 0, len(path))
	current, err := db.currentRev(r, id)
	if err != nil {
		return nil, err
	}
	for _, n := range path {
		status, held := "missing", n.Rev == current
		if !held {
			if held, err = has(r, db.bodyKey(id, n.Rev)); err != nil {
				return nil, err
			}
		}
		if held {
			if status = "available"; n.Deleted {
				status = "deleted"
			}
		}
		infos = append(infos, RevInfo{n.Rev, status})
	}
	return infos, nil
}

// newestOf is the generation of the newest of known that stands in path; 0: none.
func newestOf(path []revtree.Node, known []Rev) uint64 {
	newest := uint64(0)
	for _, n := range path {
		for _, k := range known {
			if k == n.Rev {
				newest = max(newest, k.Pos)
			}
		}
	}
	return newest
}

// RevsDiff answers what is missing; documents that lack nothing are left out.
func (db *DB) RevsDiff(_ context.Context, qs []RevsQuery) ([]RevsAnswer, error) {
	if err := db.enter(); err != nil {
		return nil, err
	}
	defer db.leave()
	snap := db.store.pebble.NewSnapshot()
	defer snap.Close() //nolint:errcheck // it only releases the snapshot
	var answers []RevsAnswer
	for _, q := range qs {
		a, err := db.lacks(snap, q)
		if err != nil {
			return nil, err
		}
		if len(a.Missing) > 0 {
			answers = append(answers, a)
		}
	}
	return answers, nil
}

func (db *DB) lacks(r pebble.Reader, q RevsQuery) (RevsAnswer, error) {
	a := RevsAnswer{ID: q.ID}
	record, err := db.readRecord(r, q.ID, true)
	if errors.Is(err, ErrMissing) {
		a.Missing = q.Revs
		return a, nil
	}
	if err != nil {
		return a, err
	}
	root := record.tree.Root().Pos
	for _, rev := range q.Revs {
		if record.spill > 0 && rev.Pos < root {
			if record, err = db.fullRecord(r, q.ID, true); err != nil {
				return a, err
			}
			record.spill = 0
		}
		if !record.tree.Has(rev) {
			a.Missing = append(a.Missing, rev)
		}
	}
	newest := uint64(0)
	for _, m := range a.Missing {
		newest = max(newest, m.Pos)
	}
	for _, leaf := range record.tree.Leaves() {
		if leaf.Rev.Pos < newest {
			a.Ancestors = append(a.Ancestors, leaf.Rev)
		}
	}
	return a, nil
}
