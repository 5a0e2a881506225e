package views

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strings"

	"settee/couch"
	"settee/views/js"
	"settee/views/mango"
)

// FilterOptions say which rows of a feed are wanted, in the words of _changes.
type FilterOptions struct {
	Name     string          // filter: "", _doc_ids, _design, _selector, _view or design/function
	View     string          // view: design/view, of _view
	DocIDs   json.RawMessage // doc_ids: a list, of _doc_ids
	Selector json.RawMessage // selector: an object, of _selector
	Fields   json.RawMessage // fields: a list, what _selector leaves of the row's document; may be absent
	// Conflicts lets functions see _conflicts.
	Conflicts bool
	// Request makes what a function sees as req, a JSON object. It is called once,
	// and only where the filter is a function.
	Request func() ([]byte, error)
}

// A Filter chooses rows of one feed, and the leaves of a row. A design document
// that changes later does not change the filters made of it. One goroutine uses
// a filter at a time.
type Filter struct {
	ids     []couch.DocID        // _doc_ids
	wanted  map[couch.DocID]bool // the same
	designs bool                 // _design
	judge   judge                // nil: ids tell all
	keeps   bool                 // judge keeps parts of the bytes it has seen
	buf     []byte               // what judge sees, where it keeps nothing
	reads   couch.GetOptions     // what of a document judge sees
	fields  *mango.Projection    // of _selector; nil: all
}

// judge looks at one leaf of a document.
type judge func(doc []byte) (passes bool, err error)

// Filter makes a filter; nil where all rows are wanted. Without design documents'
// filters it works on a nil engine too.
func (e *Engine) Filter(ctx context.Context, db *couch.DB, o FilterOptions) (*Filter, error) {
	switch {
	case o.Name == "_design":
		return &Filter{designs: true}, nil
	case o.Name == "_doc_ids":
		return filterIDs(o.DocIDs)
	case o.Name == "_selector":
		return filterSelector(o)
	case o.Name == "_view":
		return e.filterView(ctx, db, o)
	case strings.HasPrefix(o.Name, "_"):
		return nil, badRequest("unknown builtin filter name")
	}
	design, name, err := split(o.Name, "`filter` must be of the form `designname/filtername`")
	if err != nil || design == "" {
		return nil, err
	}
	return e.filterFunction(ctx, db, design, name, o)
}

func badRequest(reason string) error { return &couch.Error{Kind: couch.BadRequest, Reason: reason} }

// split cuts "design/function", whose parts may be escaped once more. A text
// without parts names nothing.
func split(text, otherwise string) (design, name string, err error) {
	parts := strings.FieldsFunc(text, func(r rune) bool { return r == '/' })
	switch len(parts) {
	case 0:
		return "", "", nil
	case 2:
	default:
		return "", "", badRequest(otherwise)
	}
	for i, p := range parts {
		if parts[i], err = url.QueryUnescape(p); err != nil {
			return "", "", badRequest(otherwise)
		}
	}
	return parts[0], parts[1], nil
}

func filterIDs(raw json.RawMessage) (*Filter, error) {
	var ids []couch.DocID
	if len(raw) > 0 && !json.Valid(raw) {
		return nil, badRequest("invalid UTF-8 JSON")
	}
	if json.Unmarshal(raw, &ids) != nil || ids == nil {
		return nil, badRequest("`doc_ids` filter parameter is not a list of doc ids.")
	}
	f := &Filter{ids: ids, wanted: make(map[couch.DocID]bool, len(ids))}
	for _, id := range ids {
		f.wanted[id] = true
	}
	return f, nil
}

func filterSelector(o FilterOptions) (*Filter, error) {
	if len(o.Selector) == 0 || o.Selector[0] != '{' {
		return nil, badRequest("Selector error: expected a JSON object")
	}
	s, err := mango.Compile(o.Selector)
	if err != nil {
		return nil, refused(err)
	}
	f := &Filter{reads: couch.GetOptions{Conflicts: o.Conflicts}, judge: func(doc []byte) (bool, error) { return s.Match(doc), nil }}
	if o.Fields == nil {
		return f, nil
	}
	if o.Fields[0] != '[' {
		return nil, badRequest("Selector error: fields must be JSON array")
	}
	if f.fields, err = mango.Fields(o.Fields); err != nil {
		return nil, refused(err)
	}
	return f, nil
}

// refused is mango's refusal as _changes sends it: the reason alone.
func refused(err error) error {
	var said *mango.Error
	if errors.As(err, &said) {
		return badRequest(said.Reason)
	}
	return badRequest(err.Error())
}

