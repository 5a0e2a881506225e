package views

import (
	"context"
	"encoding/json"

	"settee/couch"
	"settee/views/js"
)

// filterName names a function of a design document that serves as a filter.
type filterName struct {
	design string
	view   bool   // a view's map function, not one of filters
	name   string // of the view or the filter
}

// filterKey names a compiled filter: revisions never change, so it is never stale.
type filterKey struct {
	database, token string
	rev             couch.Rev
	filterName
}

// keptFilters bounds the compiled filters that are kept: each may hold a few
// interpreters of some 100 kB. Open feeds keep theirs in any case.
const keptFilters = 64

// filterProgram is a program whose first map or filter is the function.
func (e *Engine) filterProgram(ctx context.Context, db *couch.DB, n filterName) (*js.Program, error) {
	if e == nil {
		return nil, &couch.Error{Kind: couch.NotImplemented, Reason: "Without views there are no design documents' filters."}
	}
	doc, err := db.Get(ctx, couch.DocID("_design/"+n.design), couch.GetOptions{})
	if err != nil {
		return nil, err
	}
	key := filterKey{db.Name(), db.FormatSeq(0), doc.Rev, n}
	e.mu.Lock()
	p := e.filters[key]
	e.mu.Unlock()
	if p != nil {
		return p, nil
	}
	if p, err = e.compileFilter(db, doc, n); err != nil {
		return nil, err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	for old := range e.filters {
		if len(e.filters) < keptFilters {
			break
		}
		delete(e.filters, old)
	}
	e.filters[key] = p
	return p, nil
}

func (e *Engine) compileFilter(db *couch.DB, doc *couch.Document, n filterName) (*js.Program, error) {
	body := doc.AppendJSON(nil)
	if language, err := member(body, "language"); err == nil && text(language) != javascript {
		return nil, &couch.Error{Kind: couch.UnknownLanguage, Reason: text(language)}
	}
	source := js.Source{Design: body}
	if n.view {
		view, err := member(body, "views", n.name)
		if err != nil {
			return nil, err
		}
		mapping, _ := member(view, "map") // without one the source is empty, which does not compile
		source.Maps = []string{text(mapping)}
	} else {
		function, err := member(body, "filters", n.name)
		if err != nil {
			return nil, err
		}
		source.Filters = []string{text(function)}
	}
	p, err := js.Compile(source, js.Limits{Time: e.options.Timeout, Log: e.logOf(db)})
	if err != nil {
		return nil, notCompiled(err)
	}
	return p, nil
}

// checkFilters checks what a design document calls filters. As in CouchDB they
// are compiled when one is used: a broken one harms its own users only.
func checkFilters(body json.RawMessage) error {
	raw, err := member(body, "filters")
	if err != nil {
		return nil // there are none
	}
	var filters map[string]json.RawMessage
	if raw[0] != '{' || json.Unmarshal(raw, &filters) != nil {
		return invalid("`filters` field must have object type")
	}
	for name, f := range filters {
		if f[0] != '"' && f[0] != '{' {
			return invalid("`filters.%s` field must have string or object type", name)
		}
	}
	return nil
}

// member is what stands at a path in an object.
func member(object json.RawMessage, path ...string) (json.RawMessage, error) {
	for _, name := range path {
		var members map[string]json.RawMessage
		if json.Unmarshal(object, &members) != nil {
			return nil, &couch.Error{Kind: couch.NotFound, Reason: "json_mismatch"}
		}
		value, ok := members[name]
		if !ok {
			return nil, &couch.Error{Kind: couch.NotFound, Reason: "missing json key: " + name}
		}
		object = value
	}
	return object, nil
}

// text is a JSON string, or the JSON of what is none.
func text(raw json.RawMessage) string {
	var s string
	if json.Unmarshal(raw, &s) != nil {
		return string(raw)
	}
	return s
}
