package httpd

import (
	"encoding/hex"
	"strconv"
	"unicode/utf8"

	"settee/couch"
)

// appendString appends a JSON string as CouchDB writes it: slashes and
// characters beyond ASCII as they are.
func appendString[T ~string](dst []byte, s T) []byte {
	const digits = "0123456789abcdef"
	dst = append(dst, '"')
	from := 0
	for i := 0; i < len(s); i++ {
		b := s[i]
		if b >= ' ' && b != '"' && b != '\\' && b < utf8.RuneSelf {
			continue
		}
		if b >= utf8.RuneSelf {
			if _, size := utf8.DecodeRuneInString(string(s[i:])); size > 1 {
				i += size - 1
				continue
			}
			dst = append(dst, s[from:i]...)
			dst = append(dst, "\ufffd"...)
			from = i + 1
			continue
		}
		dst = append(dst, s[from:i]...)
		from = i + 1
		switch b {
		case '"', '\\':
			dst = append(dst, '\\', b)
		case '\n':
			dst = append(dst, '\\', 'n')
		case '\r':
			dst = append(dst, '\\', 'r')
		case '\t':
			dst = append(dst, '\\', 't')
		default:
			dst = append(dst, '\\', 'u', '0', '0', digits[b>>4], digits[b&15])
		}
	}
	return append(append(dst, s[from:]...), '"')
}

// appendRev appends a revision without quotes.
func appendRev(dst []byte, r couch.Rev) []byte {
	dst = strconv.AppendUint(dst, r.Pos, 10)
	dst = append(dst, '-')
	if len(r.ID) != 16 {
		return append(dst, r.ID...)
	}
	var raw [16]byte
	copy(raw[:], r.ID)
	return hex.AppendEncode(dst, raw[:])
}

// appendQuotedRev appends a revision as a JSON string. A hash may be any text.
func appendQuotedRev(dst []byte, r couch.Rev) []byte {
	if len(r.ID) != 16 {
		return appendString(dst, r.String())
	}
	dst = append(dst, '"')
	return append(appendRev(dst, r), '"')
}

// appendRevs appends a JSON array of revisions.
func appendRevs(dst []byte, revs []couch.Rev) []byte {
	dst = append(dst, '[')
	for i, r := range revs {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = appendQuotedRev(dst, r)
	}
	return append(dst, ']')
}

// appendStrings appends a JSON array of strings.
func appendStrings[T ~string](dst []byte, list []T) []byte {
	dst = append(dst, '[')
	for i, s := range list {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = appendString(dst, s)
	}
	return append(dst, ']')
}
