package registry

import (
	"context"

	"settee/replicate"
)

// follow listens to the database's changes and tells the cache of each, until Close. While the feed is lost, the cache is believed for Options.MaxStale and no longer.
func (r *Registry) follow(ctx context.Context) error {
	f := replicate.NewFollower(r.db, replicate.FollowerOptions{
		Handle: func(_ context.Context, c replicate.Change) error {
			r.cache.changed(PackageName(c.ID), c.Revs)
			return nil
		},
		Conflicts: true, // a leaf that does not win is news too
		Workers:   1,    // dropping an entry costs less than handing it out
		CaughtUp:  r.cache.vouch,
		Lost:      r.cache.clear,
		Proof:     r.o.MaxStale * 2 / 3,
		Logger:    r.log,
	})
	if err := f.Begin(ctx); err != nil {
		return err
	}
	keys, err := r.keyFollower(ctx)
	if err != nil {
		return err
	}
	ctx, r.stop = context.WithCancel(context.WithoutCancel(ctx))
	r.running.Go(func() { _ = f.Run(ctx) })
	r.keepSigned(ctx, keys)
	return nil
}

// Forget drops what is kept of the packuments: what was written to their database before the
// call holds when it returns. Without it that takes a few milliseconds.
func (r *Registry) Forget() { r.cache.clear() }
