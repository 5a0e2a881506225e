package couch

import (
	"context"
	"errors"
	"math"
	"slices"
	"sort"
	"strings"
	"sync"
)

const (
	// rankBlock is how many neighbouring ids share a counter. A walk over that many
	// costs no more than the row that it is asked for; the counters of ten million
	// documents take 3 MB.
	rankBlock = 256
	// rankTail is how many changes are remembered, for readers whose snapshots are
	// older than the counters.
	rankTail = 4096
)

// ranks counts the documents in blocks of neighbouring ids, so that telling how
// many come before one needs no walk over them. Like tally it is made when
// somebody first asks for more than a short walk answers, and kept up by the
// landings; a block that has grown is divided when it is next looked at.
type ranks struct {
	building sync.Mutex // held while blocks are counted

	mu       sync.Mutex // guards the rest
	seq      Seq        // the last update that landed or is about to
	watched  bool       // changes are written to tail
	blocks   []idBlock  // in the order of ids, as of seq; nil: not counted yet
	tail     []idChange // since tailFrom, the oldest first
	tailFrom Seq
}

// idBlock counts the documents from first up to the next block's.
type idBlock struct {
	first     string // "" of the first block
	live, all int64
}

// idChange is a document that came, went or was deleted.
type idChange struct {
	seq       Seq // of its batch's last update
	id        string
	live, all int64
}

// change is what a landing does to the numbers of documents.
func (p *pending) change(seq Seq) idChange {
	c := idChange{seq: seq, id: string(p.id)}
	if p.existed {
		c.all--
		if !p.before.winner.Deleted {
			c.live--
		}
	}
	if p.record.tree.Len() > 0 {
		c.all++
		if !p.record.winner.Deleted {
			c.live++
		}
	}
	return c
}

// add notes a batch before it is visible, so that no snapshot is ahead of the ranks.
func (r *ranks) add(order []*pending, seq Seq) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.seq = seq
	if !r.watched {
		return
	}
	for _, p := range order {
		if c := p.change(seq); p.dirty && c.live|c.all != 0 {
			c.id = strings.Clone(c.id)
			r.tail = append(r.tail, c)
			r.move(c)
		}
	}
	if spare := len(r.tail) - rankTail; r.blocks != nil && spare > rankTail {
		r.tailFrom = r.tail[spare-1].seq
		r.tail = append(r.tail[:0], r.tail[spare:]...)
	}
}

func (r *ranks) move(c idChange) {
	if r.blocks != nil {
		b := &r.blocks[r.holding(c.id)]
		b.live += c.live
		b.all += c.all
	}
}

// holding is the block that an id belongs to.
func (r *ranks) holding(id string) int {
	return sort.Search(len(r.blocks), func(i int) bool { return r.blocks[i].first > id }) - 1
}

// since calls fn for what changed after a snapshot.
func (r *ranks) since(seq Seq, fn func(idChange)) {
	for i := len(r.tail) - 1; i >= 0 && r.tail[i].seq > seq; i-- {
		fn(r.tail[i])
	}
}

// before counts the live documents in the blocks before the one that holds id,
// as a snapshot at seq has them, and returns that block; upper is its end, "" of
// the last. It is not ok when the ranks do not reach back so far.
func (r *ranks) before(id string, seq Seq) (live int64, in idBlock, upper string, ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.blocks == nil || seq < r.tailFrom {
		return 0, in, "", false
	}
	i := r.holding(id)
	for _, b := range r.blocks[:i] {
		live += b.live
	}
	in = r.blocks[i]
	if i+1 < len(r.blocks) {
		upper = r.blocks[i+1].first
	}
	r.since(seq, func(c idChange) {
		if c.id < in.first {
			live -= c.live
		}
	})
	return live, in, upper, true
}

// watch begins to note changes and returns the last update that was not noted.
func (r *ranks) watch() (from Seq, counted bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.watched {
		r.watched, r.tailFrom = true, r.seq
	}
	return r.tailFrom, r.blocks != nil
}

// forget stops noting changes: the count did not come about.
func (r *ranks) forget() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.watched, r.tail = false, nil
}

