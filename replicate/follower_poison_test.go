package replicate_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"settee/replicate"
)

// picky fails for documents while they are named.
type picky struct {
	seen
	bad sync.Map
}

func (p *picky) handle(ctx context.Context, c replicate.Change) error {
	if why, bad := p.bad.Load(c.ID); bad {
		if why == "panic" {
			panic("a bug")
		}
		return errors.New(why.(string))
	}
	return p.seen.handle(ctx, c)
}

func aside(f *replicate.Follower) (ids []string) {
	for _, a := range f.Poison() {
		ids = append(ids, a.ID+": "+a.Error)
	}
	slices.Sort(ids)
	return ids
}

func TestPoisonIsSetAside(t *testing.T) {
	for kind, make := range kinds(t) {
		t.Run(kind, func(t *testing.T) {
			db := make(t, "poison_"+kind).DB
			for _, id := range []string{"a", "b", "c", "d", "e"} {
				put(t, db, id, `{}`)
			}
			var p picky
			for id, why := range map[string]string{"b": "no room", "d": "panic", "e": strings.Repeat("long", 1000)} {
				p.bad.Store(id, why)
			}
			o := replicate.FollowerOptions{Name: "x", Handle: p.handle, Retries: 1}
			f := replicate.NewFollower(db, o)
			stop := follow(t, f)
			soon(t, func() bool { return f.Status().SetAside == 3 })
			want := []string{"b: no room", "d: panic: a bug", "e: " + strings.Repeat("long", 125)}
			require.Equal(t, want, aside(f))
			idle(t, f)
			require.EqualValues(t, 6, f.Status().Failures)
			require.NotEmpty(t, f.Status().LastError)
			require.ElementsMatch(t, []string{"a", "c"}, p.ids())
			require.Error(t, stop())

			f = replicate.NewFollower(db, o) // as after a restart
			stop = follow(t, f)
			idle(t, f)
			require.Equal(t, want, aside(f))
			f.Retry("b")
			soon(t, func() bool { return f.Status().Failures == 2 })
			require.Equal(t, want, aside(f), "it failed again")

			p.bad.Clear()
			f.Retry("b", "unknown")
			soon(t, func() bool { return f.Status().SetAside == 2 })
			f.Drop("e")
			require.Equal(t, want[1:2], aside(f))
			put(t, db, "d", fmt.Sprintf(`{"_rev":%q}`, f.Poison()[0].Revs[0]))
			soon(t, func() bool { return f.Status().SetAside == 0 }) // healed by a later change
			require.ElementsMatch(t, []string{"a", "b", "c", "d"}, p.ids())
			idle(t, f)
			require.Error(t, stop())
			f = replicate.NewFollower(db, o)
			follow(t, f)
			idle(t, f)
			require.Empty(t, f.Poison())
		})
	}
}

// Retry handles what the document is now; one that was purged is nothing to handle.
func TestRetryReadsAnew(t *testing.T) {
	db := inMemory(t)
	gone, rev := put(t, db, "gone", `{}`), put(t, db, "b", `{"n":1}`)
	var p picky
	p.bad.Store("gone", "no")
	p.bad.Store("b", "no")
	f := replicate.NewFollower(db, replicate.FollowerOptions{Name: "x", Handle: p.handle, Retries: 1, IncludeDocs: true})
	follow(t, f)
	soon(t, func() bool { return f.Status().SetAside == 2 })
	_, err := db.Purge(t.Context(), map[string][]string{"gone": {gone}})
	require.NoError(t, err)
	second := put(t, db, "b", fmt.Sprintf(`{"_rev":%q,"n":2}`, rev))
	soon(t, func() bool { return f.Status().Failures == 6 }) // the later one failed as often
	p.bad.Clear()
	f.Retry()
	soon(t, func() bool { return f.Status().SetAside == 0 })
	require.Len(t, p.changes(), 1)
	require.Equal(t, []string{second}, p.changes()[0].Revs)
	require.Contains(t, string(p.changes()[0].Doc), `"n":2`)
}

// When all fails it is not the changes that are wrong: the feed waits and nothing is dropped.
func TestTooMuchPoisonBlocks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		stage, db := newStage(t)
		var p picky
		for i := range 300 {
			stage.write(fmt.Sprint(i))
			p.bad.Store(fmt.Sprint(i), "no")
		}
		f := replicate.NewFollower(db, replicate.FollowerOptions{Handle: p.handle, Since: "0", Retries: 1})
		ctx, cancel := context.WithCancel(context.Background())
		done := make(chan error, 1)
		go func() { done <- f.Run(ctx) }()
		time.Sleep(time.Hour)
		s := f.Status()
		require.True(t, s.Blocked)
		require.Equal(t, 256, s.SetAside)
		require.EqualValues(t, 44, s.Lag.Changes)
		require.Greater(t, s.Lag.Time, 59*time.Minute)
		p.bad.Clear()
		f.Retry()
		time.Sleep(time.Minute)
		require.False(t, f.Status().Blocked)
		require.Zero(t, f.Status().SetAside)
		require.Len(t, p.ids(), 300)
		cancel()
		<-done
	})
}
