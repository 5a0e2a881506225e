package upstream

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"

	"github.com/go-kivik/kivik/v4"

	"settee/views/packuments"
)

// Database is the name of the database of what is kept.
const Database = "upstream"

const adminRole = "_admin"

// ensureDB makes the database, for server admins only, and pushes the registry's design document where it differs.
func ensureDB(ctx context.Context, client *kivik.Client, guard bool) (*kivik.DB, error) {
	err := client.CreateDB(ctx, Database)
	if kivik.HTTPStatus(err) != http.StatusPreconditionFailed {
		if err == nil {
			admins := kivik.Members{Roles: []string{adminRole}}
			err = client.DB(Database).SetSecurity(ctx, &kivik.Security{Admins: admins, Members: admins})
		}
		if err != nil {
			return nil, fmt.Errorf("upstream: make the database: %w", err)
		}
	}
	db := client.DB(Database)
	for range attempts {
		if err = pushDesign(ctx, db, guard); !conflict(err) {
			break
		}
	}
	if err != nil {
		return nil, fmt.Errorf("upstream: push the design document: %w", err)
	}
	return db, nil
}

func pushDesign(ctx context.Context, db *kivik.DB, guard bool) error {
	want := packuments.DesignDoc()
	if guard {
		want = packuments.Guarded()
	}
	const id = "_design/" + packuments.Name
	have, rev, err := read(ctx, db, id)
	if err != nil {
		return err
	}
	var was, will map[string]any
	if have != nil && json.Unmarshal(have, &was) == nil && json.Unmarshal(want, &will) == nil {
		delete(was, "_rev")
		a, _ := json.Marshal(was) // out of JSON: they cannot fail
		b, _ := json.Marshal(will)
		if slices.Equal(a, b) {
			return nil
		}
	}
	_, err = db.Put(ctx, id, want, after(rev)...)
	return err
}

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

// untouched is an option of Get: a driver that has the text of the document in memory sets into to it.
type untouched struct{ into *json.RawMessage }

// Apply implements kivik.Option.
func (u untouched) Apply(target any) {
	if t, ok := target.(interface{ Raw(into *json.RawMessage) }); ok {
		t.Raw(u.into)
	}
}

// read reads a document's text and revision; nil where there is none.
func read(ctx context.Context, db *kivik.DB, id string) (raw json.RawMessage, rev string, err error) {
	doc := db.Get(ctx, id, untouched{&raw})
	defer doc.Close()
	err = doc.Err()
	if err == nil && raw == nil {
		err = doc.ScanDoc(&raw)
	}
	if kivik.HTTPStatus(err) == http.StatusNotFound {
		return nil, "", nil
	}
	if err != nil {
		return nil, "", fmt.Errorf("upstream: read %s: %w", id, err)
	}
	return raw, packuments.Text(packuments.Member(raw, "_rev")), nil
}

// edit writes what change makes of a document, again where another process was faster. nil changes nothing; forget
// deletes the document.
func (r *Reader) edit(ctx context.Context, id string, change func(was []byte) (next []byte, forget bool, err error)) (changed bool, err error) {
	for try := 1; ; try++ {
		was, rev, err := read(ctx, r.db, id)
		if err != nil {
			return false, err
		}
		next, forget, err := change(was)
		switch {
		case err != nil, next == nil && !forget, forget && was == nil:
			return false, err
		case forget:
			_, err = r.db.Delete(ctx, id, rev)
		default:
			_, err = r.db.Put(ctx, id, json.RawMessage(next), after(rev)...)
		}
		if !conflict(err) || try == attempts {
			if err != nil {
				err = fmt.Errorf("upstream: write %s: %w", id, err)
			}
			return err == nil, err
		}
	}
}
