package replicate

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/go-kivik/kivik/v4"
)

// feeding is the following of one _replicator database.
type feeding struct {
	replicator
	cancel context.CancelFunc
}

// Follow begins to run what a _replicator database asks for. Its documents are all looked at, as no more is known of them than
// they say themselves; a replication that ran before goes on from its checkpoint.
func (s *Scheduler) Follow(db *kivik.DB) { s.feed(db.Name(), kivikReplicator{db}) }

func (s *Scheduler) feed(name string, r replicator) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return
	}
	if old := s.feeds[name]; old != nil {
		old.cancel()
	}
	ctx, cancel := context.WithCancel(s.ctx)
	f := &feeding{r, cancel}
	s.feeds[name] = f
	s.counted.DBsFound++
	s.wg.Go(func() { s.keepFeeding(ctx, name, f) })
}

// Forget ends all that a database asked for.
func (s *Scheduler) Forget(name string) {
	s.mu.Lock()
	f := s.feeds[name]
	s.mu.Unlock()
	if f != nil {
		s.forgetFeed(name, f)
	}
}

func (s *Scheduler) forgetFeed(name string, f *feeding) {
	f.cancel()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.feeds[name] != f {
		return
	}
	delete(s.feeds, name)
	s.counted.DBsDeleted++
	for d := range s.docs {
		if d.db == name {
			s.forget(d)
		}
	}
	for _, j := range s.jobs {
		if j.db == name {
			s.remove(j, errStopped)
		}
	}
}

// refeed is how long a feed that failed rests.
const refeed = 5 * time.Second

// keepFeeding follows a database until it is gone, or nobody wants it any more.
func (s *Scheduler) keepFeeding(ctx context.Context, name string, f *feeding) {
	for {
		err := f.follow(ctx, func(id string, doc json.RawMessage, deleted bool) {
			s.changed(f.replicator, name, id, doc, deleted)
		})
		switch {
		case ctx.Err() != nil:
			return
		case kivik.HTTPStatus(err) == http.StatusNotFound:
			s.forgetFeed(name, f)
			return
		}
		s.o.Logger.Warn("replication documents are not followed", "database", name, "error", err)
		select {
		case <-time.After(refeed):
		case <-ctx.Done():
			return
		}
	}
}

// replicatorOf is a database that is followed, nil where it is not.
func (s *Scheduler) replicatorOf(db string) replicator {
	s.mu.Lock()
	defer s.mu.Unlock()
	if f := s.feeds[db]; f != nil {
		return f.replicator
	}
	return nil
}

// kivikReplicator is a _replicator database behind Kivik.
type kivikReplicator struct{ db *kivik.DB }

func (k kivikReplicator) read(ctx context.Context, id string) (raw json.RawMessage, err error) {
	err = k.db.Get(ctx, id).ScanDoc(&raw)
	if kivik.HTTPStatus(err) == http.StatusNotFound {
		return nil, nil
	}
	return raw, err
}

func (k kivikReplicator) write(ctx context.Context, id string, doc json.RawMessage) error {
	_, err := k.db.Put(ctx, id, doc)
	if kivik.HTTPStatus(err) == http.StatusConflict {
		return errConflict
	}
	return err
}

var errFeedEnded = errors.New("the feed has ended")

func (k kivikReplicator) follow(ctx context.Context, yield func(string, json.RawMessage, bool)) error {
	rows := k.db.Changes(ctx, kivik.Params(map[string]any{"feed": "continuous", "include_docs": true, "since": "0"}))
	defer rows.Close() //nolint:errcheck // its error is read below
	for rows.Next() {
		var doc json.RawMessage
		if !rows.Deleted() {
			if err := rows.ScanDoc(&doc); err != nil {
				return err
			}
		}
		if !strings.HasPrefix(rows.ID(), "_design/") {
			yield(rows.ID(), doc, rows.Deleted())
		}
	}
	if err := rows.Err(); err != nil {
		return err
	}
	return errFeedEnded
}
