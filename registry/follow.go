package registry

import (
	"context"

	"settee/replicate"
)

// listen follows what the registry is made of, until Close.
func (r *Registry) listen(ctx context.Context) error {
	r.following, r.stop = context.WithCancel(context.WithoutCancel(ctx))
	if err := r.follow(ctx, r.cache, r.lost, r.heard); err != nil {
		return err
	}
	if up := r.o.Upstream; up != nil {
		r.far = newCache(up.DB(), r.o.UpstreamCacheSize, r.o.MaxStale, r.loadFar)
		if err := r.follow(ctx, r.far, r.far.clear, func(replicate.Change) {}); err != nil {
			return err
		}
	}
	keys, err := r.keyFollower(ctx)
	if err != nil {
		return err
	}
	r.keepSigned(r.following, keys)
	if r.o.Upstream != nil && !r.o.ReadOnly {
		r.running.Go(func() { r.takeFarKeys(r.following) })
	}
	return r.number(r.following)
}

// follow listens to the changes of a cache's database and tells the cache of each, until Close. While the feed is lost, the cache is believed for Options.MaxStale and no longer.
func (r *Registry) follow(ctx context.Context, to *cache, lost func(), also func(replicate.Change)) error {
	f := replicate.NewFollower(to.db, replicate.FollowerOptions{
		Handle: func(_ context.Context, c replicate.Change) error {
			to.changed(PackageName(c.ID), c.Revs)
			also(c)
			return nil
		},
		Conflicts: true, // a leaf that does not win is news too
		Workers:   1,    // dropping an entry costs less than handing it out
		CaughtUp:  to.vouch,
		Lost:      lost,
		Proof:     r.o.MaxStale * 2 / 3,
		Logger:    r.log,
	})
	if err := f.Begin(ctx); err != nil {
		return err
	}
	r.running.Go(func() { _ = f.Run(r.following) })
	return nil
}

// heard is what a change of our own packages means beside the cache.
func (r *Registry) heard(c replicate.Change) {
	name := PackageName(c.ID)
	r.scopes.forget(name.Scope())
	r.unscoped.changed(name, c.Deleted)
}

// lost is the news that changes may have gone unheard.
func (r *Registry) lost() {
	r.cache.clear()
	r.unscoped.forget()
}

// Forget drops what is kept of the packuments: what was written to their database before the
// call holds when it returns. Without it that takes a few milliseconds.
func (r *Registry) Forget() { r.cache.clear() }
