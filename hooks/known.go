package hooks

import (
	"cmp"
	"context"
	"hash/maphash"
	"slices"
	"strings"
	"sync"
)

// known are all hooks, in memory. Hooks in it are never changed, but replaced.
type known struct {
	mu      sync.Mutex
	byID    map[string]*Hook
	making  map[*Hook]chan struct{} // closed when it is made, or was given up
	vouched chan struct{}           // closed while the feed has told all
}

func newKnown() *known {
	return &known{byID: map[string]*Hook{}, making: map[*Hook]chan struct{}{}, vouched: make(chan struct{})}
}

func (k *known) vouch() {
	k.mu.Lock()
	defer k.mu.Unlock()
	select {
	case <-k.vouched:
	default:
		close(k.vouched)
	}
}

// doubt forgets all: the feed begins anew.
func (k *known) doubt() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.byID = map[string]*Hook{}
	select {
	case <-k.vouched:
		k.vouched = make(chan struct{})
	default:
	}
}

// wait waits until all hooks are known.
func (k *known) wait(ctx context.Context) error {
	k.mu.Lock()
	vouched := k.vouched
	k.mu.Unlock()
	select {
	case <-vouched:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// set takes over a hook; of two states of one the later counts, as who writes it sets it before the feed does.
func (k *known) set(h *Hook) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if is := k.byID[h.ID]; is == nil || !h.Updated.Before(is.Updated) {
		k.byID[h.ID] = h
	}
}

func (k *known) forget(id string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	delete(k.byID, id)
}

func (k *known) of(id string) *Hook {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.byID[id]
}

// those are the hooks that fit, the oldest first.
func (k *known) those(fit func(*Hook) bool) (list []*Hook) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, h := range k.byID {
		if fit(h) {
			list = append(list, h)
		}
	}
	slices.SortFunc(list, func(a, b *Hook) int { return cmp.Or(a.Created.Compare(b.Created), strings.Compare(a.ID, b.ID)) })
	return list
}

// begin says that a hook is being made; end that it is, or is not.
func (k *known) begin(h *Hook) (end func()) {
	k.mu.Lock()
	defer k.mu.Unlock()
	done := make(chan struct{})
	k.making[h] = done
	return func() {
		k.mu.Lock()
		defer k.mu.Unlock()
		delete(k.making, h)
		close(done)
	}
}

// perhaps reports whether any hook may be about a package, whoever maintains it.
func (k *known) perhaps(name string) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	may := func(h *Hook) bool { return h.Type == Owner || h.covers(name, nil) }
	for _, h := range k.byID {
		if may(h) {
			return true
		}
	}
	for h := range k.making {
		if may(h) {
			return true
		}
	}
	return false
}

// covering are the hooks about a package, and what to wait for where one is being made.
func (k *known) covering(name string, owners map[string]bool) (list []*Hook, making <-chan struct{}) {
	k.mu.Lock()
	for h, done := range k.making {
		if h.covers(name, owners) {
			making = done
		}
	}
	k.mu.Unlock()
	return k.those(func(h *Hook) bool { return h.covers(name, owners) }), making
}

// locks are turns by name; two names may share one.
type locks [64]sync.Mutex

var lockSeed = maphash.MakeSeed()

func (l *locks) lock(name string) (unlock func()) {
	mu := &l[maphash.String(lockSeed, name)%uint64(len(l))]
	mu.Lock()
	return mu.Unlock
}
