package upstream

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"

	"github.com/go-kivik/kivik/v4"

	"settee/database"
	"settee/views/packuments"
)

// Database is the name of the database of what is kept.
const Database = "upstream"

// attempts bounds the writes of one document that lose to other processes'.
const attempts = 8

func conflict(err error) bool { return kivik.HTTPStatus(err) == http.StatusConflict }

// after are the options of a write that follows a revision, "" for none.
func after(rev string) []kivik.Option {
	if rev == "" {
		return nil
	}
	return []kivik.Option{kivik.Rev(rev)}
}

// read reads a document's text and revision; nil where there is none.
func read(ctx context.Context, db *kivik.DB, id string) (raw json.RawMessage, rev string, err error) {
	if raw, err = database.Text(ctx, db, id); err != nil {
		return nil, "", fmt.Errorf("upstream: %w", err)
	}
	return raw, packuments.Text(packuments.Member(raw, "_rev")), nil
}

// edit writes what change makes of a document, again where another process was faster. nil changes nothing; forget
// deletes the document. One that is too large for the database is held in memory.
func (r *Reader) edit(ctx context.Context, id string, change func(was []byte) (next []byte, forget bool, err error)) (changed bool, err error) {
	for try := 1; ; try++ {
		was, aside, rev, err := r.stored(ctx, id)
		if err != nil {
			return false, err
		}
		next, forget, err := change(was)
		switch {
		case err != nil, next == nil && !forget, forget && was == nil:
			return false, err
		case !forget:
			_, err = r.db.Put(ctx, id, json.RawMessage(next), after(rev)...)
		case rev != "":
			_, err = r.db.Delete(ctx, id, rev)
		}
		tooLarge := kivik.HTTPStatus(err) == http.StatusRequestEntityTooLarge
		if tooLarge {
			r.o.Logger.Warn("the database takes no document as large as what the upstream registry gives: it is held in memory", "package", id, "bytes", len(next))
			err = nil
		} else {
			next = nil
		}
		lost := err == nil && (tooLarge || aside != "") && !r.aside(id, aside, next)
		if !lost && !conflict(err) || try == attempts {
			if err != nil {
				err = fmt.Errorf("upstream: write %s: %w", id, err)
			}
			return err == nil, err
		}
	}
}
