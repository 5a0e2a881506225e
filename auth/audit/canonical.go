package audit

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"
)

// object is a document: its values are strings, booleans and objects of them.
type object map[string]any

var (
	errForm  = errors.New("it has what no entry has")
	errTwice = errors.New("it has a member twice")
)

// parse reads a document strictly: a member that stands twice, a value of another
// kind, and text that is not what was written (half a surrogate) are errors, as two
// documents could look alike.
func parse(raw []byte) (object, error) {
	dec := json.NewDecoder(bytes.NewReader(raw))
	if !utf8.Valid(raw) {
		return nil, errForm
	}
	v, err := parseValue(dec, 0)
	if err != nil {
		return nil, err
	}
	o, ok := v.(object)
	if _, err := dec.Token(); err != io.EOF || !ok {
		return nil, errForm
	}
	return o, nil
}

const mostDepth = 3 // a document, details or heads in it

func parseValue(dec *json.Decoder, depth int) (any, error) {
	t, err := dec.Token()
	if err != nil {
		return nil, errForm
	}
	switch t := t.(type) {
	case bool:
		return t, nil
	case string:
		if strings.ContainsRune(t, utf8.RuneError) {
			return nil, errForm
		}
		return t, nil
	}
	if t != json.Delim('{') || depth >= mostDepth {
		return nil, errForm
	}
	o := object{}
	for dec.More() {
		name, err := parseValue(dec, mostDepth)
		if err != nil {
			return nil, err
		}
		s, ok := name.(string)
		if !ok {
			return nil, errForm
		}
		if _, twice := o[s]; twice {
			return nil, errTwice
		}
		if o[s], err = parseValue(dec, depth+1); err != nil {
			return nil, err
		}
	}
	_, err = dec.Token()
	return o, err
}

// sum is the hash of the canonical form: without _rev and hash.
func (o object) sum() string {
	hashed := maps.Clone(o)
	delete(hashed, "_rev")
	delete(hashed, "hash")
	return sumOf(hashed.canonical(nil))
}

func sumOf(canonical []byte) string {
	sum := sha256.Sum256(canonical)
	return hex.EncodeToString(sum[:])
}

func (o object) canonical(b []byte) []byte {
	b = append(b, '{')
	for i, name := range slices.Sorted(maps.Keys(o)) {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(appendString(b, name), ':')
		switch v := o[name].(type) {
		case string:
			b = appendString(b, v)
		case bool:
			if v {
				b = append(b, "true"...)
			} else {
				b = append(b, "false"...)
			}
		case object:
			b = v.canonical(b)
		}
	}
	return append(b, '}')
}

// escapes of the controls that have short ones.
var escapes = map[byte]byte{'\b': 'b', '\t': 't', '\n': 'n', '\f': 'f', '\r': 'r', '"': '"', '\\': '\\'}

func appendString(b []byte, s string) []byte {
	const digits = "0123456789abcdef"
	b = append(b, '"')
	for i := range len(s) {
		c := s[i]
		if c >= ' ' && c != '"' && c != '\\' {
			b = append(b, c)
		} else if short, ok := escapes[c]; ok {
			b = append(b, '\\', short)
		} else {
			b = append(b, '\\', 'u', '0', '0', digits[c>>4], digits[c&15])
		}
	}
	return append(b, '"')
}
