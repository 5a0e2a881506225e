package couch

import (
	"context"
	"crypto/sha512"
	"errors"
	"fmt"
)

// Attached calls each for every attachment that lies in Options.Blobs and that a revision here names, also an old one until a compaction:
// what else lies there no document needs. One that several name comes several times. What is written meanwhile may be missing.
func (s *Store) Attached(ctx context.Context, each func(digest [64]byte)) error {
	names, err := s.Databases(ctx)
	if err != nil {
		return err
	}
	for _, name := range names {
		db, err := s.DB(name)
		if err == nil {
			err = db.attached(ctx, each)
		}
		if err != nil && !errors.Is(err, ErrNoDatabase) { // else it went meanwhile
			return fmt.Errorf("couch: attachments of %s: %w", name, err)
		}
	}
	return nil
}

func (db *DB) attached(ctx context.Context, each func(digest [64]byte)) error {
	snap, err := db.snapshot(ctx)
	if err != nil {
		return err
	}
	defer snap.release()
	return snap.each(ctx, kindBody, func(key, value []byte) error {
		_, rev, ok := bodyOf(key[len(prefix{}):])
		if !ok {
			return corrupt("body key")
		}
		if rev.IsZero() { // the winner's
			var err error
			if _, value, err = splitCurrent(value); err != nil {
				return err
			}
		}
		body, err := readBody(value)
		if err != nil {
			return err
		}
		for i := range body.atts {
			if locator := body.atts[i].locator; len(locator) == sha512.Size {
				each([64]byte([]byte(locator)))
			}
		}
		return nil
	})
}
