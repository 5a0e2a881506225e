package upstream

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"net/http"
	"time"

	"github.com/go-kivik/kivik/v4"
	"github.com/klauspost/compress/gzip"

	"settee/views/packuments"
)

// How long a reader waits for what is kept to be asked for again.
const (
	staleTime  = time.Hour        // what was asked for longer ago is waited for,
	patience   = 3 * time.Second  // but no longer than this
	eagerTime  = 10 * time.Second // between two requests for a version that is missing
	absentTime = time.Minute      // an absence is believed
	mournTime  = 24 * time.Hour   // a registry that fails for so long is told of
	callTime   = 2 * time.Minute  // a packument may take
	mostKnown  = 200_000          // names whose freshness is remembered: some 30 MB
)

// Held is what the caller has of a package's document; the zero Held is that there is none.
type Held struct {
	Rev  string
	Mark []byte // the member settee, raw
}

// Found is what came of a look.
type Found struct {
	Changed bool   // the document is another than what was held, or is gone: it is to be read again
	Notice  string // what whoever reads it should be told; "" for nothing
}

// freshness is what is known of a package beside its document.
type freshness struct {
	checked time.Time // when the other registry was last found to say what is kept
	absent  time.Time // when it said that there is none
}

// call is one request for a package; all who want it wait for one.
type call struct {
	done    chan struct{}
	changed bool
	err     error
}

// Look sees to it that what is kept of a package may be served, as the package doc says: it asks for it, waits or lets be.
// held is what the caller has. The name must be none of ours. Errors are *Refused, ErrNotFound, ErrUnavailable and
// ErrLoop; none where something is held, but Refused.
func (r *Reader) Look(ctx context.Context, name string, held Held) (Found, error) {
	return r.look(ctx, name, held, r.o.Fresh, staleTime)
}

// LookAgain is Look for a reader who misses something in what is held.
func (r *Reader) LookAgain(ctx context.Context, name string, held Held) (Found, error) {
	return r.look(ctx, name, held, min(eagerTime, r.o.Fresh), 0)
}

func (r *Reader) look(ctx context.Context, name string, held Held, fresh, stale time.Duration) (Found, error) {
	if err := r.o.Rules.Name(name); err != nil {
		return Found{}, err
	}
	m := r.remote(name)
	if m == nil {
		return Found{}, ErrNotFound
	}
	var f Found
	age, absent := r.age(name, held, m)
	if other, lost := r.outdated(name, held); other || lost && absent {
		return Found{Changed: true}, nil
	} else if lost {
		age = math.MaxInt64 // nobody noted whether it is still so
	}
	if held.Rev != "" {
		if since := m.failing(); age >= fresh && !since.IsZero() && r.o.Now().Sub(since) > mournTime {
			f.Notice = fmt.Sprintf("%s is shown as it was: the registry that it comes from has not answered since %s.", name, since.UTC().Format("2006-01-02 15:04 UTC"))
		}
		if age < fresh || m.open() || circling(ctx, r.o.self) {
			return f, nil
		}
	} else if absent {
		return f, ErrNotFound
	} else if circling(ctx, r.o.self) {
		return f, ErrLoop
	}
	c := r.join(ctx, m, name)
	if held.Rev == "" {
		select {
		case <-c.done:
			f.Changed = c.err == nil
			return f, c.err
		case <-ctx.Done():
			return f, ctx.Err()
		}
	}
	if age < stale {
		return f, nil
	}
	wait := time.NewTimer(r.o.patience)
	defer wait.Stop()
	select {
	case <-c.done:
		f.Changed = c.changed
	case <-wait.C:
	case <-ctx.Done():
	}
	return f, nil
}

// age is how long ago the other registry was found to say what is held, and whether it said of late that there is nothing.
func (r *Reader) age(name string, held Held, m *remote) (age time.Duration, absent bool) {
	now := r.o.Now()
	r.mu.Lock()
	defer r.mu.Unlock()
	k, known := r.known[name]
	absent = now.Sub(k.absent) < absentTime
	if held.Rev == "" {
		return 0, absent
	}
	if !known || k.checked.IsZero() {
		mark := parseMark(held.Mark)
		if k.checked = mark.Fetched; mark.From != m.URL.String() {
			k.checked = time.Time{} // another registry said so
		}
		r.remember(name, k)
	}
	return now.Sub(m.checked(k.checked, now)), absent
}

// remember keeps what is known of a package; mu is held.
func (r *Reader) remember(name string, k freshness) {
	if len(r.known) >= mostKnown {
		clear(r.known) // everything is asked for once more
	}
	r.known[name] = k
}

func (r *Reader) note(name string, k freshness) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.remember(name, k)
}

