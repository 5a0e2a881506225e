package auth

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/go-kivik/kivik/v4/driver"
)

// memory is a Kivik driver with just the semantics that auth relies on, and with
// the faults that no real store gives on demand.
type memory struct {
	mu  sync.Mutex
	dbs map[string]*memoryDB
}

func (m *memory) Version(context.Context) (*driver.Version, error) { return &driver.Version{}, nil }
func (m *memory) AllDBs(context.Context, driver.Options) ([]string, error) {
	return nil, nil
}

func (m *memory) DBExists(_ context.Context, name string, _ driver.Options) (bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.dbs[name] != nil, nil
}

func (m *memory) CreateDB(_ context.Context, name string, _ driver.Options) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.dbs[name] != nil {
		return status(http.StatusPreconditionFailed)
	}
	if m.dbs == nil {
		m.dbs = map[string]*memoryDB{}
	}
	m.dbs[name] = &memoryDB{docs: map[string]memoryDoc{}, changed: make(chan struct{})}
	return nil
}

func (m *memory) DestroyDB(_ context.Context, name string, _ driver.Options) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.dbs, name)
	return nil
}

func (m *memory) DB(name string, _ driver.Options) (driver.DB, error) {
	return &memoryHandle{store: m, name: name}, nil
}

func (m *memory) db(name string) *memoryDB {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.dbs[name]
}

type status int

func (s status) Error() string   { return http.StatusText(int(s)) }
func (s status) HTTPStatus() int { return int(s) }

type memoryDoc struct {
	body    map[string]json.RawMessage
	gen     int
	seq     int
	deleted bool
}

func (d memoryDoc) rev() string { return fmt.Sprintf("%d-%032x", d.gen, d.seq) }

type memoryDB struct {
	mu      sync.Mutex
	docs    map[string]memoryDoc
	seq     int
	purges  int
	changed chan struct{} // closed and replaced by each write
	reads   int
	cut     error // what feeds answer while set
	deaf    bool  // feeds neither tell nor end, as over a dead connection
	refuse  error // what writes answer while set
}

// with locks the database for f.
func (d *memoryDB) with(f func()) {
	d.mu.Lock()
	defer d.mu.Unlock()
	f()
}

// wake ends the waiting of feeds.
func (d *memoryDB) wake() {
	close(d.changed)
	d.changed = make(chan struct{})
}

func (d *memoryDB) write(id, rev string, body map[string]json.RawMessage, deleted bool) (string, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.refuse != nil {
		return "", d.refuse
	}
	old, ok := d.docs[id]
	if ok && !old.deleted && old.rev() != rev || (!ok || old.deleted) && rev != "" {
		return "", status(http.StatusConflict)
	}
	d.seq++
	doc := memoryDoc{body: body, gen: old.gen + 1, seq: d.seq, deleted: deleted}
	d.docs[id] = doc
	d.wake()
	return doc.rev(), nil
}

// memoryHandle fills the rest of driver.DB with a nil that panics: auth needs no more.
type memoryHandle struct {
	driver.DB
	store *memory
	name  string
}

func (h *memoryHandle) Close() error { return nil }

