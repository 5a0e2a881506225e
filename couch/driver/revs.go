package driver

import (
	"bytes"
	"context"
	"encoding/json"
	"maps"
	"slices"

	kdriver "github.com/go-kivik/kivik/v4/driver"

	"settee/couch"
)

func (d *db) OpenRevs(ctx context.Context, id string, revs []string, o kdriver.Options) (kdriver.Rows, error) {
	c, p, err := d.open(o)
	if err != nil {
		return nil, err
	}
	var want []couch.Rev // nil: all leaves
	if !slices.Equal(revs, []string{"all"}) {
		if want, err = parseRevs(revs); err != nil {
			return nil, err
		}
	}
	leaves, err := c.OpenRevs(ctx, couch.DocID(id), want, p.apart())
	if err != nil {
		return nil, err
	}
	return &listed{n: len(leaves), row: func(i int, row *kdriver.Row) error {
		row.ID, row.Rev = id, leaves[i].Rev.String()
		doc := leaves[i].Doc
		if doc == nil {
			row.Error = couch.ErrMissing
			return nil
		}
		if atts := announced(ctx, c, doc, p.AttEncodingInfo); atts != nil {
			row.Attachments = atts
		}
		row.Rev, row.Doc = doc.Rev.String(), p.text(doc)
		return nil
	}}, nil
}

// RevsDiff takes what marshals to {"id": ["1-x", …]}; rows are ordered by id.
func (d *db) RevsDiff(ctx context.Context, revMap any) (kdriver.Rows, error) {
	c, err := d.database(toRead)
	if err != nil {
		return nil, err
	}
	asked, ok := revMap.(map[string][]string)
	if !ok {
		raw, err := encodeDocument(revMap)
		if err != nil {
			return nil, err
		}
		if json.Unmarshal(raw, &asked) != nil {
			return nil, badRequest("Request body must be a JSON object")
		}
	}
	qs := make([]couch.RevsQuery, 0, len(asked))
	for _, id := range slices.Sorted(maps.Keys(asked)) {
		revs, err := parseRevs(asked[id])
		if err != nil {
			return nil, err
		}
		qs = append(qs, couch.RevsQuery{ID: couch.DocID(id), Revs: revs})
	}
	answers, err := c.RevsDiff(ctx, qs)
	if err != nil {
		return nil, err
	}
	return &listed{n: len(answers), row: func(i int, row *kdriver.Row) error {
		a := answers[i]
		row.ID = string(a.ID)
		raw, err := json.Marshal(kdriver.RevDiff{Missing: texts(a.Missing), PossibleAncestors: texts(a.Ancestors)})
		row.Value = bytes.NewReader(raw)
		return err
	}}, nil
}

func texts(revs []couch.Rev) []string {
	out := make([]string, len(revs))
	for i, r := range revs {
		out[i] = r.String()
	}
	return out
}
