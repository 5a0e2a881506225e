package couch

import (
	"context"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"io"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cockroachdb/pebble/v2"
)

// DB is one database of a store. Its methods are safe for concurrent use.
type DB struct {
	store   *Store
	name    string
	number  uint32
	created time.Time
	token   string // of this incarnation

	partitioned bool
	told        atomic.Bool // an update that GlobalChanges does not tell yet
	unheeded    atomic.Bool // one that the watcher was told of

	durable watermark
	tally   tally
	ranks   ranks
	designs designs

	compacting sync.Mutex // held by Compact

	// mu is the write lock. Batches are applied under it, so that they reach the
	// log in the order of their sequences. Readers do not take it: what they look
	// at is atomic, stored under mu, and snapshots bring their own counts.
	mu               sync.Mutex
	large            bool // see grow
	gone             atomic.Bool
	counts           atomic.Pointer[counts]
	revsLimit        atomic.Int64
	security         atomic.Pointer[Security]
	rights           atomic.Pointer[knownRights] // what security says, once somebody asked
	purgedInfosLimit atomic.Int64
	compacts         atomic.Bool     // a compaction runs, until the disk has back what it freed
	touched          map[string]bool // guarded by mu: locators that writes used since it began; nil: none runs
}

func (s *Store) newDB(name string) *DB {
	db := &DB{store: s, name: name}
	security := Security(defaultSecurity)
	db.counts.Store(&counts{})
	db.revsLimit.Store(defaultRevsLimit)
	db.purgedInfosLimit.Store(defaultPurgedInfosLimit)
	db.security.Store(&security)
	return db
}

// counts are kept in memory and written with every batch.
type counts struct {
	seq           Seq
	docs, deleted int64
	external      int64
	stale         int64 // bytes that a compaction would remove, estimated
	purged        Seq   // the newest entry of the purge log
}

func (c counts) append(dst []byte) []byte {
	for _, n := range []uint64{uint64(c.seq), uint64(c.docs), uint64(c.deleted), uint64(c.external), uint64(c.purged), uint64(c.stale)} {
		dst = binary.AppendUvarint(dst, n)
	}
	return dst
}

func readCounts(v []byte) (counts, error) {
	c := cursor{b: v}
	n := counts{seq: Seq(c.uvarint()), docs: int64(c.uvarint()), deleted: int64(c.uvarint()), external: int64(c.uvarint())}
	if len(c.b) > 0 { // stores of before there was a purge log have no more
		n.purged = Seq(c.uvarint())
	}
	if len(c.b) > 0 { // nor of before garbage was counted
		n.stale = int64(c.uvarint())
	}
	if c.bad {
		return n, corrupt("counters")
	}
	return n, nil
}

// countsIn reads the counts as a snapshot has them.
func (db *DB) countsIn(r pebble.Reader) (counts, error) {
	var c counts
	err := look(r, db.prefix(kindMeta).key(metaCounts), func(v []byte) (err error) {
		c, err = readCounts(v)
		return err
	})
	if errors.Is(err, ErrMissing) {
		return counts{}, nil // nothing was written yet
	}
	return c, err
}

const (
	metaCounts    = "counts"
	metaSecurity  = "security"
	metaRevsLimit = "revs_limit"

	metaPurgedInfosLimit = "purged_infos_limit"
)

const defaultRevsLimit = 1000 // CouchDB's

// defaultSecurity is CouchDB's for a new database: for server admins only.
const defaultSecurity = `{"members":{"roles":["_admin"]},"admins":{"roles":["_admin"]}}`

var goodName = regexp.MustCompile(`^[a-z][a-z0-9_$()+/-]*$`)

// systemNames are the databases that may begin with an underscore.
var systemNames = map[string]bool{"_users": true, "_replicator": true, "_global_changes": true}

// longestSegment is CouchDB's limit on what stands between two slashes.
const longestSegment = 238

