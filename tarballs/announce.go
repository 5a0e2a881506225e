package tarballs

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"
)

// Announcing is a local Store that tells peers at once which blobs were put into it, so that
// they can fetch them while the document that names them is on its way. It is a hint and
// no more: who does not listen at that moment, or too slowly, misses it.
type Announcing struct {
	Store

	mu struct {
		sync.Mutex
		closed    bool
		listeners map[chan Digest]struct{}
	}
}

// Announce makes a store that announces.
func Announce(s Store) *Announcing {
	a := &Announcing{Store: s}
	a.mu.listeners = map[chan Digest]struct{}{}
	return a
}

// Put implements Store.
func (a *Announcing) Put(ctx context.Context, r io.Reader, want *Digest) (Info, error) {
	info, err := a.Store.Put(ctx, r, want)
	if err != nil {
		return info, err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	for l := range a.mu.listeners {
		select {
		case l <- info.Digest:
		default: // it is behind: its documents bring it there too
		}
	}
	return info, nil
}

// Close ends the listening of all peers.
func (a *Announcing) Close() error {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.mu.closed = true
	for l := range a.mu.listeners {
		close(l)
		delete(a.mu.listeners, l)
	}
	return nil
}

// listen gives what is put from now on; the channel is closed with the store.
func (a *Announcing) listen() (announced chan Digest, stop func()) {
	l := make(chan Digest, 256)
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.mu.closed {
		close(l)
		return l, func() {}
	}
	a.mu.listeners[l] = struct{}{}
	return l, func() {
		a.mu.Lock()
		defer a.mu.Unlock()
		delete(a.mu.listeners, l)
	}
}

const (
	heartbeat     = 10 * time.Second            // between lines, empty ones where nothing is put
	longestSilent = 2*heartbeat + 5*time.Second // after which a line is dead
)

// ServeHTTP sends digests, a line each, until the client goes or the store is closed.
func (a *Announcing) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet {
		w.Header().Set("Allow", "GET")
		refuse(w, http.StatusMethodNotAllowed, "method_not_allowed", "Only GET allowed")
		return
	}
	announced, stop := a.listen()
	defer stop()
	w.Header().Set("Content-Type", "text/plain")
	control := http.NewResponseController(w)
	beat := time.NewTicker(heartbeat)
	defer beat.Stop()
	for line := "\n"; ; {
		if _, err := io.WriteString(w, line); err != nil {
			return
		}
		if err := control.Flush(); err != nil {
			return
		}
		select {
		case d, open := <-announced:
			if !open {
				return
			}
			line = d.String() + "\n"
		case <-beat.C:
			line = "\n"
		case <-r.Context().Done():
			return
		}
	}
}

// Listen hears what a peer announces until ctx ends or the line breaks. began is called
// when the peer has answered.
func (p *Peer) Listen(ctx context.Context, began func(), announced func(Digest)) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	silence := time.AfterFunc(longestSilent, func() { cancel(errStalled) })
	defer silence.Stop()
	res, err := p.get(ctx, p.announcements, nil)
	if err != nil {
		return cause(ctx, err)
	}
	defer func() { _ = res.Body.Close() }()
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("the answer is %s", res.Status)
	}
	began()
	for lines := bufio.NewScanner(res.Body); ; {
		if !lines.Scan() {
			return cause(ctx, errors.Join(lines.Err(), io.ErrUnexpectedEOF))
		}
		silence.Reset(longestSilent)
		if lines.Text() == "" {
			continue
		}
		d, err := ParseDigest(lines.Text())
		if err != nil {
			return err
		}
		announced(d)
	}
}
