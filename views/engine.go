package views

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"settee/couch"
	"settee/views/js"
)

// Engine builds and queries views of one store. It is safe for concurrent use.
type Engine struct {
	options Options
	batches batches
	store   *couch.Store

	ctx    context.Context // ends with Close
	cancel context.CancelFunc
	builds sync.WaitGroup

	mu       sync.Mutex
	closed   bool                        // guarded by mu
	indexes  map[indexName]*index        // guarded by mu
	designs  map[designName]cachedDesign // guarded by mu
	programs map[programKey]*js.Program  // guarded by mu

	dropping map[indexName]chan struct{} // guarded by mu; closed when the index is gone
}

// indexName names an index; token is the database's incarnation.
type indexName struct{ database, token, signature string }

type designName struct {
	database, token string
	id              couch.DocID
}

type cachedDesign struct {
	rev    couch.Rev
	design *design
}

// Options are the limits of an engine. The zero value works.
type Options struct {
	Native Native // default: none, all functions run in the sandbox
	// Timeout is how long one function may run on one document; default 5 s, CouchDB's.
	Timeout time.Duration
	// Workers map documents in parallel; default: as many as there are processors.
	Workers int
	// Ken is how long after a write the indexes of a database are built in the
	// background; default 1 s. < 0: only readers have them built.
	Ken    time.Duration
	Logger *slog.Logger // default: discards
}

// New makes the engine of a store and registers itself as the store's validator:
// design documents are compiled before they are stored, and their validation functions
// are asked about all other documents.
func New(store *couch.Store, o Options) *Engine {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	e := &Engine{options: o, batches: ordinary, store: store, indexes: map[indexName]*index{}, designs: map[designName]cachedDesign{}, programs: map[programKey]*js.Program{}, dropping: map[indexName]chan struct{}{}}
	e.ctx, e.cancel = context.WithCancel(context.Background())
	store.SetValidator(validator{e})
	e.startKen()
	return e
}

// Close stops running builds and waits for them.
func (e *Engine) Close() error {
	e.mu.Lock()
	e.closed = true
	e.mu.Unlock()
	e.cancel()
	e.builds.Wait()
	return nil
}

// design reads a design document; it is parsed once a revision.
func (e *Engine) design(ctx context.Context, db *couch.DB, name string) (*design, error) {
	id := couch.DocID("_design/" + name)
	doc, err := db.Get(ctx, id, couch.GetOptions{})
	if err != nil {
		return nil, err
	}
	key := designName{db.Name(), db.FormatSeq(0), id}
	e.mu.Lock()
	c, ok := e.designs[key]
	e.mu.Unlock()
	if ok && c.rev == doc.Rev {
		return c.design, nil
	}
	d, err := parseDesign(doc.Body)
	if err != nil {
		return nil, err
	}
	e.name(db, id, doc.Rev, d)
	return d, nil
}

// name notes whose a design is.
func (e *Engine) name(db *couch.DB, id couch.DocID, rev couch.Rev, d *design) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.designs[designName{db.Name(), db.FormatSeq(0), id}] = cachedDesign{rev, d}
}

// index opens the index of a design.
func (e *Engine) index(db *couch.DB, d *design) (*index, error) {
	if !speaks(d.language) {
		return nil, &couch.Error{Kind: couch.UnknownLanguage, Reason: d.language}
	}
	name := indexName{db.Name(), db.FormatSeq(0), d.signature}
	e.mu.Lock()
	for e.dropping[name] != nil {
		gone := e.dropping[name]
		e.mu.Unlock()
		<-gone
		e.mu.Lock()
	}
	defer e.mu.Unlock()
	if e.closed {
		return nil, couch.ErrClosed
	}
	if x := e.indexes[name]; x != nil {
		return x, nil
	}
	e.forgetDeleted()
	f, err := d.functions(e.options.Native, e.options.Timeout, e.logOf(db), e.guard())
	if err != nil {
		return nil, err
	}
	x := &index{engine: e, db: db, design: d, functions: f, space: db.Space(spacePrefix + d.signature), partitioned: d.partitioned(db)}
	e.indexes[name] = x
	return x, nil
}

// forgetDeleted lets go of the indexes of databases that are no more; e.mu is held.
func (e *Engine) forgetDeleted() {
	for name, x := range e.indexes {
		if _, err := x.db.UpdateSeq(); !errors.Is(err, couch.ErrNoDatabase) {
			continue
		}
		delete(e.indexes, name)
		for of := range e.designs {
			if of.database == name.database && of.token == name.token {
				delete(e.designs, of)
			}
		}
	}
}

// guard is what a reduction that does not shrink comes to.
func (e *Engine) guard() *guard {
	return &guard{log: e.options.Logger, limit: func() string {
		if limit, set := e.store.Setting("query_server_config", "reduce_limit"); set {
			return limit
		}
		return "true"
	}}
}

// logOf is where log() of a database's functions goes.
func (e *Engine) logOf(db *couch.DB) func(string) {
	return func(m string) { e.options.Logger.Debug("view log", "database", db.Name(), "message", m) }
}

func missing(err error) bool { return errors.Is(err, &couch.Error{Kind: couch.NotFound}) }
