package httpd

import (
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"net/http"

	"settee/couch"
)

var (
	errLonger    = badRequest("attachment longer than expected")
	errShorter   = badRequest("attachment shorter than expected")
	errMultipart = badRequest("The body is not multipart/related.")
)

// putRelated is PUT of a document as multipart/related: the JSON first, then
// the bytes of the attachments that say "follows", in the order of that member.
// The bytes stream to the store; names and headers of the parts are not read.
func (c *call) putRelated(id couch.DocID) error {
	_, params, err := mime.ParseMediaType(c.r.Header.Get("Content-Type"))
	if err != nil || params["boundary"] == "" {
		return errMultipart
	}
	parts := multipart.NewReader(&bodyReader{c: c}, params["boundary"])
	part, err := parts.NextRawPart()
	if err != nil {
		return multipartError(err)
	}
	if !isJSON(http.Header(part.Header)) {
		return errNotJSON
	}
	raw, err := c.readAll(part)
	if err != nil {
		return multipartError(err)
	}
	d, err := c.parse(raw)
	if err != nil {
		return err
	}
	for i := range d.Attachments {
		a := &d.Attachments[i]
		if !a.Follows {
			continue
		}
		a.Body = &limitReader{in: &partReader{parts: parts, want: storedSize(*a)}, left: c.policy.maxAttachment, name: a.Name}
	}
	return c.store(id, d)
}

// boundAttachments refuses a document by what it says of its attachments.
func (c *call) boundAttachments(d *couch.Document) error {
	for i := range d.Attachments {
		if a := &d.Attachments[i]; !a.Stub && max(storedSize(*a), int64(len(a.Data))) > c.policy.maxAttachment {
			return &couch.Error{Kind: couch.AttachmentTooBig, Reason: a.Name}
		}
	}
	return nil
}

// multipartError is CouchDB's word for a body that is not what its boundary promised.
func multipartError(err error) error {
	var known *couch.Error
	if errors.As(err, &known) {
		return err
	}
	if as := bodyError(err); as != errTruncated {
		return as
	}
	return errMultipart
}

// A partReader is the bytes of the next part, which must be as many as the
// document said, where it said. It takes its part when it is first read, so the
// store must read attachments in their order.
type partReader struct {
	parts *multipart.Reader
	part  *multipart.Part
	want  int64 // < 0: the document did not say
	got   int64
}

func (p *partReader) Read(b []byte) (int, error) {
	if p.part == nil {
		part, err := p.parts.NextRawPart()
		if err == io.EOF {
			return 0, errShorter
		}
		if err != nil {
			return 0, multipartError(err)
		}
		p.part = part
	}
	n, err := p.part.Read(b)
	p.got += int64(n)
	switch {
	case p.want >= 0 && p.got > p.want:
		return 0, errLonger
	case err == io.EOF && p.got < p.want:
		return n, errShorter
	case err != nil && err != io.EOF:
		return n, multipartError(err)
	}
	return n, err
}
