package tarballs

import (
	"context"
	"crypto/sha512"
	"errors"
	"fmt"
	"io"
	"io/fs"
)

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
