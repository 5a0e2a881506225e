package driver

import (
	"context"
	"maps"
	"slices"

	kdriver "github.com/go-kivik/kivik/v4/driver"

	"settee/couch"
)

var _ kdriver.Purger = (*db)(nil)

// Purge answers as CouchDB does: without a purge sequence.
func (d *db) Purge(ctx context.Context, docRevMap map[string][]string) (*kdriver.PurgeResult, error) {
	c, err := d.database(toOwn)
	if err != nil {
		return nil, err
	}
	asked := make([]couch.RevsQuery, 0, len(docRevMap))
	for _, id := range slices.Sorted(maps.Keys(docRevMap)) {
		revs, err := parseRevs(docRevMap[id])
		if err != nil {
			return nil, err
		}
		asked = append(asked, couch.RevsQuery{ID: couch.DocID(id), Revs: revs})
	}
	answers, err := c.Purge(ctx, asked)
	if err != nil {
		return nil, err
	}
	out := &kdriver.PurgeResult{Purged: make(map[string][]string, len(answers))}
	for _, a := range answers {
		out.Purged[string(a.ID)] = texts(a.Revs)
	}
	return out, nil
}
