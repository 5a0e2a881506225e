package views

import (
	"cmp"
	"context"
	"strconv"
	"sync"
	"time"

	"settee/couch"
)

// CouchDB calls it ken: indexes are built when their database is written to, not
// only when somebody reads them.

// kenned is a design document whose index is built in the background.
type kenned struct {
	id     couch.DocID
	rev    couch.Rev
	design *design
}

// ken reports whether a design document is one: its member autoupdate may say no.
func ken(doc *couch.Document) (k kenned, ok bool) {
	if raw, err := member(doc.Body, "autoupdate"); err == nil {
		if views, err := member(raw, "views"); string(raw) == "false" || err == nil && string(views) == "false" {
			return k, false
		}
	}
	d, err := parseDesign(doc.Body)
	if err != nil || len(d.views) == 0 || !speaks(d.language) {
		return k, false
	}
	return kenned{doc.ID, doc.Rev, d}, true
}

// background is the queue of databases whose indexes are behind. A database is in
// it once, whatever is written to it, and some time after the first write: so it
// costs a writer nothing, and one who is always writing a look each while. Workers come
// with the work and go with it.
type background struct {
	*Engine
	ignored func(database string) bool
	atOnce  func() int

	mu      sync.Mutex
	queue   []*couch.DB // guarded by mu
	workers int         // guarded by mu
}

// kenDelay is the default of Options.Ken: what is written together is built
// together, and a test or a script that reads at once does as it did.
const kenDelay = time.Second

// kenAtOnce is the default of the setting ken/batch_channels, 20 in CouchDB, where a
// build is mostly a wait for its query server. One of ours uses a processor.
const kenAtOnce = 1

func (e *Engine) startKen() {
	if e.options.Ken < 0 {
		return
	}
	b := &background{Engine: e}
	b.ignored = func(database string) bool {
		v, _ := e.store.Setting("ken.ignore", database)
		return v == "true"
	}
	b.atOnce = func() int {
		if v, set := e.store.Setting("ken", "batch_channels"); set {
			if n, err := strconv.Atoi(v); err == nil {
				return n
			}
		}
		return kenAtOnce
	}
	delay := cmp.Or(e.options.Ken, kenDelay)
	e.store.Watch(func(db *couch.DB) { time.AfterFunc(delay, func() { b.add(db) }) })
	time.AfterFunc(delay, b.catchUp)
}

// catchUp looks at every database that has design documents: the last life of the
// store may have ended before their indexes were built.
func (b *background) catchUp() {
	if !b.enter() {
		return
	}
	defer b.builds.Done()
	names, err := b.store.Designed(b.ctx)
	if err != nil {
		b.options.Logger.Debug("databases were not looked at", "err", err)
		return
	}
	for _, name := range names {
		if db, err := b.store.DB(name); err == nil {
			b.add(db)
		}
	}
}

// off reports whether the settings, or the end, forbid it.
func (b *background) off(db *couch.DB) bool {
	return b.ctx.Err() != nil || b.atOnce() <= 0 || b.ignored(db.Name())
}

// enter counts somebody whom Close waits for.
func (b *background) enter() bool {
	b.Engine.mu.Lock()
	defer b.Engine.mu.Unlock()
	if !b.closed {
		b.builds.Add(1)
	}
	return !b.closed
}

func (b *background) add(db *couch.DB) {
	if b.off(db) {
		db.Heed()
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.queue = append(b.queue, db)
	if b.workers < b.atOnce() && b.enter() {
		b.workers++
		go b.work()
	}
}

func (b *background) work() {
	defer b.builds.Done()
	for {
		b.mu.Lock()
		if len(b.queue) == 0 || b.workers > max(b.atOnce(), 1) {
			b.workers--
			b.mu.Unlock()
			return
		}
		db := b.queue[0]
		b.queue = b.queue[1:]
		b.mu.Unlock()
		b.build(db)
	}
}

// build brings the indexes of a database up to what is written now; of what comes
// later the store tells again.
func (b *background) build(db *couch.DB) {
	db.Heed()
	if b.off(db) {
		return
	}
	d, err := b.derived(b.ctx, db)
	for i := 0; i < len(d.ken) && err == nil; i++ {
		err = b.buildOne(db, d.ken[i])
	}
	if err != nil && b.ctx.Err() == nil {
		b.options.Logger.Debug("an index was not built in the background", "database", db.Name(), "err", err)
	}
}

func (b *background) buildOne(db *couch.DB, k kenned) error {
	x, err := b.index(db, k.design)
	if err != nil {
		return nil // its readers are told
	}
	b.name(db, k.id, k.rev, k.design)
	return x.ahead(b.ctx)
}

// ahead is refresh for nobody: it takes its time, unless somebody comes to wait too.
func (x *index) ahead(ctx context.Context) error {
	target, err := x.db.UpdateSeq()
	if err != nil {
		return err
	}
	x.mu.Lock()
	if x.seq >= target {
		x.mu.Unlock()
		return nil
	}
	r, err := x.start(false)
	x.mu.Unlock()
	if err != nil {
		return err
	}
	select {
	case <-r.done:
		return r.err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// After each piece of work a build in the background rests, so many times as long
// as that took: it has half of a processor at most, and while others write to
// the database a tenth.
const (
	easeAlone  = 1
	easeAmong  = 9
	restAtMost = 200 * time.Millisecond // whatever a slow function makes of that, and for who comes to wait
)

// gently does a piece of the work. In the background one is done at a time.
func (b *builder) gently(ctx context.Context, do func()) {
	r := b.run
	if r.wanted.Load() {
		do()
		return
	}
	r.alone.Lock()
	defer r.alone.Unlock()
	began, ease := time.Now(), time.Duration(easeAlone)
	do()
	seq, err := b.db.UpdateSeq()
	if err != nil || r.wanted.Load() {
		return // without the database the next batch fails
	}
	if seq != r.seen {
		r.seen, ease = seq, easeAmong
	}
	select {
	case <-time.After(min(ease*time.Since(began), restAtMost)):
	case <-ctx.Done():
	}
}
