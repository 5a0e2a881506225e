package collate

import (
	"encoding/json"
	"errors"
)

// Depth is how deep a key may nest; the same bound as the store's documents
// could have, so that foreign bytes cannot exhaust the stack.
const Depth = 10000

var (
	errSyntax = errors.New("collate: invalid JSON")
	errDepth  = errors.New("collate: JSON nested too deep")
)

// Append appends the key of a JSON value in view collation.
func Append(dst, raw []byte) ([]byte, error) { return appendTop(dst, raw, unicode) }

// AppendRaw appends the key of a JSON value in raw collation.
func AppendRaw(dst, raw []byte) ([]byte, error) { return appendTop(dst, raw, erlang) }

// order is a collation: the first bytes of each type and how texts are written.
type order struct {
	null, no, yes, number, text, array, object byte
	appendText                                 func(dst []byte, s []byte) []byte
}

var (
	unicode = &order{0x10, 0x20, 0x30, 0x40, 0x50, 0x60, 0x70, appendWeights}
	erlang  = &order{null: 0x21, no: 0x20, yes: 0x22, number: 0x10, text: 0x50, array: 0x40, object: 0x30, appendText: appendBytes}
)

// walker reads one JSON text and writes its key. Its input is not trusted.
type walker struct {
	*order
	raw   []byte
	at    int
	depth int
	dst   []byte
}

func appendTop(dst, raw []byte, o *order) ([]byte, error) {
	w := walker{order: o, raw: raw, dst: dst}
	if err := w.value(); err != nil {
		return dst, err
	}
	if w.peek() != 0 || w.at < len(raw) {
		return dst, errSyntax
	}
	return w.dst, nil
}

// peek skips white space and returns the next byte, 0 at the end.
func (w *walker) peek() byte {
	for ; w.at < len(w.raw); w.at++ {
		switch c := w.raw[w.at]; c {
		case ' ', '\t', '\n', '\r':
		default:
			return c
		}
	}
	return 0
}

func (w *walker) value() error {
	switch c := w.peek(); {
	case c == '"':
		return w.string()
	case c == '-' || c >= '0' && c <= '9':
		return w.numberValue()
	case c == '[':
		return w.items(w.array, ']', w.value)
	case c == '{':
		return w.items(w.object, '}', w.member)
	case c == 'n':
		return w.word("null", w.null)
	case c == 'f':
		return w.word("false", w.no)
	case c == 't':
		return w.word("true", w.yes)
	}
	return errSyntax
}

func (w *walker) word(s string, tag byte) error {
	if len(w.raw)-w.at < len(s) || string(w.raw[w.at:w.at+len(s)]) != s {
		return errSyntax
	}
	w.at += len(s)
	w.dst = append(w.dst, tag)
	return nil
}

// items reads the elements of an array or the members of an object.
func (w *walker) items(tag, end byte, item func() error) error {
	if w.depth++; w.depth > Depth {
		return errDepth
	}
	w.dst = append(w.dst, tag)
	w.at++
	if w.peek() != end {
		for {
			if err := item(); err != nil {
				return err
			}
			if w.peek() != ',' {
				break
			}
			w.at++
		}
	}
	if w.peek() != end {
		return errSyntax
	}
	w.at++
	w.depth--
	w.dst = append(w.dst, 0)
	return nil
}

func (w *walker) member() error {
	if w.peek() != '"' {
		return errSyntax
	}
	if err := w.string(); err != nil {
		return err
	}
	if w.peek() != ':' {
		return errSyntax
	}
	w.at++
	return w.value()
}

func (w *walker) string() error {
	end, plain := w.at+1, true
	for ; ; end++ {
		if end >= len(w.raw) || w.raw[end] < 0x20 {
			return errSyntax
		}
		c := w.raw[end]
		if c == '"' {
			break
		}
		if c == '\\' {
			plain = false
			end++
		}
	}
	text := w.raw[w.at+1 : end]
	if !plain {
		var s string
		if err := json.Unmarshal(w.raw[w.at:end+1], &s); err != nil {
			return errSyntax
		}
		text = []byte(s)
	}
	w.at = end + 1
	w.dst = w.appendText(append(w.dst, w.text), text)
	return nil
}

// appendBytes writes a text so that it orders by bytes: 00 becomes 00 FF, and 00 01 ends it.
func appendBytes(dst, s []byte) []byte {
	for _, c := range s {
		dst = append(dst, c)
		if c == 0 {
			dst = append(dst, 0xff)
		}
	}
	return append(dst, 0, 1)
}
