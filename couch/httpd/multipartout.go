package httpd

import (
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"

	"settee/couch"
)

// related is GET of a document as multipart/related, bytes of attachments
// included; without any it is plain JSON.
func (c *call) related(id couch.DocID, p docParams) error {
	d, err := c.withFollows(id, p)
	if err != nil {
		return err
	}
	if !hasMeta(d) && c.etag(etagOf(d.Rev)) {
		return nil
	}
	if !follows(d) {
		c.out = append(appendDoc(c.out[:0], d, p.Encoding), '\n')
		c.send(http.StatusOK, c.out)
		return nil
	}
	r := relatedOf(d)
	out := c.stream()
	defer out.release()
	c.w.Header().Set("Content-Length", strconv.FormatInt(r.size(), 10))
	out.start(r.contentType())
	return out.send(func() error { return c.writeRelated(out, r) })
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

// A related is a document as the parts of multipart/related: its JSON, then the bytes.
type related struct {
	doc      *couch.Document
	json     []byte
	boundary string
}

func relatedOf(d *couch.Document) related {
	return related{doc: d, json: appendDoc(nil, d, true), boundary: newBoundary()}
}

func (r related) contentType() string { return `multipart/related; boundary="` + r.boundary + `"` }

// size is the length of all parts, which is known before a byte is read.
func (r related) size() int64 {
	var n counter
	_ = r.write(&n, func(a couch.Attachment) error { n += counter(storedSize(a)); return nil })
	return int64(n)
}

// storedSize is the length of an attachment's bytes as they are sent.
func storedSize(a couch.Attachment) int64 {
	if a.Encoding != "" {
		return a.Encoded
	}
	return a.Length
}

// quoteName escapes a file name for Content-Disposition.
var quoteName = strings.NewReplacer("\\", "\\\\", `"`, `\"`)

// write writes the parts; body writes an attachment's bytes.
func (r related) write(w io.Writer, body func(couch.Attachment) error) error {
	p := parts{w: w, boundary: r.boundary}
	p.json("application/json", r.json)
	for _, a := range r.doc.Attachments {
		if !a.Follows {
			continue
		}
		headers := []string{
			`Content-Disposition: attachment; filename="` + quoteName.Replace(a.Name) + `"`,
			"Content-Type: " + a.ContentType, "Content-Length: " + strconv.FormatInt(storedSize(a), 10),
		}
		if a.Encoding != "" {
			headers = append(headers, "Content-Encoding: "+a.Encoding)
		}
		if p.begin(headers...); p.err == nil {
			p.err = body(a)
		}
	}
	return p.end()
}

func (c *call) writeRelated(w io.Writer, r related) error {
	return r.write(w, func(a couch.Attachment) error { return c.copyStored(w, r.doc, a) })
}

// copyStored writes an attachment as it is stored.
func (c *call) copyStored(w io.Writer, d *couch.Document, a couch.Attachment) error {
	stored, _, err := c.db.Attachment(c.ctx(), d.ID, d.Rev, a.Name)
	if err != nil {
		return err
	}
	defer stored.Close()
	n, err := io.Copy(w, stored)
	if err == nil && n != storedSize(a) {
		err = fmt.Errorf("attachment %q of %q has %d bytes, not %d", a.Name, d.ID, n, storedSize(a))
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
	revs = sorted(revs)
	if asJSON {
		return c.openRevsJSON(revs, p)
	}
	out := c.stream()
	defer out.release()
	mixed := parts{w: out, boundary: newBoundary()}
	out.start(`multipart/mixed; boundary="` + mixed.boundary + `"`)
	return out.send(func() error {
		for _, r := range revs {
			c.mixedPart(&mixed, r, p)
		}
		return mixed.end()
	})
}

// mixedPart writes one revision as a part of multipart/mixed: as JSON, as a
// nested multipart/related where it has attachments, or as missing.
func (c *call) mixedPart(mixed *parts, r couch.OpenRev, p docParams, about ...string) {
	if r.Doc == nil {
		missing := append(appendQuotedRev([]byte(`{"missing":`), r.Rev), '}')
		mixed.json(`application/json; error="true"`, missing)
		return
	}
	d := markFollows(r.Doc, p)
	if !follows(d) {
		mixed.json("application/json", appendDoc(nil, d, true))
		return
	}
	nested := relatedOf(d)
	if mixed.begin(append(about, "Content-Type: "+nested.contentType())...); mixed.err == nil {
		mixed.err = c.writeRelated(mixed.w, nested)
	}
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
