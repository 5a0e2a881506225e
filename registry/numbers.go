package registry

import (
	"context"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/go-kivik/kivik/v4"

	"settee/replicate"
)

// numbers gives the changes of a database numbers, where its own sequences are none: those of Apache CouchDB are told apart by a
// text, and a number alone says nothing to it. One follower reads the feed, and numbers are the order in which it does; they begin at the time, in microseconds, so that
// every number of a process is larger than all of those before. A client with one of an earlier process gets everything
// once again, which is what a feed may do. It takes 150 bytes of memory a package.
type numbers struct {
	mu   sync.Mutex
	rows []row // by number; one that was followed by another has no id
	at   map[string]int
	next int64
	gone int
	news chan struct{} // closed when there is another row
	full chan struct{} // closed once the feed was read to its end
	once sync.Once
	now  func() time.Time
}

// number begins to number the changes, where the database does not do so itself.
func (r *Registry) number(ctx context.Context) error {
	stats, err := r.db.Stats(ctx)
	if err != nil || countsItself(stats.UpdateSeq) {
		return err
	}
	r.numbers = newNumbers(r.o.Now)
	r.running.Go(func() {
		r.numbers.follow(ctx, r.db, replicate.FollowerOptions{Proof: r.o.MaxStale * 2 / 3, Logger: r.log})
	})
	return nil
}

// leastTerm is less than any of CouchDB's texts has, which names a node and a range of each shard, and more than the engine's has: eight
// characters by chance.
const leastTerm = 32

// countsItself reports whether a database's sequences are numbers, with what tells it from others: CouchDB's hold
// Erlang's external terms, in base64, which begin with the byte 131.
func countsItself(seq string) bool {
	_, rest, _ := strings.Cut(strings.Trim(seq, `"`), "-")
	return len(rest) < leastTerm || !strings.HasPrefix(rest, "g")
}

func newNumbers(now func() time.Time) *numbers {
	n := &numbers{now: now, full: make(chan struct{})}
	n.forget()
	return n
}

// follow reads the feed until ctx ends.
func (n *numbers) follow(ctx context.Context, db *kivik.DB, o replicate.FollowerOptions) {
	o.Since, o.Workers, o.Lost = "0", 1, n.forget
	o.Handle = func(_ context.Context, c replicate.Change) error {
		rev := ""
		if len(c.Revs) > 0 {
			rev = c.Revs[0]
		}
		n.add(row{id: c.ID, rev: rev, deleted: c.Deleted})
		return nil
	}
	o.CaughtUp = func(time.Time) { n.once.Do(func() { close(n.full) }) }
	_ = replicate.NewFollower(db, o).Run(ctx)
}

func (n *numbers) forget() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.rows, n.at, n.gone = nil, map[string]int{}, 0
	n.next = max(n.next, n.now().UnixMicro())
	if n.news == nil {
		n.news = make(chan struct{})
	}
}

func (n *numbers) add(r row) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if i, before := n.at[r.id]; before {
		n.rows[i].id = ""
		n.gone++
	}
	n.next++
	r.seq = n.next
	n.at[r.id] = len(n.rows)
	n.rows = append(n.rows, r)
	if n.gone > 1000 && n.gone > len(n.rows)/2 {
		n.rows = slices.DeleteFunc(n.rows, func(r row) bool { return r.id == "" })
		n.gone = 0
		for i, r := range n.rows {
			n.at[r.id] = i
		}
	}
	close(n.news)
	n.news = make(chan struct{})
}

// after is rowsAfter.
func (n *numbers) after(ctx context.Context, since int64, limit int, wait time.Duration) (rows []row, last int64, err error) {
	if err := n.read(ctx); err != nil {
		return nil, since, err
	}
	timeout := time.NewTimer(wait)
	defer timeout.Stop()
	for {
		n.mu.Lock()
		first, _ := slices.BinarySearchFunc(n.rows, since+1, func(r row, seq int64) int { return int(r.seq - seq) })
		last = max(since, n.next)
		for _, r := range n.rows[first:] {
			if len(rows) == limit {
				last = rows[len(rows)-1].seq
				break
			}
			if r.id != "" {
				rows = append(rows, r)
			}
		}
		news := n.news
		n.mu.Unlock()
		if len(rows) > 0 || wait <= 0 {
			return rows, last, nil
		}
		select {
		case <-news:
		case <-timeout.C:
			return nil, last, nil
		case <-ctx.Done():
			return nil, since, ctx.Err()
		}
	}
}

// read waits until the feed was read once.
func (n *numbers) read(ctx context.Context) error {
	select {
	case <-n.full:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (n *numbers) end(ctx context.Context) (int64, error) {
	if err := n.read(ctx); err != nil {
		return 0, err
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.next, nil
}
