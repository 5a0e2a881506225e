package views

import (
	"context"

	"settee/couch"
)

// derived is what a database keeps of its design documents, made anew when one is written.
type derived struct {
	vdus vdus
	ken  []kenned
}

func derive(designs []*couch.Document) any {
	var d derived
	for _, doc := range designs {
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
	d, err := db.Derived(ctx, derive)
	if err != nil {
		return derived{}, err
	}
	return d.(derived), nil
}
