package registry

import (
	"context"

	"settee/replicate"
)

// listen follows what the registry is made of, until Close.
func (r *Registry) listen(ctx context.Context) error {
	r.following, r.stop = context.WithCancel(context.WithoutCancel(ctx))
	if err := r.follow(ctx, r.cache, func(name PackageName) { r.scopes.forget(name.Scope()) }); err != nil {
		return err
	}
	if up := r.o.Upstream; up != nil {
		r.far = newCache(up.DB(), r.o.UpstreamCacheSize, r.o.MaxStale, r.loadFar)
		if err := r.follow(ctx, r.far, func(PackageName) {}); err != nil {
			return err
		}
	}
	keys, err := r.keyFollower(ctx)
	if err != nil {
		return err
	}
	r.keepSigned(r.following, keys)
	return nil
}

// follow listens to the changes of a cache's database and tells the cache of each, until Close. While the feed is lost, the cache is believed for Options.MaxStale and no longer.
func (r *Registry) follow(ctx context.Context, to *cache, also func(PackageName)) error {
	f := replicate.NewFollower(to.db, replicate.FollowerOptions{
		Handle: func(_ context.Context, c replicate.Change) error {
			to.changed(PackageName(c.ID), c.Revs)
			also(PackageName(c.ID))
			return nil
		},
		Conflicts: true, // a leaf that does not win is news too
		Workers:   1,    // dropping an entry costs less than handing it out
		CaughtUp:  to.vouch,
		Lost:      to.clear,
		Proof:     r.o.MaxStale * 2 / 3,
		Logger:    r.log,
	})
	if err := f.Begin(ctx); err != nil {
		return err
	}
	r.running.Go(func() { _ = f.Run(r.following) })
	return nil
}

// Forget drops what is kept of the packuments: what was written to their database before the
// call holds when it returns. Without it that takes a few milliseconds.
func (r *Registry) Forget() { r.cache.clear() }
