package auth

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// Who wants the same at once shares one reading; who comes after a change reads what then is.
func TestMirrorReadsOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var version, reads atomic.Int64
		m := newMirror[int64](nil, time.Now, nil)
		m.read = func(context.Context, string) (*int64, error) {
			v := version.Load()
			reads.Add(1)
			time.Sleep(time.Second)
			return &v, nil
		}
		ask := func(n int) (all []int64) {
			var mu sync.Mutex
			var group sync.WaitGroup
			for range n {
				group.Go(func() {
					v, err := m.doc(context.Background(), "x")
					require.NoError(t, err)
					mu.Lock()
					defer mu.Unlock()
					all = append(all, *v)
				})
			}
			group.Wait()
			return all
		}
		m.vouch(time.Now())
		require.Equal(t, []int64{0, 0, 0}, ask(3))
		require.EqualValues(t, 1, reads.Load())
		m.forget("x")
		go ask(1)
		synctest.Wait() // reads what was before
		version.Store(1)
		m.forget("x")
		require.Equal(t, []int64{1, 1}, ask(2))
		require.Equal(t, []int64{1}, ask(1))
		require.EqualValues(t, 3, reads.Load())
		m.doubt()
		version.Store(2)
		require.Equal(t, []int64{2, 2}, ask(2))
		require.EqualValues(t, 5, reads.Load(), "each asks the store while nothing vouches for what was read")
	})
}
