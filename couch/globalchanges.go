package couch

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// GlobalChanges is the database that tells what happens to all others, while
// there is one: a document "created:NAME", "updated:NAME" and "deleted:NAME" for
// each, updated when it happens again. CouchDB's _db_updates is its feed.
const GlobalChanges = "_global_changes"

// writeDelay is CouchDB's default for the setting global_changes/max_write_delay:
// a database that is written to without pause costs two updates a second.
const writeDelay = 500 * time.Millisecond

// globalChanges collects what happens until it is written. Without the database
// it costs a write of any other one look at a flag; between two writes of a
// batch, a database that is written to costs the same.
type globalChanges struct {
	store *Store
	on    atomic.Bool // the database is there, and global_changes/update_db is not false

	writing sync.Mutex // held by write: batches reach the feed one after the other

	mu      sync.Mutex // guards the rest; taken inside a database's lock
	there   bool
	off     bool
	delay   time.Duration
	timer   *time.Timer
	pending map[DocID]happening
	count   int
	closed  bool
}

// happening is a place in the order in which things happened.
type happening struct {
	at int
	db *DB // that was updated; nil for others
}

// updated notes that a database changed; its lock is held.
func (g *globalChanges) updated(db *DB) {
	if g.on.Load() && !db.told.Load() && db.name != GlobalChanges {
		db.told.Store(true)
		g.note("updated:", db.name, db)
	}
}

// created and deleted note the coming and going of databases, and follow that
// of their own.
func (g *globalChanges) created(db *DB) { g.happened("created:", db, true) }
func (g *globalChanges) deleted(db *DB) { g.happened("deleted:", db, false) }

func (g *globalChanges) happened(what string, db *DB, there bool) {
	if db.name == GlobalChanges {
		g.change(func() { g.there = there })
	} else if g.on.Load() {
		g.note(what, db.name, nil)
	}
}

// follow obeys the settings.
func (g *globalChanges) follow(update, delay string) {
	ms, err := strconv.Atoi(delay)
	g.change(func() {
		g.off, g.delay = update == "false", writeDelay
		if err == nil && ms >= 0 {
			g.delay = time.Duration(ms) * time.Millisecond
		}
	})
}

func (g *globalChanges) change(f func()) {
	g.mu.Lock()
	f()
	on := g.there && !g.off
	g.on.Store(on)
	g.mu.Unlock()
	if !on {
		g.take() // there is nowhere to write it
	}
}

func (g *globalChanges) note(what, name string, db *DB) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed {
		return
	}
	if g.pending == nil {
		g.pending = map[DocID]happening{}
		g.timer = time.AfterFunc(g.delay, g.write)
	}
	g.count++
	g.pending[DocID(what+name)] = happening{g.count, db}
}

// take empties what was collected and returns it in the order in which it
// happened. What happens from now on is noted again.
func (g *globalChanges) take() []DocID {
	g.mu.Lock()
	defer g.mu.Unlock()
	ids := make([]DocID, 0, len(g.pending))
	for id, h := range g.pending {
		ids = append(ids, id)
		if h.db != nil {
			h.db.told.Store(false)
		}
	}
	pending := g.pending
	g.pending = nil
	slices.SortFunc(ids, func(a, b DocID) int { return pending[a].at - pending[b].at })
	return ids
}

// atATime is how many documents go into one batch.
const atATime = 1000

// write writes what was collected.
func (g *globalChanges) write() {
	g.writing.Lock()
	defer g.writing.Unlock()
	ids := g.take()
	if len(ids) == 0 || g.store.gate.enter() != nil {
		return
	}
	defer g.store.gate.leave()
	for some := range slices.Chunk(ids, atATime) {
		if err := g.store.tell(context.Background(), some); err != nil {
			g.store.o.Logger.Warn("global changes were not written", "databases", len(ids), "err", err)
			return
		}
	}
}

// tell updates the documents, or makes them. One that somebody else edits at
// this moment tells of it as well as ours would.
func (s *Store) tell(ctx context.Context, ids []DocID) error {
	s.mu.Lock()
	db, err := s.find(GlobalChanges)
	s.mu.Unlock()
	if err != nil {
		return err
	}
	rows, err := db.AllDocsByID(ctx, ids, AllDocsOptions{Limit: -1})
	if err != nil {
		return err
	}
	defer rows.Close() //nolint:errcheck // its error is read below
	docs := make([]*Document, 0, len(ids))
	for rows.Next() {
		doc := &Document{ID: rows.Row().ID, Body: []byte("{}")}
		if row := rows.Row(); !row.Deleted {
			doc.Rev = row.Rev
		}
		docs = append(docs, doc)
	}
	if err := rows.Err(); err != nil {
		return err
	}
	_, err = db.Bulk(ctx, docs, WriteOptions{})
	return err
}

// open looks whether the database is there.
func (g *globalChanges) open(s *Store) error {
	g.store = s
	there, err := has(s.pebble, nameKey(GlobalChanges))
	g.change(func() { g.there = there })
	return err
}

// close writes what is left. Nothing is noted any more.
func (g *globalChanges) close() {
	g.write()
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed = true; g.timer != nil {
		g.timer.Stop()
	}
}

// DBUpdate is what a document of GlobalChanges tells.
type DBUpdate struct {
	Name string
	Type string // created, updated or deleted
}

// ParseDBUpdate reads the id of such a document; not ok where it is another's.
func ParseDBUpdate(id DocID) (u DBUpdate, ok bool) {
	u.Type, u.Name, ok = strings.Cut(string(id), ":")
	return u, ok
}
