package driver

import (
	"context"

	kdriver "github.com/go-kivik/kivik/v4/driver"

	"settee/couch"
)

func (d *db) BulkDocs(ctx context.Context, docs []any, o kdriver.Options) ([]kdriver.BulkResult, error) {
	c, p, err := d.open(o)
	if err != nil {
		return nil, err
	}
	parsed := make([]*couch.Document, len(docs))
	for i, doc := range docs {
		if parsed[i], err = readDocument(doc); err != nil {
			return nil, err
		}
		if parsed[i].ID == "" {
			parsed[i].ID = couch.DocID(d.store.NewUUID())
		}
	}
	results, err := d.bulk(ctx, c, parsed, p.Replicated)
	if err != nil {
		return nil, err
	}
	out := make([]kdriver.BulkResult, 0, len(results))
	for _, r := range results {
		if p.Replicated && r.Err == nil {
			continue // CouchDB reports failures only
		}
		b := kdriver.BulkResult{ID: string(r.ID), Error: r.Err}
		if r.Err == nil || p.Replicated {
			b.Rev = r.Rev.String()
		}
		out = append(out, b)
	}
	return out, nil
}

// bulk stores documents in one batch, _local ones each by itself.
func (d *db) bulk(ctx context.Context, c *couch.DB, docs []*couch.Document, replicated bool) ([]couch.WriteResult, error) {
	results := make([]couch.WriteResult, len(docs))
	var batch []*couch.Document
	var at []int
	for i, doc := range docs {
		if doc.ID.IsLocal() {
			rev, err := d.storeOne(ctx, c, doc, d.writes(replicated))
			results[i] = couch.WriteResult{ID: doc.ID, Rev: rev, Err: err}
			continue
		}
		if err := d.mayWrite(doc.ID); err != nil {
			results[i] = couch.WriteResult{ID: doc.ID, Rev: doc.Rev, Err: err}
			continue
		}
		batch, at = append(batch, doc), append(at, i)
	}
	if len(batch) == 0 {
		return results, nil
	}
	stored, err := c.Bulk(ctx, batch, d.writes(replicated))
	if err != nil {
		return nil, err
	}
	for j, r := range stored {
		results[at[j]] = r
	}
	return results, nil
}

// BulkGet answers one row for each reference: the revision, or the winner where none is named.
func (d *db) BulkGet(ctx context.Context, refs []kdriver.BulkGetReference, o kdriver.Options) (kdriver.Rows, error) {
	c, p, err := d.open(o)
	if err != nil {
		return nil, err
	}
	reading := c.Opening()
	return &guarded{Rows: &listed{n: len(refs), done: reading.Close, row: func(i int, row *kdriver.Row) error {
		row.ID, row.Rev = refs[i].ID, refs[i].Rev
		doc, err := bulkGet(ctx, reading, refs[i], *p)
		if err != nil {
			row.Error = err
			return nil
		}
		row.Rev, row.Doc = doc.Rev.String(), p.text(doc)
		return nil
	}}}, nil
}

func bulkGet(ctx context.Context, reading *couch.Opening, ref kdriver.BulkGetReference, p options) (*couch.Document, error) {
	if ref.AttsSince != "" {
		if err := setAttsSince(&p, ref.AttsSince); err != nil {
			return nil, err
		}
	}
	var revs []couch.Rev // nil: all leaves, so that a deleted document is found as well
	if ref.Rev != "" {
		var err error
		if revs, err = parseRevs([]string{ref.Rev}); err != nil {
			return nil, err
		}
	}
	leaves, err := reading.Revs(ctx, couch.DocID(ref.ID), revs, p.get())
	if err != nil {
		return nil, err
	}
	if len(leaves) == 0 || leaves[0].Doc == nil {
		return nil, couch.ErrMissing
	}
	return leaves[0].Doc, nil
}
