package views

import (
	"context"
	"strconv"
	"strings"
	"time"

	"settee/couch"
	"settee/views/mango"
)

// FindStats are the figures of a search.
type FindStats struct {
	Keys, Docs, QuorumDocs int64 // looked at; the latter where r is above 1
	Results                int64
	Elapsed                time.Duration
}

// scanWarning is how many documents may be looked at for one that is found before
// the answer warns of it; CouchDB's. The setting is mango/index_scan_warning_threshold, 0 is never.
const scanWarning = 10

// setting is a number of the section mango.
func (e *Engine) setting(key string, otherwise int) int {
	word, set := e.store.Setting("mango", key)
	if n, err := strconv.Atoi(word); set && err == nil && n >= 0 {
		return n
	}
	return otherwise
}

// Found iterates what a search finds; read it to the end or Close it. It reads one
// document at a time, on a snapshot.
type Found struct {
	ctx    context.Context
	find   *mango.Find
	plan   *mango.Plan
	source findSource // nil: nothing can match
	began  time.Time
	most   int // documents looked at for one that is found; 0: any number

	doc        []byte // as it is stored
	shown      []byte // the fields of it that are wanted
	left, skip int
	stats      FindStats
	at         mango.Place // of the last match
	matched    bool
	err        error
}

// findSource gives the documents that a search may find, in order.
type findSource interface {
	// next moves to the next row; false at the end.
	next() (bool, error)
	// appendDoc appends the row's document, or what the index knows of it. Nothing: it is gone.
	appendDoc(dst []byte) ([]byte, error)
	// isDesign reports a design document: it is looked at, and not found.
	isDesign() bool
	// place writes where the row is into p, reusing its bytes.
	place(p *mango.Place)
	Close() error
}

// Find searches a database: body is that of a _find, partition the one of the path or
// "". Errors are *mango.Error and *couch.Error.
func (e *Engine) Find(ctx context.Context, db *couch.DB, body []byte, partition string) (*Found, error) {
	began := time.Now()
	f, err := e.readFind(body, partition)
	if err != nil {
		return nil, err
	}
	d, err := e.derived(ctx, db)
	if err != nil {
		return nil, err
	}
	plan, err := f.Plan(d.mango.indexes, db.Partitioned())
	if err != nil {
		return nil, err
	}
	r := &Found{ctx: ctx, find: f, plan: plan, began: began, most: e.setting("index_scan_warning_threshold", scanWarning), left: f.Limit, skip: f.Skip}
	if plan.Empty {
		return r, nil
	}
	if err := f.Resume(); err != nil {
		return nil, err
	}
	if plan.Index.IsAllDocs() {
		r.source, err = openDocs(ctx, db, f, plan)
	} else {
		r.source, err = e.openIndex(ctx, db, d.mango.designs[plan.Index.DDoc], f, plan)
	}
	return r, err
}

// Explain says how a search would be answered, as JSON.
func (e *Engine) Explain(ctx context.Context, db *couch.DB, body []byte, partition string) ([]byte, error) {
	f, err := e.readFind(body, partition)
	if err != nil {
		return nil, err
	}
	known, err := e.Indexes(ctx, db)
	if err != nil {
		return nil, err
	}
	plan, err := f.Consider(known, db.Partitioned())
	if err != nil {
		return nil, err
	}
	return plan.Explain(nil, db.Name()), nil
}

func (e *Engine) readFind(body []byte, partition string) (*mango.Find, error) {
	f, err := mango.ParseFind(body, e.setting("default_limit", mango.DefaultLimit))
	if err != nil {
		return nil, err
	}
	if err := f.In(partition); err != nil {
		return nil, err
	}
	if f.Partition != "" {
		return f, couch.CheckPartition(f.Partition)
	}
	return f, nil
}

// Next moves to the next document; false at the end or on an error.
func (r *Found) Next() bool {
	for r.source != nil && r.left > 0 && r.err == nil {
		if r.stats.Keys%lookUp == 0 {
			if r.err = r.ctx.Err(); r.err != nil {
				return false
			}
		}
		ok, err := r.source.next()
		if r.err = err; !ok || err != nil {
			return false
		}
		r.stats.Keys++
		if r.doc, r.err = r.source.appendDoc(r.doc[:0]); r.err != nil || len(r.doc) == 0 {
			continue
		}
		design := r.source.isDesign()
		r.count(design)
		if design || !r.find.Selector.Match(r.doc) {
			continue
		}
		r.source.place(&r.at)
		r.matched = true
		if r.skip > 0 {
			r.skip--
			continue
		}
		r.left--
		r.stats.Results++
		return true
	}
	return false
}

// lookUp is how many rows pass before a search looks whether it is still wanted.
const lookUp = 64

func (r *Found) count(design bool) {
	switch {
	case r.plan.Covering:
	case r.find.Quorum == 1:
		r.stats.Docs++
	case !design:
		r.stats.QuorumDocs++
	}
}

// Doc is the document, cut down to the fields that are wanted; valid until the next call of
// Next.
func (r *Found) Doc() []byte {
	if r.find.Fields.Whole() {
		return r.doc
	}
	r.shown = r.find.Fields.Append(r.shown[:0], r.doc)
	return r.shown
}

// Bookmark is where the next page begins, behind what was found so far; not ok: CouchDB gives none.
func (r *Found) Bookmark() (bookmark string, ok bool) {
	switch {
	case r.plan.Empty:
		return "", false
	case r.matched:
		return r.at.Bookmark(), true
	case r.find.Bookmark != "":
		return r.find.Bookmark, true
	}
	return "nil", true
}

// Stats are the figures so far; wanted: the request asks for them.
func (r *Found) Stats() (s FindStats, wanted bool) {
	s = r.stats
	s.Elapsed = time.Since(r.began)
	return s, r.find.Stats && !r.plan.Empty
}

// Warning is what CouchDB would warn of, once everything is read; "" where all is well.
func (r *Found) Warning() string {
	if r.plan.Empty {
		return ""
	}
	list := r.plan.Warnings()
	if r.most > 0 && r.stats.Docs+r.stats.QuorumDocs > int64(r.most)*max(1, r.stats.Results) {
		list = append(list, "The number of documents examined is high in proportion to the number of results returned. Consider adding a more specific index to improve this.")
	}
	return strings.Join(list, "\n")
}

// Err is what ended the iteration early.
func (r *Found) Err() error { return r.err }

// Close releases the snapshot.
func (r *Found) Close() error {
	if r.source == nil {
		return nil
	}
	err := r.source.Close()
	r.source = nil
	return err
}
