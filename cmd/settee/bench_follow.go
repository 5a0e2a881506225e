package main

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/go-kivik/kivik/v4"

	"settee/replicate"
)

// followed is how many writes are timed until who follows has them.
const followed = 500

// follow times from the acknowledgement of a write to its arrival in the feed of a continuous replication's target.
func (m *replicating) follow() ([]figure, error) {
	source, target, err := m.pair("live", 0)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(m.ctx)
	var running sync.WaitGroup
	running.Go(func() { _, _ = replicate.Run(ctx, source, target, replicate.Options{Continuous: true}) }) // it ends by cancel
	defer running.Wait()
	defer cancel()
	feed := target.DB.Changes(m.ctx, kivik.Param("feed", "continuous"))
	defer feed.Close() //nolint:errcheck // it is endless
	f, err := m.arrivals(source.DB, func(id string) error {
		for feed.Next() && feed.ID() != id {
		}
		return feed.Err()
	})
	f.name = "ReplicateContinuous"
	return []figure{f}, err
}

// handle times from the acknowledgement of a write to the call of a follower's Handle.
func (m *replicating) handle() ([]figure, error) {
	db, err := m.peer("handled")
	if err != nil {
		return nil, err
	}
	handled := make(chan string, 1)
	follower := replicate.NewFollower(db.DB, replicate.FollowerOptions{Handle: func(_ context.Context, c replicate.Change) error {
		handled <- c.ID
		return nil
	}})
	if err := follower.Begin(m.ctx); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(m.ctx)
	var running sync.WaitGroup
	running.Go(func() { _ = follower.Run(ctx) }) // it ends by cancel
	defer running.Wait()
	defer cancel()
	f, err := m.arrivals(db.DB, func(string) error {
		select {
		case <-handled:
			return nil
		case <-m.ctx.Done():
			return context.Cause(m.ctx)
		}
	})
	f.name = "Follower"
	return []figure{f}, err
}

// arrivals writes documents one after the other, and waits until each has arrived.
func (m *replicating) arrivals(db *kivik.DB, arrived func(id string) error) (f figure, err error) {
	f.unit = "docs"
	begin := time.Now()
	for i := range followed {
		id := fmt.Sprintf("doc%08d", i)
		if _, err := db.Put(m.ctx, id, map[string]int{"n": i}); err != nil {
			return f, err
		}
		written := time.Now()
		if err := arrived(id); err != nil {
			return f, err
		}
		f.took = append(f.took, time.Since(written))
	}
	f.elapsed = time.Since(begin)
	return f, nil
}
