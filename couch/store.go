package couch

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/sstable"
	"github.com/cockroachdb/pebble/v2/vfs"
)

// format is the layout of doc.go. A store of a later one is refused. One of format 1,
// in which no document has a current body, and one of format 2, in which no body is in pieces, are
// of format 3 that have none yet.
const (
	format      = 3
	formatWhole = 2
	formatApart = 1
)

var (
	formatKey = []byte("!format")
	uuidKey   = []byte("!uuid")
	nextKey   = []byte("!next")
)

// Store is an open folder of databases.
type Store struct {
	o      Options
	dir    string
	pebble *pebble.DB
	tables sstable.WriterOptions // of loads
	loads  atomic.Uint64         // tables of loads so far
	lock   *pebble.Lock
	uuid   string
	ids    uuids
	gate   *gate
	room   *room
	keeper *keeper
	broken atomic.Pointer[Error] // set once a write may be lost; see fail

	closing context.Context // ends when Close begins
	close   context.CancelFunc

	validators atomic.Pointer[[]Validator]
	watcher    atomic.Pointer[func(*DB)]
	newcomers  atomic.Pointer[func(*DB)] // see WatchNew

	large       largeDBs
	memories    memories
	meters      meters
	settings    settings
	global      globalChanges
	maxDocument atomic.Int64            // follows the settings
	packing     atomic.Pointer[packing] // likewise

	databases sync.Map // string -> *DB: those that were asked for; changed under mu

	// mu guards next. It is taken before a database's own lock.
	mu   sync.Mutex
	next uint32 // number of the next database
}

