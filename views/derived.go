package views

import (
	"context"

	"settee/couch"
)

// derived is what a database keeps of its design documents, made anew when one is written.
type derived struct {
	vdus  vdus
	ken   []kenned
	mango searchable
}

func derive(db *couch.DB, designs []*couch.Document) any {
	d := derived{mango: newSearchable()}
	for _, doc := range designs {
		d.mango.add(db, doc)
		if hasVDU(doc) {
			d.vdus = append(d.vdus, doc)
		}
		if k, ok := ken(doc); ok {
			d.ken = append(d.ken, k)
		}
	}
	return d
}

func (e *Engine) derived(ctx context.Context, db *couch.DB) (derived, error) {
	d, err := db.Derived(ctx, func(designs []*couch.Document) any { return derive(db, designs) })
	if err != nil {
		return derived{}, err
	}
	return d.(derived), nil
}
