package replicate

import (
	"context"
	"encoding/json"
	"io"

	"settee/database"

	"github.com/go-kivik/kivik/v4"
)

// kivikEnd is the end of any kivik.DB.
type kivikEnd struct{ db *kivik.DB }

func (k kivikEnd) changes(ctx context.Context, f feed, yield func(change) error) (feedEnd, error) {
	rows := k.db.Changes(ctx, kivik.Params(f.params()))
	defer rows.Close() //nolint:errcheck // it was read to its end, or is of no more use
	for rows.Next() {
		c := change{id: rows.ID(), seq: rows.Seq(), revs: append([]string(nil), rows.Changes()...)}
		if err := yield(c); err != nil {
			return feedEnd{}, err
		}
	}
	if err := rows.Err(); err != nil {
		return feedEnd{}, err
	}
	if err := ctx.Err(); err != nil { // Kivik ends an interrupted feed as if it were complete
		return feedEnd{}, err
	}
	meta, err := rows.Metadata()
	if err != nil || meta == nil {
		return feedEnd{}, errCut
	}
	return feedEnd{last: meta.LastSeq, pending: meta.Pending}, nil
}

func (k kivikEnd) diff(ctx context.Context, asked []change) ([]lack, error) {
	revs := make(map[string][]string, len(asked))
	for _, c := range asked {
		revs[c.id] = append(revs[c.id], c.revs...)
	}
	rows := k.db.RevsDiff(ctx, revs)
	defer rows.Close() //nolint:errcheck // as above
	var lacks []lack
	for rows.Next() {
		id, err := rows.ID()
		if err != nil {
			return nil, err
		}
		var diff struct {
			Missing   []string `json:"missing"`
			Ancestors []string `json:"possible_ancestors"`
		}
		if err := rows.ScanValue(&diff); err != nil {
			return nil, err
		}
		lacks = append(lacks, lack{id, diff.Missing, diff.Ancestors})
	}
	return lacks, ended(ctx, rows)
}

// ended is why rows ended: Kivik ends interrupted ones as if they were complete.
func ended(ctx context.Context, rows *kivik.ResultSet) error {
	if err := rows.Err(); err != nil {
		return err
	}
	return ctx.Err()
}

func (k kivikEnd) bulkGet(ctx context.Context, refs []ref, yield func(document) error) error {
	asked := make([]kivik.BulkGetReference, len(refs))
	for i, r := range refs {
		asked[i] = kivik.BulkGetReference{ID: r.id, Rev: r.rev}
	}
	var text json.RawMessage
	rows := k.db.BulkGet(ctx, asked, kivik.Params(map[string]any{"revs": true, "latest": true}), database.Raw(&text))
	defer rows.Close() //nolint:errcheck // as above
	for rows.Next() {
		d := document{}
		d.id, _ = rows.ID()
		d.rev, _ = rows.Rev()
		d.json, d.err = scanned(rows, &text)
		if err := yield(d); err != nil {
			return err
		}
	}
	return ended(ctx, rows)
}

func (k kivikEnd) openRevs(ctx context.Context, id string, revs, since []string, yield func(document) error) error {
	params := map[string]any{"revs": true, "latest": true, "attachments": true, "att_encoding_info": true}
	if len(since) > 0 {
		text, err := json.Marshal(since)
		if err != nil {
			return err
		}
		params["atts_since"] = string(text)
		delete(params, "attachments")
	}
	var text json.RawMessage
	rows := k.db.OpenRevs(ctx, id, revs, kivik.Params(params), database.Raw(&text))
	defer rows.Close() //nolint:errcheck // as above
	for rows.Next() {
		if err := k.openRev(id, rows, &text, yield); err != nil {
			return err
		}
	}
	return ended(ctx, rows)
}

func (k kivikEnd) openRev(id string, rows *kivik.ResultSet, text *json.RawMessage, yield func(document) error) error {
	d := document{id: id}
	d.rev, _ = rows.Rev()
	if d.json, d.err = scanned(rows, text); d.err != nil {
		return yield(d)
	}
	atts, err := rows.Attachments()
	if err != nil { // there are none
		return yield(d)
	}
	defer atts.Close() //nolint:errcheck // as above
	d.parts = func() (part, error) {
		a, err := atts.Next()
		if err != nil {
			return part{}, err
		}
		return part{name: a.Filename, contentType: a.ContentType, size: a.Size, Reader: a.Content}, nil
	}
	return yield(d)
}

// scanned is the document of a row, which the driver may have put into text.
func scanned(rows *kivik.ResultSet, text *json.RawMessage) (doc json.RawMessage, err error) {
	if err = rows.ScanDoc(&doc); err == nil && *text != nil {
		doc, *text = *text, nil
	}
	return doc, err
}

func (k kivikEnd) bulkDocs(ctx context.Context, docs []json.RawMessage) ([]refusal, error) {
	list := make([]any, len(docs))
	for i, d := range docs {
		list[i] = d
	}
	results, err := k.db.BulkDocs(ctx, list, kivik.Param("new_edits", false))
	if err != nil {
		return nil, err
	}
	var refused []refusal
	for _, r := range results {
		if r.Error != nil {
			refused = append(refused, refusal{r.ID, r.Rev, r.Error})
		}
	}
	return refused, nil
}

func (k kivikEnd) put(ctx context.Context, d document) error {
	f := following{d}
	_, err := k.db.Put(ctx, d.id, f, kivik.Param("new_edits", false), f)
	return err
}

// following hands a document and the bytes of its attachments to a driver that takes them as they come: see
// options.Follow in couch/driver. Any other driver marshals it, and finds the bytes in the document.
type following struct{ document }

func (f following) Apply(target any) {
	if t, ok := target.(interface {
		Follow(text []byte, next func() (io.Reader, error))
	}); ok {
		t.Follow(f.json, func() (io.Reader, error) { return f.parts() })
	}
}

func (f following) MarshalJSON() ([]byte, error) { return inlined(f.document) }
