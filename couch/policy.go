package couch

import (
	"cmp"
	"slices"
	"sync"
	"time"
)

// Policy says when a database compacts itself. Its garbage are the bodies of
// superseded revisions, and their attachments where nothing else uses them; an
// index overwrites its rows in place and has none that Pebble does not find by
// itself. The zero value is CouchDB's, half garbage, or 512 MiB of it, but for the least of it that counts.
type Policy struct {
	Off     bool
	Minimum int64   // bytes of garbage with which to begin; default 8 MiB, a memory table's: of less there is much that never reached one of the disk's
	Ratio   float64 // all bytes to live ones; default 2, of smoosh's ratio_dbs
	Slack   int64   // bytes of garbage that are too much whatever their ratio; default 512 MiB, of smoosh's slack_dbs
	Rate    int64   // bytes read a second; default 32 MiB: a third of what one disk of the slow sort does. < 0: no limit
}

func (p *Policy) defaults() {
	p.Minimum = cmp.Or(p.Minimum, memTable)
	p.Ratio = cmp.Or(p.Ratio, 2)
	p.Slack = cmp.Or(p.Slack, 512<<20)
	p.Rate = max(cmp.Or(p.Rate, 32<<20), 0)
}

// priority is how urgent a database is; 0: it is not.
func (p *Policy) priority(c *counts) float64 {
	ratio := float64(c.external+c.stale) / float64(max(c.external, 1))
	switch {
	case p.Off || c.stale < p.Minimum:
		return 0
	case ratio >= p.Ratio:
		return ratio
	case c.stale >= p.Slack:
		return float64(c.stale) / float64(p.Slack)
	}
	return 0
}

// calm is how long the keeper rests after a compaction that failed: a full disk
// fails the next one too.
const calm = 10 * time.Second

// keeper compacts databases by the store's policy, one at a time, the most
// urgent first, and knows which compactions run.
type keeper struct {
	policy Policy
	bell   chan struct{} // rung when a database begins to wait
	ended  chan struct{} // closed when it has gone

	mu      sync.Mutex // guards the rest; taken last
	waiting map[*DB]bool
	running []*compaction // in the order of their start
}

func newKeeper(p Policy) *keeper {
	p.defaults()
	return &keeper{policy: p, bell: make(chan struct{}, 1), ended: make(chan struct{}), waiting: map[*DB]bool{}}
}

// look is told of a database's counters after a write.
func (k *keeper) look(db *DB, c *counts) {
	if c.stale < k.policy.Minimum || k.policy.priority(c) == 0 {
		return
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.waiting[db] || db.compacts.Load() {
		return
	}
	k.waiting[db] = true
	select {
	case k.bell <- struct{}{}:
	default:
	}
}

// run works until the store closes.
func (k *keeper) run(s *Store) {
	defer close(k.ended)
	for {
		db := k.next()
		if db == nil {
			select {
			case <-k.bell:
				continue
			case <-s.closing.Done():
				return
			}
		}
		if k.policy.priority(db.counts.Load()) == 0 {
			continue // somebody compacted it meanwhile
		}
		err := db.compact(s.closing, k.policy.Rate)
		if err == nil || db.gone.Load() || s.closing.Err() != nil {
			continue
		}
		s.o.Logger.Error("compaction failed", "database", db.name, "err", err)
		select {
		case <-time.After(calm):
		case <-s.closing.Done():
			return
		}
	}
}

// next takes the most urgent database.
func (k *keeper) next() *DB {
	k.mu.Lock()
	defer k.mu.Unlock()
	var most *DB
	urgency := -1.0
	for db := range k.waiting {
		if p := k.policy.priority(db.counts.Load()); p > urgency {
			most, urgency = db, p
		}
	}
	delete(k.waiting, most)
	return most
}

func (k *keeper) begin(c *compaction) {
	counts := c.db.counts.Load()
	c.start, c.total = c.db.store.o.Now(), counts.docs+counts.deleted
	k.mu.Lock()
	defer k.mu.Unlock()
	k.running = append(k.running, c)
	c.db.compacts.Store(true)
}

// end looks again: a database that is written meanwhile may have new garbage.
func (k *keeper) end(c *compaction) {
	k.mu.Lock()
	k.running = slices.DeleteFunc(k.running, func(o *compaction) bool { return o == c })
	c.db.compacts.Store(false)
	k.mu.Unlock()
	k.look(c.db, c.db.counts.Load())
}

// Compaction is one that runs, asked for or by policy.
type Compaction struct {
	Database    string
	Started     time.Time
	Done, Total int64 // documents
}

// Compactions lists those that run, the oldest first.
func (s *Store) Compactions() []Compaction {
	k := s.keeper
	k.mu.Lock()
	defer k.mu.Unlock()
	list := make([]Compaction, len(k.running))
	for i, c := range k.running {
		list[i] = Compaction{c.db.name, c.start, min(c.done.Load(), c.total), c.total}
	}
	return list
}