func (h *memoryHandle) Stats(context.Context) (*driver.DBStats, error) {
	d := h.store.db(h.name)
	if d == nil {
		return nil, status(http.StatusNotFound)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.cut != nil {
		return nil, d.cut
	}
	return &driver.DBStats{Name: h.name, UpdateSeq: strconv.Itoa(d.seq), RawResponse: fmt.Appendf(nil, `{"purge_seq":"%d-x"}`, d.purges)}, nil
}

func (h *memoryHandle) Security(context.Context) (*driver.Security, error) {
	return &driver.Security{}, nil
}
func (h *memoryHandle) SetSecurity(context.Context, *driver.Security) error { return nil }

func (h *memoryHandle) Put(_ context.Context, id string, doc any, _ driver.Options) (string, error) {
	raw, err := json.Marshal(doc)
	if err != nil {
		return "", err
	}
	var body map[string]json.RawMessage
	if err := json.Unmarshal(raw, &body); err != nil {
		return "", err
	}
	var rev string
	_ = json.Unmarshal(body["_rev"], &rev)
	d := h.store.db(h.name)
	if d == nil {
		return "", status(http.StatusNotFound)
	}
	return d.write(id, rev, body, false)
}

func (h *memoryHandle) Delete(_ context.Context, id string, options driver.Options) (string, error) {
	opts := map[string]any{}
	options.Apply(opts)
	return h.store.db(h.name).write(id, opts["rev"].(string), nil, true)
}

func (h *memoryHandle) Get(_ context.Context, id string, _ driver.Options) (*driver.Document, error) {
	d := h.store.db(h.name)
	if d == nil {
		return nil, status(http.StatusNotFound)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.reads++
	doc, ok := d.docs[id]
	if !ok || doc.deleted {
		return nil, status(http.StatusNotFound)
	}
	out := map[string]any{}
	for k, v := range doc.body {
		out[k] = v
	}
	out["_id"], out["_rev"] = id, doc.rev()
	raw, err := json.Marshal(out)
	return &driver.Document{Rev: doc.rev(), Body: io.NopCloser(bytes.NewReader(raw))}, err
}

func (h *memoryHandle) Changes(ctx context.Context, options driver.Options) (driver.Changes, error) {
	opts := map[string]any{}
	options.Apply(opts)
	since, err := strconv.Atoi(opts["since"].(string))
	var timeout <-chan time.Time // nil waits for ever
	if ms, ok := opts["timeout"].(int); ok {
		timeout = time.After(time.Duration(ms) * time.Millisecond)
	}
	for {
		d := h.store.db(h.name)
		if err != nil || d == nil {
			return nil, status(http.StatusNotFound)
		}
		d.mu.Lock()
		cut, deaf, seq, changed := d.cut, d.deaf, d.seq, d.changed
		feed := &memoryFeed{last: strconv.Itoa(seq)}
		for id, doc := range d.docs {
			if doc.seq > since {
				feed.ids = append(feed.ids, id)
			}
		}
		d.mu.Unlock()
		if cut != nil {
			return nil, cut
		}
		if seq < since {
			return nil, status(http.StatusBadRequest)
		}
		if deaf {
			<-ctx.Done()
			return nil, ctx.Err()
		}
		if seq > since {
			return feed, nil
		}
		select {
		case <-changed:
		case <-timeout:
			return feed, nil
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

type memoryFeed struct {
	ids  []string
	last string
}

func (f *memoryFeed) Next(c *driver.Change) error {
	if len(f.ids) == 0 {
		return io.EOF
	}
	c.ID, f.ids = f.ids[0], f.ids[1:]
	return nil
}
func (f *memoryFeed) Close() error    { return nil }
func (f *memoryFeed) LastSeq() string { return f.last }
func (f *memoryFeed) Pending() int64  { return 0 }
func (f *memoryFeed) ETag() string    { return "" }

// AllDocs knows no parameter: it gives all documents, in no order.
func (h *memoryHandle) AllDocs(context.Context, driver.Options) (driver.Rows, error) {
	d := h.store.db(h.name)
	if d == nil {
		return nil, status(http.StatusNotFound)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	rows := &memoryRows{}
	for id, doc := range d.docs {
		if doc.deleted {
			continue
		}
		out := map[string]any{"_id": id, "_rev": doc.rev()}
		for k, v := range doc.body {
			out[k] = v
		}
		raw, err := json.Marshal(out)
		if err != nil {
			return nil, err
		}
		rows.rest = append(rows.rest, driver.Row{ID: id, Doc: bytes.NewReader(raw)})
	}
	return rows, nil
}

type memoryRows struct{ rest []driver.Row }

func (r *memoryRows) Next(row *driver.Row) error {
	if len(r.rest) == 0 {
		return io.EOF
	}
	*row, r.rest = r.rest[0], r.rest[1:]
	return nil
}
func (r *memoryRows) Close() error      { return nil }
func (r *memoryRows) Offset() int64     { return 0 }
func (r *memoryRows) TotalRows() int64  { return 0 }
func (r *memoryRows) UpdateSeq() string { return "" }
