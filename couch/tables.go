package couch

import (
	"bytes"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/cockroachdb/pebble/v2"
)

const (
	// largeFrom is from how many documents on a database is large: a memory table
	// holds about as many small ones.
	largeFrom = 10_000
	// mostLarge is how many large ones have tables of their own: a flush makes up to
	// six for each of them that was written.
	mostLarge = 64
)

// largeDBs has each kind of keys of a large database written to tables of its own.
// A load mostly adds at the end of each kind: a table of all kinds lies across
// everything between those ends, and every compaction would write that again.
type largeDBs struct {
	adding sync.Mutex
	bounds atomic.Pointer[[][]byte] // where a table ends, in order; nil: nowhere
}

// tableKinds begin a table. Metadata and the kinds beside it, which are small, share one.
var tableKinds = []byte{kindBody, kindID, kindID + 1, kindSeq, kindSeq + 1}

// add notes a database that is large. There is no need to forget one: its number is
// never used again.
func (l *largeDBs) add(db *DB) {
	l.adding.Lock()
	defer l.adding.Unlock()
	var bounds [][]byte
	if before := l.bounds.Load(); before != nil {
		bounds = slices.Clone(*before)
	}
	if len(bounds) >= mostLarge*len(tableKinds) {
		return
	}
	for _, kind := range tableKinds {
		bounds = append(bounds, db.prefix(kind).key())
	}
	slices.SortFunc(bounds, bytes.Compare)
	l.bounds.Store(&bounds)
}

// split tells Pebble where a table that begins with a key ends at the latest; it
// asks in flushes and compactions.
func (l *largeDBs) split(start []byte) (policy pebble.SpanPolicy, end []byte, err error) {
	bounds := l.bounds.Load()
	if bounds == nil {
		return policy, nil, nil
	}
	i, found := slices.BinarySearchFunc(*bounds, start, bytes.Compare)
	if found {
		i++
	}
	if i < len(*bounds) {
		end = (*bounds)[i]
	}
	return policy, end, nil
}

// grow notes that the database has become large. Its lock is held, or nobody else has it.
func (db *DB) grow(c *counts) {
	if !db.large && c.docs+c.deleted >= largeFrom {
		db.large = true
		db.store.large.add(db)
	}
}
