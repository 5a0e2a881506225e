package replicate_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/go-kivik/kivik/v4"
	"github.com/stretchr/testify/require"

	"settee/couch"
	"settee/couch/driver"
	"settee/fixtures/engine"
	"settee/replicate"
	"settee/views"
)

// opened is the embedded engine on a file system; close it before the test ends.
func opened(t testing.TB, fs vfs.FS) (client *kivik.Client, stop func()) {
	t.Helper()
	store, err := couch.Open("data", couch.Options{FS: fs})
	require.NoError(t, err)
	engine := views.New(store, views.Options{})
	client, err = driver.NewClient(store, engine)
	require.NoError(t, err)
	return client, func() {
		require.NoError(t, engine.Close())
		require.NoError(t, store.Close())
	}
}

// inMemory is a fresh database of the embedded engine.
func inMemory(t testing.TB) *kivik.DB {
	t.Helper()
	client := engine.Open(t)
	require.NoError(t, client.CreateDB(t.Context(), "db"))
	return client.DB("db")
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

func (s *seen) changes() []replicate.Change {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.rows)
}

func (s *seen) ids() (ids []string) {
	for _, c := range s.changes() {
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
	require.Eventually(t, what, 30*time.Second, time.Millisecond)
}

// idle waits until a follower has handled all there is.
func idle(t testing.TB, f *replicate.Follower) {
	t.Helper()
	soon(t, func() bool { return f.Status().State == replicate.Following && f.Lag() == replicate.Lag{} })
}

func TestFollowerGoesOnWhereItWas(t *testing.T) {
	for kind, make := range kinds(t) {
		t.Run(kind, func(t *testing.T) {
			db := make(t, "goes_on_"+kind).DB
			for i := range 250 { // more than the first poll reads
				put(t, db, fmt.Sprint("a", i), `{}`)
			}
			var first seen
			f := replicate.NewFollower(db, replicate.FollowerOptions{Name: "x", Handle: first.handle})
			stop := follow(t, f)
			soon(t, func() bool { return len(first.ids()) == 250 })
			rev := put(t, db, "b", `{}`)
			soon(t, func() bool { return len(first.ids()) == 251 })
			last := first.changes()[250]
			require.Equal(t, replicate.Change{ID: "b", Seq: last.Seq, Revs: []string{rev}}, last)
			idle(t, f)
			require.ErrorIs(t, stop(), context.Canceled)
			require.Equal(t, replicate.Stopped, f.Status().State)
			require.Equal(t, f.Status().Seq, f.Status().Checkpoint)

			_, err := db.Delete(t.Context(), "b", rev)
			require.NoError(t, err)
			var second seen
			f = replicate.NewFollower(db, replicate.FollowerOptions{Name: "x", Handle: second.handle})
			follow(t, f)
			soon(t, func() bool { return len(second.ids()) == 1 })
			require.Equal(t, "b", second.changes()[0].ID)
			require.True(t, second.changes()[0].Deleted)
		})
	}
}

func TestFollowerReplays(t *testing.T) {
	for kind, make := range kinds(t) {
		t.Run(kind, func(t *testing.T) {
			db := make(t, "replays_"+kind).DB
			for i := range 20 {
				put(t, db, fmt.Sprint("a", i), `{}`)
			}
			var got seen
			f := replicate.NewFollower(db, replicate.FollowerOptions{Name: "x", Handle: got.handle, Workers: 1})
			follow(t, f)
			soon(t, func() bool { return len(got.ids()) == 20 })
			idle(t, f)
			half := got.changes()[9].Seq
			f.Replay("")
			soon(t, func() bool { return len(got.ids()) == 40 })
			idle(t, f)
			f.Replay(half)
			soon(t, func() bool { return len(got.ids()) >= 50 })
			idle(t, f)
			f.Pause()
			put(t, db, "skipped", `{}`)
			f.Replay("now")
			f.Resume()
			soon(t, func() bool { return f.Status().Seq == f.Status().Checkpoint })
			put(t, db, "last", `{}`)
			soon(t, func() bool { return slices.Contains(got.ids(), "last") })
			require.NotContains(t, got.ids(), "skipped")
		})
	}
}

func TestFollowerReadsDocuments(t *testing.T) {
	for kind, make := range kinds(t) {
		t.Run(kind, func(t *testing.T) {
			db := make(t, "documents_"+kind).DB
			var got seen
			follow(t, replicate.NewFollower(db, replicate.FollowerOptions{Handle: got.handle, Since: "0", IncludeDocs: true, Conflicts: true}))
			putRevs(t, db, `{"_id":"a","_rev":"1-a","v":1}`, `{"_id":"a","_rev":"1-b","v":2}`)
			soon(t, func() bool { rows := got.changes(); return len(rows) > 0 && len(rows[len(rows)-1].Revs) == 2 })
			rows := got.changes()
			last := rows[len(rows)-1]
			require.Equal(t, []string{"1-b", "1-a"}, last.Revs)
			require.JSONEq(t, `{"_id":"a","_rev":"1-b","v":2,"_conflicts":["1-a"]}`, string(last.Doc))
		})
	}
}

// Two with one name would each skip what the other handled: the newer stays.
func TestFollowerNameIsTaken(t *testing.T) {
	db := inMemory(t)
	o := replicate.FollowerOptions{Name: "x", Handle: new(seen).handle, CheckpointInterval: time.Millisecond}
	first := replicate.NewFollower(db, o)
	done := make(chan error, 1)
	go func() { done <- first.Run(t.Context()) }()
	put(t, db, "a", `{}`)
	idle(t, first)
	soon(t, func() bool { s := first.Status(); return s.Checkpoint == s.Seq }) // or its write may fall between the second's
	second := replicate.NewFollower(db, o)
	follow(t, second)
	idle(t, second)
	put(t, db, "b", `{}`)
	err := <-done
	require.ErrorIs(t, err, replicate.ErrFollowerTaken)
	require.ErrorContains(t, err, `follow db as "x"`)
	put(t, db, "c", `{}`)
	idle(t, second)
}

func TestFollowerRunsOnce(t *testing.T) {
	db := inMemory(t)
	f := replicate.NewFollower(db, replicate.FollowerOptions{Handle: new(seen).handle})
	stop := follow(t, f)
	idle(t, f)
	require.ErrorContains(t, f.Run(t.Context()), "runs already")
	cause := errors.New("enough")
	require.ErrorIs(t, stop(), context.Canceled)
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(cause)
	require.ErrorIs(t, f.Run(ctx), cause, "again, and its end has a reason")
}

// What changes after Begin is handled, whenever Run comes.
func TestFollowerBegin(t *testing.T) {
	db := inMemory(t)
	put(t, db, "before", `{}`)
	var got seen
	f := replicate.NewFollower(db, replicate.FollowerOptions{Handle: got.handle})
	require.NoError(t, f.Begin(t.Context()))
	put(t, db, "after", `{}`)
	follow(t, f)
	soon(t, func() bool { return len(got.ids()) == 1 })
	require.Equal(t, []string{"after"}, got.ids())
	missing := replicate.NewFollower(db.Client().DB("missing"), replicate.FollowerOptions{Handle: got.handle})
	require.Equal(t, 404, kivik.HTTPStatus(missing.Begin(t.Context())))
}

func TestFollowerStatusIsJSON(t *testing.T) {
	db := inMemory(t)
	f := replicate.NewFollower(db, replicate.FollowerOptions{Name: "x", Handle: new(seen).handle})
	raw, err := json.Marshal(f.Status())
	require.NoError(t, err)
	require.JSONEq(t, `{"name":"x","database":"db","state":"stopped","blocked":false,"seq":"","lag":{"changes":0,"time_nsec":0},
		"read":0,"handled":0,"failures":0,"set_aside":0}`, strip(raw, "time_nsec"))
}

// strip sets the numbers of a member to 0.
func strip(raw []byte, member string) string {
	var all map[string]any
	_ = json.Unmarshal(raw, &all)
	all["lag"].(map[string]any)[member] = 0
	text, _ := json.Marshal(all)
	return string(text)
}

// Documents that who follows has already need not be read; others come whole.
func TestFollowerIsNotGivenWhatItHolds(t *testing.T) {
	db := inMemory(t)
	revs := map[string]string{}
	for _, id := range []string{"a", "b", "c"} {
		rev, err := db.Put(t.Context(), id, map[string]any{"n": 1.5})
		require.NoError(t, err)
		revs[id] = rev
	}
	var s seen
	f := replicate.NewFollower(db, replicate.FollowerOptions{
		Handle: s.handle, Since: "0", IncludeDocs: true, Conflicts: true, Proof: time.Second,
		Held: func(id, rev string) bool { return id == "b" && rev == revs["b"] },
	})
	follow(t, f)
	soon(t, func() bool { return len(s.changes()) == 3 })
	rev, err := db.Put(t.Context(), "b", map[string]any{"n": 2}, kivik.Rev(revs["b"]))
	require.NoError(t, err)
	soon(t, func() bool { return len(s.changes()) == 4 })
	docs := map[string]string{}
	for _, c := range s.changes() {
		docs[c.ID+c.Revs[0]] = string(c.Doc)
	}
	require.Equal(t, map[string]string{
		"a" + revs["a"]: `{"_id":"a","_rev":"` + revs["a"] + `","n":1.5}`, "b" + revs["b"]: "",
		"c" + revs["c"]: `{"_id":"c","_rev":"` + revs["c"] + `","n":1.5}`, "b" + rev: `{"_id":"b","_rev":"` + rev + `","n":2}`,
	}, docs)
}
