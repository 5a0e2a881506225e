package driver

import (
	"context"
	"strings"

	kdriver "github.com/go-kivik/kivik/v4/driver"

	"settee/couch"
)

func (d *db) Put(ctx context.Context, id string, doc any, o kdriver.Options) (string, error) {
	c, p, err := d.open(o)
	if err != nil {
		return "", err
	}
	in, err := p.document(c, couch.DocID(id), doc)
	if err != nil {
		return "", err
	}
	in.ID = couch.DocID(id) // the path names the document, whatever the body says
	return d.put(ctx, c, in, p)
}

func (d *db) CreateDoc(ctx context.Context, doc any, o kdriver.Options) (id, rev string, err error) {
	c, p, err := d.open(o)
	if err != nil {
		return "", "", err
	}
	in, err := readDocument(doc)
	if err != nil {
		return "", "", err
	}
	if in.ID == "" {
		in.ID = couch.DocID(d.store.NewUUID())
	}
	rev, err = d.put(ctx, c, in, p)
	return string(in.ID), rev, err
}

func (d *db) put(ctx context.Context, c *couch.DB, doc *couch.Document, p *options) (string, error) {
	switch {
	case p.Rev.IsZero():
	case doc.Rev.IsZero():
		doc.Rev = p.Rev
	case doc.Rev != p.Rev:
		return "", badRequest("Document rev from request body and query string have different values")
	}
	o := d.writes(p.Replicated)
	o.Ready = p.ready
	rev, err := d.storeOne(ctx, c, doc, o)
	if err != nil {
		return "", err
	}
	return rev.String(), nil
}

func (d *db) storeOne(ctx context.Context, c *couch.DB, doc *couch.Document, o couch.WriteOptions) (couch.Rev, error) {
	if err := d.mayWrite(doc.ID); err != nil {
		return couch.Rev{}, err
	}
	if !doc.ID.IsLocal() {
		return c.Put(ctx, doc, o)
	}
	if o.Ready != nil {
		if err := o.Ready(); err != nil {
			return couch.Rev{}, err
		}
	}
	switch {
	case doc.Deleted:
		return couch.Rev{ID: "0"}, c.DeleteLocal(ctx, doc.ID) // CouchDB's "0-0"
	default:
		return c.PutLocal(ctx, doc)
	}
}

func (d *db) Delete(ctx context.Context, id string, o kdriver.Options) (string, error) {
	c, p, err := d.open(o)
	if err != nil {
		return "", err
	}
	doc, err := couch.ParseDocument([]byte(`{"_deleted":true}`))
	if err != nil {
		return "", err
	}
	doc.ID = couch.DocID(id)
	if !doc.ID.IsLocal() {
		if p.Rev.IsZero() {
			return "", badRequest("kivik: rev required")
		}
		// A document that is not there is missing, not in conflict.
		if _, err := winner(ctx, c, doc.ID); err != nil {
			return "", err
		}
	}
	return d.put(ctx, c, doc, p)
}

// Copy stores a document's revision under another id, attachments too. As in
// COPY's Destination, the target may name the revision it replaces: "id?rev=1-x".
func (d *db) Copy(ctx context.Context, target, source string, o kdriver.Options) (string, error) {
	c, p, err := d.open(o)
	if err != nil {
		return "", err
	}
	target, parent, _ := strings.Cut(target, "?rev=")
	doc, err := c.CopyOf(ctx, couch.DocID(source), p.Rev)
	if err != nil {
		return "", err
	}
	doc.ID = couch.DocID(target)
	if doc.Rev, err = parseRev(parent); err != nil {
		return "", err
	}
	return d.put(ctx, c, doc, &options{})
}
