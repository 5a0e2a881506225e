package tarballs

import (
	"context"
	"crypto/sha512"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"time"
)

// Swept is what a sweep did.
type Swept struct {
	Kept, Deleted int64
	DeletedBytes  int64
}

// Sweep deletes the blobs that keep does not want and that were last put before
// the given time. That time must lie further back than any publish takes, and
// keep must know every reference that is older than it: a blob is stored first
// and referred to after. Each is looked at again just before it goes, since a
// put may have renewed it while the sweep ran.
func Sweep(ctx context.Context, s Store, keep func(Digest) bool, before time.Time) (Swept, error) {
	var done Swept
	for info, err := range s.List(ctx) {
		if err != nil {
			return done, err
		}
		if !info.Stored.Before(before) || keep(info.Digest) {
			done.Kept++
			continue
		}
		again, err := s.Stat(ctx, info.Digest)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			continue
		case err != nil:
			return done, err
		case !again.Stored.Before(before):
			done.Kept++
			continue
		}
		if err := s.Delete(ctx, info.Digest); err != nil {
			return done, err
		}
		done.Deleted++
		done.DeletedBytes += info.Size
	}
	return done, nil
}

// Verify reads every blob and reports each one: err is nil for a whole one,
// ErrDigest for one whose bytes have changed, or why it could not be read.
// Verify itself fails only when the list does, or with ctx.
func Verify(ctx context.Context, s Store, report func(info Info, err error)) error {
	for info, err := range s.List(ctx) {
		if err != nil {
			return err
		}
		err = verifyOne(ctx, s, info.Digest)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if !errors.Is(err, fs.ErrNotExist) { // deleted meanwhile: nothing to report
			report(info, err)
		}
	}
	return nil
}

func verifyOne(ctx context.Context, s Store, want Digest) error {
	r, _, err := s.Open(ctx, want, 0, -1)
	if err != nil {
		return err
	}
	defer r.Close()
	h := sha512.New()
	if _, err := io.Copy(h, r); err != nil {
		return fmt.Errorf("read blob %s: %w", want, err)
	}
	if Digest(h.Sum(nil)) != want {
		return fmt.Errorf("blob %s: %w", want, ErrDigest)
	}
	return nil
}
