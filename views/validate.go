package views

import (
	"context"
	"fmt"
	"strings"

	"settee/couch"
	"settee/views/js"
)

// validator is what the store asks before it keeps a revision: design documents must
// compile, and what they validate is for their functions to judge.
type validator struct{ engine *Engine }

var _ couch.Selective = validator{}

// Cares implements couch.Selective: where no validation function is, ordinary
// documents are not looked at, so the store need not read the revision that they replace.
func (v validator) Cares(db *couch.DB, doc *couch.Document, _ *couch.User) bool {
	if doc.ID.IsDesign() {
		return !doc.Deleted
	}
	all, err := v.engine.vdus(context.Background(), db)
	return len(all) > 0 || err != nil
}

// Validate implements couch.Validator.
func (v validator) Validate(ctx context.Context, db *couch.DB, doc, old *couch.Document, user *couch.User) error {
	if !doc.ID.IsDesign() {
		all, err := v.engine.vdus(ctx, db)
		if err != nil {
			return err
		}
		return v.engine.askVDUs(ctx, db, all, doc, old, user)
	}
	if doc.Deleted {
		return nil
	}
	return checkDesign(db, doc)
}

// checkDesign checks what is known of a design document's members, and compiles its views.
func checkDesign(db *couch.DB, doc *couch.Document) error {
	if err := checkFunctions(doc.Body); err != nil {
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
		_, err := builtin(v.reduce, nil)
		return err
	}
	if err := js.Check(v.reduce); err != nil {
		return v.uncompiled("reduce", err)
	}
	return nil
}

func (v view) uncompiled(which string, err error) error {
	return &couch.Error{Kind: couch.Compilation, Reason: fmt.Sprintf("Compilation of the %s function in the '%s' view failed: %v", which, v.name, err)}
}