// CheckDatabaseName reports why a database cannot have a name.
func CheckDatabaseName(name string) error {
	last := name[strings.LastIndexByte(name, '/')+1:]
	if !goodName.MatchString(name) && !systemNames[last] {
		return &Error{Kind: IllegalDBName, Reason: "Name: '" + name + "'. Only lowercase characters (a-z), digits (0-9), and any of the characters _, $, (, ), +, -, and / are allowed. Must begin with a letter."}
	}
	for _, segment := range strings.Split(name, "/") {
		if len(segment) > longestSegment {
			return &Error{Kind: DBNameTooLong, Reason: "At least one path segment of `" + name + "` is too long."}
		}
	}
	return nil
}

// flagPartitioned ends the record of a partitioned database.
const flagPartitioned = 1

func nameKey(name string) []byte { return append([]byte("n"), name...) }

// Create makes a database.
func (s *Store) Create(ctx context.Context, name string) (*DB, error) {
	return s.make(ctx, name, false)
}

func (s *Store) make(_ context.Context, name string, partitioned bool) (*DB, error) {
	if err := CheckDatabaseName(name); err != nil {
		return nil, err
	}
	if err := s.gate.enter(); err != nil {
		return nil, err
	}
	defer s.gate.leave()
	if err := s.room.admit(len(name)); err != nil {
		if _, is := s.DB(name); is == nil { // who makes sure that it is there writes nothing
			err = ErrDatabaseExists
		}
		return nil, err
	}
	db, b, err := s.create(name, partitioned)
	if err != nil {
		return nil, err
	}
	defer b.Close() //nolint:errcheck // it only goes back to its pool
	if err := s.sync(b); err != nil {
		return nil, err
	}
	s.global.created(db)
	s.announce(db)
	return db, nil
}

func (s *Store) create(name string, partitioned bool) (*DB, *pebble.Batch, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, err := s.find(name); !errors.Is(err, ErrNoDatabase) {
		if err == nil {
			err = ErrDatabaseExists
		}
		return nil, nil, err
	}
	var token [6]byte
	if _, err := io.ReadFull(s.o.Rand, token[:]); err != nil {
		return nil, nil, &Error{Kind: Unavailable, Reason: "No randomness for the database's token.", Err: err}
	}
	db := s.newDB(name)
	db.number, db.created = s.next, s.o.Now().UTC().Truncate(time.Second)
	db.token = base64.RawURLEncoding.EncodeToString(token[:])
	b := s.pebble.NewBatch()
	db.partitioned = partitioned
	set(b, nameKey(name), db.appendName(nil))
	set(b, nextKey, binary.BigEndian.AppendUint32(nil, db.number+1))
	if err := s.apply(b); err != nil {
		return nil, nil, err
	}
	s.next++
	s.databases.Store(name, db)
	return db, b, nil
}