// put takes blocks counted on a snapshot at seq in place of the one from lower
// to upper and brings them up to now.
func (r *ranks) put(blocks []idBlock, lower, upper string, seq Seq) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if seq < r.tailFrom {
		return // so many writes came between; another reader will try again
	}
	if r.blocks == nil {
		r.blocks = blocks
	} else {
		i := r.holding(lower)
		r.blocks = slices.Replace(r.blocks, i, i+1, blocks...)
	}
	r.since(seq, func(c idChange) {
		if c.id >= lower && (upper == "" || c.id < upper) {
			r.move(c)
		}
	})
}

// countRanks makes the ranks, unless somebody has.
func (db *DB) countRanks(ctx context.Context) error {
	r := &db.ranks
	r.building.Lock()
	defer r.building.Unlock()
	from, counted := r.watch()
	if counted {
		return nil
	}
	err := db.durable.wait(ctx, from) // a batch that was not noted may not be visible yet
	if err == nil {
		err = db.countBlock(ctx, "", "")
	}
	if err != nil {
		r.forget()
	}
	return err
}

// divide counts a block that has grown anew.
func (db *DB) divide(ctx context.Context, first string) error {
	r := &db.ranks
	r.building.Lock()
	defer r.building.Unlock()
	_, in, upper, ok := r.before(first, math.MaxUint64)
	if !ok || in.first != first || in.all <= 2*rankBlock {
		return nil // somebody has
	}
	return db.countBlock(ctx, first, upper)
}

// countBlock counts the documents from lower to upper in blocks.
func (db *DB) countBlock(ctx context.Context, lower, upper string) error {
	snap, err := db.snapshot(ctx)
	if err != nil {
		return err
	}
	defer snap.release()
	blocks := []idBlock{{first: lower}}
	err = snap.ids(ctx, db.idKey(DocID(lower)), db.idEnd(upper), func(id, value []byte) bool {
		last := &blocks[len(blocks)-1]
		if last.all == rankBlock {
			blocks = append(blocks, idBlock{first: string(id)})
			last = &blocks[len(blocks)-1]
		}
		last.all++
		if !isTombstone(value) {
			last.live++
		}
		return true
	})
	if err == nil {
		db.ranks.put(blocks, lower, upper, snap.counts.seq)
	}
	return err
}

// idEnd is the key of an id, or the end of all where there is none.
func (db *DB) idEnd(id string) []byte {
	if id == "" {
		return db.prefix(kindID + 1).key()
	}
	return db.idKey(DocID(id))
}

var errEnough = errors.New("enough was walked")

// ids walks by-id records until fn wants no more.
func (s *snapshot) ids(ctx context.Context, lower, upper []byte, fn func(id, value []byte) bool) error {
	err := s.eachIn(ctx, lower, upper, func(key, value []byte) error {
		if !fn(key[len(prefix{}):], value) {
			return errEnough
		}
		return nil
	})
	if err == errEnough {
		return nil
	}
	return err
}

// liveUpTo counts the live documents of a range, unless there are more than most.
func (s *snapshot) liveUpTo(ctx context.Context, most int64, lower, upper []byte) (live int64, whole bool, err error) {
	all := int64(0)
	err = s.ids(ctx, lower, upper, func(_, value []byte) bool {
		if all++; !isTombstone(value) {
			live++
		}
		return all <= most
	})
	return live, all <= most, err
}

// rank counts the live documents before an id's key: by a short walk where
// there are few, else by the ranks and a walk within one block.
func (s *snapshot) rank(ctx context.Context, key []byte) (int64, error) {
	first, id := s.db.idEnd(""), string(key[len(prefix{}):])
	if string(key) >= string(first) {
		return s.counts.docs, nil
	}
	first = s.db.idKey("")
	if live, whole, err := s.liveUpTo(ctx, rankBlock, first, key); whole || err != nil {
		return live, err
	}
	if err := s.db.countRanks(ctx); err != nil {
		return 0, err
	}
	live, in, _, ok := s.db.ranks.before(id, s.counts.seq)
	if ok && in.all > 2*rankBlock {
		if err := s.db.divide(ctx, in.first); err != nil {
			return 0, err
		}
		live, in, _, ok = s.db.ranks.before(id, s.counts.seq)
	}
	if !ok { // the snapshot is older than what the ranks remember
		live, in.first = 0, ""
	}
	more, _, err := s.liveUpTo(ctx, math.MaxInt64-1, s.db.idKey(DocID(in.first)), key)
	return live + more, err
}
