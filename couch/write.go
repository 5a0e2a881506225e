package couch

import (
	"context"
	"errors"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"unicode/utf8"

	"github.com/cockroachdb/pebble/v2"
)

// edit is one document on its way in: all of it is computed before the lock.
type edit struct {
	doc        *Document
	id         DocID
	replicated bool
	path       []Rev // newest first: the new revision, and what it follows
	atts       []staged
	pieces     []bodyPiece     // of a large body
	held       map[string]bool // those that are there; set under the lock
	err        error

	earlier *edit // of the same document and batch, see pending

	// What the by-id record was before the lock was taken; good as long as no
	// other batch has landed since.
	found   *docRecord
	current []byte // and the body that was current
}

func (e *edit) pos() uint64 {
	if e.replicated {
		return e.path[0].Pos
	}
	return e.doc.Rev.Pos + 1
}

func (e *edit) rev() Rev { return e.path[0] }

// name computes the revision's id for an edit that follows parent.
func (e *edit) name(parent Rev) {
	digests := make([]attDigest, len(e.atts))
	for i := range e.atts {
		digests[i] = e.atts[i].attDigest
	}
	e.path = append(e.path[:0], revID(e.doc.Deleted, parent, e.doc.digest.terms, digests))
	if !parent.IsZero() {
		e.path = append(e.path, parent)
	}
}

// Put stores one revision; see WriteOptions. doc.Attachments with Follows are read before the lock is taken.
func (db *DB) Put(ctx context.Context, doc *Document, o WriteOptions) (Rev, error) {
	results, err := db.Bulk(ctx, []*Document{doc}, o)
	if err != nil {
		return Rev{}, err
	}
	return results[0].Rev, results[0].Err
}

// mostAtOnce is how many revisions one batch stores. What they replace is held in
// memory with them: a few bytes may stand for 2 kB of tree and 4 kB of body.
const mostAtOnce = 10_000

// Bulk stores many revisions, a result for each in order; up to 10,000 become
// durable together.
func (db *DB) Bulk(ctx context.Context, docs []*Document, o WriteOptions) ([]WriteResult, error) {
	if err := db.enter(); err != nil {
		return nil, err
	}
	defer db.leave()
	if err := db.anyMisplaced(docs); err != nil {
		return nil, err // CouchDB, too, refuses them all
	}
	if len(docs) <= mostAtOnce {
		return db.bulk(ctx, docs, o)
	}
	results := make([]WriteResult, 0, len(docs))
	for some := range slices.Chunk(docs, mostAtOnce) {
		stored, err := db.bulk(ctx, some, o)
		if err != nil {
			return nil, err
		}
		results = append(results, stored...)
	}
	return results, nil
}

// bulk stores revisions in one batch.
func (db *DB) bulk(ctx context.Context, docs []*Document, o WriteOptions) ([]WriteResult, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if err := db.store.room.admit(sizeOf(docs)); err != nil {
		return nil, err
	}
	edits := make([]edit, len(docs))
	o.ahead = len(docs) > share
	at := db.counts.Load().seq
	if o.ahead && db.vacant(docs) {
		o.none = &docRecord{}
	}
	inParallel(len(docs), func(i int) { db.prepare(ctx, &edits[i], docs[i], o) })
	if err := o.ready(); err != nil {
		return nil, err
	}
	batch, seq, err := db.land(edits, at)
	if err != nil {
		return nil, err
	}
	if batch != nil {
		defer batch.Close() //nolint:errcheck // it only goes back to its pool
		if err := db.store.sync(batch); err != nil {
			return nil, err
		}
		db.written(seq)
	} else if err := db.durable.wait(ctx, seq); err != nil {
		return nil, err // what was there already may be another writer's, on its way to the disk
	}
	results := make([]WriteResult, len(docs))
	for i := range edits {
		results[i] = WriteResult{ID: edits[i].id, Err: edits[i].err}
		if len(edits[i].path) > 0 {
			results[i].Rev = edits[i].rev()
		}
		if results[i].Err != nil && !o.Replicated {
			results[i].Rev = Rev{}
		}
	}
	return results, nil
}

// sizeOf is about what documents take of the disk, or more: the bytes that they carry.
func sizeOf(docs []*Document) (size int) {
	for _, d := range docs {
		size += len(d.Body)
		for i := range d.Attachments {
			size += len(d.Attachments[i].Data)
		}
	}
	return size
}

// share is how many documents make it worth to wake another processor.
const share = 32

// inParallel calls fn for 0 to n-1 on all processors.
func inParallel(n int, fn func(int)) {
	workers := min(runtime.GOMAXPROCS(0), (n+share-1)/share)
	if workers < 2 {
		for i := range n {
			fn(i)
		}
		return
	}
	var next atomic.Int64
	var group sync.WaitGroup
	for range workers {
		group.Go(func() {
			for {
				from := int(next.Add(share)) - share
				for i := from; i < min(from+share, n); i++ {
					fn(i)
				}
				if from+share >= n {
					return
				}
			}
		})
	}
	group.Wait()
}

