package couch

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"strings"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/bloom"
)

const (
	// memTable holds about a second of small writes. Larger ones cost idle memory
	// and recovery time, smaller ones flush files that must be merged at once.
	memTable = 8 << 20
	// queued is how many of them may wait for their flush.
	queued = 4
	// stopWrites is how many layers of young tables stop all writers.
	stopWrites = 24
)

func (s *Store) pebbleOptions() *pebble.Options {
	o := &pebble.Options{
		FS:                          roomFS{zeroedLogs{s.o.FS}, s.room},
		CacheSize:                   s.o.CacheSize + 2*memTable, // memory tables are taken from it: the one in use and the one in flush
		MemTableSize:                memTable,
		MemTableStopWritesThreshold: queued,                            // a flush slower than the writers for a moment stalls nobody
		L0CompactionThreshold:       4,                                 // reads of a cold key look at few files
		L0StopWritesThreshold:       stopWrites,                        // a bulk load is slowed, not stopped, by its own compactions
		CompactionConcurrencyRange:  func() (int, int) { return 1, 2 }, // two cores; writers need one of them
		FormatMajorVersion:          pebble.FormatNewest,               // nothing older reads this folder
		MaxOpenFiles:                1000,                              // the usual limit of a process is 1,024 or far more
		WALBytesPerSync:             512 << 10,                         // a large batch does not make one long fsync at its end
		FlushDelayDeleteRange:       0,                                 // dropped databases give their room back with ordinary compactions
		Logger:                      quiet{s},                          // and to nobody by default
		EventListener:               &pebble.EventListener{BackgroundError: s.diskError, DataCorruption: s.damage},
	}
	for i := range o.Levels {
		// Every write first looks for its document; most are new. Ten bits a key
		// answer 99 of 100 of those looks without reading a block.
		o.Levels[i].FilterPolicy = bloom.FilterPolicy(10)
		o.Levels[i].FilterType = pebble.TableFilter
		// One index block a table: a second level costs each look another block.
		o.Levels[i].IndexBlockSize = 256 << 10
	}
	// The levels that Pebble would give to zstd hold nearly all there is: it took a
	// quarter of the processor in a bulk load, for a third of the room.
	o.ApplyCompressionSettings(func() pebble.DBCompressionSettings { return pebble.DBCompressionFastest })
	o.Experimental.SpanPolicyFunc = s.large.split
	// Values stay with their keys: apart in blob files, documents of 4 to 100 kB
	// were read at half the speed and took up to half as much room again, for a
	// third less written; and Pebble 2.1.7 panics when a disk refuses a blob file.
	return o
}

// quiet is Pebble's logger. Pebble cannot go on after what it calls fatal, and
// nor can a process that does not know what its disk holds: the store is marked
// broken and the process ends. Only what a writer's own goroutine meets comes
// back to that writer as an error.
type quiet struct{ s *Store }

func (q quiet) Infof(format string, args ...any) {
	if l := q.s.o.Logger; l.Enabled(context.Background(), slog.LevelDebug) {
		l.Debug("storage", "event", fmt.Sprintf(format, args...))
	}
}

func (q quiet) Errorf(format string, args ...any) {
	q.s.o.Logger.Error("storage failed", "event", fmt.Sprintf(format, args...))
}

func (q quiet) Fatalf(format string, args ...any) {
	q.Errorf(format, args...)
	err := q.s.fail(fmt.Errorf(format, args...))
	if q.s.o.Fatal != nil {
		q.s.o.Fatal(err)
	}
	panic(fatal{err})
}

// fatal is what a panic says when nobody recovers it.
type fatal struct{ err error }

func (f fatal) Error() string { return f.err.Error() }

// damage tells of a block that is not what was written. Who reads it gets an
// error; all else goes on.
func (s *Store) damage(info pebble.DataCorruptionInfo) {
	s.o.Logger.Error("storage is damaged", "file", info.Path, "err", info.Details)
}