// join finds the request for a package, or sends one. It goes on when those who wait have gone.
func (r *Reader) join(ctx context.Context, m *remote, name string) *call {
	r.mu.Lock()
	defer r.mu.Unlock()
	if c := r.calls[name]; c != nil {
		return c
	}
	c := &call{done: make(chan struct{})}
	if r.closed {
		c.err = ErrUnavailable
		close(c.done)
		return c
	}
	r.calls[name] = c
	ctx = carried(r.ctx, ctx)
	r.running.Go(func() {
		ctx, cancel := context.WithTimeout(ctx, callTime)
		defer cancel()
		c.changed, c.err = r.refresh(ctx, m, name)
		r.mu.Lock()
		delete(r.calls, name)
		r.mu.Unlock()
		close(c.done)
	})
	return c
}

// refresh asks for a package and keeps what is answered. Its errors are those of Look.
func (r *Reader) refresh(ctx context.Context, m *remote, name string) (changed bool, err error) {
	log := r.o.Logger.With("package", name, "upstream", m.Name())
	was, _, _, err := r.stored(ctx, name)
	if err != nil {
		return false, err
	}
	now := r.o.Now()
	t, err := m.packument(ctx, name, etagOf(was, m.URL.String()))
	switch {
	case errors.Is(err, errDenied) && was != nil: // as after a token expired: that is no reason to forget it
		r.note(name, freshness{checked: now})
		return false, fmt.Errorf("%w: %w", ErrUnavailable, errDenied)
	case errors.Is(err, ErrNotFound):
		r.note(name, freshness{absent: now})
		changed, err := r.edit(ctx, name, func([]byte) ([]byte, bool, error) { return nil, true, nil })
		if err != nil {
			return false, err
		}
		if changed {
			log.Info("the upstream registry has this package no more: it is forgotten")
		}
		return changed, ErrNotFound
	case errors.Is(err, ErrLoop):
		return false, err
	case err != nil:
		if r.ctx.Err() == nil && !errors.Is(err, errResting) { // what made it rest was told
			log.Warn("the upstream registry does not give a packument", "error", err)
		}
		return false, fmt.Errorf("%w: %w", ErrUnavailable, err)
	case t == nil: // unchanged
		r.note(name, freshness{checked: now})
		return false, nil
	}
	t.at = now
	changed, err = r.edit(ctx, name, func(was []byte) ([]byte, bool, error) {
		if old := parseMark(packuments.Member(was, markName)); old.From == t.from.String() && old.Sum == t.sum() {
			return nil, false, nil // it tells no ETag, or another of the same
		}
		t.was = was
		doc, left, err := t.document()
		if left > 0 {
			log.Info("versions were left out: they cannot be installed, or not be proven", "versions", left)
		}
		return doc, false, err
	})
	if err != nil {
		log.Warn("what the upstream registry gives cannot be kept", "error", err)
		if errors.Is(err, errForeign) || kivik.HTTPStatus(err) == http.StatusBadRequest { // the database's word for too deep
			err = fmt.Errorf("%w: %w", ErrUnavailable, err)
		}
		return false, err
	}
	r.note(name, freshness{checked: now})
	return changed, nil
}

// packument asks for a package; nil where it is what has that ETag.
func (m *remote) packument(ctx context.Context, name, etag string) (*told, error) {
	header := http.Header{"Accept": {"application/json"}, "Accept-Encoding": {"gzip"}}
	if etag != "" {
		header.Set("If-None-Match", etag)
	}
	for try := 1; ; try++ {
		res, err := m.get(ctx, m.address(name), header)
		if err != nil {
			return nil, err
		}
		if res.StatusCode == http.StatusNotModified && etag != "" {
			return nil, res.Body.Close()
		}
		text, err := m.body(res, m.o.MaxPackument)
		if err == nil {
			return &told{name: name, from: m.URL, etag: res.Header.Get("Etag"), text: text}, nil
		}
		if ctx.Err() != nil || errors.Is(err, errTooLarge) || try == tries {
			return nil, err
		}
		m.left(badly, 0)
	}
}

// body reads an answer to its end, inflated and bounded.
func (m *remote) body(res *http.Response, most int64) ([]byte, error) {
	defer func() { _ = res.Body.Close() }()
	if res.StatusCode != http.StatusOK {
		return nil, &statusError{res.Status}
	}
	switch res.Header.Get("Content-Encoding") {
	case "", "identity":
		return bounded(res.Body, most, res.ContentLength)
	case "gzip", "x-gzip":
		raw, err := bounded(res.Body, most, res.ContentLength) // first, so that the line is not kept waiting
		if err != nil {
			return nil, err
		}
		z, err := gzip.NewReader(bytes.NewReader(raw))
		if err != nil {
			return nil, err
		}
		return bounded(z, most, int64(len(raw))*8)
	}
	return nil, fmt.Errorf("it answered in a coding that was not asked for: %.40q", res.Header.Get("Content-Encoding"))
}
