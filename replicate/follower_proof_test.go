package replicate_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"settee/replicate"
)

// proofs collects what CaughtUp was told, and when.
type proofs struct {
	mu   sync.Mutex
	told []time.Time
	at   []time.Time
}

func (p *proofs) count() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.at)
}

func (p *proofs) caughtUp(at time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.at, p.told = append(p.at, at), append(p.told, time.Now())
}

// While the feed stands a proof is at most one Proof old, however the changes fall,
// and it never claims what is to come.
func TestProofsKeepComing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, db := newStage(t)
		var p proofs
		f := replicate.NewFollower(db, replicate.FollowerOptions{Handle: new(seen).handle, CaughtUp: p.caughtUp})
		stop := follow(t, f)
		for _, pause := range []time.Duration{9900, 9999, 1, 5000, 10_001, 4000, 30_000, 0, 9000} {
			time.Sleep(pause * time.Millisecond)
			s.write("a")
		}
		time.Sleep(time.Minute)
		require.Equal(t, replicate.Lag{}, f.Lag())
		require.Error(t, stop())
		require.Greater(t, len(p.at), 13)
		last := p.told[0]
		for i, at := range p.at {
			require.False(t, at.After(p.told[i]))
			require.LessOrEqual(t, at.Sub(last), 10*time.Second+100*time.Millisecond)
			require.False(t, at.Before(last))
			last = at
		}
	})
}

// A proof tells of handled changes only.
func TestProofWaitsForHandlers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, db := newStage(t)
		g, p := newGate(), proofs{}
		f := replicate.NewFollower(db, replicate.FollowerOptions{Handle: g.handle, CaughtUp: p.caughtUp})
		stop := follow(t, f)
		time.Sleep(time.Second)
		require.Equal(t, 1, p.count())
		s.write("a", "b")
		time.Sleep(time.Hour)
		require.Equal(t, 1, p.count())
		require.Equal(t, int64(2), f.Lag().Changes)
		require.Equal(t, time.Hour+time.Second, f.Lag().Time)
		close(g.let)
		synctest.Wait()
		require.Greater(t, p.count(), 1)
		require.Equal(t, replicate.Lag{}, f.Lag())
		require.Error(t, stop())
	})
}

// A connection that says nothing is given up, and what it kept back is read by another.
func TestSilentConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, db := newStage(t)
		var m memory
		f := replicate.NewFollower(db, replicate.FollowerOptions{Name: "x", Handle: m.handle})
		stop := follow(t, f)
		time.Sleep(time.Second)
		s.with(func() { s.deaf = true })
		s.write("a")
		time.Sleep(12 * time.Second)
		require.Equal(t, replicate.Broken, f.Status().State)
		require.Greater(t, f.Lag().Time, 10*time.Second)
		require.Contains(t, f.Status().LastError, "says nothing")
		s.with(func() { s.deaf = false })
		time.Sleep(13 * time.Second) // the attempt that was under way is deaf, too
		require.Equal(t, []string{"a"}, m.knows())
		require.Equal(t, replicate.Following, f.Status().State)
		require.Error(t, stop())
	})
}

// A change is tried again after longer and longer, and others pass it.
func TestBackOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, db := newStage(t)
		begin := time.Now()
		var tried []time.Duration
		var m memory
		f := replicate.NewFollower(db, replicate.FollowerOptions{Since: "0", Workers: 1, Handle: func(ctx context.Context, c replicate.Change) error {
			if c.ID == "a" {
				tried = append(tried, time.Since(begin))
				return errors.New("no")
			}
			return m.handle(ctx, c)
		}})
		s.write("a", "b", "c")
		stop := follow(t, f)
		synctest.Wait()
		require.Equal(t, []string{"b", "c"}, m.knows())
		time.Sleep(time.Minute)
		require.Len(t, f.Poison(), 1)
		require.Error(t, stop())
		ms := func(n int) time.Duration { return time.Duration(n) * time.Millisecond }
		require.Equal(t, []time.Duration{0, ms(100), ms(300), ms(700), ms(1500), ms(3100), ms(6300), ms(12700), ms(22700)}, tried)
	})
}

// A document that changes while its change is tried again has one line of failures, and the
// last state is what is tried.
func TestLaterChangeTakesTheTurn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, db := newStage(t)
		var tried []string
		f := replicate.NewFollower(db, replicate.FollowerOptions{Since: "0", Retries: 2, Handle: func(_ context.Context, c replicate.Change) error {
			tried = append(tried, c.Seq)
			return errors.New("no")
		}})
		s.write("a")
		stop := follow(t, f)
		time.Sleep(50 * time.Millisecond)
		s.write("a", "a")
		time.Sleep(time.Minute)
		require.Error(t, stop())
		require.Equal(t, []string{"1-a", "3-a", "3-a"}, tried)
		require.Equal(t, "3-a", f.Poison()[0].Seq)
		require.Equal(t, "3-a", f.Status().Seq)
	})
}

// Retries < 0: nothing is set aside and the checkpoint waits.
func TestRetriesForEver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, db := newStage(t)
		var p picky
		p.bad.Store("a", "no")
		f := replicate.NewFollower(db, replicate.FollowerOptions{Since: "0", Retries: -1, MaxPending: 2, Handle: p.handle})
		s.write("a", "b", "c")
		stop := follow(t, f)
		time.Sleep(time.Hour)
		require.Equal(t, []string{"b", "c"}, p.ids())
		require.Empty(t, f.Poison())
		require.Equal(t, "0", f.Status().Seq)
		p.bad.Clear()
		time.Sleep(10 * time.Second)
		require.ElementsMatch(t, []string{"a", "b", "c"}, p.ids())
		require.Error(t, stop())
	})
}

// A checkpoint is written when something was handled, one interval later, and not while nothing happens.
func TestCheckpointsAreRare(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, db := newStage(t)
		var puts atomic.Int64
		s.fail = func(_ int, what string) error {
			if what == "put" {
				puts.Add(1)
			}
			return nil
		}
		f := replicate.NewFollower(db, replicate.FollowerOptions{Name: "x", Handle: new(seen).handle})
		stop := follow(t, f)
		time.Sleep(time.Hour)
		require.EqualValues(t, 1, puts.Load())
		for range 50 {
			s.write("a")
			time.Sleep(100 * time.Millisecond)
		}
		time.Sleep(time.Hour)
		require.LessOrEqual(t, puts.Load(), int64(3))
		require.Equal(t, "50-a", f.Status().Checkpoint)
		require.Error(t, stop())
	})
}