// diskError tells of a flush or a compaction that failed, which Pebble will try
// again. A full disk fails all
// of them until there is space; it is told once, by room. Open waits for its flushes, but not for space.
func (s *Store) diskError(err error) {
	switch {
	case !isFull(err):
		s.o.Logger.Error("storage failed", "err", err)
	case !s.room.opened.Load() && !s.room.spare.give():
		s.room.giveUp()
	}
}

// fail marks the store broken: what was written last may or may not be on the
// disk, and only opening it again can tell.
func (s *Store) fail(cause error) error {
	err := &Error{Kind: Unavailable, Reason: "The disk failed; restart the server.", Err: cause}
	if isFull(cause) {
		err = &Error{Kind: Full, Reason: "The disk is full: free space, then restart the server.", Err: cause}
	}
	if s.broken.CompareAndSwap(nil, err) {
		s.o.Logger.Error("store is broken", "err", cause)
		s.eachOpen(func(db *DB) { db.durable.fail(err) })
	}
	return s.broken.Load()
}

// apply writes a batch to the log and makes it visible; sync waits for the disk.
func (s *Store) apply(b *pebble.Batch) error {
	return s.guard(func() error { return s.pebble.ApplyNoSyncWait(b, pebble.Sync) })
}

// applyUnsynced is for what need not survive a crash.
func (s *Store) applyUnsynced(b *pebble.Batch) error {
	return s.guard(func() error { return s.pebble.Apply(b, pebble.NoSync) })
}

// guard turns a failed write, an error or a panic of Pebble's, into a broken store.
func (s *Store) guard(write func() error) error {
	if broken := s.broken.Load(); broken != nil {
		return broken
	}
	if err := s.caught(write); err != nil {
		return s.fail(err)
	}
	return nil
}

// caught makes an error of what Pebble panics with.
func (s *Store) caught(do func() error) (err error) {
	defer func() {
		switch p := recover().(type) {
		case nil:
		case fatal:
			err = p.err
		case runtime.Error:
			panic(p)
		case error: // the log could not be rotated
			err = p
		default:
			panic(p)
		}
	}()
	return do()
}

// sync waits until an applied batch, and so every one before it, is durable.
func (s *Store) sync(b *pebble.Batch) error {
	if err := b.SyncWait(); err != nil {
		return s.fail(err)
	}
	if broken := s.broken.Load(); broken != nil {
		return broken
	}
	return nil
}

// commit applies a batch and waits.
func (s *Store) commit(b *pebble.Batch) error {
	if err := s.apply(b); err != nil {
		return err
	}
	return s.sync(b)
}

// read returns a copy of a value, or ErrMissing.
func read(r pebble.Reader, key []byte) ([]byte, error) {
	var out []byte
	err := look(r, key, func(v []byte) error {
		out = append(make([]byte, 0, len(v)), v...)
		return nil
	})
	return out, err
}

// look shows a value to use, or answers ErrMissing. Closing tells whether the
// value could be read at all.
func look(r pebble.Reader, key []byte, use func(v []byte) error) error {
	v, closer, err := r.Get(key)
	if err != nil {
		return readError(err)
	}
	bad := use(v)
	if err := closer.Close(); err != nil {
		return readError(err)
	}
	return bad
}

// has reports whether a key is there.
func has(r pebble.Reader, key []byte) (bool, error) {
	err := look(r, key, func([]byte) error { return nil })
	if errors.Is(err, ErrMissing) {
		return false, nil
	}
	return err == nil, err
}

func readError(err error) error {
	if errors.Is(err, pebble.ErrNotFound) {
		return ErrMissing
	}
	switch {
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return err
	case isFull(err):
		return fullError(err)
	case pebble.IsCorruptionError(err):
		line, _, _ := strings.Cut(err.Error(), "\n") // Pebble's others are for its own makers
		return &Error{Kind: Internal, Reason: "The store is damaged.", Err: errors.New(line)}
	}
	return &Error{Kind: Unavailable, Reason: "The disk could not be read.", Err: err}
}
