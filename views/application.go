package views

import (
	"context"
	"errors"

	"settee/couch"
	"settee/views/js"
)

// FunctionKind is a member of design documents that holds functions of one kind.
type FunctionKind string

// The kinds that answer requests.
const (
	Shows    FunctionKind = "shows"
	Lists    FunctionKind = "lists"
	Updates  FunctionKind = "updates"
	Rewrites FunctionKind = "rewrites" // itself the function
)

// A Function is a function of a design document that answers requests. It is of the
// revision that it was found in, and safe for concurrent use.
//
// Requests, responses and documents are JSON; what is handed in must not change afterwards.
type Function struct {
	Design  *couch.Document
	kind    FunctionKind
	name    string
	program *js.Program
}

// Function finds a design document's function; of Rewrites the name is "".
func (e *Engine) Function(ctx context.Context, db *couch.DB, design string, kind FunctionKind, name string) (*Function, error) {
	doc, err := e.Design(ctx, db, design)
	if err != nil {
		return nil, err
	}
	path := []string{string(kind), name}
	if kind == Rewrites {
		path, name = path[:1], string(kind)
	}
	if _, err := member(doc.Body, path...); err != nil {
		return nil, err
	}
	p, err := e.program(db, doc)
	if err != nil {
		return nil, err
	}
	return &Function{Design: doc, kind: kind, name: name, program: p}, nil
}

// Design reads a design document.
func (e *Engine) Design(ctx context.Context, db *couch.DB, name string) (*couch.Document, error) {
	return db.Get(ctx, couch.DocID("_design/"+name), couch.GetOptions{})
}

// ShownDocument is a document as shows and updates see it: with its conflicts and
// its last revisions; nil where there is none.
func ShownDocument(ctx context.Context, db *couch.DB, id couch.DocID) (*couch.Document, error) {
	doc, err := db.Get(ctx, id, couch.GetOptions{Conflicts: true, Revs: true})
	if errors.Is(err, &couch.Error{Kind: couch.NotFound}) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	doc.Revisions = doc.Revisions[:min(len(doc.Revisions), shownRevisions)]
	return doc, nil
}

func asJSON(doc *couch.Document) []byte {
	if doc == nil {
		return nil
	}
	return doc.AppendJSON(make([]byte, 0, len(doc.Body)+512))
}

// Show answers a request about a document, nil where there is none.
func (f *Function) Show(doc *couch.Document, req []byte) (response []byte, err error) {
	response, err = f.program.Show(f.name, asJSON(doc), req)
	return response, f.failed(err)
}

// Update likewise; stored is the document that the function wants written, nil where it wants none.
func (f *Function) Update(doc *couch.Document, req []byte) (stored, response []byte, err error) {
	stored, response, err = f.program.Update(f.name, asJSON(doc), req)
	return stored, response, f.failed(err)
}

// List is where a list function's rows come from and where what it says goes.
type List = js.List

// List answers with rows of a view; head is the start of the view's own answer.
func (f *Function) List(head, req []byte, l List) error {
	return f.failed(f.program.List(f.name, head, req, l))
}

// Rewrite tells where a request goes, JSON; null is nowhere.
func (f *Function) Rewrite(req []byte) (target []byte, err error) {
	target, err = f.program.Rewrite(req)
	return target, f.failed(err)
}

// failed is why a function failed in CouchDB's words. What its caller's own part failed
// with stays as it is.
func (f *Function) failed(err error) error {
	var own *couch.Error
	switch {
	case err == nil, errors.As(err, &own):
		return err
	case errors.Is(err, js.ErrNoFunction):
		return &couch.Error{Kind: couch.NotFound, Reason: "missing " + string(f.kind) + " function " + f.name + " on design doc " + string(f.Design.ID)}
	}
	return asSaid(err)
}
