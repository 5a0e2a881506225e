package views

import (
	"context"
	"fmt"
	"strings"

	"settee/couch"
	"settee/views/js"
)

// validator is what the store asks before it keeps a revision: design documents must
// compile.
type validator struct{}

var _ couch.Selective = validator{}

// Cares implements couch.Selective: whatever is no design document is not looked
// at, so the store need not read the revision that it replaces.
func (validator) Cares(_ *couch.DB, doc *couch.Document) bool {
	return doc.ID.IsDesign() && !doc.Deleted
}

// Validate implements couch.Validator.
func (v validator) Validate(_ context.Context, db *couch.DB, doc, _ *couch.Document, _ *couch.User) error {
	if !v.Cares(db, doc) {
		return nil
	}
	if err := checkFilters(doc.Body); err != nil {
		return err
	}
	d, err := parseDesign(doc.Body)
	if err == nil {
		err = d.checkPartitioned(db)
	}
	if err != nil || d.language != javascript {
		return err
	}
	for _, v := range d.views {
		if err := v.check(); err != nil {
			return err
		}
	}
	return nil
}

func (v view) check() error {
	if err := js.Check(v.mapping); err != nil {
		return v.uncompiled("map", err)
	}
	if v.reduce == "" {
		return nil
	}
	if strings.HasPrefix(v.reduce, "_") {
		if builtin[v.reduce] == nil {
			return invalid("`%s` is not a supported reduce function.", v.reduce)
		}
		return nil
	}
	if err := js.Check(v.reduce); err != nil {
		return v.uncompiled("reduce", err)
	}
	return nil
}

func (v view) uncompiled(which string, err error) error {
	return &couch.Error{Kind: couch.Compilation, Reason: fmt.Sprintf("Compilation of the %s function in the '%s' view failed: %v", which, v.name, err)}
}