func (e *Engine) filterView(ctx context.Context, db *couch.DB, o FilterOptions) (*Filter, error) {
	if o.View == "" {
		return nil, badRequest("`view` filter parameter is not provided.")
	}
	const form = "`view` must be of the form `designname/viewname`"
	design, name, err := split(o.View, form)
	if err != nil {
		return nil, err
	}
	if design == "" {
		return nil, badRequest(form)
	}
	p, err := e.filterProgram(ctx, db, design, "views", name)
	if err != nil {
		return nil, err
	}
	return byFunction(o, func(doc []byte) (bool, error) { return p.Emits(name, doc) }), nil
}

func (e *Engine) filterFunction(ctx context.Context, db *couch.DB, design, name string, o FilterOptions) (*Filter, error) {
	p, err := e.filterProgram(ctx, db, design, "filters", name)
	if err != nil {
		return nil, err
	}
	req, err := o.Request()
	if err != nil {
		return nil, err
	}
	return byFunction(o, func(doc []byte) (bool, error) { return p.Filter(name, doc, req) }), nil
}

func byFunction(o FilterOptions, run judge) *Filter {
	return &Filter{reads: couch.GetOptions{Conflicts: o.Conflicts}, keeps: true, judge: func(doc []byte) (bool, error) {
		passes, err := run(doc)
		return passes, inWords(err)
	}}
}

// inWords is a function's failure in CouchDB's words.
func inWords(err error) error {
	var thrown *js.Exception
	switch {
	case err == nil:
		return nil
	case errors.Is(err, js.ErrNoFunction):
		return &couch.Error{Kind: couch.NotFound, Reason: "missing function"}
	case errors.As(err, &thrown):
		return failedWith(thrown)
	case errors.Is(err, js.ErrStopped):
		return &couch.Error{Kind: "os_process_error", Reason: "OS process timed out.", Err: err}
	}
	return notCompiled(err)
}

// failedWith is an error of the server whatever a function threw: one that calls
// itself not_found must not be taken for a missing document.
func failedWith(e *js.Exception) error {
	err := &couch.Error{Kind: couch.Kind(e.Name), Reason: e.Reason}
	switch {
	case err.Kind == couch.Compilation:
		err.Status = http.StatusInternalServerError
	case err.HTTPStatus() != http.StatusInternalServerError:
		return &couch.Error{Kind: "error", Reason: e.Error()}
	}
	return err
}

// notCompiled is a function that is none. Other than at a design document's
// writing it is no fault of the client.
func notCompiled(err error) error { return &couch.Error{Kind: "SyntaxError", Reason: err.Error()} }

// Narrow tells the engine which rows are wanted, as far as it can use that. The
// rows that come must be asked about all the same, and counted by who asks.
func (f *Filter) Narrow(o *couch.ChangesOptions) {
	o.IDs, o.Designs, o.Limit = f.ids, f.designs, -1
}

// render is a document as judge sees it; a function also sees _revisions, in
// which CouchDB lists the leaf alone.
func (f *Filter) render(doc *couch.Document) []byte {
	if f.keeps {
		doc.Revisions = []couch.Rev{doc.Rev}
		return doc.AppendJSON(make([]byte, 0, len(doc.Body)+256))
	}
	f.buf = doc.AppendJSON(f.buf[:0])
	return f.buf
}

// Projects reports whether Project drops members. A nil filter does not.
func (f *Filter) Projects() bool { return f != nil && f.fields != nil }

// Project is what a row's document keeps of its members.
func (f *Filter) Project(doc []byte) []byte {
	if !f.Projects() {
		return doc
	}
	return f.fields.Apply(doc)
}

// Passes reports whether a feed's current row passes. Of its leaves it keeps
// those that do.
func (f *Filter) Passes(rows *couch.Changes) (bool, error) {
	row := rows.Change()
	switch {
	case f.wanted != nil:
		return f.wanted[row.ID], nil
	case f.designs:
		return row.ID.IsDesign(), nil
	}
	passed := row.Revs[:0]
	for _, leaf := range row.Revs {
		doc, err := rows.Document(leaf, f.reads)
		if errors.Is(err, couch.ErrMissing) {
			continue
		}
		if err != nil {
			return false, err
		}
		passes, err := f.judge(f.render(doc))
		if err != nil {
			return false, err
		}
		if passes {
			passed = append(passed, leaf)
		}
	}
	row.Revs = passed
	return len(passed) > 0, nil
}
