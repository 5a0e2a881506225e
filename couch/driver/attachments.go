package driver

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"slices"

	kdriver "github.com/go-kivik/kivik/v4/driver"

	"settee/couch"
)

// announced returns the attachments that the document says follow it; nil where none does.
// With stored they are handed out as they lie in the store, for a document that tells their encoding.
func announced(ctx context.Context, c *couch.DB, doc *couch.Document, stored bool) *attachments {
	a := &attachments{ctx: ctx, db: c, id: doc.ID, rev: doc.Rev, stored: stored}
	for _, att := range doc.Attachments {
		if att.Follows {
			a.list = append(a.list, att)
		}
	}
	if a.list == nil {
		return nil
	}
	return a
}

// attachments opens the announced attachments one after the other.
type attachments struct {
	ctx  context.Context
	db   *couch.DB
	id   couch.DocID
	rev  couch.Rev
	list []couch.Attachment

	stored bool      // hand out the stored bytes, compressed where they are
	open   io.Closer // the content handed out last; as in multipart, the next one ends it
}

func (a *attachments) Next(att *kdriver.Attachment) error {
	if err := a.closeOpen(); err != nil {
		return err
	}
	if len(a.list) == 0 {
		return io.EOF
	}
	next := a.list[0]
	a.list = a.list[1:]
	r, _, err := a.db.Attachment(a.ctx, a.id, a.rev, next.Name)
	if err != nil {
		return err
	}
	*att, err = outgoing(r, !a.stored)
	a.open = att.Content
	return err
}

func (a *attachments) Close() error {
	a.list = nil
	return a.closeOpen()
}

func (a *attachments) closeOpen() error {
	if a.open == nil {
		return nil
	}
	open := a.open
	a.open = nil
	return open.Close()
}

// atOnce is up to how many bytes an attachment is read before it is handed out.
// An open one holds the store open; programs are careless with small ones, and
// they lie in one piece anyway.
const atOnce = 64 << 10

// outgoing hands an attachment out, decoded as an HTTP client sees it, or as it is stored.
func outgoing(r *couch.AttachmentReader, decode bool) (kdriver.Attachment, error) {
	out := kdriver.Attachment{
		Filename: r.Name, ContentType: r.ContentType, Size: r.Length, RevPos: int64(r.RevPos), Digest: r.Digest, Content: r,
	}
	switch {
	case r.Encoding == "":
	case !decode:
		out.ContentEncoding, out.EncodedLength = r.Encoding, r.Encoded
	default:
		z, err := gzip.NewReader(r)
		if err != nil {
			return out, errors.Join(err, r.Close())
		}
		out.Content = decoded{z, r}
	}
	if r.Length > atOnce {
		return out, nil
	}
	raw, err := io.ReadAll(out.Content)
	err = errors.Join(err, out.Content.Close())
	out.Content = body{bytes.NewReader(raw)}
	return out, err
}

type decoded struct {
	io.Reader
	io.Closer
}

func (d *db) GetAttachment(ctx context.Context, id, name string, o kdriver.Options) (*kdriver.Attachment, error) {
	c, p, err := d.open(o)
	if err != nil {
		return nil, err
	}
	r, _, err := c.Attachment(ctx, couch.DocID(id), p.Rev, name)
	if err != nil {
		return nil, err
	}
	out, err := outgoing(r, true)
	return &out, err
}

func (d *db) GetAttachmentMeta(ctx context.Context, id, name string, o kdriver.Options) (*kdriver.Attachment, error) {
	att, err := d.GetAttachment(ctx, id, name, o)
	if err != nil {
		return nil, err
	}
	att.Stub = true
	return att, att.Content.Close()
}

func (d *db) PutAttachment(ctx context.Context, id string, att *kdriver.Attachment, o kdriver.Options) (string, error) {
	size, err := measure(att)
	if err != nil {
		return "", err
	}
	defer att.Content.Close() //nolint:errcheck // it was read
	in := couch.Attachment{Name: att.Filename, ContentType: att.ContentType, Length: size, Follows: true, Body: att.Content}
	if in.ContentType == "" {
		in.ContentType = "application/octet-stream"
	}
	return d.editAttachments(ctx, id, o, func(atts []couch.Attachment) ([]couch.Attachment, error) {
		if i := named(atts, in.Name); i >= 0 {
			atts = slices.Delete(atts, i, i+1)
		}
		return slices.Insert(atts, 0, in), nil // CouchDB's order, by which the revision is named
	})
}

func (d *db) DeleteAttachment(ctx context.Context, id, name string, o kdriver.Options) (string, error) {
	return d.editAttachments(ctx, id, o, func(atts []couch.Attachment) ([]couch.Attachment, error) {
		i := named(atts, name)
		if i < 0 {
			return nil, couch.ErrNoAttachment
		}
		return slices.Delete(atts, i, i+1), nil
	})
}

func named(atts []couch.Attachment, name string) int {
	return slices.IndexFunc(atts, func(a couch.Attachment) bool { return a.Name == name })
}

// editAttachments stores a revision that differs from its parent in attachments
// only; the others are carried over as stubs. Without a rev it makes a document.
func (d *db) editAttachments(ctx context.Context, id string, o kdriver.Options, edit func([]couch.Attachment) ([]couch.Attachment, error)) (string, error) {
	c, p, err := d.open(o)
	if err != nil {
		return "", err
	}
	if couch.DocID(id).IsLocal() {
		return "", badRequest("_local documents do not accept attachments.")
	}
	if err := d.mayWrite(couch.DocID(id)); err != nil {
		return "", err
	}
	doc, err := parent(ctx, c, couch.DocID(id), p.Rev)
	if err != nil {
		return "", err
	}
	if doc.Attachments, err = edit(doc.Attachments); err != nil {
		return "", err
	}
	rev, err := c.Put(ctx, doc, d.writes(false))
	if err != nil {
		return "", err
	}
	return rev.String(), nil
}

// parent is the revision to edit with its attachments as stubs, parsed afresh
// as if a client had sent it; where there is no document, an empty one.
func parent(ctx context.Context, c *couch.DB, id couch.DocID, rev couch.Rev) (*couch.Document, error) {
	old, err := c.Get(ctx, id, couch.GetOptions{Rev: rev})
	raw := []byte("{}")
	switch {
	case err == nil && rev.IsZero(): // there is one, and the client does not know it
		return nil, couch.ErrConflict
	case err == nil:
		raw = render(old)
	case rev.IsZero() && errors.Is(err, errNotFound):
	case errors.Is(err, errNotFound):
		return nil, couch.ErrConflict
	default:
		return nil, err
	}
	doc, err := couch.ParseDocument(raw)
	if err != nil {
		return nil, err
	}
	doc.ID, doc.Rev = id, rev
	return doc, nil
}

// measure finds the length of what is to be stored, < 0 where it cannot be told.
func measure(att *kdriver.Attachment) (int64, error) {
	if att.Content == nil {
		return 0, badRequest("kivik: att.Content required")
	}
	if att.Size > 0 {
		return att.Size, nil
	}
	switch r := att.Content.(type) {
	case interface{ Len() int }:
		return int64(r.Len()), nil
	case io.Seeker:
		here, err := r.Seek(0, io.SeekCurrent)
		if err != nil {
			break // a pipe, say
		}
		end, err := r.Seek(0, io.SeekEnd)
		if err != nil {
			break
		}
		_, err = r.Seek(here, io.SeekStart)
		return end - here, err
	}
	return -1, nil
}

// errNotFound matches every error that is a 404.
var errNotFound = &couch.Error{Kind: couch.NotFound}
