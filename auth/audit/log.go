package audit

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/go-kivik/kivik/v4"
)

// Database is the name of the database that the log is kept in.
const Database = "audit"

// Recorder appends to the log; *Log is one. Append is durable when it returns, safe for
// concurrent use, and keeps nothing of the entry's maps after it.
type Recorder interface {
	Append(ctx context.Context, e Entry) error
}

// Options of a Log. The zero value works.
type Options struct {
	Region string // of the server; default "local"
	Now    func() time.Time
	Logger *slog.Logger // default: discards

	// Heads is how often heads of chains are named and logged; default an hour: what is cut
	// off unseen is at most that much, and a year of it is nine thousand lines.
	Heads time.Duration
}

var (
	// ErrFull says that the store has not taken entries for so long that no more are kept.
	ErrFull = errors.New("audit: the store takes no entries, and too many wait")
	// ErrClosed says that the log is closed.
	ErrClosed = errors.New("audit: the log is closed")
	// ErrAct refuses an act that is not in the list.
	ErrAct = errors.New("audit: there is no such act")
)

const (
	// queueBound is how many entries may wait for the store: a second of failures at
	// the most that was measured, at 1 KiB each.
	queueBound = 4096
	// batchBound is how many share a _bulk_docs: more gain nothing over one fsync.
	batchBound = 512
)

// Log appends to a chain of its own. It is safe for concurrent use.
type Log struct {
	db    *kivik.DB
	o     Options
	queue chan *waiting
	stop  chan struct{} // closed by Close
	done  chan struct{} // closed when the writer has ended
	once  sync.Once

	// the writer's own
	chain string
	last  head
	told  head            // what was logged last
	named map[string]head // heads of other chains that this one has named
	start *Entry          // the chain's first entry, once it was made
}

// waiting is an entry on its way, and where its verdict goes.
type waiting struct {
	entry Entry
	done  chan error
}

// Open makes the database where it is missing and begins a chain. The database's client stays the
// caller's; close the Log first.
func Open(ctx context.Context, db *kivik.DB, o Options) (*Log, error) {
	if o.Region == "" {
		o.Region = "local"
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Heads <= 0 {
		o.Heads = time.Hour
	}
	l := &Log{db: db, o: o, queue: make(chan *waiting, queueBound), stop: make(chan struct{}), done: make(chan struct{}), named: map[string]head{}}
	if !l.renew() {
		return nil, fmt.Errorf("audit: %q is no name of a region", o.Region)
	}
	if err := prepare(ctx, db); err != nil {
		return nil, fmt.Errorf("audit: open: %w", err)
	}
	go l.run()
	return l, nil
}

// renew takes the name of a new chain.
func (l *Log) renew() bool {
	l.chain, l.last, l.told, l.start = l.o.Region+"-"+strings.ToLower(rand.Text()[:13]), head{}, head{}, nil
	_, _, ok := parseID(entryID(l.chain, 1))
	return ok
}

// Append stores an entry. When ctx ends before that is known it answers ctx's error, and the entry
// is stored all the same as soon as the store takes it.
func (l *Log) Append(ctx context.Context, e Entry) error {
	if !e.Act.Known() {
		return fmt.Errorf("%w: %q", ErrAct, e.Act)
	}
	if e.At.IsZero() {
		e.At = l.o.Now()
	}
	w := &waiting{entry: e, done: make(chan error, 1)}
	select {
	case <-l.stop:
		return ErrClosed
	default:
	}
	select {
	case l.queue <- w:
	default:
		return ErrFull
	}
	select {
	case err := <-w.done:
		return err
	case <-ctx.Done():
		return ctx.Err()
	case <-l.done:
	}
	select {
	case err := <-w.done:
		return err
	default:
		return ErrClosed
	}
}

// Close stores what waits and logs the head. What the store does not take at once is lost, and logged.
func (l *Log) Close() error {
	l.once.Do(func() { close(l.stop) })
	<-l.done
	return nil
}

// run is the writer.
func (l *Log) run() {
	defer close(l.done)
	hourly := time.NewTicker(l.o.Heads)
	defer hourly.Stop()
	l.write(nil) // the chain's beginning
	for {
		select {
		case w := <-l.queue:
			l.write(l.gather(w))
		case <-hourly.C:
			l.nameHeads()
		case <-l.stop:
			for {
				select {
				case w := <-l.queue:
					l.write(l.gather(w))
					continue
				default:
				}
				l.tell()
				return
			}
		}
	}
}

// gather takes what waits beside the first.
func (l *Log) gather(first *waiting) []*waiting {
	batch := []*waiting{first}
	for len(batch) < batchBound {
		select {
		case w := <-l.queue:
			batch = append(batch, w)
		default:
			return batch
		}
	}
	return batch
}

// tell logs the head, where it is another than before.
func (l *Log) tell() {
	if l.last != l.told {
		l.o.Logger.Info("audit: head", "chain", l.chain, "number", l.last.number, "hash", l.last.hash)
		l.told = l.last
	}
}
