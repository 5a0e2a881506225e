package httpd

import (
	"encoding/base64"
	"io"
	"strconv"

	"github.com/klauspost/compress/gzip"

	"settee/couch"
)

// attParams are the parameters by which a read shows attachments.
type attParams struct {
	Bytes    bool        // attachments=true
	Since    []couch.Rev // atts_since=[…]: bytes of newer attachments
	Encoding bool        // att_encoding_info: encoding and encoded_length in stubs
}

// wantsBytes reports whether any attachment may be sent with its bytes.
func (p attParams) wantsBytes() bool { return p.Bytes || p.Since != nil }

// read adds to the options of a read. Bytes stay in the store until they are written.
func (p attParams) read(o couch.GetOptions) couch.GetOptions {
	o.Follows, o.AttsSince, o.AttEncodingInfo = p.wantsBytes(), p.Since, p.Encoding
	return o
}

// asStored are the options where the form of the answer says that bytes are
// wanted, as they are stored.
func (p attParams) asStored(o couch.GetOptions) couch.GetOptions {
	o.Follows, o.AttsSince, o.AttEncodingInfo = true, p.Since, true
	return o
}

func follows(d *couch.Document) bool {
	for _, a := range d.Attachments {
		if a.Follows {
			return true
		}
	}
	return false
}

// doc appends a document to what the stream is about to write, and returns that.
// The bytes of attachments that follow are read and written as they come, so
// that no size of them costs memory.
func (s *stream) doc(dst []byte, d *couch.Document) []byte {
	if !follows(d) {
		return d.AppendJSON(dst)
	}
	bare := *d
	bare.Attachments = nil
	dst = bare.AppendJSON(dst)
	dst = append(dst[:len(dst)-1], `,"_attachments":{`...)
	for i := range d.Attachments {
		if i > 0 {
			dst = append(dst, ',')
		}
		a := d.Attachments[i]
		dst = append(appendString(dst, a.Name), ':')
		dst = s.attachment(dst, d, &a)
	}
	return append(dst, '}', '}')
}

// attachment appends one: a stub, or with its bytes. Those of a revision that
// went since it was read are not to be had, so that is a stub too.
func (s *stream) attachment(dst []byte, d *couch.Document, a *couch.Attachment) []byte {
	if !a.Follows || s.err != nil {
		return a.AppendJSON(dst)
	}
	a.Follows, a.Stub = false, true
	r, _, err := s.c.db.Attachment(s.c.ctx(), d.ID, d.Rev, a.Name)
	if isAbsent(err) {
		return a.AppendJSON(dst)
	}
	if err != nil {
		s.breakOff(err)
		return dst
	}
	defer r.Close()
	dst = append(dst, `{"content_type":`...)
	dst = appendString(dst, a.ContentType)
	dst = append(dst, `,"revpos":`...)
	dst = strconv.AppendUint(dst, a.RevPos, 10)
	dst = append(dst, `,"digest":`...)
	dst = appendString(dst, a.Digest)
	s.buf = append(dst, `,"data":"`...)
	if err := s.base64(r); err != nil {
		s.breakOff(err)
	}
	dst = append(s.buf, '"')
	if a.Encoding != "" {
		dst = append(dst, `,"encoding":`...)
		dst = appendString(dst, a.Encoding)
		dst = append(dst, `,"encoded_length":`...)
		dst = strconv.AppendInt(dst, a.Encoded, 10)
	}
	return append(dst, '}')
}

// base64 writes an attachment's bytes, decoded.
func (s *stream) base64(a *couch.AttachmentReader) error {
	from := io.Reader(a)
	if a.Encoding != "" {
		z, err := gzip.NewReader(a)
		if err != nil {
			return err
		}
		defer z.Close()
		from = z
	}
	to := base64.NewEncoder(base64.StdEncoding, s)
	if _, err := io.Copy(to, from); err != nil {
		return err
	}
	return to.Close()
}
