package registry

import (
	"context"
	"time"

	"github.com/go-kivik/kivik/v4"
)

// follow listens to the database's changes and tells the cache of each, until ctx
// ends. A feed that breaks is taken up where it was.
func (r *Registry) follow(ctx context.Context, since string) {
	pause := 100 * time.Millisecond
	for ctx.Err() == nil {
		last, err := r.listen(ctx, since)
		if last != since {
			since, pause = last, 100*time.Millisecond
		}
		if ctx.Err() != nil {
			return
		}
		if err != nil {
			r.log.Warn("the changes feed broke; it is taken up again", "database", Database, "error", err)
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
		}
		pause = min(2*pause, 5*time.Second)
	}
}

// listen reads the feed to its end and returns the sequence it reached.
func (r *Registry) listen(ctx context.Context, since string) (string, error) {
	feed := r.db.Changes(ctx, kivik.Params(map[string]any{"feed": "continuous", "since": since, "heartbeat": 30_000}))
	defer feed.Close()
	for feed.Next() {
		for _, rev := range feed.Changes() {
			r.cache.changed(PackageName(feed.ID()), rev)
		}
		since = feed.Seq()
	}
	return since, feed.Err()
}
