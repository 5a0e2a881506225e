package couch

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// hall is many listeners who read whatever they are told of.
type hall struct {
	db     *DB
	wakes  atomic.Int64
	heard  []atomic.Uint64 // the sequence that each knows
	ended  chan error
	leaves sync.WaitGroup
}

func gather(t *testing.T, db *DB, n int) *hall {
	h := &hall{db: db, heard: make([]atomic.Uint64, n), ended: make(chan error, n)}
	waiting := make(chan struct{}, n)
	for i := range n {
		h.leaves.Go(func() {
			l := db.Listen()
			defer l.Close()
			since := db.durable.now()
			for first := true; ; first = false {
				news, err := l.News(since)
				if err != nil {
					h.ended <- err
					return
				}
				if first {
					waiting <- struct{}{}
				}
				<-news
				h.wakes.Add(1)
				if since = db.durable.now(); since > 0 {
					h.heard[i].Store(uint64(since))
				}
			}
		})
	}
	for range n {
		<-waiting
	}
	return h
}

// know waits until all have heard of a sequence.
func (h *hall) know(t *testing.T, s Seq) {
	require.Eventually(t, func() bool {
		for i := range h.heard {
			if h.heard[i].Load() < uint64(s) {
				return false
			}
		}
		return true
	}, time.Minute, time.Millisecond)
}

func TestListeners(t *testing.T) {
	const n = 1000
	s := opened(t, Options{})
	db, err := s.Create(ctx, "db")
	require.NoError(t, err)
	h := gather(t, db, n)
	require.Zero(t, h.wakes.Load(), "a listener was woken for nothing")

	put(t, db, `{"_id":"first"}`)
	h.know(t, 1)
	require.EqualValues(t, n, h.wakes.Load(), "a commit wakes each once")

	const writes = 500
	for i := range writes {
		put(t, db, fmt.Sprintf(`{"_id":"%d"}`, i))
	}
	h.know(t, writes+1)
	require.LessOrEqual(t, h.wakes.Load(), int64(n*(writes+1)), "more wakes than commits")
	require.Eventually(t, func() bool { // one more round may be due, of what the last one told already
		was := h.wakes.Load()
		time.Sleep(4 * longestRound)
		return was == h.wakes.Load()
	}, time.Minute, time.Millisecond, "listeners are woken though nothing is written")

	require.NoError(t, s.Delete(ctx, "db"))
	for range n {
		require.ErrorIs(t, <-h.ended, ErrNoDatabase)
	}
	h.leaves.Wait()
	require.Zero(t, db.durable.listeners)
}

func TestListenersOfAClosedStore(t *testing.T) {
	s := opened(t, Options{})
	db, err := s.Create(ctx, "db")
	require.NoError(t, err)
	h := gather(t, db, 10)
	require.NoError(t, s.Close())
	for range 10 {
		require.ErrorIs(t, <-h.ended, ErrClosed)
	}
}

// Listeners who are busy for ever do not keep the news from the others.
func TestBusyListeners(t *testing.T) {
	db := database(t, Options{})
	for range 100 {
		l := db.Listen()
		defer l.Close()
		_, err := l.News(0)
		require.NoError(t, err)
	}
	l := db.Listen()
	defer l.Close()
	for i := range 5 {
		news, err := l.News(Seq(i))
		require.NoError(t, err)
		put(t, db, fmt.Sprintf(`{"_id":"%d"}`, i))
		<-news
	}
}

// Who registers late knows at once of what was written before.
func TestLateListener(t *testing.T) {
	db := database(t, Options{})
	put(t, db, `{"_id":"a"}`)
	l := db.Listen()
	defer l.Close()
	news, err := l.News(0)
	require.NoError(t, err)
	<-news
	news, err = l.News(1)
	require.NoError(t, err)
	select {
	case <-news:
		t.Fatal("there is no news")
	default:
	}
}
