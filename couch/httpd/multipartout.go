package httpd

import (
	"fmt"
	"io"
	"strconv"
	"strings"

	"settee/couch"
)

// related is GET of a document as multipart/related, bytes of attachments
// included; without any it is plain JSON.
func (c *call) related(id couch.DocID, p docParams) error {
	d, err := c.db.Get(c.ctx(), id, p.asStored(p.Get))
	if err != nil {
		return err
	}
	if !follows(d) {
		return c.sendDocument(d)
	}
	if !hasMeta(d) && c.etag(etagOf(d.Rev)) {
		return nil
	}
	r := relatedOf(d)
	out := c.stream()
	defer out.release()
	c.w.Header().Set("Content-Length", strconv.FormatInt(r.size(), 10))
	out.start(r.contentType())
	return out.send(func() error { return c.writeRelated(out, r) })
}

// A related is a document as the parts of multipart/related: its JSON, then the bytes.
type related struct {
	doc      *couch.Document
	json     []byte
	boundary string
}

func relatedOf(d *couch.Document) related {
	return related{doc: d, json: d.AppendJSON(nil), boundary: newBoundary()}
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
	get, asJSON := p.asStored(p.Get), !accepts(c.r.Header, "multipart/mixed")
	if asJSON {
		get = p.read(p.Get)
	}
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
			c.mixedPart(&mixed, r)
		}
		return mixed.end()
	})
}

// mixedPart writes one revision as a part of multipart/mixed: as JSON, as a
// nested multipart/related where it has attachments, or as missing.
func (c *call) mixedPart(mixed *parts, r couch.OpenRev, about ...string) {
	if r.Doc == nil {
		missing := append(appendQuotedRev([]byte(`{"missing":`), r.Rev), '}')
		mixed.json(`application/json; error="true"`, missing)
		return
	}
	d := r.Doc
	if !follows(d) {
		mixed.json("application/json", d.AppendJSON(nil))
		return
	}
	nested := relatedOf(d)
	if mixed.begin(append(about, "Content-Type: "+nested.contentType())...); mixed.err == nil {
		mixed.err = c.writeRelated(mixed.w, nested)
	}
}

func (c *call) openRevsJSON(revs []couch.OpenRev, p docParams) error {
	out := c.stream()
	defer out.release()
	out.start("application/json")
	return out.send(func() error {
		out.buf = append(out.buf, '[')
		for i, r := range revs {
			if i > 0 {
				out.buf = append(out.buf, ',')
			}
			if r.Doc == nil {
				out.buf = append(out.buf, `{"missing":`...)
				out.buf = appendQuotedRev(out.buf, r.Rev)
			} else {
				out.buf = append(out.buf, `{"ok":`...)
				out.buf = out.doc(out.buf, r.Doc)
			}
			out.buf = append(out.buf, '}')
			if out.spill() != nil {
				return nil
			}
		}
		out.buf = append(out.buf, "]\n"...)
		return nil
	})
}
