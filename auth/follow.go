package auth

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"time"

	"github.com/go-kivik/kivik/v4"
)

const (
	// pollTime is how long a feed stays open while nothing happens. Each end of a
	// feed proves that all changes before it were seen.
	pollTime = 10 * time.Second
	// pollSlack is how much later than that a silent connection counts as dead.
	pollSlack = 2 * time.Second
	// vouchTime is how long after such a proof the kept answers are used: pollTime
	// and pollSlack, and a little for the next feed to open.
	vouchTime = 15 * time.Second
	// Between failed polls: soon, as a restart takes a moment, then twice as long each time.
	shortestPause = 100 * time.Millisecond
	longestPause  = 5 * time.Second
)

// follower is a mirror's position in its database's feed. Long polls are used
// and not the continuous feed: each has a definite end, which is what proves that
// nothing was missed, and Kivik's driver for CouchDB cannot end a continuous one.
type follower[V any] struct {
	*mirror[V]
	client *kivik.Client
	log    *slog.Logger
	since  string
	purged string    // the database's purge sequence
	heeded time.Time // when it was looked at
}

// start takes the position from which the mirror may be believed. What the
// mirror reads afterwards is younger, so that the feed brings all that outdates it.
func (f *follower[V]) start(ctx context.Context) error {
	if err := ensureDB(ctx, f.client, f.db.Name()); err != nil {
		return err
	}
	return f.begin(ctx)
}

// begin is start without a database being made: _users that an administrator deleted
// is theirs to make again, or the next sign-up's.
func (f *follower[V]) begin(ctx context.Context) error {
	now := f.now()
	stats, err := f.db.Stats(ctx)
	if err != nil {
		f.vouch(now.Add(-vouchTime)) // until there is a feed again the store is asked
		f.clear()
		return err
	}
	f.since, f.purged, f.heeded = stats.UpdateSeq, purgeSeq(stats), now
	f.clear()
	f.vouch(now)
	return nil
}

// purgeSeq moves when documents are purged, which is the one thing that no feed tells.
func purgeSeq(stats *kivik.DBStats) string {
	var figures struct {
		PurgeSeq json.RawMessage `json:"purge_seq"`
	}
	_ = json.Unmarshal(stats.RawResponse, &figures) // a server that does not tell it purges nothing
	return string(figures.PurgeSeq)
}

// heed forgets all that is known when something was purged. It looks no more
// often than an idle feed ends, so within twice that time.
func (f *follower[V]) heed(ctx context.Context) error {
	now := f.now()
	if now.Sub(f.heeded) < pollTime {
		return nil
	}
	f.heeded = now
	stats, err := f.db.Stats(ctx)
	if err != nil {
		return err
	}
	if purged := purgeSeq(stats); purged != f.purged {
		f.purged = purged
		f.clear()
	}
	return nil
}

func (f *follower[V]) vouch(from time.Time) {
	until := from.Add(vouchTime)
	f.vouched.Store(&until)
}

// run follows until ctx ends.
func (f *follower[V]) run(ctx context.Context) {
	pause := shortestPause
	for ctx.Err() == nil {
		rows, err := f.poll(ctx)
		switch {
		case ctx.Err() != nil:
			return
		case err == nil:
			pause = shortestPause
			if rows == 0 {
				// A server that does not wait must not be asked in a busy loop.
				sleep(ctx, shortestPause)
			}
			continue
		case lostPosition(err) && f.db.Name() == usersDB:
			err = f.begin(ctx)
		case lostPosition(err):
			err = f.start(ctx)
		}
		if err != nil && pause == shortestPause { // once a loss
			f.log.Warn("auth: feed lost, retrying", "database", f.db.Name(), "error", err)
		}
		sleep(ctx, pause)
		pause = min(2*pause, longestPause)
	}
}

// lostPosition reports that the database was made anew, or does not know the sequence.
func lostPosition(err error) bool {
	status := kivik.HTTPStatus(err)
	return status == http.StatusNotFound || status == http.StatusBadRequest
}

// poll reads what changed since the last one, waiting for it if need be.
func (f *follower[V]) poll(ctx context.Context) (rows int, err error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	silence := time.AfterFunc(pollTime+pollSlack, func() { cancel(context.DeadlineExceeded) })
	defer silence.Stop()

	changes := f.db.Changes(ctx, kivik.Params(map[string]any{
		"feed": "longpoll", "since": f.since, "timeout": int(pollTime / time.Millisecond),
	}))
	// An iterator of Kivik that waits for its next row does not look at its context.
	interrupt := context.AfterFunc(ctx, func() { _ = changes.Close() })
	defer interrupt()
	defer func() { _ = changes.Close() }()
	for changes.Next() {
		silence.Reset(pollTime + pollSlack)
		f.forget(changes.ID())
		rows++
	}
	if ctx.Err() != nil {
		return rows, context.Cause(ctx)
	}
	if err := changes.Err(); err != nil {
		return rows, err
	}
	end, err := changes.Metadata()
	if err != nil || end == nil {
		return rows, err
	}
	f.since = end.LastSeq
	if err := f.heed(ctx); err != nil {
		return rows, err
	}
	f.vouch(f.now())
	return rows, nil
}

func sleep(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}

// ensureDB makes a database for the server's eyes only, unless it is there.
func ensureDB(ctx context.Context, client *kivik.Client, name string) error {
	err := client.CreateDB(ctx, name)
	if kivik.HTTPStatus(err) == http.StatusPreconditionFailed {
		return nil
	}
	if err != nil || name == usersDB {
		return err // CouchDB guards _users itself and refuses another _security
	}
	admins := kivik.Members{Roles: []string{adminRole}}
	return client.DB(name).SetSecurity(ctx, &kivik.Security{Admins: admins, Members: admins})
}
