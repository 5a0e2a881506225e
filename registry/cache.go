package registry

import (
	"container/list"
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-kivik/kivik/v4"
)

// entry is what is known of one package at one revision: its packument, the
// representations made of it and where its tarballs are. When the package
// changes the entry is replaced whole, so nothing in it can be of another time.
type entry struct {
	name  PackageName
	home  *cache        // and so the database that it is of
	ready chan struct{} // closed once doc and err are set
	doc   *packument    // nil: there is no such package
	err   error
	past  []string // the revisions of ours that doc's replaced, oldest first
	size  int64    // doc's bytes

	signed atomic.Pointer[keyring] // every version is signed by one of these keys; nil: unknown

	mu     sync.Mutex
	forms  map[form]*rendering
	formed int64 // the bytes of those that are ready
	texts  map[text]*composing
	pieces map[text]pieces // of the revision before
	files  map[string]*file

	place  *list.Element // guarded by cache.mu; nil once dropped
	weight int64         // guarded by cache.mu
}

// cache keeps the entries of one database that were used last, within a bound of bytes. An entry
// is in the cache before it is loaded, so that news of a change while it loads drops it.
type cache struct {
	db    *kivik.DB
	limit int64
	load  func(context.Context, PackageName) (*packument, error)
	stale time.Duration // how long entries are believed after the feed was heard

	heard atomic.Int64 // when the feed last proved that it brought all changes; Unix nanoseconds

	mu      sync.Mutex
	entries map[PackageName]*entry
	order   list.List // of *entry, used last in front
	weight  int64
	writers map[PackageName]*writer
}

// writer is the turn to write one package, and the news of it in the meantime.
type writer struct {
	turn  chan struct{} // holds one token while somebody writes
	users int           // who writes or waits
	news  [][]string    // leaves heard of since the turn began
}

func newCache(db *kivik.DB, limit int64, stale time.Duration, load func(context.Context, PackageName) (*packument, error)) *cache {
	return &cache{db: db, limit: limit, stale: stale, load: load, entries: map[PackageName]*entry{}, writers: map[PackageName]*writer{}}
}

func (c *cache) newEntry(name PackageName) *entry {
	return &entry{name: name, home: c, ready: make(chan struct{})}
}

// entryOverhead is what an entry costs beside its bytes.
const entryOverhead = 600

// entry finds or loads the entry of a package.
func (c *cache) entry(ctx context.Context, name PackageName) (*entry, error) {
	c.mu.Lock()
	e := c.entries[name]
	if e == nil || e.loaded() && !c.believed() {
		e = c.newEntry(name)
		c.add(e, entryOverhead)
		c.mu.Unlock()
		go c.fill(context.WithoutCancel(ctx), e) // not ended by the first of those who wait
	} else {
		c.order.MoveToFront(e.place)
		c.mu.Unlock()
	}
	if e.loaded() {
		return e, e.err
	}
	select {
	case <-e.ready:
		return e, e.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// entryOf is the entry of a package at a revision that the feed told, or later; "": of one that is there, as far as the database
// knows. The feed tells of a write before its writer has put into the cache what was written: what is kept may be of before.
func (c *cache) entryOf(ctx context.Context, name PackageName, rev string) (*entry, error) {
	e, err := c.entry(ctx, name)
	if err != nil || e.doc != nil && (rev == "" || rev == e.doc.rev || slices.Contains(e.past, rev)) {
		return e, err
	}
	c.drop(e)
	return c.entry(ctx, name)
}

// peek is the entry of a package that is here and loaded; nil else. It does not count as used.
func (c *cache) peek(name PackageName) *entry {
	c.mu.Lock()
	defer c.mu.Unlock()
	if e := c.entries[name]; e != nil && e.loaded() && e.err == nil {
		return e
	}
	return nil
}

// vouch notes that the feed had brought all changes at that time.
func (c *cache) vouch(heard time.Time) { c.heard.Store(heard.UnixNano()) }

// believed reports whether the feed was heard of late enough. Where it was not,
// what is kept may be outdated, and each reading asks the database.
func (c *cache) believed() bool { return time.Now().UnixNano()-c.heard.Load() < int64(c.stale) }

// loaded reports whether an entry's loading has ended.
func (e *entry) loaded() bool {
	select {
	case <-e.ready:
		return true
	default:
		return false
	}
}

func (c *cache) fill(ctx context.Context, e *entry) {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	e.doc, e.err = c.load(ctx, e.name)
	if e.err != nil {
		c.drop(e) // before anybody hears of it, and asks again
	}
	if e.doc != nil {
		e.size = e.doc.bytes()
	}
	c.grow(e, e.size)
	close(e.ready)
}

// add puts an entry in; c.mu is held.
func (c *cache) add(e *entry, weight int64) {
	c.remove(c.entries[e.name])
	e.place, e.weight = c.order.PushFront(e), weight
	c.entries[e.name] = e
	c.weight += weight
	for c.weight > c.limit && c.order.Len() > 1 {
		c.remove(c.order.Back().Value.(*entry))
	}
}

// remove takes an entry out, if it is in; c.mu is held.
func (c *cache) remove(e *entry) {
	if e == nil || e.place == nil {
		return
	}
	c.order.Remove(e.place)
	delete(c.entries, e.name)
	c.weight -= e.weight
	e.place = nil
}

// clear drops all entries and believes none until the feed is heard again.
func (c *cache) clear() {
	c.heard.Store(0)
	c.empty()
}

// empty drops all entries; those that are loading go to who waits for them, and no further.
func (c *cache) empty() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, e := range c.entries {
		c.remove(e)
	}
}

func (c *cache) drop(e *entry) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.remove(e)
}

