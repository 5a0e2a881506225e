package views

import (
	"context"
	"errors"
	"slices"

	"settee/couch"
	"settee/views/mango"
)

// mangoName names a database; token is its incarnation.
type mangoName struct{ database, token string }

// mangoIndexes are a database's Mango indexes, as they are in its design documents.
type mangoIndexes struct {
	designs map[couch.DocID]mangoDesign
	all     []*mango.Index // AllDocs first
}

// mangoDesign are the indexes of one revision.
type mangoDesign struct {
	rev     couch.Rev
	indexes []*mango.Index
}

// Indexes lists the Mango indexes of a database in CouchDB's order, AllDocs first. Design documents
// are parsed once a revision.
func (e *Engine) Indexes(ctx context.Context, db *couch.DB) ([]*mango.Index, error) {
	name := mangoName{db.Name(), db.FormatSeq(0)}
	e.mu.Lock()
	known := e.mangos[name]
	e.mu.Unlock()
	start, end := couch.DocID("_design/"), couch.DocID("_design0")
	rows, err := db.AllDocs(ctx, couch.AllDocsOptions{Start: &start, End: &end, ExclusiveEnd: true, Limit: -1})
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	now := mangoIndexes{designs: map[couch.DocID]mangoDesign{}, all: []*mango.Index{mango.AllDocs}}
	fresh := 0
	for rows.Next() {
		row := rows.Row()
		d, has := known.designs[row.ID]
		if !has || d.rev != row.Rev {
			fresh++
			if d, err = readMango(ctx, db, row.ID); err != nil {
				return nil, err
			}
		}
		now.designs[row.ID] = d
		now.all = append(now.all, d.indexes...)
	}
	if err := rows.Err(); err != nil {
		return nil, err
	}
	if fresh == 0 && len(now.designs) == len(known.designs) && known.all != nil {
		return known.all, nil
	}
	mango.SortIndexes(now.all)
	e.mu.Lock()
	defer e.mu.Unlock()
	e.mangos[name] = now
	return now.all, nil
}

func readMango(ctx context.Context, db *couch.DB, id couch.DocID) (mangoDesign, error) {
	doc, err := db.Get(ctx, id, couch.GetOptions{})
	if missing(err) {
		return mangoDesign{}, nil // it went meanwhile
	}
	if err != nil {
		return mangoDesign{}, err
	}
	return mangoDesign{doc.Rev, mango.ReadIndexes(string(id), doc.Body, db.Partitioned())}, nil
}

// A Designer is who changes design documents.
type Designer struct {
	User    *couch.User
	Refusal error // what they are told where something would change; nil: they may
}

// CreateIndex makes what the body of a POST _index asks for. Not created: there is
// one already. Errors are *mango.Error and *couch.Error.
func (e *Engine) CreateIndex(ctx context.Context, db *couch.DB, body []byte, by Designer) (id, name string, created bool, err error) {
	c, err := mango.ParseCreation(body)
	if err != nil {
		return "", "", false, err
	}
	doc, err := indexDesign(ctx, db, c.DDoc)
	if err != nil {
		return "", "", false, err
	}
	with, changed, err := c.AddTo(doc.Body)
	if err != nil || !changed {
		return c.DDoc, c.Name, false, err
	}
	doc.Body = with
	return c.DDoc, c.Name, true, saveDesign(ctx, db, doc, by)
}

// indexDesign reads a design document to be changed; one without a body where there is none.
func indexDesign(ctx context.Context, db *couch.DB, id string) (*couch.Document, error) {
	doc, err := db.Get(ctx, couch.DocID(id), couch.GetOptions{})
	if missing(err) {
		return &couch.Document{ID: couch.DocID(id)}, nil
	}
	return doc, err
}

// saveDesign writes a design document, or deletes it where it has no body any more.
func saveDesign(ctx context.Context, db *couch.DB, doc *couch.Document, by Designer) error {
	if by.Refusal != nil {
		return by.Refusal
	}
	raw := []byte(`{"_id":` + string(mustJSON(doc.ID)))
	if !doc.Rev.IsZero() {
		raw = append(raw, `,"_rev":"`+doc.Rev.String()+`"`...)
	}
	switch {
	case doc.Body == nil:
		raw = append(raw, `,"_deleted":true}`...)
	default:
		raw = append(append(raw, ','), doc.Body[1:]...)
	}
	parsed, err := couch.ParseDocument(raw)
	if err != nil {
		return err
	}
	parsed.Attachments = doc.Attachments
	_, err = db.Put(ctx, parsed, couch.WriteOptions{User: by.User})
	return unsaved(err)
}

// unsaved says as CouchDB does that a design document could not be written.
func unsaved(err error) error {
	var e *couch.Error
	switch {
	case !errors.As(err, &e) || e.Kind == couch.IllegalDocID:
		return err
	case e.Kind == couch.Conflict:
		return &mango.Error{Name: "error_saving_ddoc", Reason: "Encountered a conflict while saving the design document."}
	}
	return &mango.Error{Name: "error_saving_ddoc", Reason: "Unknown error while saving the design document: " + string(e.Kind)}
}

// DeleteIndex removes an index from its design document, and that where it holds nothing
// else.
func (e *Engine) DeleteIndex(ctx context.Context, db *couch.DB, ddoc, name string, by Designer) error {
	return e.deleteIndexes(ctx, db, ddoc, func(x *mango.Index) bool { return x.Name == name }, by)
}

// DeleteIndexes removes every index of a design document.
func (e *Engine) DeleteIndexes(ctx context.Context, db *couch.DB, ddoc string, by Designer) error {
	return e.deleteIndexes(ctx, db, ddoc, func(*mango.Index) bool { return true }, by)
}

func (e *Engine) deleteIndexes(ctx context.Context, db *couch.DB, ddoc string, which func(*mango.Index) bool, by Designer) error {
	all, err := e.Indexes(ctx, db)
	if err != nil {
		return err
	}
	id := mango.DesignID(ddoc)
	all = slices.DeleteFunc(slices.Clone(all), func(x *mango.Index) bool { return x.DDoc != id || !which(x) })
	if len(all) == 0 {
		return couch.ErrMissing
	}
	doc, err := indexDesign(ctx, db, id)
	if err != nil {
		return err
	}
	for _, x := range all {
		if doc.Body == nil {
			return couch.ErrMissing // it went meanwhile
		}
		if doc.Body, err = mango.RemoveFrom(doc.Body, x.Name); err != nil {
			return err
		}
	}
	return saveDesign(ctx, db, doc, by)
}
