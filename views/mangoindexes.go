package views

import (
	"context"
	"errors"
	"slices"

	"settee/couch"
	"settee/views/mango"
)

// searchable is what a database's design documents give a search.
type searchable struct {
	indexes []*mango.Index     // in the order of design documents, AllDocs first
	designs map[string]*design // those that hold indexes, by id
}

func newSearchable() searchable {
	return searchable{indexes: []*mango.Index{mango.AllDocs}, designs: map[string]*design{}}
}

func (s *searchable) add(db *couch.DB, doc *couch.Document) {
	id := string(doc.ID)
	list := mango.ReadIndexes(id, doc.Body, db.Partitioned())
	if len(list) == 0 {
		return
	}
	d, err := parseDesign(doc.Body)
	if err != nil {
		return // it came before it was checked
	}
	list = slices.DeleteFunc(list, func(x *mango.Index) bool { return d.find(x.Name) < 0 }) // views.lib is no view
	mango.SortIndexes(list)
	s.indexes, s.designs[id] = append(s.indexes, list...), d
}

// Indexes lists the Mango indexes of a database in CouchDB's order, AllDocs first.
func (e *Engine) Indexes(ctx context.Context, db *couch.DB) ([]*mango.Index, error) {
	d, err := e.derived(ctx, db)
	return d.mango.indexes, err
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
	err = retried(func() error {
		doc, err := indexDesign(ctx, db, c.DDoc)
		if err != nil {
			return err
		}
		if doc.Body, created, err = c.AddTo(doc.Body); err != nil || !created {
			return err
		}
		return saveDesign(ctx, db, doc, by)
	})
	return c.DDoc, c.Name, created, err
}

// attempts is how often a design document is changed again that somebody else changed meanwhile.
const attempts = 10

func retried(change func() error) (err error) {
	for range attempts {
		if err = change(); !errors.Is(err, &couch.Error{Kind: couch.Conflict}) {
			break
		}
	}
	return unsaved(err)
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
	return err
}

// unsaved says as CouchDB does that a design document could not be written.
func unsaved(err error) error {
	var e *couch.Error
	if !errors.As(err, &e) || !unsavedKinds[e.Kind] {
		return err
	}
	reason := "Unknown error while saving the design document: " + string(e.Kind)
	if e.Kind == couch.Conflict {
		reason = "Encountered a conflict while saving the design document."
	}
	return &mango.Error{Name: "error_saving_ddoc", Reason: reason}
}

var unsavedKinds = map[couch.Kind]bool{couch.Conflict: true, couch.InvalidDesignDoc: true, couch.Compilation: true, couch.DocumentTooLarge: true}

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
	return retried(func() error { return removeIndexes(ctx, db, id, all, which, by) })
}

func removeIndexes(ctx context.Context, db *couch.DB, id string, all []*mango.Index, which func(*mango.Index) bool, by Designer) error {
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
