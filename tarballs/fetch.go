package tarballs

import (
	"cmp"
	"context"
	"crypto/sha512"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"slices"
	"time"
)

// A sourceState is a source and how it did lately; guarded by ThroughStore.mu.
type sourceState struct {
	Source
	failures int       // in a row
	until    time.Time // not asked before
}

// A source that failed is left alone: shortly, as a restart takes a moment and readers
// wait, then twice as long each time, but never so long that a healed line goes unnoticed.
const (
	shortestRest = 100 * time.Millisecond
	longestRest  = 5 * time.Second
)

// breaks is how often one source may break off one blob before another is asked.
const breaks = 3

// askable are the sources that may be asked, those that do well first, and whether
// there are others.
func (t *ThroughStore) askable() (list []*sourceState, others bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := t.o.Now()
	for _, s := range t.mu.sources {
		if now.Before(s.until) {
			others = true
		} else {
			list = append(list, s)
		}
	}
	slices.SortStableFunc(list, func(a, b *sourceState) int { return cmp.Compare(a.failures, b.failures) })
	return list, others
}

// did notes how a source did.
func (t *ThroughStore) did(s *sourceState, well bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if well {
		s.failures, s.until = 0, time.Time{}
		return
	}
	s.until = t.o.Now().Add(min(shortestRest<<min(s.failures, 10), longestRest))
	s.failures++
}

// fetch brings the bytes into the spool, from whoever has them, and proves them.
func (t *ThroughStore) fetch(ctx context.Context, d *download) error {
	sources, others := t.askable()
	if d.source != nil {
		sources = append([]*sourceState{{Source: d.source}}, sources...)
	}
	a := &arrival{t: t, d: d, hash: sha512.New()}
	var failures []error
	for _, s := range sources {
		err := a.from(ctx, s)
		var own *localError
		switch {
		case err == nil:
			return nil
		case errors.Is(err, ErrDigest), errors.As(err, &own), ctx.Err() != nil:
			return err
		case errors.Is(err, fs.ErrNotExist):
		default:
			failures = append(failures, fmt.Errorf("%s: %w", s.Name(), err))
		}
	}
	if len(failures) > 0 || others {
		return errors.Join(append([]error{ErrUnavailable}, failures...)...)
	}
	if len(sources) == 0 {
		return fmt.Errorf("blob %s: %w", d.digest, fs.ErrNotExist)
	}
	return fmt.Errorf("blob %s: %w", d.digest, ErrNoPeer)
}

// arrival is how far a download has come.
type arrival struct {
	t    *ThroughStore
	d    *download
	hash hash.Hash
	have int64
}

// from takes what is missing from one source, again where it breaks off.
func (a *arrival) from(ctx context.Context, s *sourceState) error {
	for try := 1; ; try++ {
		before := a.have
		err := a.once(ctx, s)
		var own *localError
		switch {
		case err == nil:
			a.t.did(s, true)
			return nil
		case errors.Is(err, fs.ErrNotExist):
			a.t.did(s, true) // it answers
			return err
		case errors.As(err, &own), ctx.Err() != nil:
			return err
		case errors.Is(err, ErrDigest):
			a.t.wrong.Add(1)
		case a.have > before && try < breaks && !errors.Is(err, errStalled):
			continue
		}
		a.t.did(s, false)
		return err
	}
}

// localError is a failure of this side: no other source would do better.
type localError struct{ error }

// Unwrap gives the cause.
func (e *localError) Unwrap() error { return e.error }

// once reads one answer to its end.
func (a *arrival) once(ctx context.Context, s Source) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	stall := time.AfterFunc(a.t.o.Stall, func() { cancel(errStalled) })
	defer stall.Stop()
	body, size, err := s.OpenAt(ctx, a.d.digest, a.have)
	if err != nil {
		return cause(ctx, err)
	}
	defer func() { _ = body.Close() }()
	if err := a.begin(size); err != nil {
		return err
	}
	buffer := make([]byte, min(copyBuffer, max(size-a.have, 1)))
	for a.have < size {
		n, err := body.Read(buffer[:min(int64(len(buffer)), size-a.have)])
		if n > 0 {
			stall.Reset(a.t.o.Stall)
			if err := a.take(buffer[:n]); err != nil {
				return err
			}
		}
		if err != nil && a.have < size {
			if errors.Is(err, io.EOF) {
				err = io.ErrUnexpectedEOF
			}
			return cause(ctx, err)
		}
	}
	if Digest(a.hash.Sum(nil)) != a.d.digest {
		return fmt.Errorf("blob %s from %s: %w", a.d.digest, s.Name(), ErrDigest)
	}
	return nil
}

const copyBuffer = 64 << 10

var errStalled = errors.New("no byte came in time")

// cause is why a read failed where it was this side that ended it.
func cause(ctx context.Context, err error) error {
	if c := context.Cause(ctx); c != nil {
		return c
	}
	return err
}

// begin makes room once the size is known, and refuses a source that tells another.
func (a *arrival) begin(size int64) error {
	select {
	case <-a.d.sized:
		if size != a.d.size {
			return fmt.Errorf("it has %d bytes where another told of %d", size, a.d.size)
		}
		return nil
	default:
	}
	if err := a.d.begin(size, a.t.o.TempDir); err != nil {
		return &localError{err}
	}
	return nil
}

// take spools bytes and shows them to the readers.
func (a *arrival) take(p []byte) error {
	if _, err := a.d.mu.spool.WriteAt(p, a.have); err != nil {
		return &localError{err}
	}
	_, _ = a.hash.Write(p)
	a.have += int64(len(p))
	a.d.arrived(a.have)
	return nil
}
