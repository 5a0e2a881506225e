package tarballs

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"sync"
	"time"
)

// ErrSwept says that a blob went in the very moment in which it was put: its sender puts it again.
var ErrSwept = errors.New("the blob was swept while it was put: try again")

// SweepableStore is a Store out of which old blobs are removed while others put: a put that returned has its blob, as every removal looks
// at its date again and puts look after removals. Who puts past it must see to that himself.
type SweepableStore struct {
	Store
	mu sync.Mutex // held by a removal, and by a put that looks what came of it
}

// Sweepable makes one of a store.
func Sweepable(s Store) *SweepableStore { return &SweepableStore{Store: s} }

// Put implements Store.
func (s *SweepableStore) Put(ctx context.Context, r io.Reader, want *Digest) (Info, error) {
	info, err := s.Store.Put(ctx, r, want)
	if err != nil {
		return info, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, err := s.Stat(ctx, info.Digest); errors.Is(err, fs.ErrNotExist) {
		return Info{}, fmt.Errorf("put blob %s: %w", info.Digest, ErrSwept)
	} else if err != nil {
		return Info{}, err
	}
	return info, nil
}

// Remove deletes a blob if it was last put before a time, and tells whether it did.
func (s *SweepableStore) Remove(ctx context.Context, d Digest, before time.Time) (bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	info, err := s.Stat(ctx, d)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil || !info.Stored.Before(before) {
		return false, err
	}
	return true, s.Delete(ctx, d)
}

// Close closes the store, if it is one to be closed.
func (s *SweepableStore) Close() error {
	if c, ok := s.Store.(io.Closer); ok {
		return c.Close()
	}
	return nil
}
