package registry

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"settee/provenance"
	"settee/replicate"
)

// keyring is what is known of the keys. It is replaced whole when they change.
type keyring struct {
	keys    []*provenance.Key // the oldest first
	name    string            // of this very set: a back-fill by another begins anew
	through atomic.Bool       // every package has a signature of one of them
}

func newKeyring(keys []*provenance.Key) *keyring {
	sum := sha256.New()
	for _, k := range keys {
		fmt.Fprintln(sum, k.ID, k.Expires.UnixMilli(), k.Revoked)
	}
	return &keyring{keys: keys, name: hex.EncodeToString(sum.Sum(nil)[:8])}
}

// signer is the key that signs what is published now: the newest, so that all regions take the same.
func (k *keyring) signer(now time.Time) (ending *provenance.Key) {
	for _, key := range slices.Backward(k.keys) {
		switch {
		case !key.Signs(now):
		case key.Expires.IsZero(): // it follows those that end, also where it was made in the same millisecond
			return key
		case ending == nil:
			ending = key
		}
	}
	return ending
}

// of finds a key by its id.
func (k *keyring) of(id string) *provenance.Key {
	for _, key := range k.keys {
		if key.ID == id {
			return key
		}
	}
	return nil
}

// openKeys reads the keys, and makes the first where there is none.
func (r *Registry) openKeys(ctx context.Context) error {
	if err := r.readKeys(ctx); err != nil {
		return err
	}
	if r.keys.Load().signer(r.o.Now()) == nil && !r.o.ReadOnly {
		k, err := r.signing.Make(ctx, r.o.Now())
		if err != nil {
			return err
		}
		r.log.Info("made a key that signs what is published", "key", k.ID)
		if err := r.readKeys(ctx); err != nil {
			return err
		}
	}
	return nil
}

// readKeys replaces the keyring where the keys have changed.
func (r *Registry) readKeys(ctx context.Context) error {
	keys, spoilt, err := r.signing.All(ctx)
	if err != nil {
		return err
	}
	for id, err := range spoilt {
		r.log.Error("a document of the database "+SigningDatabase+" is no key", "id", id, "error", err)
	}
	next := newKeyring(keys)
	if was := r.keys.Load(); was != nil && was.name == next.name {
		return nil
	}
	r.keys.Store(next)
	if r.far != nil {
		r.far.empty() // what they sign is signed as it is read
	}
	select {
	case r.rekeyed <- struct{}{}:
	default:
	}
	return nil
}

// keyFollower keeps the keyring true.
func (r *Registry) keyFollower(ctx context.Context) (*replicate.Follower, error) {
	f := replicate.NewFollower(r.signing.db, replicate.FollowerOptions{
		Handle:  func(ctx context.Context, _ replicate.Change) error { return r.readKeys(ctx) },
		Workers: 1,
		Logger:  r.log,
	})
	if err := f.Begin(ctx); err != nil {
		return nil, err
	}
	return f, r.openKeys(ctx)
}

// keepSigned runs the follower of the keys, and back-fills what was published without a signature, until ctx ends.
func (r *Registry) keepSigned(ctx context.Context, keys *replicate.Follower) {
	r.running.Go(func() { _ = keys.Run(ctx) })
	r.running.Go(func() {
		for ctx.Err() == nil {
			r.backfill(ctx, r.keys.Load())
		}
	})
}

// How often other registries are asked for their keys.
const (
	farKeysTime  = time.Hour
	farKeysPause = time.Minute // where one does not answer
)

// takeFarKeys takes in the keys of the registries that are read through, until ctx ends: clients refuse a version for each
// signature whose key they are not shown.
func (r *Registry) takeFarKeys(ctx context.Context) {
	for {
		keys, err := r.o.Upstream.Keys(ctx)
		for _, k := range keys {
			if failed := r.signing.Import(ctx, k.ID, k.Public, k.Expires, r.o.Now()); failed != nil {
				r.log.Warn("a key of another registry cannot be used", "key", k.ID, "error", failed)
			}
		}
		wait := farKeysTime
		if err != nil {
			if ctx.Err() == nil {
				r.log.Warn("the keys of another registry are not to be had: audits of its signatures fail where they were never had", "error", err)
			}
			wait = farKeysPause
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(wait):
		}
	}
}

// takenPause is how long the back-fill is left to another process of the same database.
const takenPause = time.Minute

// backfill signs what lacks a signature, from where it was left, until ctx ends or there are other keys.
func (r *Registry) backfill(ctx context.Context, ring *keyring) {
	ctx, stop := context.WithCancel(ctx)
	var signing sync.WaitGroup
	defer signing.Wait() // the next one may be of the same keys, and two followers of one name there are not
	defer stop()
	if r.o.ReadOnly {
		ring.through.Store(true) // its peer does it
	} else {
		signing.Go(func() { r.sign(ctx, ring) })
	}
	select {
	case <-ctx.Done():
	case <-r.rekeyed:
	}
}

func (r *Registry) sign(ctx context.Context, ring *keyring) {
	for ctx.Err() == nil {
		var f *replicate.Follower
		f = replicate.NewFollower(r.db, replicate.FollowerOptions{
			Name: "signatures-" + ring.name, Workers: 2, Gather: time.Second, Logger: r.log,
			Handle: func(ctx context.Context, c replicate.Change) error {
				if c.Deleted || c.ID[0] == '_' {
					return nil
				}
				return r.signPackage(ctx, PackageName(c.ID), c.Revs[0], ring)
			},
			CaughtUp: func(time.Time) {
				if f.Status().SetAside > 0 {
					f.Retry()
				}
				ring.through.Store(f.Status().SetAside == 0)
			},
		})
		if err := f.Run(ctx); errors.Is(err, replicate.ErrFollowerTaken) {
			ring.through.Store(true) // another process of this database does it
		}
		select {
		case <-ctx.Done():
		case <-time.After(takenPause):
		}
	}
}

// serveKeys answers GET /-/npm/v1/keys. Once there are keys, clients refuse whatever is not signed:
// there are none before all is.
func (r *Registry) serveKeys(w http.ResponseWriter, _ *request) error {
	ring := r.keys.Load()
	if !ring.through.Load() {
		return errNotFound
	}
	list := []map[string]any{}
	for _, k := range ring.keys {
		if k.Revoked {
			continue
		}
		one := map[string]any{"keyid": k.ID, "keytype": provenance.KeyType, "scheme": provenance.KeyType, "key": k.Public(), "expires": nil}
		if !k.Expires.IsZero() {
			one["expires"] = k.Expires.UTC().Format(isoTime)
		}
		list = append(list, one)
	}
	if len(list) == 0 {
		return errNotFound
	}
	w.Header().Set("Cache-Control", "public, max-age=0")
	writeJSON(w, http.StatusOK, map[string]any{"keys": list})
	return nil
}
