package httpd

import (
	"encoding/base64"
	"strconv"

	"settee/couch"
)

// appendDoc appends a document. Attachments are written here where the answer
// must tell their encoding; CouchDB has them last, so they fit behind the rest.
func appendDoc(dst []byte, d *couch.Document, encodingInfo bool) []byte {
	if !encodingInfo || len(d.Attachments) == 0 {
		return d.AppendJSON(dst)
	}
	bare := *d
	bare.Attachments = nil
	return appendAttachments(bare.AppendJSON(dst), d.Attachments, encodingInfo)
}

// appendAttachments adds the member _attachments to the object that ends dst.
func appendAttachments(dst []byte, atts []couch.Attachment, encodingInfo bool) []byte {
	dst = append(dst[:len(dst)-1], `,"_attachments":{`...)
	for i, a := range atts {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = appendString(dst, a.Name)
		dst = append(dst, `:{"content_type":`...)
		dst = appendString(dst, a.ContentType)
		dst = append(dst, `,"revpos":`...)
		dst = strconv.AppendUint(dst, a.RevPos, 10)
		dst = append(dst, `,"digest":`...)
		dst = appendString(dst, a.Digest)
		switch {
		case a.Follows:
			dst = append(appendLength(dst, a), `,"follows":true`...)
		case a.Data != nil && !a.Stub:
			dst = append(base64.StdEncoding.AppendEncode(append(dst, `,"data":"`...), a.Data), '"')
		default:
			dst = append(appendLength(dst, a), `,"stub":true`...)
		}
		if encodingInfo && a.Encoding != "" {
			dst = append(dst, `,"encoding":`...)
			dst = appendString(dst, a.Encoding)
			dst = append(dst, `,"encoded_length":`...)
			dst = strconv.AppendInt(dst, a.Encoded, 10)
		}
		dst = append(dst, '}')
	}
	return append(dst, '}', '}')
}

func appendLength(dst []byte, a couch.Attachment) []byte {
	return strconv.AppendInt(append(dst, `,"length":`...), a.Length, 10)
}
