package database

import (
	"context"
	"encoding/json"

	"github.com/go-kivik/kivik/v4"
)

// PutAfter puts a document's text, which nobody changes any more, that may not be stored before something else is: ready waits
// for that, or tells why it never will be. The embedded engine computes the revision meanwhile; a CouchDB gets the text
// when it may. ready may be called more than once.
func PutAfter(ctx context.Context, db *kivik.DB, id string, text []byte, ready func() error, options ...kivik.Option) (rev string, err error) {
	if db.Client().Driver() == "couch" { // it would scan the text once more, and hold a connection while it waits
		if err := ready(); err != nil {
			return "", err
		}
		return db.Put(ctx, id, json.RawMessage(text), options...)
	}
	if rev, err = db.Put(ctx, id, pending{text, ready}, options...); err != nil {
		if failed := ready(); failed != nil {
			return "", failed // and no driver's word for it
		}
	}
	return rev, err
}

// pending is a document with the methods that the embedded engine looks for. To who does not look for them it is a value
// whose JSON has to be waited for, so no database gets it too early.
type pending struct {
	text  []byte
	ready func() error
}

func (p pending) Text() []byte { return p.text }

func (p pending) Ready() error { return p.ready() }

func (p pending) MarshalJSON() ([]byte, error) {
	if err := p.ready(); err != nil {
		return nil, err
	}
	return p.text, nil
}
