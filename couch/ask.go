package couch

import (
	"context"
	"errors"
)

// Selective is a Validator that can tell beforehand that it has nothing to say,
// which spares the reading of the document's old revision.
type Selective interface {
	Validator
	Cares(db *DB, doc *Document, user *User) bool
}

// ask asks the validators about an edit. As in CouchDB a conflict is told first.
func (db *DB) ask(ctx context.Context, e *edit, o WriteOptions) error {
	all := db.store.validators.Load()
	if all == nil {
		return nil
	}
	var doc, old *Document // doc: nil until one cares
	for _, v := range *all {
		if s, ok := v.(Selective); ok && !s.Cares(db, e.doc, o.User) {
			continue
		}
		if doc == nil {
			if err := db.foresee(e); err != nil {
				return err
			}
			var err error
			if old, err = db.replaced(ctx, e); err != nil {
				return err
			}
			doc = e.shown()
		}
		if err := v.Validate(ctx, db, doc, old, o.User); err != nil {
			return err
		}
	}
	return nil
}

// foresee reports the conflict that an edit would land in. The landing looks
// again: it may come to another answer.
func (db *DB) foresee(e *edit) error {
	if e.replicated {
		return nil
	}
	record, err := db.readRecord(db.store.pebble, e.id, true)
	if err != nil && !errors.Is(err, ErrMissing) {
		return err
	}
	e.found = &record
	return (&pending{id: e.id, record: record}).check(&edit{doc: e.doc, id: e.id})
}

// replaced reads the revision that an edit replaces, nil where there is none.
func (db *DB) replaced(ctx context.Context, e *edit) (*Document, error) {
	for _, r := range e.path[1:] {
		d, err := db.Get(ctx, e.id, GetOptions{Rev: r, Revs: true})
		if err == nil {
			return d, nil
		}
		if !errors.Is(err, ErrMissing) && !errors.Is(err, ErrDeleted) {
			return nil, err
		}
	}
	return nil, nil
}

// shown is the document as validators see it: its attachments are stubs, whether they
// came with it or were there, and its revisions are those that the client told: of an
// interactive edit the one that it follows.
func (e *edit) shown() *Document {
	doc := *e.doc
	doc.Revisions = e.path
	if !e.replicated {
		doc.Revisions = e.path[1:]
	} else {
		doc.Rev = e.path[0]
	}
	doc.Attachments = make([]Attachment, len(e.atts))
	for i := range e.atts {
		doc.Attachments[i] = e.atts[i].stub()
	}
	return &doc
}
