package tarballs

import (
	"bytes"
	"context"
	"io"
	"io/fs"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestRemove deletes what is old, and not what was put since, out of every store.
func TestRemove(t *testing.T) {
	for _, store := range stores {
		t.Run(store.name, func(t *testing.T) {
			s := Sweepable(store.open(t))
			info, err := s.Put(t.Context(), bytes.NewReader([]byte("x")), nil)
			require.NoError(t, err)
			remove := func(before time.Time) bool {
				removed, err := s.Remove(t.Context(), info.Digest, before)
				require.NoError(t, err)
				return removed
			}
			require.False(t, remove(time.Now().Add(-time.Hour)))
			_, err = s.Stat(t.Context(), info.Digest)
			require.NoError(t, err)
			require.True(t, remove(time.Now().Add(time.Hour)))
			_, err = s.Stat(t.Context(), info.Digest)
			require.ErrorIs(t, err, fs.ErrNotExist)
			require.False(t, remove(time.Now().Add(time.Hour)), "it is gone")
		})
	}
}

// swiftly removes a blob just before its put returns.
type swiftly struct{ Store }

func (s swiftly) Put(ctx context.Context, r io.Reader, want *Digest) (Info, error) {
	info, err := s.Store.Put(ctx, r, want)
	if err == nil {
		err = s.Delete(ctx, info.Digest)
	}
	return info, err
}

// TestSweptWhilePut says so to who put what was removed in that moment: a put that returns has its blob, however many are removed.
func TestSweptWhilePut(t *testing.T) {
	_, err := Sweepable(swiftly{opened(t)}).Put(t.Context(), bytes.NewReader([]byte("x")), nil)
	require.ErrorIs(t, err, ErrSwept)

	s := Sweepable(opened(t))
	var puts sync.WaitGroup
	for i := range 4 {
		puts.Go(func() {
			for range 200 {
				began := time.Now()
				info, err := s.Put(context.Background(), bytes.NewReader([]byte{byte(i % 2)}), nil)
				if err == nil {
					_, err = s.Remove(context.Background(), info.Digest, began.Add(-time.Minute)) // never old
				}
				if err == nil {
					_, err = s.Stat(context.Background(), info.Digest)
				}
				if err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	puts.Wait()
}
