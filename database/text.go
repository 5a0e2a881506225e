package database

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"

	"github.com/go-kivik/kivik/v4"
)

// Text reads a document as JSON text; nil where there is none, or it is deleted. The text is the caller's.
func Text(ctx context.Context, db *kivik.DB, id string, options ...kivik.Option) (json.RawMessage, error) {
	var raw json.RawMessage
	doc := db.Get(ctx, id, append(options[:len(options):len(options)], Raw(&raw))...)
	defer doc.Close()
	err := doc.Err()
	if err == nil && raw == nil {
		err = doc.ScanDoc(&raw)
	}
	if kivik.HTTPStatus(err) == http.StatusNotFound {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read %s of %s: %w", id, db.Name(), err)
	}
	return raw, nil
}

// Raw is an option of what reads documents, or rows: a driver that has the text of the document, or of a row's value, in
// memory sets into to it. Others leave it as it is, and the text is scanned.
func Raw(into *json.RawMessage) kivik.Option { return raw{into} }

type raw struct{ into *json.RawMessage }

// Apply implements kivik.Option.
func (r raw) Apply(target any) {
	if t, ok := target.(interface{ Raw(into *json.RawMessage) }); ok {
		t.Raw(r.into)
	}
}

// Held is an option of a feed with documents: a driver that can leaves out those that held says who reads has in that
// revision, if it is the document's only leaf.
func Held(is func(id, rev string) bool) kivik.Option { return held{is} }

type held struct{ is func(id, rev string) bool }

// Apply implements kivik.Option.
func (h held) Apply(target any) {
	if t, ok := target.(interface {
		Held(is func(id, rev string) bool)
	}); ok {
		t.Held(h.is)
	}
}
