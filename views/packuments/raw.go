package packuments

import (
	"bytes"
	"encoding/json"
	"iter"
)

// Members walks the members of a JSON object in the order of its text: name is
// the key as written, quotes and escapes included, value its raw text. Anything
// but an object has none. The text must be valid JSON, as documents out of a
// store are; text that is not ends the walk early, and never panics.
func Members(object []byte) iter.Seq2[[]byte, []byte] {
	return func(yield func(name, value []byte) bool) {
		i := blank(object, 0)
		if i >= len(object) || object[i] != '{' {
			return
		}
		for i = blank(object, i+1); i < len(object) && object[i] == '"'; i = blank(object, i+1) {
			start := i
			i = quoted(object, i)
			name := object[start:i]
			if i = blank(object, i); i >= len(object) || object[i] != ':' {
				return
			}
			start = blank(object, i+1)
			i = value(object, start)
			if i == start || !yield(name, object[start:i]) {
				return
			}
			if i = blank(object, i); i >= len(object) || object[i] != ',' {
				return
			}
		}
	}
}

// Text is the string of a raw JSON string, "" of anything else.
func Text(raw []byte) string {
	if len(raw) < 2 || raw[0] != '"' {
		return ""
	}
	if bytes.IndexByte(raw, '\\') < 0 {
		return string(raw[1 : len(raw)-1])
	}
	var s string
	if json.Unmarshal(raw, &s) != nil {
		return ""
	}
	return s
}

// Is reports whether a raw JSON string spells text, without making a string.
func Is(raw []byte, text string) bool {
	if len(raw) == len(text)+2 && raw[0] == '"' {
		return string(raw[1:len(raw)-1]) == text && bytes.IndexByte(raw, '\\') < 0
	}
	return bytes.IndexByte(raw, '\\') >= 0 && Text(raw) == text
}

// Member is the value of one member of an object; nil where it has none. Of a
// name that occurs twice it is the last, as in JavaScript.
func Member(object []byte, name string) (found []byte) {
	for k, v := range Members(object) {
		if Is(k, name) {
			found = v
		}
	}
	return found
}

// blank is the first index from i on that is not white space.
func blank(b []byte, i int) int {
	for i < len(b) && (b[i] == ' ' || b[i] == '\n' || b[i] == '\t' || b[i] == '\r') {
		i++
	}
	return i
}

// quoted is the index after the string that begins at i.
func quoted(b []byte, i int) int {
	for i++; i < len(b); i++ {
		n := bytes.IndexByte(b[i:], '"')
		if n < 0 {
			break
		}
		i += n
		slashes := 0
		for b[i-1-slashes] == '\\' {
			slashes++ // ends at the opening quote at the latest
		}
		if slashes%2 == 0 {
			return i + 1
		}
	}
	return len(b)
}

// value is the index after the value that begins at i.
func value(b []byte, i int) int {
	depth := 0
	for i < len(b) {
		switch b[i] {
		case '"':
			i = quoted(b, i)
		case '{', '[':
			depth++
			i++
		case '}', ']':
			if depth == 0 {
				return i
			}
			depth--
			i++
		case ',', ' ', '\n', '\t', '\r':
			if depth == 0 {
				return i
			}
			i++
			continue
		case ':':
			i++
			continue
		default:
			for i < len(b) && !ends[b[i]] {
				i++
			}
		}
		if depth == 0 {
			return i
		}
	}
	return len(b)
}

// ends are the bytes that end a number or a literal.
var ends = [256]bool{',': true, '}': true, ']': true, ' ': true, '\n': true, '\t': true, '\r': true, '"': true, ':': true, '{': true, '[': true}

// First splits the text between an array's brackets into its first element and
// what follows the comma. There is no element where value is nil.
func First(elements []byte) (first, rest []byte) {
	start := blank(elements, 0)
	end := value(elements, start)
	if end == start {
		return nil, nil
	}
	next := blank(elements, end)
	if next < len(elements) && elements[next] == ',' {
		next++
	}
	return elements[start:end], elements[next:]
}
