package auth

import (
	"context"
	"time"

	"settee/database"
	"settee/replicate"
)

const (
	// pollTime is how often an idle feed proves that all changes before were seen.
	pollTime = 10 * time.Second
	// vouchTime is how long after such a proof the kept answers are used: pollTime, the
	// fifth of it after which a silent connection counts as dead, and a little for the next feed to open.
	vouchTime = 15 * time.Second
)

// follow makes the database of a mirror, and the feed tell the mirror what
// outdates it. What is read after the feed's beginning is younger than that.
func follow[V any](ctx, following context.Context, a *Auth, m *mirror[V]) error {
	name := m.db.Name()
	if err := database.Private(ctx, a.client, name); err != nil {
		return err
	}
	o := replicate.FollowerOptions{
		Handle:   func(_ context.Context, c replicate.Change) error { m.forget(c.ID); return nil },
		Workers:  1, // forgetting costs less than handing it out
		CaughtUp: m.vouch,
		Lost:     m.doubt,
		Proof:    pollTime,
		Logger:   a.o.Logger,
		Now:      a.o.Now,
	}
	if name != usersDB { // a _users that an administrator deleted is theirs to make again, or the next sign-up's
		o.Absent = func(ctx context.Context) error { return database.Private(ctx, a.client, name) }
	}
	f := replicate.NewFollower(m.db, o)
	if err := f.Begin(ctx); err != nil {
		return err
	}
	a.running.Go(func() { _ = f.Run(following) })
	return nil
}
