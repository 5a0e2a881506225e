package registry

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/go-kivik/kivik/v4"

	"settee/database"
	"settee/upstream"
	"settee/views/packuments"
)

// Database is the name of the packuments' database.
const Database = "registry"

// prepare makes the databases and pushes the design document where it differs.
func (r *Registry) prepare(ctx context.Context, client *kivik.Client) (err error) {
	for name, members := range map[string][]string{Database: {ReaderRole}, AuditDatabase: nil, AttestationsDatabase: nil, StagedDatabase: nil} {
		if err := database.Private(ctx, client, name, members...); err != nil {
			return fmt.Errorf("registry: %w", err)
		}
	}
	r.db, r.records, r.attestations, r.staged = client.DB(Database), client.DB(AuditDatabase), client.DB(AttestationsDatabase), client.DB(StagedDatabase)
	if r.signing, err = OpenKeys(ctx, client); err != nil {
		return err
	}
	r.naming = []*kivik.DB{r.db}
	if far, err := client.DBExists(ctx, upstream.Database); err != nil {
		return fmt.Errorf("registry: look for %s: %w", upstream.Database, err)
	} else if far { // also where no other registry is asked any more
		r.naming = append(r.naming, client.DB(upstream.Database))
	}
	if err := database.PutDesign(ctx, r.db, packuments.DesignDoc(r.o.Guard)); err != nil {
		return fmt.Errorf("registry: %w", err)
	}
	return nil
}

// ReaderRole is the role of who may read the packuments' database, restricted packages too.
const ReaderRole = "registry-reader"

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
	return r.updateAfter(ctx, name, func() error { return nil }, change)
}

// updateAfter is update of what may not be written before ready has returned, nor where it fails.
func (r *Registry) updateAfter(ctx context.Context, name PackageName, ready func() error, change edit) (*packument, error) {
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
		err = r.put(ctx, e, next, ready)
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

func (r *Registry) put(ctx context.Context, e *entry, next *packument, ready func() error) error {
	var options []kivik.Option
	if e.doc != nil {
		options = append(options, kivik.Rev(e.doc.rev))
	}
	rev, err := database.PutAfter(ctx, r.db, string(next.name), next.text(nil), ready, options...)
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
