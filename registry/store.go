package registry

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"time"

	"github.com/go-kivik/kivik/v4"

	"settee/upstream"
	"settee/views/packuments"
)

// Database is the name of the packuments' database.
const Database = "registry"

// prepare makes the databases and pushes the design document where it differs.
func (r *Registry) prepare(ctx context.Context, client *kivik.Client) (err error) {
	for _, name := range []string{Database, AuditDatabase, AttestationsDatabase, StagedDatabase} {
		if err := makeDB(ctx, client, name); err != nil {
			return err
		}
	}
	r.db, r.records, r.attestations, r.staged = client.DB(Database), client.DB(AuditDatabase), client.DB(AttestationsDatabase), client.DB(StagedDatabase)
	if r.signing, err = OpenKeys(ctx, client); err != nil {
		return err
	}
	for db, members := range map[*kivik.DB][]string{r.db: {adminRole, ReaderRole}, r.records: {adminRole}, r.attestations: {adminRole}, r.staged: {adminRole}} {
		if err := secure(ctx, db, members); err != nil {
			return fmt.Errorf("registry: keep %s from strangers: %w", db.Name(), err)
		}
	}
	r.naming = []*kivik.DB{r.db}
	if far, err := client.DBExists(ctx, upstream.Database); err != nil {
		return fmt.Errorf("registry: look for %s: %w", upstream.Database, err)
	} else if far { // also where no other registry is asked any more
		r.naming = append(r.naming, client.DB(upstream.Database))
	}
	for range writeAttempts {
		if err = r.pushDesign(ctx); !conflict(err) {
			break
		}
	}
	if err != nil {
		return fmt.Errorf("registry: push the design document: %w", err)
	}
	return nil
}

// makeDB makes a database, unless it is there.
func makeDB(ctx context.Context, client *kivik.Client, name string) error {
	exists, err := client.DBExists(ctx, name)
	if err == nil && !exists {
		if err = client.CreateDB(ctx, name); kivik.HTTPStatus(err) == http.StatusPreconditionFailed { // made in the meantime
			err = nil
		}
	}
	if err != nil {
		return fmt.Errorf("registry: make the database %s: %w", name, err)
	}
	return nil
}

// ReaderRole is the role of who may read the packuments' database, restricted packages too.
const ReaderRole = "registry-reader"

const adminRole = "_admin"

// secure lets those roles into a database, and nobody else. An administrator who named
// others there meant them; to name nobody at all is how databases begin that everybody reads.
func secure(ctx context.Context, db *kivik.DB, members []string) error {
	is, err := db.Security(ctx)
	if err != nil {
		return err
	}
	adminsOnly := []string{adminRole}
	if m := is.Members; len(m.Names) > 0 || len(m.Roles) > 0 && !slices.Equal(m.Roles, adminsOnly) || slices.Equal(m.Roles, members) {
		return nil
	}
	is.Members.Roles = members
	if len(is.Admins.Names)+len(is.Admins.Roles) == 0 {
		is.Admins.Roles = adminsOnly
	}
	return db.SetSecurity(ctx, is)
}

func (r *Registry) pushDesign(ctx context.Context) error {
	want := packuments.DesignDoc()
	if r.o.Guard {
		want = packuments.Guarded()
	}
	have, err := r.read(ctx, "_design/"+packuments.Name)
	if err != nil {
		return err
	}
	var options []kivik.Option
	if have != nil {
		var was, will map[string]any
		if json.Unmarshal(have, &was) == nil && json.Unmarshal(want, &will) == nil {
			rev, _ := was["_rev"].(string)
			if delete(was, "_rev"); equalJSON(was, will) {
				return nil
			}
			options = append(options, kivik.Rev(rev))
		}
	}
	_, err = r.db.Put(ctx, "_design/"+packuments.Name, want, options...)
	return err
}

func equalJSON(a, b any) bool {
	x, errX := json.Marshal(a)
	y, errY := json.Marshal(b)
	return errX == nil && errY == nil && string(x) == string(y)
}

// read reads a document's text; nil where there is none.
func (r *Registry) read(ctx context.Context, id string, options ...kivik.Option) (json.RawMessage, error) {
	return readFrom(ctx, r.db, id, options...)
}

func readFrom(ctx context.Context, db *kivik.DB, id string, options ...kivik.Option) (json.RawMessage, error) {
	var raw json.RawMessage
	doc := db.Get(ctx, id, append(options, untouched{&raw})...)
	defer doc.Close()
	err := doc.Err()
	if err == nil && raw == nil {
		err = doc.ScanDoc(&raw)
	}
	if notFound(err) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("registry: read %s: %w", id, err)
	}
	return raw, nil
}

// untouched is an option of Get and Query: a driver that has the text of the document, or of
// a row's value, in memory sets into to it. Others leave it nil, and the text is scanned.
type untouched struct{ into *json.RawMessage }

// Apply implements kivik.Option.
func (u untouched) Apply(target any) {
	if t, ok := target.(interface{ Raw(into *json.RawMessage) }); ok {
		t.Raw(u.into)
	}
}

// The attempts of a write that conflicts with writers elsewhere: each loses to
// one that wins, so ten regions' worth of writers get through.
const (
	writeAttempts = 16
	firstPause    = 2 * time.Millisecond
)

// edit makes the next packument of the one there is, nil where there is none. A
// nil result changes nothing. It may be called several times.
type edit func(cur *packument) (next *packument, err error)

// update writes an edit: in turn with other writers of this process, and again
// on what others made of the package in the meantime. It returns what then is.
func (r *Registry) update(ctx context.Context, name PackageName, change edit) (*packument, error) {
	unlock, err := r.cache.lock(ctx, name)
	if err != nil {
		return nil, err
	}
	defer unlock()
	ctx = context.WithoutCancel(ctx) // a client that goes away does not leave a write in doubt
	fresh := false
	for attempt := 0; ; attempt++ {
		r.cache.listen(name)
		e, err := r.cache.entry(ctx, name)
		if err != nil {
			return nil, err
		}
		if e.doc != nil && len(e.doc.conflicts) > 0 && attempt < writeAttempts {
			if err := r.settle(ctx, name); err != nil {
				return nil, err
			}
			r.cache.drop(e)
			continue
		}
		next, err := change(e.doc)
		if err != nil && !fresh {
			fresh = true // the cache may be late: refuse only on what is read now
			r.cache.drop(e)
			continue
		}
		if err != nil || next == nil {
			return e.doc, err
		}
		next.note(e.doc, r.o.Now())
		err = r.put(ctx, e, next)
		if err == nil {
			return next, nil
		}
		r.cache.drop(e)
		if !conflict(err) || attempt >= writeAttempts {
			return nil, fmt.Errorf("registry: write %s: %w", name, err)
		}
		fresh = true
		time.Sleep(rand.N(firstPause << min(attempt, 6)))
	}
}

func (r *Registry) put(ctx context.Context, e *entry, next *packument) error {
	raw := next.encode()
	var options []kivik.Option
	if e.doc != nil {
		options = append(options, kivik.Rev(e.doc.rev))
	}
	rev, err := r.db.Put(ctx, string(next.name), json.RawMessage(raw), options...)
	if err != nil {
		return err
	}
	next.rev = rev
	if e.doc != nil {
		next.conflicts, next.closed, next.losses = e.doc.conflicts, e.doc.closed, e.doc.losses
	}
	r.scopes.forget(next.name.Scope())
	r.cache.written(e, next)
	return nil
}
