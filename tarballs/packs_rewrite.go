package tarballs

import (
	"crypto/sha512"
	"errors"
	"fmt"
)

const (
	// moveBytes is how much is moved at once: enough to share an fsync, little enough to
	// keep puts from waiting.
	moveBytes = 1 << 20
	// mostSmall is how many packs of less than a quarter may lie about: a store that is often
	// closed makes one each time.
	mostSmall = 8
)

// tidy rewrites, in the background, packs that are mostly room of deleted blobs.
func (s *packs) tidy() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.mu.closed || s.mu.rewrite || len(s.wasteful()) == 0 {
		return
	}
	s.mu.rewrite = true
	s.rewriting.Go(func() {
		for {
			s.mu.Lock()
			all := s.wasteful()
			if len(all) == 0 || s.mu.closed {
				s.mu.rewrite = false
				s.mu.Unlock()
				return
			}
			s.mu.Unlock()
			for _, p := range all {
				if s.move(p) != nil {
					s.mu.Lock()
					p.stuck = true // Verify says why; the next opening tries again
					s.mu.Unlock()
				}
			}
		}
	})
}

// wasteful are the packs to rewrite. The caller holds mu.
func (s *packs) wasteful() (all []*pack) {
	var small []*pack
	for _, p := range s.mu.packs {
		switch {
		case !p.sealed || p.stuck:
		case 2*p.live < p.end:
			all = append(all, p)
		case p.live < s.limit/4:
			small = append(small, p)
		}
	}
	if len(small) > mostSmall {
		all = append(all, small...)
	}
	return all
}

// move copies what a sealed pack still holds to the pack that is written, and removes it.
func (s *packs) move(p *pack) error {
	var now []added
	err := s.readIndex(p, func(_ int, e indexEntry) bool {
		now = append(now, e.added)
		return true
	})
	if err != nil {
		return err
	}
	file, err := s.fs.open(p.name)
	if err != nil {
		return err
	}
	defer file.Close()
	l := load{w: &s.writer, from: p}
	for _, a := range now {
		s.mu.RLock()
		_, mine := s.isPlace(p, a)
		closed := s.mu.closed
		s.mu.RUnlock()
		if closed {
			return errClosing
		}
		if !mine {
			continue
		}
		bytes := make([]byte, a.size)
		if _, err := file.ReadAt(bytes, a.offset+recordHead); err != nil {
			return fmt.Errorf("move a blob of %s: %w", p.name, err)
		}
		if Digest(sha512.Sum512(bytes)) != a.digest {
			return fmt.Errorf("move a blob of %s: %w", p.name, ErrDigest)
		}
		if err := l.add(blob{a.digest, bytes}); err != nil {
			return err
		}
	}
	if err := l.flush(); err != nil {
		return err
	}
	return s.discard(p)
}

var errClosing = errors.New("the store is closing")

// load gathers blobs on their way from one pack to another into batches.
type load struct {
	w     *packWriter
	from  *pack // nil: of a pack that is nobody's place
	blobs []blob
	size  int
}

func (l *load) add(b blob) error {
	l.blobs, l.size = append(l.blobs, b), l.size+len(b.bytes)
	if l.size < moveBytes {
		return nil
	}
	return l.flush()
}

// flush makes durable what was gathered.
func (l *load) flush() error {
	if len(l.blobs) == 0 {
		return nil
	}
	b := &batch{from: l.from, blobs: l.blobs}
	l.blobs, l.size = nil, 0
	return l.w.add(b)
}