func (o *Options) defaults() {
	if o.FS == nil {
		o.FS = vfs.Default
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Rand == nil {
		o.Rand = rand.Reader
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.InlineLimit == 0 {
		o.InlineLimit = 64 << 10
	}
	if o.CacheSize == 0 {
		o.CacheSize = 64 << 20
	}
	if o.Reserve == 0 {
		o.Reserve = defaultReserve
	}
	if o.currentLimit == 0 {
		o.currentLimit = currentLimit
	}
	if o.piecedFrom == 0 {
		o.piecedFrom = piecedFrom
	}
	if o.MaxDocumentSize == 0 {
		o.MaxDocumentSize = 8_000_000
	}
}

// Open opens or creates the store in dir.
func Open(dir string, o Options) (*Store, error) {
	o.defaults()
	s := &Store{o: o, dir: dir, gate: newGate(), keeper: newKeeper(o.Compaction), ids: uuids{rand: o.Rand, now: o.Now}}
	s.closing, s.close = context.WithCancel(context.Background())
	if err := o.FS.MkdirAll(dir, 0o755); err != nil {
		return nil, &Error{Kind: Unavailable, Reason: "The folder " + dir + " cannot be made.", Err: err}
	}
	lock, err := pebble.LockDirectory(dir, o.FS)
	if errors.Is(err, fs.ErrPermission) || errors.Is(err, syscall.EROFS) {
		return nil, &Error{Kind: Unavailable, Reason: "The store in " + dir + " may not be written by this user: let it write there and to all in it.", Err: err}
	}
	if err != nil {
		return nil, &Error{Kind: Unavailable, Reason: "The store in " + dir + " is in use by another process.", Err: err}
	}
	s.lock, s.room = lock, newRoom(dir, &o, s.closing.Done())
	if err := s.openPebble(dir); err != nil {
		if isFull(err) {
			return nil, &Error{Kind: Full, Reason: "The disk is full: free space, then open the store in " + dir + " again.", Err: err}
		}
		return nil, &Error{Kind: Unavailable, Reason: "The store in " + dir + " could not be opened.", Err: err}
	}
	err = s.load(dir)
	if err == nil {
		err = s.sweepLoads()
	}
	if err == nil {
		err = s.loadSettings()
	}
	if err == nil {
		err = s.global.open(s)
	}
	if err != nil {
		_ = s.pebble.Close()
		_ = lock.Close()
		return nil, err
	}
	s.followSettings("")
	s.WatchSettings(s.followSettings)
	s.room.opened.Store(true)
	s.room.spare.keep()
	go s.keeper.run(s)
	return s, nil
}

// openPebble opens what is locked, and unlocks it where that fails. Pebble first makes tables of its logs, and where the disk has no
// room for them it begins anew for ever: it is left alone with that, and with the lock, until there is some.
func (s *Store) openPebble(dir string) error {
	po := s.pebbleOptions()
	po.Lock = s.lock
	done := make(chan error, 1)
	var db *pebble.DB
	go func() {
		done <- s.caught(func() (err error) {
			db, err = pebble.Open(dir, po)
			return err
		})
	}()
	select {
	case err := <-done:
		if err != nil {
			_ = s.lock.Close()
			return err
		}
		s.pebble, s.tables = db, loadOptions(po, db)
		return nil
	case <-s.room.stuck:
		go func() {
			if <-done == nil {
				_ = db.Close()
			}
			_ = s.lock.Close()
		}()
		return errKept
	}
}

// load reads the store's own keys, or writes those of a new one.
func (s *Store) load(dir string) error {
	v, err := read(s.pebble, formatKey)
	if err == ErrMissing {
		if first, ok := s.reads(nil); !ok || first.key != nil {
			return corrupt("it does not say its format")
		}
		return s.found()
	}
	if err != nil {
		return err
	}
	c := cursor{b: v}
	switch is := c.uvarint(); is {
	case format:
	case formatApart, formatWhole:
		if err := s.upgrade(); err != nil {
			return err
		}
	default:
		return &Error{Kind: Unavailable, Reason: fmt.Sprintf("The store in %s has format %d; this program reads format %d. Use the newer program.", dir, is, format)}
	}
	uuid, err := read(s.pebble, uuidKey)
	if err != nil {
		return err
	}
	next, err := read(s.pebble, nextKey)
	if err != nil {
		return err
	}
	s.uuid, s.next = string(uuid), binary.BigEndian.Uint32(next)
	return nil
}

func (s *Store) found() error {
	var id [16]byte
	if _, err := io.ReadFull(s.o.Rand, id[:]); err != nil {
		return &Error{Kind: Unavailable, Reason: "No randomness for the store's uuid.", Err: err}
	}
	s.uuid, s.next = hex.EncodeToString(id[:]), 1
	b := s.pebble.NewBatch()
	defer b.Close() //nolint:errcheck // it only goes back to its pool
	s.head(b)
	return s.commit(b)
}

// upgrade has older programs refuse the store, before anything is written that
// they would not understand.
func (s *Store) upgrade() error {
	b := s.pebble.NewBatch()
	defer b.Close() //nolint:errcheck // it only goes back to its pool
	set(b, formatKey, binary.AppendUvarint(nil, format))
	return s.commit(b)
}

// head writes what load reads.
func (s *Store) head(b *pebble.Batch) {
	set(b, formatKey, binary.AppendUvarint(nil, format))
	set(b, uuidKey, []byte(s.uuid))
	set(b, nextKey, binary.BigEndian.AppendUint32(nil, s.next))
}

// set and the like cannot fail on a batch that is neither indexed nor applied.
func set(b *pebble.Batch, key, value []byte) { _ = b.Set(key, value, nil) }

// Close waits for running operations, ends all feeds and closes the store. A
// broken store is left as it is; the process is to end.
func (s *Store) Close() error {
	s.global.close()
	first, empty := s.gate.close()
	s.close()
	s.eachOpen(func(db *DB) { db.durable.fail(ErrClosed) })
	<-s.keeper.ended
	<-empty
	if !first {
		return nil
	}
	if broken := s.broken.Load(); broken != nil {
		// Pebble may wait for ever for what its failure left locked, and may write
		// on in the folder: the lock stays until the process ends.
		return broken
	}
	err := s.caught(s.pebble.Close)
	if e := s.lock.Close(); err == nil {
		err = e
	}
	if err != nil {
		return &Error{Kind: Unavailable, Reason: "The store was not closed well.", Err: err}
	}
	return nil
}

func (s *Store) eachOpen(fn func(*DB)) {
	s.databases.Range(func(_, db any) bool {
		fn(db.(*DB))
		return true
	})
}

// UUID names this store for ever.
func (s *Store) UUID() string { return s.uuid }

// SetValidator sets who is asked before a revision is stored.
func (s *Store) SetValidator(v Validator) { s.validators.Store(&[]Validator{v}) }

// AddValidator adds one who is asked too, after the others.
func (s *Store) AddValidator(v Validator) {
	for {
		before := s.validators.Load()
		all := []Validator{v}
		if before != nil {
			all = append(slices.Clone(*before), v)
		}
		if s.validators.CompareAndSwap(before, &all) {
			return
		}
	}
}

// Databases lists the names, ordered by bytes.
func (s *Store) Databases(ctx context.Context) ([]string, error) {
	if err := s.gate.enter(); err != nil {
		return nil, err
	}
	defer s.gate.leave()
	it, err := s.pebble.NewIterWithContext(ctx, &pebble.IterOptions{LowerBound: []byte("n"), UpperBound: []byte("o")})
	if err != nil {
		return nil, readError(err)
	}
	names := []string{}
	for ok := it.First(); ok; ok = it.Next() {
		names = append(names, string(it.Key()[1:]))
	}
	if err := it.Close(); err != nil {
		return nil, readError(err)
	}
	return names, nil
}
