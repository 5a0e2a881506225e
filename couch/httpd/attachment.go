package httpd

import (
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/klauspost/compress/gzip"

	"settee/couch"
)

// attachmentPath is what the path names: a document and an attachment, whose
// name may hold slashes.
func (c *call) attachmentPath() (couch.DocID, string, error) {
	id, err := c.docID()
	if err != nil {
		return "", "", err
	}
	name, err := c.segment("att")
	if err == nil && id.IsLocal() {
		err = errLocalAtts
	}
	return id, name, err
}

// attachment is GET of an attachment.
func (c *call) attachment() error {
	id, name, err := c.attachmentPath()
	if err != nil {
		return err
	}
	rev, err := c.namedRev()
	if err != nil {
		return err
	}
	a, _, err := c.db.Attachment(c.ctx(), id, rev, name)
	if err != nil {
		return err
	}
	defer a.Close()
	h := c.w.Header()
	h["Content-Type"] = []string{a.ContentType}
	h.Set("Content-Security-Policy", "sandbox")
	if c.etag(`"` + strings.TrimPrefix(a.Digest, "md5-") + `"`) {
		return nil
	}
	if a.Encoding == "" {
		h.Set("Accept-Ranges", "bytes")
		// ServeContent knows ranges; the times it could send are not kept.
		http.ServeContent(&rangeWriter{ResponseWriter: c.w, c: c}, c.r, "", time.Time{}, a)
		return nil
	}
	return c.sendEncoded(a)
}

// sendEncoded sends what is stored as gzip: as it is to clients that take it,
// else decoded. Ranges of it would depend on the client's headers, so there are none.
func (c *call) sendEncoded(a *couch.AttachmentReader) error {
	h := c.w.Header()
	h.Set("Accept-Ranges", "none")
	h.Set("Vary", "Accept-Encoding")
	var from io.Reader = a
	size := a.Length
	if acceptsGzip(c.r.Header) {
		h.Set("Content-Encoding", a.Encoding)
		size = a.Encoded
	} else {
		z, err := gzip.NewReader(a)
		if err != nil {
			return err
		}
		defer z.Close()
		from = z
	}
	h.Set("Content-Length", strconv.FormatInt(size, 10))
	out := c.stream()
	defer out.release()
	out.start(a.ContentType)
	if c.head() {
		return nil
	}
	if _, err := io.Copy(out, from); err != nil {
		return out.fail(err)
	}
	return out.finish()
}

// A rangeWriter gives each write a deadline and puts CouchDB's error in the
// place of ServeContent's.
type rangeWriter struct {
	http.ResponseWriter
	c       *call
	refused bool
}

func (w *rangeWriter) WriteHeader(status int) {
	if status != http.StatusRequestedRangeNotSatisfiable {
		w.ResponseWriter.WriteHeader(status)
		return
	}
	w.refused = true
	w.c.answer(&couch.Error{Kind: couch.RangeNotSatisfied, Reason: "Requested range not satisfiable"})
}

func (w *rangeWriter) Write(p []byte) (int, error) {
	if w.refused {
		return len(p), nil
	}
	w.c.writeDeadline(time.Now().Add(w.c.s.o.Stall))
	n, err := w.ResponseWriter.Write(p)
	w.c.writeDeadline(time.Time{})
	return n, err
}

// putAttachment is PUT of one attachment; the document's others stay.
func (c *call) putAttachment() error {
	id, name, err := c.attachmentPath()
	if err != nil {
		return err
	}
	if strings.HasPrefix(name, "_") {
		return badRequest("Attachment name '" + name + "' starts with prohibited character '_'")
	}
	a := couch.Attachment{Name: name, ContentType: c.r.Header.Get("Content-Type"), Follows: true}
	if a.ContentType == "" {
		a.ContentType = "application/octet-stream"
	}
	switch coding := strings.ToLower(c.r.Header.Get("Content-Encoding")); coding {
	case "", "identity":
	case "gzip":
		a.Encoding = coding
	default:
		return errEncoding
	}
	size := max(c.r.ContentLength, 0) // 0: a chunked body does not tell
	body := &limitReader{in: &bodyReader{c: c}, left: c.s.o.MaxAttachment, name: name}
	if size > body.left {
		return body.tooBig()
	}
	a.Body, a.Length = body, size
	if a.Encoding != "" {
		a.Encoded = size
	}
	return c.editAttachments(id, func(atts []couch.Attachment) ([]couch.Attachment, error) {
		return append(without(atts, name), a), nil
	})
}

// deleteAttachment is DELETE of one attachment.
func (c *call) deleteAttachment() error {
	id, name, err := c.attachmentPath()
	if err != nil {
		return err
	}
	return c.editAttachments(id, func(atts []couch.Attachment) ([]couch.Attachment, error) {
		rest := without(atts, name)
		if len(rest) == len(atts) {
			return nil, couch.ErrNoAttachment
		}
		return rest, nil
	})
}

func without(atts []couch.Attachment, name string) []couch.Attachment {
	rest := make([]couch.Attachment, 0, len(atts)+1)
	for _, a := range atts {
		if a.Name != name {
			rest = append(rest, a)
		}
	}
	return rest
}

// editAttachments writes a new revision of a document with other attachments.
func (c *call) editAttachments(id couch.DocID, edit func([]couch.Attachment) ([]couch.Attachment, error)) error {
	if err := c.mayDesign(id); err != nil {
		return err
	}
	rev, err := c.namedRev()
	if err != nil {
		return err
	}
	d, err := c.editable(id, rev)
	if err != nil {
		return err
	}
	deleting := c.verb == http.MethodDelete
	if deleting && d.Rev.IsZero() {
		return couch.ErrMissing
	}
	if d.Attachments, err = edit(d.Attachments); err != nil {
		return err
	}
	if rev, err = c.db.Put(c.ctx(), d, couch.WriteOptions{User: c.writer()}); err != nil {
		return err
	}
	if deleting {
		return c.stored(http.StatusOK, id, rev)
	}
	c.location("/" + c.vars["db"] + docPath(id) + "/" + c.vars["att"])
	return c.stored(http.StatusCreated, id, rev)
}

// editable reads the revision to edit with stubs for its attachments, or makes
// an empty document where there is none and none was named.
func (c *call) editable(id couch.DocID, rev couch.Rev) (*couch.Document, error) {
	current, err := c.db.Get(c.ctx(), id, couch.GetOptions{Rev: rev})
	switch {
	case isAbsent(err) && !rev.IsZero():
		return nil, couch.ErrConflict
	case isAbsent(err):
		d, err := couch.ParseDocument([]byte("{}"))
		if err == nil {
			d.ID = id
		}
		return d, err
	case err != nil:
		return nil, err
	case rev.IsZero():
		return nil, couch.ErrConflict
	}
	d, err := couch.ParseDocument(current.AppendJSON(nil))
	if err != nil {
		return nil, err
	}
	d.ID, d.Rev, d.Deleted = id, rev, false
	return d, nil
}

// A limitReader refuses an attachment that turns out too large. Reading an
// attachment of unknown length (chunked) ends where the body ends.
type limitReader struct {
	in   io.Reader
	left int64
	name string
}

func (l *limitReader) Read(p []byte) (int, error) {
	n, err := l.in.Read(p)
	if l.left -= int64(n); l.left < 0 {
		return 0, l.tooBig()
	}
	if err != nil && !errors.Is(err, io.EOF) {
		err = bodyError(err)
	}
	return n, err
}

func (l *limitReader) tooBig() error {
	return &couch.Error{Kind: couch.AttachmentTooBig, Reason: l.name}
}
