package couch

import (
	"context"
	"errors"

	"github.com/cockroachdb/pebble/v2"
)

// CopyOf reads a revision (zero: the winner) to be put under another id, or none
// yet: a new document whose attachments are stubs of bytes that the database has.
func (db *DB) CopyOf(ctx context.Context, id DocID, rev Rev) (*Document, error) {
	if id.IsLocal() {
		d, err := db.GetLocal(ctx, id)
		if err != nil {
			return nil, err
		}
		return &Document{Body: d.Body}, nil
	}
	if err := db.enter(); err != nil {
		return nil, err
	}
	defer db.leave()
	snap := db.store.pebble.NewSnapshot()
	defer snap.Close() //nolint:errcheck // it only releases the snapshot
	_, body, err := db.revision(snap, id, rev)
	if err != nil {
		return nil, err
	}
	d := body.document(id, Rev{})
	d.ID, d.kept = "", body.atts
	return d, nil
}

// revision reads the record of a revision that is stored, zero: the winner.
func (db *DB) revision(r pebble.Reader, id DocID, rev Rev) (Rev, bodyRecord, error) {
	record, err := db.fullRecord(r, id, !rev.IsZero())
	if err != nil {
		return rev, bodyRecord{}, err
	}
	if rev.IsZero() {
		if rev = record.winner.Rev; record.winner.Deleted {
			return rev, bodyRecord{}, ErrDeleted
		}
	} else if !record.tree.Has(rev) {
		return rev, bodyRecord{}, ErrMissing
	}
	body, err := db.readBody(r, id, rev)
	if errors.Is(err, errNoBody) {
		err = ErrMissing
	}
	return rev, body, err
}
