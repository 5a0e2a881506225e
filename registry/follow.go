package registry

import (
	"context"
	"net/http"
	"time"

	"github.com/go-kivik/kivik/v4"
)

// Between failed polls: soon, as a restart takes a moment, then twice as long each time.
const (
	shortestPause = 100 * time.Millisecond
	longestPause  = 5 * time.Second
)

// follow listens to the database's changes and tells the cache of each, until ctx
// ends. A feed that breaks is taken up where it was; while it is lost, the cache
// is believed for Options.MaxStale and no longer. Long polls are used and not the
// continuous feed: each has an end, which proves that nothing before it was missed.
func (r *Registry) follow(ctx context.Context, since string) {
	pause := shortestPause
	for ctx.Err() == nil {
		rows, last, err := r.advance(ctx, since)
		switch {
		case ctx.Err() != nil:
			return
		case err == nil:
			if since, pause = last, shortestPause; rows == 0 {
				_ = sleep(ctx, 10*time.Millisecond) // a server that does not wait is not asked in a busy loop
			}
			continue
		case lostPlace(err):
			since = "" // the number may exist again, and mean another change
		}
		r.log.Warn("the changes feed broke; it is taken up again", "database", Database, "error", err)
		_ = sleep(ctx, pause)
		pause = min(2*pause, longestPause)
	}
}

// advance polls once, or where the place in the feed is lost finds one.
func (r *Registry) advance(ctx context.Context, since string) (rows int, last string, err error) {
	if since == "" {
		last, err = r.restart(ctx)
		return 0, last, err
	}
	return r.poll(ctx, since)
}

// lostPlace reports that the database was made anew, or does not know the sequence.
func lostPlace(err error) bool {
	return notFound(err) || kivik.HTTPStatus(err) == http.StatusBadRequest
}

// restart finds the end of the feed, and believes nothing that was read before.
func (r *Registry) restart(ctx context.Context) (since string, err error) {
	heard := time.Now()
	stats, err := r.db.Stats(ctx)
	if err != nil {
		return "", err
	}
	r.cache.clear()
	r.cache.vouch(heard)
	return stats.UpdateSeq, nil
}

// poll waits for changes and returns the sequence it reached.
func (r *Registry) poll(ctx context.Context, since string) (rows int, last string, err error) {
	wait := r.o.MaxStale * 2 / 3
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	// A connection that says nothing for longer than it may is dead.
	silence := time.AfterFunc(wait+r.o.MaxStale/6, func() { cancel(context.DeadlineExceeded) })
	defer silence.Stop()
	feed := r.db.Changes(ctx, kivik.Params(map[string]any{"feed": "longpoll", "since": since, "timeout": int(wait / time.Millisecond)}))
	// An iterator of Kivik that waits for its next row does not look at its context.
	interrupt := context.AfterFunc(ctx, func() { _ = feed.Close() })
	defer interrupt()
	defer func() { _ = feed.Close() }()
	for feed.Next() {
		silence.Reset(wait + r.o.MaxStale/6)
		for _, rev := range feed.Changes() {
			r.cache.changed(PackageName(feed.ID()), rev)
		}
		rows++
	}
	if ctx.Err() != nil {
		return rows, since, context.Cause(ctx)
	}
	if err := feed.Err(); err != nil {
		return rows, since, err
	}
	end, err := feed.Metadata()
	if err != nil {
		return rows, since, err
	}
	r.cache.vouch(time.Now())
	return rows, end.LastSeq, nil
}

func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
