package auth

import (
	"context"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"settee/database"

	"github.com/go-kivik/kivik/v4"
	"golang.org/x/sync/singleflight"
)

// mirrorBound is how many present documents, and how many absent ids, a mirror
// keeps: at some 500 bytes each, 32 MB when all of it is used. Past it an
// arbitrary one goes. Absent ids are bounded apart, so that a flood of guesses
// does not drive out what is in use.
const mirrorBound = 65_536

// mirror answers from memory what a database's documents say, while the
// database's feed vouches for it (see follow.go). V is a document as parsed, or what
// several documents say together.
type mirror[V any] struct {
	db   *kivik.DB
	read func(ctx context.Context, id string) (*V, error) // nil: there is none
	now  func() time.Time
	// of is what is kept under, of a document's id.
	of    func(docID string) string
	reads singleflight.Group

	// vouched is until when the kept answers may be used.
	vouched atomic.Pointer[time.Time]

	mu struct {
		sync.RWMutex
		present map[string]*V
		absent  map[string]struct{}
		// forgotten counts invalidations: what was read before one is not kept after it.
		forgotten uint64
	}
}

// newMirror is a mirror of single documents.
func newMirror[V any](db *kivik.DB, now func() time.Time, parse func(object) (*V, error)) *mirror[V] {
	read := func(ctx context.Context, id string) (*V, error) {
		o, err := readObject(ctx, db, id, withConflicts)
		if o == nil || err != nil {
			return nil, err
		}
		return parse(o)
	}
	m := &mirror[V]{db: db, read: read, now: now, of: func(id string) string { return id }}
	m.doubt()
	return m
}

// vouch says that the feed has brought all changes before that time.
func (m *mirror[V]) vouch(at time.Time) {
	until := at.Add(vouchTime)
	m.vouched.Store(&until)
}

// doubt forgets everything, and has the store asked until the feed vouches again.
func (m *mirror[V]) doubt() {
	m.vouched.Store(new(time.Time))
	m.clear()
}

// doc is the document of that id as it is now, or nil.
func (m *mirror[V]) doc(ctx context.Context, id string) (*V, error) {
	if v, known := m.known(id); known {
		return v, nil
	}
	m.mu.RLock()
	before := m.mu.forgotten
	m.mu.RUnlock()
	v, err := m.readOnce(ctx, id, before)
	if err != nil {
		return nil, err
	}
	m.keep(id, v, before)
	return v, nil
}

// readOnce reads for all who want the same at once, while the feed vouches: an organisation of ten thousand
// packages takes a tenth of a second, and all its members come back after a change. Who
// comes after a later invalidation reads anew.
func (m *mirror[V]) readOnce(ctx context.Context, id string, before uint64) (*V, error) {
	if !m.vouches() {
		return m.read(ctx, id)
	}
	v, err, _ := m.reads.Do(strconv.FormatUint(before, 36)+" "+id, func() (any, error) {
		return m.read(context.WithoutCancel(ctx), id) // not ended by the first of those who wait
	})
	if err != nil {
		return nil, err
	}
	return v.(*V), nil
}

func (m *mirror[V]) vouches() bool { return m.now().Before(*m.vouched.Load()) }

// mark is a number that is another one after each change, and whether the feed vouches for it.
func (m *mirror[V]) mark() (mark uint64, vouched bool) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	return m.mu.forgotten, m.now().Before(*m.vouched.Load())
}

func (m *mirror[V]) known(id string) (*V, bool) {
	if !m.vouches() {
		return nil, false
	}
	m.mu.RLock()
	defer m.mu.RUnlock()
	if v, ok := m.mu.present[id]; ok {
		return v, true
	}
	_, ok := m.mu.absent[id]
	return nil, ok
}

func (m *mirror[V]) keep(id string, v *V, before uint64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.mu.forgotten != before {
		return
	}
	if v == nil {
		makeRoom(m.mu.absent, mirrorBound)
		m.mu.absent[id] = struct{}{}
		return
	}
	makeRoom(m.mu.present, mirrorBound)
	m.mu.present[id] = v
}

// forget drops what is known by the id of a document that changed.
func (m *mirror[V]) forget(docID string) {
	id := m.of(docID)
	m.mu.Lock()
	defer m.mu.Unlock()
	m.mu.forgotten++
	delete(m.mu.present, id)
	delete(m.mu.absent, id)
}

func (m *mirror[V]) clear() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.mu.forgotten++
	m.mu.present, m.mu.absent = map[string]*V{}, map[string]struct{}{}
}

// makeRoom deletes an arbitrary entry of a full map.
func makeRoom[K comparable, V any](full map[K]V, bound int) {
	if len(full) < bound {
		return
	}
	for k := range full {
		delete(full, k)
		return
	}
}

// withConflicts reads the member _conflicts too.
var withConflicts = kivik.Param("conflicts", true)

// readObject reads a document; nil when it is missing or deleted.
func readObject(ctx context.Context, db *kivik.DB, id string, options ...kivik.Option) (object, error) {
	raw, err := database.Text(ctx, db, id, options...)
	if raw == nil || err != nil {
		return nil, err
	}
	return parseObject(raw)
}
