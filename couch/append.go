package couch

import (
	"bytes"
	"encoding/base64"
	"strconv"
	"unicode/utf8"
)

// AppendJSON appends the document as CouchDB writes it: _id, _rev, the body, then the members that are set.
func (d *Document) AppendJSON(dst []byte) []byte {
	dst = append(dst, `{"_id":`...)
	dst = appendText(dst, string(d.ID))
	if !d.Rev.IsZero() {
		dst = append(dst, `,"_rev":`...)
		dst = appendText(dst, d.Rev.String())
	}
	if inner := bytes.TrimSpace(d.Body); len(inner) > 2 {
		if inner = bytes.TrimSpace(inner[1 : len(inner)-1]); len(inner) > 0 {
			dst = append(append(dst, ','), inner...)
		}
	}
	if d.Deleted {
		dst = append(dst, `,"_deleted":true`...)
	}
	if len(d.Revisions) > 0 {
		dst = appendRevisions(dst, d.Revisions)
	}
	if d.RevsInfo != nil {
		dst = appendRevsInfo(dst, d.RevsInfo)
	}
	dst = appendRevs(dst, `,"_conflicts":[`, d.Conflicts)
	dst = appendRevs(dst, `,"_deleted_conflicts":[`, d.DeletedConflicts)
	if d.LocalSeq > 0 {
		dst = append(dst, `,"_local_seq":`...)
		dst = strconv.AppendUint(dst, uint64(d.LocalSeq), 10)
	}
	if len(d.Attachments) > 0 {
		dst = appendAttachments(dst, d.Attachments)
	}
	return append(dst, '}')
}

func appendRevisions(dst []byte, revs []Rev) []byte {
	dst = append(dst, `,"_revisions":{"start":`...)
	dst = strconv.AppendUint(dst, revs[0].Pos, 10)
	dst = append(dst, `,"ids":[`...)
	for i, r := range revs {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = appendText(dst, r.IDString())
	}
	return append(dst, ']', '}')
}

func appendRevsInfo(dst []byte, infos []RevInfo) []byte {
	dst = append(dst, `,"_revs_info":[`...)
	for i, info := range infos {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(dst, `{"rev":`...)
		dst = appendText(dst, info.Rev.String())
		dst = append(dst, `,"status":`...)
		dst = append(appendText(dst, info.Status), '}')
	}
	return append(dst, ']')
}

func appendRevs(dst []byte, head string, revs []Rev) []byte {
	if len(revs) == 0 {
		return dst
	}
	dst = append(dst, head...)
	for i, r := range revs {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = appendText(dst, r.String())
	}
	return append(dst, ']')
}

func appendAttachments(dst []byte, atts []Attachment) []byte {
	dst = append(dst, `,"_attachments":{`...)
	for i := range atts {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(appendText(dst, atts[i].Name), ':')
		dst = atts[i].AppendJSON(dst)
	}
	return append(dst, '}')
}

// AppendJSON appends what a document says of an attachment, with the bytes that are in Data.
func (a *Attachment) AppendJSON(dst []byte) []byte {
	dst = append(dst, `{"content_type":`...)
	dst = appendText(dst, a.ContentType)
	if a.RevPos > 0 {
		dst = append(dst, `,"revpos":`...)
		dst = strconv.AppendUint(dst, a.RevPos, 10)
	}
	if a.Digest != "" {
		dst = append(dst, `,"digest":`...)
		dst = appendText(dst, a.Digest)
	}
	if a.Data != nil {
		dst = append(dst, `,"data":"`...)
		dst = append(base64.StdEncoding.AppendEncode(dst, a.Data), '"')
	} else {
		dst = append(dst, `,"length":`...)
		dst = strconv.AppendInt(dst, a.Length, 10)
		if a.Follows {
			dst = append(dst, `,"follows":true`...)
		} else {
			dst = append(dst, `,"stub":true`...)
		}
	}
	if a.Encoding != "" {
		dst = append(dst, `,"encoding":`...)
		dst = appendText(dst, a.Encoding)
		dst = append(dst, `,"encoded_length":`...)
		dst = strconv.AppendInt(dst, a.Encoded, 10)
	}
	return append(dst, '}')
}

// appendText appends a JSON string as CouchDB writes it: the slash and all
// beyond ASCII unescaped. Bytes that are no UTF-8 become U+FFFD.
func appendText(dst []byte, s string) []byte {
	dst = append(dst, '"')
	for i := 0; i < len(s); {
		c := s[i]
		if c < utf8.RuneSelf {
			i++
			switch {
			case c == '"' || c == '\\':
				dst = append(dst, '\\', c)
			case c >= 0x20:
				dst = append(dst, c)
			case c == '\n':
				dst = append(dst, '\\', 'n')
			case c == '\r':
				dst = append(dst, '\\', 'r')
			case c == '\t':
				dst = append(dst, '\\', 't')
			default:
				const digits = "0123456789abcdef"
				dst = append(dst, '\\', 'u', '0', '0', digits[c>>4], digits[c&15])
			}
			continue
		}
		r, n := utf8.DecodeRuneInString(s[i:])
		dst = utf8.AppendRune(dst, r)
		i += n
	}
	return append(dst, '"')
}
