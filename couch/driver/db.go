package driver

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"strings"

	kdriver "github.com/go-kivik/kivik/v4/driver"

	"settee/couch"
)

type db struct {
	*client
	name string
}

var (
	_ kdriver.DB                   = (*db)(nil)
	_ kdriver.AttachmentMetaGetter = (*db)(nil)
	_ kdriver.BulkDocer            = (*db)(nil)
	_ kdriver.BulkGetter           = (*db)(nil)
	_ kdriver.Copier               = (*db)(nil)
	_ kdriver.DesignDocer          = (*db)(nil)
	_ kdriver.DocCreator           = (*db)(nil)
	_ kdriver.Flusher              = (*db)(nil)
	_ kdriver.LocalDocer           = (*db)(nil)
	_ kdriver.OpenRever            = (*db)(nil)
	_ kdriver.RevGetter            = (*db)(nil)
	_ kdriver.RevsDiffer           = (*db)(nil)
	_ kdriver.SecurityDB           = (*db)(nil)
)

// open finds the database and reads the options of a call.
func (d *db) open(o kdriver.Options) (*couch.DB, *options, error) {
	c, err := d.database(toRead)
	if err != nil {
		return nil, nil, err
	}
	p, err := parse(o)
	return c, p, err
}

// Close has nothing to do: a handle holds nothing.
func (d *db) Close() error { return nil }

func (d *db) Get(ctx context.Context, id string, o kdriver.Options) (*kdriver.Document, error) {
	c, p, err := d.open(o)
	if err != nil {
		return nil, err
	}
	doc, atts, err := read(ctx, c, couch.DocID(id), p)
	if err != nil {
		return nil, err
	}
	out := &kdriver.Document{Rev: doc.Rev.String(), Body: io.NopCloser(p.text(doc))}
	if atts != nil { // a nil pointer in the interface would not be nil
		out.Attachments = atts
	}
	return out, nil
}

// read reads one document, its attachments announced in it and readable beside it.
func read(ctx context.Context, c *couch.DB, id couch.DocID, p *options) (*couch.Document, *attachments, error) {
	if id.IsLocal() {
		doc, err := c.GetLocal(ctx, id)
		return doc, nil, err
	}
	doc, err := c.Get(ctx, id, p.apart())
	if err != nil {
		return doc, nil, err
	}
	return doc, announced(ctx, c, doc, p.AttEncodingInfo), nil
}

// body is a document's bytes.
type body struct{ *bytes.Reader }

func (body) Close() error { return nil }

func (d *db) GetRev(ctx context.Context, id string, o kdriver.Options) (string, error) {
	c, p, err := d.open(o)
	if err != nil {
		return "", err
	}
	rev := couch.Rev{}
	if p.Rev.IsZero() && !strings.HasPrefix(id, "_local/") {
		rev, err = winner(ctx, c, couch.DocID(id))
	} else {
		var doc *couch.Document
		if doc, _, err = read(ctx, c, couch.DocID(id), &options{Rev: p.Rev, Latest: p.Latest}); err == nil {
			rev = doc.Rev
		}
	}
	if err != nil {
		return "", err
	}
	return rev.String(), nil
}

// winner is the winning revision, found without reading its body.
func winner(ctx context.Context, c *couch.DB, id couch.DocID) (couch.Rev, error) {
	rows, err := c.AllDocsByID(ctx, []couch.DocID{id}, couch.AllDocsOptions{Limit: -1})
	if err != nil {
		return couch.Rev{}, err
	}
	defer rows.Close() //nolint:errcheck // read to its only row
	if !rows.Next() {
		if err := rows.Err(); err != nil {
			return couch.Rev{}, err
		}
		return couch.Rev{}, couch.ErrMissing
	}
	switch row := rows.Row(); {
	case row.Missing:
		return couch.Rev{}, couch.ErrMissing
	case row.Deleted:
		return row.Rev, couch.ErrDeleted
	default:
		return row.Rev, nil
	}
}

func (d *db) Flush(ctx context.Context) error {
	c, err := d.database(toRead)
	if err != nil {
		return err
	}
	return c.Sync(ctx)
}

func (d *db) Compact(ctx context.Context) error {
	c, err := d.database(toDesign)
	if err != nil {
		return err
	}
	return c.Compact(ctx)
}

// CompactView only checks that the design document is there: Pebble compacts
// indexes as it goes.
func (d *db) CompactView(ctx context.Context, ddoc string) error {
	c, err := d.database(toDesign)
	if err != nil {
		return err
	}
	_, err = winner(ctx, c, couch.DocID("_design/"+strings.TrimPrefix(ddoc, "_design/")))
	return err
}

func (d *db) ViewCleanup(ctx context.Context) error {
	c, err := d.database(toDesign)
	if err != nil || d.views == nil {
		return err
	}
	return d.views.Cleanup(ctx, c)
}

func (d *db) Security(context.Context) (*kdriver.Security, error) {
	c, err := d.database(toRead)
	if err != nil {
		return nil, err
	}
	var s kdriver.Security
	return &s, json.Unmarshal(c.Security(), &s)
}

func (d *db) SetSecurity(ctx context.Context, s *kdriver.Security) error {
	c, err := d.database(toDesign)
	if err != nil {
		return err
	}
	raw, err := encode(s)
	if err != nil {
		return err
	}
	return c.SetSecurity(ctx, raw)
}

var _ io.ReadCloser = body{}