// DB returns a database, or ErrNoDatabase. Handles stay valid; after Delete every method answers ErrNoDatabase.
func (s *Store) DB(name string) (*DB, error) {
	if err := s.gate.enter(); err != nil {
		return nil, err
	}
	defer s.gate.leave()
	if db, ok := s.databases.Load(name); ok {
		return db.(*DB), nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.find(name)
}

// find returns an open database or opens it; s.mu is held.
func (s *Store) find(name string) (*DB, error) {
	if db, ok := s.databases.Load(name); ok {
		return db.(*DB), nil
	}
	v, err := read(s.pebble, nameKey(name))
	if errors.Is(err, ErrMissing) {
		return nil, ErrNoDatabase
	}
	if err != nil {
		return nil, err
	}
	db := s.newDB(name)
	if err := db.readName(v); err != nil {
		return nil, err
	}
	if err := db.loadMeta(); err != nil {
		return nil, err
	}
	s.databases.Store(name, db)
	if broken := s.broken.Load(); broken != nil { // fail may have gone through the open ones before
		db.durable.fail(broken)
	}
	return db, nil
}

// appendName writes the record under a database's name.
func (db *DB) appendName(dst []byte) []byte {
	dst = binary.BigEndian.AppendUint32(dst, db.number)
	dst = binary.AppendVarint(dst, db.created.Unix())
	dst = appendString(dst, db.token)
	if db.partitioned {
		dst = append(dst, flagPartitioned)
	}
	return dst
}

func (db *DB) readName(v []byte) error {
	bad := corrupt("database " + db.name)
	if len(v) < 5 {
		return bad
	}
	db.number = binary.BigEndian.Uint32(v)
	unix, n := binary.Varint(v[4:])
	if n <= 0 {
		return bad
	}
	db.created = time.Unix(unix, 0).UTC()
	c := cursor{b: v[4+n:]}
	if db.token = c.text(); c.bad {
		return bad
	}
	db.partitioned = len(c.b) > 0 && c.flag() == flagPartitioned
	return nil
}

func (db *DB) loadMeta() error {
	c, err := db.countsIn(db.store.pebble)
	if err != nil {
		return err
	}
	db.counts.Store(&c)
	db.grow(&c)
	db.durable.seq, db.tally.seq, db.ranks.seq = c.seq, c.seq, c.seq
	meta := func(name string, use func(v []byte)) error {
		v, err := read(db.store.pebble, db.prefix(kindMeta).key(name))
		if err == nil {
			use(v)
		} else if !errors.Is(err, ErrMissing) {
			return err
		}
		return nil
	}
	return errors.Join(
		meta(metaSecurity, func(v []byte) { db.security.Store((*Security)(&v)) }),
		meta(metaRevsLimit, limit(&db.revsLimit)),
		meta(metaPurgedInfosLimit, limit(&db.purgedInfosLimit)),
	)
}

// limit reads a limit into its place. One that cannot be read stays the default: check tells of it.
func limit(into *atomic.Int64) func([]byte) {
	return func(v []byte) {
		c := cursor{b: v}
		if n := int64(c.uvarint()); !c.bad && n > 0 {
			into.Store(n)
		}
	}
}

// Delete removes a database and all that belongs to it.
func (s *Store) Delete(_ context.Context, name string) error {
	if err := s.gate.enter(); err != nil {
		return err
	}
	defer s.gate.leave()
	db, b, err := s.drop(name)
	if err != nil {
		return err
	}
	defer b.Close() //nolint:errcheck // it only goes back to its pool
	if err := s.sync(b); err != nil {
		return err
	}
	s.global.deleted(db)
	return nil
}

func (s *Store) drop(name string) (*DB, *pebble.Batch, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	db, err := s.find(name)
	if err != nil {
		return nil, nil, err
	}
	db.mu.Lock()
	defer db.mu.Unlock()
	all := db.prefix(0)
	b := s.pebble.NewBatch()
	_ = b.Delete(nameKey(name), nil)
	_ = b.DeleteRange(all[:5], end(all[:5]), nil)
	db.gone.Store(true) // before: who finds nothing knows why
	if err := s.apply(b); err != nil {
		db.gone.Store(false)
		return nil, nil, err
	}
	s.databases.Delete(name)
	db.durable.fail(ErrNoDatabase)
	return db, b, nil
}

// enter begins an operation on the database; leave ends it.
func (db *DB) enter() error {
	if err := db.store.gate.enter(); err != nil {
		return err
	}
	if db.gone.Load() {
		db.store.gate.leave()
		return ErrNoDatabase
	}
	return nil
}

func (db *DB) leave() { db.store.gate.leave() }

// Name is the database's name.
func (db *DB) Name() string { return db.name }

// FormatSeq is the sequence as clients see it: "N-token".
func (db *DB) FormatSeq(s Seq) string { return strconv.FormatUint(uint64(s), 10) + "-" + db.token }

// ParseSeq reads what clients send: "0", "now", N, "N-token", the same in JSON quotes.
// Another database's token, were it of one that had this name before, says nothing of
// this one: as in CouchDB the feed then begins anew.
func (db *DB) ParseSeq(s string) (Seq, error) {
	if len(s) >= 2 && s[0] == '"' && s[len(s)-1] == '"' {
		s = s[1 : len(s)-1]
	}
	if s == "now" {
		return db.durable.now(), nil
	}
	number, token, named := strings.Cut(s, "-")
	n, err := strconv.ParseUint(number, 10, 63)
	if err != nil {
		return 0, &Error{Kind: BadRequest, Reason: "Malformed sequence supplied in 'since' parameter."}
	}
	if named && token != db.token {
		return 0, nil
	}
	return Seq(n), nil
}
