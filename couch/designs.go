package couch

import (
	"context"
	"sync/atomic"
)

// designs is what a database knows of its design documents without reading them.
type designs struct {
	// changes counts the batches that held one. It is raised after the batch can be
	// read and before it is acknowledged: who has seen a number and reads then, reads
	// at least what the number stands for.
	changes atomic.Uint64
	derived atomic.Pointer[derived]
}

// derived is what was made of the design documents as they were at a count of changes.
type derived struct {
	at    uint64
	value any
}

// Derived is what derive makes of the database's design documents, in the order of
// their ids. It is made anew once one of them was written, deleted, replicated or
// purged: a write that was acknowledged counts. Between such writes a call
// costs two loads. A database keeps one value, so all callers of a store must derive the same.
func (db *DB) Derived(ctx context.Context, derive func(designs []*Document) any) (any, error) {
	at := db.designs.changes.Load()
	if d := db.designs.derived.Load(); d != nil && d.at == at {
		return d.value, nil
	}
	docs, err := db.designDocuments(ctx)
	if err != nil {
		return nil, err
	}
	d := &derived{at: at, value: derive(docs)}
	db.designs.derived.Store(d) // if a later one was stored meanwhile, the next caller derives it again
	return d.value, nil
}

func (db *DB) designDocuments(ctx context.Context) ([]*Document, error) {
	start, end := DocID("_design/"), DocID("_design0")
	rows, err := db.AllDocs(ctx, AllDocsOptions{Start: &start, End: &end, ExclusiveEnd: true, Limit: -1, IncludeDocs: true})
	if err != nil {
		return nil, err
	}
	defer rows.Close() //nolint:errcheck // nothing was written
	var docs []*Document
	for rows.Next() {
		docs = append(docs, rows.Row().Doc)
	}
	return docs, rows.Err()
}

// noteDesigns tells of the design documents of a batch that was applied.
func (l *landing) noteDesigns() {
	for _, p := range l.order {
		if p.id.IsDesign() {
			l.db.designs.changes.Add(1)
			return
		}
	}
}
