package httpd

import (
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/textproto"
	"strconv"
	"strings"

	"settee/couch"
)

// related is GET of a document as multipart/related, bytes of attachments included.
func (c *call) related(id couch.DocID, p docParams) error {
	d, err := c.withFollows(id, p)
	if err != nil {
		return err
	}
	if !follows(d) {
		if !hasMeta(d) && c.etag(etagOf(d.Rev)) {
			return nil
		}
		c.out = append(appendDoc(c.out[:0], d, p.Encoding), '\n')
		c.send(http.StatusOK, c.out)
		return nil
	}
	if !hasMeta(d) && c.etag(etagOf(d.Rev)) {
		return nil
	}
	out := c.stream()
	defer out.release()
	parts := multipart.NewWriter(out)
	out.start("multipart/related; boundary=\"" + parts.Boundary() + "\"")
	if c.head() {
		return nil
	}
	if err := c.writeRelated(parts, d); err != nil {
		return out.fail(err)
	}
	return out.finish()
}

// withFollows reads a document and marks the attachments that are to be sent
// with their bytes, which stay in the store until they are written.
func (c *call) withFollows(id couch.DocID, p docParams) (*couch.Document, error) {
	get := p.Get
	get.Revs = get.Revs || p.Since != nil
	get.AttEncodingInfo = true // the bytes are sent as they are stored
	d, err := c.db.Get(c.ctx(), id, get)
	if err != nil {
		return nil, err
	}
	return markFollows(d, p), nil
}

// markFollows returns the document with Follows set on each attachment that is
// newer than the newest of p.Since that the document descends from.
func markFollows(d *couch.Document, p docParams) *couch.Document {
	known := uint64(0)
	for _, since := range p.Since {
		for _, r := range d.Revisions {
			if r == since && r.Pos > known {
				known = r.Pos
			}
		}
	}
	marked := *d
	marked.Attachments = make([]couch.Attachment, len(d.Attachments))
	for i, a := range d.Attachments {
		a.Follows = a.RevPos > known
		a.Stub = !a.Follows
		marked.Attachments[i] = a
	}
	if !p.Get.Revs {
		marked.Revisions = nil
	}
	return &marked
}

func follows(d *couch.Document) bool {
	for _, a := range d.Attachments {
		if a.Follows {
			return true
		}
	}
	return false
}

// writeRelated writes the parts of a document: its JSON, then the bytes.
func (c *call) writeRelated(parts *multipart.Writer, d *couch.Document) error {
	w, err := parts.CreatePart(textproto.MIMEHeader{"Content-Type": contentTypeJSON})
	if err != nil {
		return err
	}
	if _, err := w.Write(appendDoc(nil, d, true)); err != nil {
		return err
	}
	for _, a := range d.Attachments {
		if !a.Follows {
			continue
		}
		if err := c.writePart(parts, d, a); err != nil {
			return err
		}
	}
	return parts.Close()
}

// quoteName escapes a file name for Content-Disposition.
var quoteName = strings.NewReplacer("\\", "\\\\", `"`, `\"`, "\r", "", "\n", "")

func (c *call) writePart(parts *multipart.Writer, d *couch.Document, a couch.Attachment) error {
	stored, _, err := c.db.Attachment(c.ctx(), d.ID, d.Rev, a.Name)
	if err != nil {
		return err
	}
	defer stored.Close()
	size := a.Length
	h := textproto.MIMEHeader{
		"Content-Disposition": {`attachment; filename="` + quoteName.Replace(a.Name) + `"`},
		"Content-Type":        {a.ContentType},
	}
	if a.Encoding != "" {
		size = a.Encoded
		h["Content-Encoding"] = []string{a.Encoding}
	}
	h["Content-Length"] = []string{strconv.FormatInt(size, 10)}
	w, err := parts.CreatePart(h)
	if err != nil {
		return err
	}
	n, err := io.Copy(w, stored)
	if err == nil && n != size {
		err = fmt.Errorf("attachment %q of %q has %d bytes, not %d", a.Name, d.ID, n, size)
	}
	return err
}

// openRevs is GET of a document's leaves or of named revisions.
func (c *call) openRevs(id couch.DocID, p docParams) error {
	get := p.Get
	get.AttEncodingInfo = true // the bytes are sent as they are stored
	asJSON := !accepts(c.r.Header, "multipart/mixed")
	if asJSON {
		get = p.inline()
	}
	get.Revs = get.Revs || p.Since != nil
	revs, err := c.db.OpenRevs(c.ctx(), id, p.OpenRevs, get)
	if err != nil {
		return err
	}
	if asJSON {
		return c.openRevsJSON(revs, p)
	}
	out := c.stream()
	defer out.release()
	parts := multipart.NewWriter(out)
	out.start("multipart/mixed; boundary=\"" + parts.Boundary() + "\"")
	if c.head() {
		return nil
	}
	for _, r := range revs {
		if err := c.mixedPart(parts, r, p, nil); err != nil {
			return out.fail(err)
		}
	}
	if err := parts.Close(); err != nil {
		return out.fail(err)
	}
	return out.finish()
}

// mixedPart writes one revision as a part of multipart/mixed: as JSON, as a
// nested multipart/related where it has attachments, or as missing.
func (c *call) mixedPart(parts *multipart.Writer, r couch.OpenRev, p docParams, extra textproto.MIMEHeader) error {
	if r.Doc == nil {
		missing := append(appendQuotedRev([]byte(`{"missing":`), r.Rev), '}')
		return writeJSONPart(parts, `application/json; error="true"`, missing)
	}
	d := markFollows(r.Doc, p)
	if !follows(d) {
		return writeJSONPart(parts, "application/json", appendDoc(nil, d, true))
	}
	inner := multipart.NewWriter(io.Discard)
	h := textproto.MIMEHeader{"Content-Type": {`multipart/related; boundary="` + inner.Boundary() + `"`}}
	for k, v := range extra {
		h[k] = v
	}
	w, err := parts.CreatePart(h)
	if err != nil {
		return err
	}
	nested := multipart.NewWriter(w)
	if err := nested.SetBoundary(inner.Boundary()); err != nil {
		return err
	}
	return c.writeRelated(nested, d)
}

func writeJSONPart(parts *multipart.Writer, contentType string, body []byte) error {
	w, err := parts.CreatePart(textproto.MIMEHeader{"Content-Type": {contentType}})
	if err != nil {
		return err
	}
	_, err = w.Write(body)
	return err
}

func (c *call) openRevsJSON(revs []couch.OpenRev, p docParams) error {
	dst := append(c.out[:0], '[')
	for i, r := range revs {
		if i > 0 {
			dst = append(dst, ',')
		}
		if r.Doc == nil {
			dst = append(dst, `{"missing":`...)
			dst = append(appendQuotedRev(dst, r.Rev), '}')
			continue
		}
		dst = append(dst, `{"ok":`...)
		dst = append(appendDoc(dst, openDoc(r.Doc, p), p.Encoding), '}')
	}
	c.out = append(dst, "]\n"...)
	c.send(http.StatusOK, c.out)
	return nil
}

// openDoc drops the history that was read only for atts_since.
func openDoc(d *couch.Document, p docParams) *couch.Document {
	if p.Get.Revs || d.Revisions == nil {
		return d
	}
	bare := *d
	bare.Revisions = nil
	return &bare
}