// grow notes that an entry got larger, and makes room.
func (c *cache) grow(e *entry, by int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if e.place == nil {
		return
	}
	e.weight += by
	c.weight += by
	for c.weight > c.limit && c.order.Len() > 1 && c.order.Back() != e.place {
		c.remove(c.order.Back().Value.(*entry))
	}
	if c.weight > c.limit && e.weight > c.limit/2 {
		c.remove(e) // one giant does not push out everything else
	}
}

// changed is the news that a package has those leaves, the winner first.
func (c *cache) changed(name PackageName, leaves []string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if w := c.writers[name]; w != nil {
		w.news = append(w.news, leaves)
	}
	e := c.entries[name]
	if e == nil {
		return
	}
	if e.loaded() && e.doc != nil && e.knows(leaves) {
		return // we wrote that, and know it
	}
	c.remove(e) // while it loads it may be loading what was before
}

// knows reports whether an entry was made of those leaves, or of what followed them.
func (e *entry) knows(leaves []string) bool {
	if leaves[0] == e.doc.rev && len(leaves) != 1+len(e.doc.conflicts)+len(e.doc.closed) {
		return false
	}
	for i, rev := range leaves {
		ours := rev == e.doc.rev || slices.Contains(e.past, rev)
		if !ours && (i == 0 || !slices.Contains(e.doc.conflicts, rev) && !slices.Contains(e.doc.closed, rev)) {
			return false
		}
	}
	return true
}

// forget drops what is kept of a package.
func (c *cache) forget(name PackageName) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.remove(c.entries[name])
}

// lock waits for the turn to write a package; the function returned ends it.
// Writers of one process thus hardly ever conflict.
func (c *cache) lock(ctx context.Context, name PackageName) (unlock func(), err error) {
	c.mu.Lock()
	w := c.writers[name]
	if w == nil {
		w = &writer{turn: make(chan struct{}, 1)}
		c.writers[name] = w
	}
	w.users++
	c.mu.Unlock()
	leave := func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		if w.users--; w.users == 0 {
			delete(c.writers, name)
		}
	}
	select {
	case w.turn <- struct{}{}:
		return func() { <-w.turn; leave() }, nil
	case <-ctx.Done():
		leave()
		return nil, ctx.Err()
	}
}

// listen forgets the news so far: what is read from here on is newer. The
// caller has the turn.
func (c *cache) listen(name PackageName) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.writers[name].news = nil
}

// mostPast bounds how late the news of our own writes may come.
const mostPast = 16

// written puts in what the caller, who has the turn, has made of before. It stays
// out where somebody else's revision was heard of since the turn began.
func (c *cache) written(before *entry, doc *packument) {
	e := c.newEntry(doc.name)
	e.doc, e.size = doc, doc.bytes()
	if before.doc != nil {
		e.signed.Store(before.signed.Load()) // a publish signs, and no other edit takes a signature away
		e.past = append(slices.Clone(before.past[max(0, len(before.past)-mostPast+1):]), before.doc.rev)
	}
	close(e.ready)
	inherited := e.inherit(before)
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, leaves := range c.writers[doc.name].news {
		if !e.knows(leaves) {
			c.remove(c.entries[doc.name])
			return
		}
	}
	c.add(e, entryOverhead+e.size+inherited)
}
