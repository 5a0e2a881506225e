package registry

import (
	"context"
	"fmt"
	"maps"
	"sync"
	"time"

	"github.com/go-kivik/kivik/v4"

	"settee/tarballs"
	"settee/views/packuments"
)

// SweepOptions are the bounds of a sweep.
type SweepOptions struct {
	// Grace is how long a blob is left alone after it was stored; default 24 h, as a
	// publish through another process stores its blob a moment before it names it.
	Grace time.Duration
	// InUse says whether somebody else needs a blob. It must be set where the store
	// also holds the attachments of documents.
	InUse func(ctx context.Context, d tarballs.Digest) (bool, error)
}

// Swept is what a sweep did.
type Swept struct {
	Looked, Deleted int
	Bytes           int64 // freed
}

// Sweep deletes the blobs that no packument names: of publishes that a crash cut
// off, and of versions that were unpublished. It runs beside publishes of this
// process; a publish of the very bytes that it deletes waits, and stores them anew.
func (r *Registry) Sweep(ctx context.Context, o SweepOptions) (s Swept, err error) {
	if o.Grace <= 0 {
		o.Grace = 24 * time.Hour
	}
	before := r.o.Now().Add(-o.Grace)
	apart, err := r.inConflict(ctx)
	if err != nil {
		return s, err
	}
	staged, err := r.stagedBlobs(ctx)
	if err != nil {
		return s, err
	}
	maps.Copy(apart, staged)
	for info, err := range r.blobs.List(ctx) {
		if err != nil {
			return s, fmt.Errorf("registry: list the blobs: %w", err)
		}
		s.Looked++
		if info.Stored.After(before) || apart[info.Digest] {
			continue
		}
		deleted, err := r.sweepOne(ctx, info.Digest, o)
		if err != nil {
			return s, err
		}
		if deleted {
			s.Deleted++
			s.Bytes += info.Size
		}
	}
	return s, nil
}

// inConflict are the blobs of packages with several leaves: views know the winner's alone.
func (r *Registry) inConflict(ctx context.Context) (map[tarballs.Digest]bool, error) {
	blobs := map[tarballs.Digest]bool{}
	feed := r.db.Changes(ctx, kivik.Param("style", "all_docs"))
	defer func() { _ = feed.Close() }()
	var several []PackageName
	for feed.Next() {
		if len(feed.Changes()) > 1 {
			several = append(several, PackageName(feed.ID()))
		}
	}
	if err := feed.Err(); err != nil {
		return nil, fmt.Errorf("registry: look for conflicts: %w", err)
	}
	for _, name := range several {
		doc, err := r.load(ctx, name)
		if err != nil {
			return nil, err
		}
		if doc == nil || len(doc.conflicts) == 0 {
			continue
		}
		for _, v := range doc.versions {
			if d, err := tarballs.ParseSRI(integrityOf(v.value)); err == nil {
				blobs[d] = true
			}
		}
	}
	return blobs, nil
}

func (r *Registry) sweepOne(ctx context.Context, d tarballs.Digest, o SweepOptions) (bool, error) {
	unlock, idle := r.hold.claim(d)
	if !idle {
		return false, nil // being published at this moment
	}
	defer unlock()
	if _, waits := r.waiting.Load(d); waits {
		return false, nil // staged by this process, perhaps since the sweep began; the next process knows whether still
	}
	named, err := r.named(ctx, d)
	if err == nil && !named && o.InUse != nil {
		named, err = o.InUse(ctx, d)
	}
	if err != nil || named {
		return false, err
	}
	if err := r.blobs.Delete(ctx, d); err != nil {
		return false, fmt.Errorf("registry: delete a blob: %w", err)
	}
	return true, nil
}

// named reports whether a packument has the blob.
func (r *Registry) named(ctx context.Context, d tarballs.Digest) (named bool, err error) {
	for _, db := range r.naming {
		if named, err = names(ctx, db, d); named || err != nil {
			break
		}
	}
	return named, err
}

func names(ctx context.Context, db *kivik.DB, d tarballs.Digest) (bool, error) {
	rows := db.Query(ctx, packuments.Name, "integrity", kivik.Params(map[string]any{"key": d.SRI(), "limit": 1}))
	defer rows.Close()
	found := false
	for rows.Next() { // to the end: Kivik closes what is left in two places at once
		found = true
	}
	if err := rows.Err(); err != nil {
		return false, fmt.Errorf("registry: ask who has a blob: %w", err)
	}
	return found, nil
}

// holds are the blobs that publishes are about to name, and the one that a sweep
// is about to delete.
type holds struct {
	mu      sync.Mutex
	changed *sync.Cond
	users   map[tarballs.Digest]int // publishes; -1: the sweep
}

func newHolds() *holds {
	h := &holds{users: map[tarballs.Digest]int{}}
	h.changed = sync.NewCond(&h.mu)
	return h
}

// take keeps a blob from being swept until release.
func (h *holds) take(d tarballs.Digest) (release func()) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for h.users[d] < 0 {
		h.changed.Wait()
	}
	h.users[d]++
	return func() {
		h.mu.Lock()
		defer h.mu.Unlock()
		if h.users[d]--; h.users[d] == 0 {
			delete(h.users, d)
		}
	}
}

// claim keeps a blob from being published until release, unless it is now.
func (h *holds) claim(d tarballs.Digest) (release func(), idle bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.users[d] != 0 {
		return nil, false
	}
	h.users[d] = -1
	return func() {
		h.mu.Lock()
		defer h.mu.Unlock()
		delete(h.users, d)
		h.changed.Broadcast()
	}, true
}
