package httpd

import (
	"bytes"
	"encoding/json"
	"unicode/utf8"
)

// This file cuts JSON into raw pieces without decoding them. It finds where
// values end and no more; whoever decodes a piece validates it. It does not
// recurse, so depth costs nothing.

// members calls f for each member of a JSON object, in order. Values are slices of raw.
func members(raw []byte, f func(key string, value []byte) error) error {
	i := space(raw, 0)
	if i >= len(raw) || raw[i] != '{' {
		return errJSON
	}
	return items(raw, i+1, '}', func(i int) (int, error) {
		end := stringEnd(raw, i)
		if end < 0 {
			return 0, errJSON
		}
		key, err := text(raw[i:end])
		if err != nil {
			return 0, err
		}
		if i = space(raw, end); i >= len(raw) || raw[i] != ':' {
			return 0, errJSON
		}
		i = space(raw, i+1)
		if end = valueEnd(raw, i); end < 0 {
			return 0, errJSON
		}
		return end, f(key, raw[i:end])
	})
}

// elements calls f for each element of a JSON array, in order, with slices of raw.
func elements(raw []byte, f func(value []byte) error) error {
	i := space(raw, 0)
	if i >= len(raw) || raw[i] != '[' {
		return errJSON
	}
	return items(raw, i+1, ']', func(i int) (int, error) {
		end := valueEnd(raw, i)
		if end < 0 {
			return 0, errJSON
		}
		return end, f(raw[i:end])
	})
}

// items walks what stands between brackets: item reads one from i and returns its end.
func items(raw []byte, i int, closing byte, item func(i int) (int, error)) error {
	if i = space(raw, i); i < len(raw) && raw[i] == closing {
		return nothingAfter(raw, i+1)
	}
	for {
		end, err := item(space(raw, i))
		if err != nil {
			return err
		}
		if i = space(raw, end); i >= len(raw) {
			return errJSON
		}
		switch raw[i] {
		case ',':
			i++
		case closing:
			return nothingAfter(raw, i+1)
		default:
			return errJSON
		}
	}
}

func nothingAfter(raw []byte, i int) error {
	if space(raw, i) != len(raw) {
		return errJSON
	}
	return nil
}

// space returns the first index from i that is not white space.
func space(raw []byte, i int) int {
	for i < len(raw) && (raw[i] == ' ' || raw[i] == '\n' || raw[i] == '\r' || raw[i] == '\t') {
		i++
	}
	return i
}

// valueEnd returns the index after the value that begins at i, or -1.
func valueEnd(raw []byte, i int) int {
	if i >= len(raw) {
		return -1
	}
	switch raw[i] {
	case '"':
		return stringEnd(raw, i)
	case '{', '[':
		return nestedEnd(raw, i)
	}
	start := i
	for i < len(raw) && bytes.IndexByte(literalEnds, raw[i]) < 0 {
		i++
	}
	if i == start {
		return -1
	}
	return i
}

// literalEnds are the bytes that end a number or a word.
var literalEnds = []byte(",]}: \n\r\t\"[{")

// nestedEnd returns the index after the bracket that closes the one at i, or -1.
func nestedEnd(raw []byte, i int) int {
	depth := 0
	for i < len(raw) {
		switch raw[i] {
		case '"':
			if i = stringEnd(raw, i); i < 0 {
				return -1
			}
			continue
		case '{', '[':
			depth++
		case '}', ']':
			if depth--; depth == 0 {
				return i + 1
			}
		}
		i++
	}
	return -1
}

// stringEnd returns the index after the closing quote of the string that begins at i, or -1.
func stringEnd(raw []byte, i int) int {
	if i >= len(raw) || raw[i] != '"' {
		return -1
	}
	for from := i + 1; ; {
		q := bytes.IndexByte(raw[from:], '"')
		if q < 0 {
			return -1
		}
		q += from
		slashes := 0
		for q-1-slashes >= from && raw[q-1-slashes] == '\\' {
			slashes++
		}
		if slashes%2 == 0 {
			return q + 1
		}
		from = q + 1
	}
}

// text decodes a JSON string.
func text(raw []byte) (string, error) {
	if len(raw) >= 2 && raw[0] == '"' && bytes.IndexByte(raw, '\\') < 0 && plain(raw[1:len(raw)-1]) {
		return string(raw[1 : len(raw)-1]), nil
	}
	var s string
	if !utf8.Valid(raw) || len(raw) == 0 || raw[0] != '"' || json.Unmarshal(raw, &s) != nil {
		return "", errJSON
	}
	return s, nil
}

// plain reports whether bytes are printable ASCII.
func plain(b []byte) bool {
	for _, c := range b {
		if c < ' ' || c >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// decode reads JSON into v; the error is CouchDB's for a body it cannot read.
func decode(raw []byte, v any) error {
	if !utf8.Valid(raw) || json.Unmarshal(raw, v) != nil {
		return errJSON
	}
	return nil
}

// isObject reports whether a value is an object, by its first byte.
func isObject(raw []byte) bool { return first(raw) == '{' }

// isArray is the like for arrays.
func isArray(raw []byte) bool { return first(raw) == '[' }

// first is a value's first byte, which tells its type; 0 where there is none.
func first(raw []byte) byte {
	if i := space(raw, 0); i < len(raw) {
		return raw[i]
	}
	return 0
}
