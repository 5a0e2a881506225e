package httpd

import (
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"

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
	rev, err := c.query.rev("rev")
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
	if a.Encoding != "" {
		// Ranges of it would depend on the client's headers, so there are none.
		h.Set("Accept-Ranges", "none")
		h.Set("Vary", "Accept-Encoding")
	} else {
		h.Set("Accept-Ranges", "bytes")
	}
	if c.etag(`"` + strings.TrimPrefix(a.Digest, "md5-") + `"`) {
		return nil
	}
	// A range outside is refused even where ranges are ignored, as CouchDB does.
	ranges, err := rangesOf(c.r.Header.Get("Range"), a.Length)
	switch {
	case err != nil:
		return err
	case a.Encoding != "":
		return c.sendEncoded(a)
	case ranges != nil:
		return c.sendRanges(a, ranges)
	}
	return c.sendBytes(a, a.ContentType, a.Length)
}

// sendEncoded sends what is stored as gzip: as it is to clients that take it, else decoded.
func (c *call) sendEncoded(a *couch.AttachmentReader) error {
	if acceptsGzip(c.r.Header) {
		c.w.Header().Set("Content-Encoding", a.Encoding)
		return c.sendBytes(a, a.ContentType, a.Encoded)
	}
	z, err := gzip.NewReader(a)
	if err != nil {
		return err
	}
	defer z.Close()
	return c.sendBytes(z, a.ContentType, a.Length)
}

func (c *call) sendBytes(from io.Reader, contentType string, size int64) error {
	c.w.Header().Set("Content-Length", strconv.FormatInt(size, 10))
	out := c.stream()
	defer out.release()
	out.start(contentType)
	return out.send(func() error {
		_, err := io.Copy(out, from)
		return err
	})
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
	if sum := c.r.Header.Get("Content-MD5"); sum != "" {
		a.Digest = "md5-" + sum
	}
	size := c.r.ContentLength // -1: a chunked body does not tell
	body := &limitReader{in: &bodyReader{c: c}, left: c.policy.maxAttachment, name: name}
	if size > body.left {
		return body.tooBig()
	}
	a.Body, a.Length = body, size
	if a.Encoding != "" {
		a.Encoded = size
	}
	return c.editAttachments(id, func(atts []couch.Attachment) ([]couch.Attachment, error) {
		return append([]couch.Attachment{a}, without(atts, name)...), nil // CouchDB's order, by which the revision is named
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
	if err := c.mayWrite(id); err != nil {
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
	if d.Attachments, err = edit(d.Attachments); err != nil {
		return err
	}
	deleting := c.verb == http.MethodDelete
	if rev.IsZero() && (deleting || !d.Rev.IsZero()) {
		return couch.ErrConflict
	}
	if rev, err = c.db.Put(c.ctx(), d, couch.WriteOptions{User: c.writer()}); err != nil {
		return err
	}
	if deleting {
		return c.written(http.StatusOK, id, rev)
	}
	name, err := c.segment("att")
	if err != nil {
		return err
	}
	c.location(escapedPath(c.db.Name(), string(id), name))
	return c.written(http.StatusCreated, id, rev) // without an ETag, as CouchDB does
}

// errMissingRev is CouchDB's word for an attachment's revision that is not there.
var errMissingRev = &statusError{http.StatusConflict, "not_found", "missing_rev"}

// editable reads the revision to edit, zero: the winner, with stubs for its
// attachments. A PUT that names none makes a document where there is none.
func (c *call) editable(id couch.DocID, rev couch.Rev) (*couch.Document, error) {
	raw := []byte("{}")
	current, err := c.db.Get(c.ctx(), id, couch.GetOptions{Rev: rev})
	switch {
	case isAbsent(err) && !rev.IsZero():
		return nil, errMissingRev
	case isAbsent(err) && c.verb == http.MethodPut:
	case err != nil:
		return nil, err
	case current.Deleted:
		return nil, couch.ErrConflict
	default:
		raw, rev = current.AppendJSON(nil), current.Rev
	}
	d, err := couch.ParseDocument(raw)
	if err != nil {
		return nil, err
	}
	d.ID, d.Rev = id, rev
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
