package views

import (
	"context"
	"encoding/json"

	"settee/couch"
	"settee/views/js"
)

// filterProgram reads a design document and sees to it that it has a function at a path
// that can serve as a filter. A function that does not compile is told when it is called.
func (e *Engine) filterProgram(ctx context.Context, db *couch.DB, design string, path ...string) (*js.Program, error) {
	if e == nil {
		return nil, &couch.Error{Kind: couch.NotImplemented, Reason: "Without views there are no design documents' filters."}
	}
	doc, err := db.Get(ctx, couch.DocID("_design/"+design), couch.GetOptions{})
	if err != nil {
		return nil, err
	}
	if _, err := member(doc.Body, path...); err != nil {
		return nil, err
	}
	return e.program(db, doc)
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
