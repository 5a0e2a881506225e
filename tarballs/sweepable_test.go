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

// TestRemove deletes what is old, and not what was put again.
func TestRemove(t *testing.T) {
	s := Sweepable(opened(t))
	info, err := s.Put(t.Context(), bytes.NewReader([]byte("x")), nil)
	require.NoError(t, err)
	removed, err := s.Remove(t.Context(), info.Digest, info.Stored)
	require.NoError(t, err)
	require.False(t, removed)
	removed, err = s.Remove(t.Context(), info.Digest, info.Stored.Add(time.Hour))
	require.NoError(t, err)
	require.True(t, removed)
	_, err = s.Stat(t.Context(), info.Digest)
	require.ErrorIs(t, err, fs.ErrNotExist)
	removed, err = s.Remove(t.Context(), info.Digest, info.Stored.Add(time.Hour))
	require.NoError(t, err)
	require.False(t, removed, "it is gone")
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
