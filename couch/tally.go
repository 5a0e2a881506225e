package couch

import (
	"context"
	"encoding/binary"
	"math"
	"sync"

	"github.com/cockroachdb/pebble/v2"
)

const (
	// tallyBlock is how many sequences share a counter. What a count walks is at
	// most that many keys, a tenth of a millisecond; the counters of ten million
	// sequences take 40 kB.
	tallyBlock = 1024
	// tallyTail is how many updates are remembered, 64 kB: for readers whose
	// snapshots are older than the counters.
	tallyTail = 8192
)

// vanished marks a sequence that was taken away with no row in its place: the
// document was purged.
const vanished Seq = 1 << 63

// tally counts the rows of the by-sequence index in blocks, so that telling how
// many rows follow one needs no walk over them. It is made when somebody first
// asks for more than a short walk answers, and kept up by the landings.
type tally struct {
	building sync.Mutex // held while the blocks are counted

	mu       sync.Mutex // guards the rest
	seq      Seq        // the last update that landed or is about to
	watched  bool       // updates are written to tail
	blocks   []int64    // rows of each block as of seq; nil: not counted yet
	tail     []Seq      // for each update after tailFrom: the sequence it took away, or 0
	tailFrom Seq
}

// add notes a batch: of each update the sequence that it takes away, or 0. It
// comes before the batch is visible, so that no snapshot is ahead of the tally.
func (t *tally) add(replaced []Seq) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.watched {
		t.tail = append(t.tail, replaced...)
	}
	if t.blocks != nil {
		for i, old := range replaced {
			t.move(t.seq+Seq(i)+1, old)
		}
		if spare := len(t.tail) - tallyTail; spare > tallyTail {
			t.tail = append(t.tail[:0], t.tail[spare:]...)
			t.tailFrom += Seq(spare)
		}
	}
	t.seq += Seq(len(replaced))
}

// move counts an update.
func (t *tally) move(to, from Seq) {
	for int(to/tallyBlock) >= len(t.blocks) {
		t.blocks = append(t.blocks, 0)
	}
	if from&vanished == 0 {
		t.blocks[to/tallyBlock]++
	}
	if from &^= vanished; from > 0 {
		t.blocks[from/tallyBlock]--
	}
}

// before counts the rows in the first n blocks, as a snapshot taken at seq has
// them; not ok when the tally does not reach back so far.
func (t *tally) before(n, seq Seq) (rows int64, ok bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.blocks == nil || seq < t.tailFrom {
		return 0, false
	}
	for _, k := range t.blocks[:min(int(n), len(t.blocks))] {
		rows += k
	}
	for _, old := range t.tail[seq-t.tailFrom:] {
		if old &^= vanished; old > 0 && old/tallyBlock < n {
			rows++ // the snapshot has it still
		}
	}
	return rows, true
}

// watch begins to note updates and returns the last that was not noted.
func (t *tally) watch() (from Seq, counted bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.watched {
		t.watched, t.tailFrom = true, t.seq
	}
	return t.tailFrom, t.blocks != nil
}

// begin takes the counts of a snapshot at seq and brings them up to now.
func (t *tally) begin(blocks []int64, seq Seq) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.blocks = blocks
	for i, old := range t.tail[seq-t.tailFrom:] {
		t.move(seq+Seq(i)+1, old)
	}
}

// forget stops noting updates: the count did not come about.
func (t *tally) forget() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.watched, t.tail = false, nil
}

// countBlocks makes the tally, unless somebody has.
func (db *DB) countBlocks(ctx context.Context) error {
	t := &db.tally
	t.building.Lock()
	defer t.building.Unlock()
	from, counted := t.watch()
	if counted {
		return nil
	}
	blocks, seq, err := db.rowsPerBlock(ctx, from)
	if err != nil {
		t.forget()
		return err
	}
	t.begin(blocks, seq)
	return nil
}

// rowsPerBlock walks the by-sequence index as of seq, which is from or later.
func (db *DB) rowsPerBlock(ctx context.Context, from Seq) (blocks []int64, seq Seq, err error) {
	// A batch that was not noted may not be visible yet.
	if err := db.durable.wait(ctx, from); err != nil {
		return nil, 0, err
	}
	snap, err := db.snapshot(ctx)
	if err != nil {
		return nil, 0, err
	}
	defer snap.release()
	blocks = make([]int64, snap.counts.seq/tallyBlock+1)
	err = snap.each(ctx, kindSeq, func(key, _ []byte) error {
		blocks[binary.BigEndian.Uint64(key[len(prefix{}):])/tallyBlock]++
		return nil
	})
	return blocks, snap.counts.seq, err
}

// after counts the rows of a snapshot that follow last: by a short walk where
// few rows are on either side, else by the tally and a walk within one block.
func (s *snapshot) after(ctx context.Context, last Seq) (int64, error) {
	all := s.counts.docs + s.counts.deleted
	switch {
	case last == 0:
		return all, nil
	case last >= s.counts.seq:
		return 0, nil
	}
	first, afterLast, end := s.db.seqKey(0), s.db.seqKey(last+1), s.db.prefix(kindSeq+1).key()
	n, whole, err := countUpTo(tallyBlock, s, afterLast, end)
	if whole || err != nil {
		return n, err
	}
	n, whole, err = countUpTo(tallyBlock, s, first, afterLast)
	if whole || err != nil {
		return all - n, err
	}
	if err := s.db.countBlocks(ctx); err != nil {
		return 0, err
	}
	block := last / tallyBlock
	if rows, ok := s.db.tally.before(block, s.counts.seq); ok {
		n, err = countKeys(s, s.db.seqKey(block*tallyBlock), afterLast)
		return all - rows - n, err
	}
	// The snapshot is older than what the tally remembers.
	return countKeys(s, afterLast, end)
}

// countKeys counts all keys of a range.
func countKeys(r pebble.Reader, lower, upper []byte) (int64, error) {
	n, _, err := countUpTo(math.MaxInt64, r, lower, upper)
	return n, err
}

// countUpTo counts at most so many; whole tells that there were no more.
func countUpTo(most int64, r pebble.Reader, lower, upper []byte) (n int64, whole bool, err error) {
	it, err := r.NewIter(&pebble.IterOptions{LowerBound: lower, UpperBound: upper})
	if err != nil {
		return 0, false, readError(err)
	}
	ok := it.First()
	for ; ok && n < most; ok = it.Next() {
		n++
	}
	if err := it.Close(); err != nil {
		return 0, false, readError(err)
	}
	return n, !ok, nil
}