// prepare does for one document all that needs no lock.
func (db *DB) prepare(ctx context.Context, e *edit, doc *Document, o WriteOptions) {
	*e = edit{doc: doc, id: doc.ID, replicated: o.Replicated}
	if e.id.IsLocal() {
		return
	}
	switch e.err = db.examine(ctx, e, o); {
	case e.err != nil:
	case e.found != nil: // read for the validators
	case o.none != nil:
		e.found = o.none
	case o.ahead:
		db.lookAhead(e)
	}
}

// vacant reports that no document has an id between the lowest and the highest of these, so
// that none needs to be looked up: whoever loads a database mostly comes in the order of ids.
func (db *DB) vacant(docs []*Document) bool {
	low, high := docs[0].ID, docs[0].ID
	for _, d := range docs[1:] {
		low, high = min(low, d.ID), max(high, d.ID)
	}
	it, err := db.store.pebble.NewIter(&pebble.IterOptions{LowerBound: db.idKey(low), UpperBound: append(db.idKey(high), 0)})
	if err != nil {
		return false // the landing will say why
	}
	found := it.First()
	return it.Close() == nil && !found
}

// lookAhead reads what a document is before the lock is taken, where there is
// another processor to do it. What cannot be read the landing will say.
func (db *DB) lookAhead(e *edit) {
	record, err := db.readRecord(db.store.pebble, e.id, true)
	if err != nil && !errors.Is(err, ErrMissing) {
		return
	}
	if e.found = &record; record.current {
		e.current, _ = read(db.store.pebble, db.currentKey(e.id))
	}
}

func (db *DB) examine(ctx context.Context, e *edit, o WriteOptions) error {
	doc := e.doc
	if err := doc.ID.Check(); err != nil {
		return err
	}
	if !utf8.ValidString(string(doc.ID)) {
		return &Error{Kind: IllegalDocID, Reason: "Document id must be valid UTF-8"}
	}
	if err := doc.ensureTerms(); err != nil {
		return err
	}
	if int64(len(doc.Body)) > db.store.maxDocument.Load() {
		return &Error{Kind: DocumentTooLarge, Reason: string(doc.ID)}
	}
	defer db.cut(e)()
	if e.replicated {
		switch e.path = doc.Revisions; {
		case len(e.path) == 0 && doc.Rev.Pos == 0:
			return &Error{Kind: BadRequest, Reason: "When `new_edits: false`, the document needs `_rev` or `_revisions` specified"}
		case len(e.path) == 0:
			e.path = []Rev{doc.Rev}
		}
	}
	if err := db.attachmentsOf(ctx, e); err != nil {
		return err
	}
	if !e.replicated {
		e.name(doc.Rev)
	}
	return db.ask(ctx, e, o)
}

// ensureTerms parses the body of a document that did not come from ParseDocument.
func (d *Document) ensureTerms() error {
	if d.digest.fresh(d.Body) {
		return nil
	}
	if len(d.Body) == 0 {
		d.Body = []byte("{}")
	}
	body, err := ParseDocument(d.Body)
	if err != nil {
		return err
	}
	d.Body, d.digest = body.Body, body.digest
	return nil
}

// land merges the edits into their trees and applies one batch, under the lock.
// A nil batch means that there was nothing to write; the sequence is then the
// one by which all that was found is durable. at is the sequence before the edits were prepared.
func (db *DB) land(edits []edit, at Seq) (*pebble.Batch, Seq, error) {
	db.mu.Lock()
	defer db.mu.Unlock()
	if db.gone.Load() {
		return nil, 0, ErrNoDatabase
	}
	before := *db.counts.Load()
	l := landing{db: db, batch: db.store.pebble.NewBatchWithSize(batchSize(edits)), counts: before, fresh: at == before.seq,
		key: make([]byte, 0, 64), record: make([]byte, 0, 128), head: make([]byte, 0, 64)}
	if len(edits) > 1 {
		l.byID, l.room = make(map[DocID]*pending, len(edits)), make([]pending, len(edits))
	}
	for i := range edits {
		if edits[i].err == nil {
			edits[i].err = l.merge(&edits[i])
		}
	}
	if err := l.finish(); err != nil {
		_ = l.batch.Close()
		return nil, 0, err
	}
	if l.batch.Empty() {
		_ = l.batch.Close()
		return nil, before.seq, nil
	}
	db.tally.add(l.replaced)
	db.ranks.add(l.order, l.counts.seq)
	if err := db.store.apply(l.batch); err != nil {
		return nil, 0, err
	}
	db.store.meters.landed(edits, l.replaced)
	after := l.counts
	db.counts.Store(&after)
	db.grow(&after)
	l.noteDesigns()
	db.store.keeper.look(db, &after)
	if after.seq != before.seq {
		db.store.global.updated(db)
	}
	return l.batch, after.seq, nil
}

func batchSize(edits []edit) int {
	size := 0
	for i := range edits {
		size += 3*len(edits[i].id) + 256
		if edits[i].pieces == nil { // else most of it is there already
			size += len(edits[i].doc.Body)
		}
		for k := range edits[i].atts {
			size += len(edits[i].atts[k].inline)
		}
	}
	return size
}
