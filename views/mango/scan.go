package mango

import (
	"bytes"
	"encoding/json"
	"fmt"
)

// types are JSON's, in the order of view collation.
type types byte

const (
	invalid types = iota
	null
	no
	yes
	number
	text
	array
	object
)

// kind tells a value's type by its first byte.
func kind(value []byte) types {
	if len(value) == 0 {
		return invalid
	}
	switch c := value[0]; {
	case c == '"':
		return text
	case c == '-' || c >= '0' && c <= '9':
		return number
	case c == '{':
		return object
	case c == '[':
		return array
	case c == 't':
		return yes
	case c == 'f':
		return no
	case c == 'n':
		return null
	}
	return invalid
}

// items walks the members of an object or the elements of an array. It trusts that
// the JSON is valid; of anything else it reads as far as it can and never beyond the end.
type items struct {
	b           []byte
	at          int
	named       bool
	name, value []byte // name is quoted, as it stands there
}

func in(container []byte) items {
	k := kind(container)
	if k != object && k != array {
		return items{}
	}
	return items{b: container, at: 1, named: k == object}
}

func (m *items) next() bool {
	m.space()
	if m.at < len(m.b) && m.b[m.at] == ',' {
		m.at++
		m.space()
	}
	if m.named {
		if m.at >= len(m.b) || m.b[m.at] != '"' {
			return false
		}
		m.name = m.take()
		if m.space(); m.at >= len(m.b) || m.b[m.at] != ':' {
			return false
		}
		m.at++
		m.space()
	}
	m.value = m.take()
	return len(m.value) > 0
}

func (m *items) space() {
	for m.at < len(m.b) && isSpace(m.b[m.at]) {
		m.at++
	}
}

func isSpace(c byte) bool { return c == ' ' || c == '\n' || c == '\t' || c == '\r' }

// take reads one value; it is empty where none begins.
func (m *items) take() []byte {
	from := m.at
	if from < len(m.b) {
		m.at = skip(m.b, from)
	}
	return m.b[from:m.at]
}

// skip is the end of the value that begins at i.
func skip(b []byte, i int) int {
	switch b[i] {
	case '"':
		return skipText(b, i)
	case '{', '[':
		return skipContainer(b, i)
	}
	for ; i < len(b); i++ {
		switch c := b[i]; c {
		case ',', '}', ']', ':', '"', '{', '[', ' ', '\n', '\t', '\r':
			return i
		}
	}
	return i
}

func skipText(b []byte, i int) int {
	for i++; ; i++ {
		n := bytes.IndexByte(b[i:], '"')
		if n < 0 {
			return len(b)
		}
		i += n
		slashes := 0
		for b[i-1-slashes] == '\\' {
			slashes++
		}
		if slashes%2 == 0 {
			return i + 1
		}
	}
}

func skipContainer(b []byte, i int) int {
	for depth := 0; i < len(b); i++ {
		switch b[i] {
		case '"':
			i = skipText(b, i) - 1
		case '{', '[':
			depth++
		case '}', ']':
			if depth--; depth == 0 {
				return i + 1
			}
		}
	}
	return len(b)
}

// trim takes the white space around a text away.
func trim(raw []byte) []byte {
	for len(raw) > 0 && isSpace(raw[0]) {
		raw = raw[1:]
	}
	for len(raw) > 0 && isSpace(raw[len(raw)-1]) {
		raw = raw[:len(raw)-1]
	}
	return raw
}

// decode gives the bytes of a quoted text, without copying when nothing in it is escaped.
func decode(quoted []byte) ([]byte, bool) {
	if len(quoted) < 2 || quoted[0] != '"' || quoted[len(quoted)-1] != '"' {
		return nil, false
	}
	inner := quoted[1 : len(quoted)-1]
	if bytes.IndexByte(inner, '\\') < 0 {
		return inner, true
	}
	var s string
	if json.Unmarshal(quoted, &s) != nil {
		return nil, false
	}
	return []byte(s), true
}

// spells reports whether a quoted text says name, which has no backslash. An escaped
// spelling is longer than what it says.
func spells(quoted []byte, name string) bool {
	switch d := len(quoted) - 2 - len(name); {
	case d < 0:
		return false
	case d == 0:
		return string(quoted[1:len(quoted)-1]) == name
	}
	if bytes.IndexByte(quoted, '\\') < 0 {
		return false
	}
	s, ok := decode(quoted)
	return ok && string(s) == name
}

// isInteger tells 1 from 1.0, which are two numbers to Erlang.
func isInteger(raw []byte) bool {
	return kind(raw) == number && !bytes.ContainsAny(raw, ".eE")
}

// appendQuoted writes a text as JSON.
func appendQuoted(dst []byte, s string) []byte {
	dst = append(dst, '"')
	for i := range len(s) {
		switch c := s[i]; {
		case c == '"' || c == '\\':
			dst = append(dst, '\\', c)
		case c < ' ':
			dst = fmt.Appendf(dst, "\\u%04x", c)
		default:
			dst = append(dst, c)
		}
	}
	return append(dst, '"')
}
