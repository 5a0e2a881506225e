package registry

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net/http"
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
	// Alone says that no other server names blobs of the store by documents of its own: what only those name would go.
	Alone bool
	// Dry deletes nothing, and counts what would go.
	Dry bool
	// Progress is told of how much of the store was looked at; nil: nobody is.
	Progress func(done, total int64)
}

// Attachments are what documents keep in the same store as tarballs are in.
type Attachments struct {
	// Each calls with every blob that a document needs, except ones put meanwhile; nil: none does.
	Each func(ctx context.Context, used func(digest [64]byte)) error
	// Remove deletes a blob last put before a time, unless it is put in that moment; nil: nobody else puts.
	Remove func(ctx context.Context, d tarballs.Digest, before time.Time) (bool, error)
}

// LeastGrace is what operators may bring Grace down to: a bucket renews the date of what is put again once that is an hour old, and
// a publish may take a while to name what it has stored.
const LeastGrace = 2 * time.Hour

// mayAlone refuses a sweep of a store that others may use, until somebody says that none does.
func (r *Registry) mayAlone(o SweepOptions) error {
	if r.o.SharedBlobs && !o.Alone {
		return fail(http.StatusConflict, "The tarballs are in a bucket, and a sweep removes what the documents of this server do not name. If no server with other documents keeps tarballs there (as regions may), say so: alone.")
	}
	return nil
}

// Swept is what a sweep did.
type Swept struct {
	Looked  int   `json:"looked"`
	Deleted int   `json:"deleted"`
	Bytes   int64 `json:"bytes"` // freed
}

// Sweep deletes the blobs that no packument names, staged version or attachment is: of publishes that a crash cut
// off, and of versions that were unpublished. It runs beside publishes of this
// process; a publish of the very bytes that it deletes waits, and stores them anew.
func (r *Registry) Sweep(ctx context.Context, o SweepOptions) (s Swept, err error) {
	if o.Grace <= 0 {
		o.Grace = 24 * time.Hour
	}
	if err := r.mayAlone(o); err != nil {
		return s, err
	}
	before := r.o.Now().Add(-o.Grace)
	kept, err := r.keptBlobs(ctx)
	if err != nil {
		return s, err
	}
	for info, err := range r.blobs.List(ctx) {
		if err != nil {
			return s, fmt.Errorf("registry: list the blobs: %w", err)
		}
		s.Looked++
		if o.Progress != nil {
			o.Progress(int64(binary.BigEndian.Uint16(info.Digest[:]))+1, 1<<16) // they come in the order of their digests, which are spread evenly
		}
		if !info.Stored.Before(before) || kept[info.Digest] {
			continue
		}
		deleted, err := r.sweepOne(ctx, info.Digest, before, o.Dry)
		if err != nil {
			return s, err
		}
		if deleted {
			s.Deleted++
			s.Bytes += info.Size
		}
	}
	if o.Progress != nil {
		o.Progress(1<<16, 1<<16)
	}
	return s, nil
}

// keptBlobs are those that are needed by others than the packuments' winning leaves.
func (r *Registry) keptBlobs(ctx context.Context) (map[tarballs.Digest]bool, error) {
	kept, err := r.inConflict(ctx)
	if err != nil {
		return nil, err
	}
	staged, err := r.stagedBlobs(ctx)
	if err != nil {
		return nil, err
	}
	maps.Copy(kept, staged)
	if each := r.o.Attachments.Each; each != nil {
		if err := each(ctx, func(d [64]byte) { kept[d] = true }); err != nil {
			return nil, fmt.Errorf("registry: look for attachments: %w", err)
		}
	}
	return kept, nil
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

func (r *Registry) sweepOne(ctx context.Context, d tarballs.Digest, before time.Time, dry bool) (bool, error) {
	unlock, idle := r.hold.claim(d)
	if !idle {
		return false, nil // being published at this moment
	}
	defer unlock()
	if _, waits := r.waiting.Load(d); waits {
		return false, nil // staged by this process, perhaps since the sweep began; the next process knows whether still
	}
	named, err := r.named(ctx, d)
	if err != nil || named || dry {
		return err == nil && !named, err
	}
	deleted, err := r.remove(ctx, d, before)
	if err != nil {
		return false, fmt.Errorf("registry: delete a blob: %w", err)
	}
	return deleted, nil
}

// remove deletes a blob, unless it was put again since it was listed: by another process, which is about to name it.
func (r *Registry) remove(ctx context.Context, d tarballs.Digest, before time.Time) (bool, error) {
	if remove := r.o.Attachments.Remove; remove != nil {
		return remove(ctx, d, before)
	}
	info, err := r.blobs.Stat(ctx, d)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil || !info.Stored.Before(before) {
		return false, err
	}
	return true, r.blobs.Delete(ctx, d)
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
