package replicate_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/go-kivik/kivik/v4"
	"github.com/stretchr/testify/require"

	"settee/couch"
	"settee/couch/driver"
	"settee/replicate"
	"settee/views"
)

// client is the embedded engine on a file system in memory.
func client(t testing.TB, fs vfs.FS) *kivik.Client {
	t.Helper()
	store, err := couch.Open("data", couch.Options{FS: fs})
	require.NoError(t, err)
	engine := views.New(store, views.Options{})
	client, err := driver.NewClient(store, engine)
	require.NoError(t, err)
	t.Cleanup(func() {
		require.NoError(t, engine.Close())
		require.NoError(t, store.Close())
	})
	return client
}

func database(t testing.TB) *kivik.DB {
	c := client(t, vfs.NewMem())
	require.NoError(t, c.CreateDB(context.Background(), "db"))
	return c.DB("db")
}

// seen collects what a follower handled.
type seen struct {
	mu   sync.Mutex
	rows []replicate.Change
}

func (s *seen) handle(_ context.Context, c replicate.Change) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.rows = append(s.rows, c)
	return nil
}

func (s *seen) ids() (ids []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.rows {
		ids = append(ids, c.ID)
	}
	return ids
}

// follow runs a follower until the test ends or stop is called.
func follow(t testing.TB, f *replicate.Follower) (stop func() error) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- f.Run(ctx) }()
	stop = sync.OnceValue(func() error { cancel(); return <-done })
	t.Cleanup(func() { _ = stop() })
	return stop
}

// soon waits for something that needs a moment; it measures nothing.
func soon(t testing.TB, what func() bool) {
	t.Helper()
	require.Eventually(t, what, 20*time.Second, time.Millisecond)
}

func TestFollowerBeginsWhereItWas(t *testing.T) {
	ctx, db := t.Context(), database(t)
	put := func(id string) {
		_, err := db.Put(ctx, id, map[string]any{})
		require.NoError(t, err)
	}
	for i := range 250 { // more than the first poll reads
		put(fmt.Sprint("a", i))
	}
	var first seen
	stop := follow(t, replicate.NewFollower(db, replicate.FollowerOptions{Name: "x", Handle: first.handle}))
	soon(t, func() bool { return len(first.ids()) == 250 })
	put("b")
	soon(t, func() bool { return len(first.ids()) == 251 })
	require.ErrorIs(t, stop(), context.Canceled)

	put("c")
	var second seen
	f := replicate.NewFollower(db, replicate.FollowerOptions{Name: "x", Handle: second.handle})
	follow(t, f)
	soon(t, func() bool { return len(second.ids()) == 1 })
	require.Equal(t, []string{"c"}, second.ids())
	soon(t, func() bool { return f.Lag() == replicate.Lag{} })
	f.Replay("")
	soon(t, func() bool { return len(second.ids()) == 253 })
}
