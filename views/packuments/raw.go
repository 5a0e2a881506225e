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
		walk(object, blank(object, 0), func(name []byte, at int) int {
			end := value(object, at)
			if end == at || !yield(name, object[at:end]) {
				return -1
			}
			return end
		})
	}
}

// walk calls member with the name of each member of the object that begins at b[i]
// and with where its value begins. It returns where it ends, or -1 to end the
// walk. walk returns where the object ends, at the latest len(b).
func walk(b []byte, i int, member func(name []byte, at int) (end int)) int {
	if i >= len(b) || b[i] != '{' {
		return min(i, len(b))
	}
	for i = blank(b, i+1); i < len(b) && b[i] == '"'; i = blank(b, i+1) {
		start := i
		i = quoted(b, i)
		name := b[start:i]
		if i = blank(b, i); i >= len(b) || b[i] != ':' || len(name) < 2 {
			return len(b)
		}
		start = blank(b, i+1)
		if i = member(name, start); i < 0 || i == start {
			return len(b)
		}
		if i = blank(b, i); i >= len(b) || b[i] != ',' {
			break
		}
	}
	return min(i+1, len(b)) // after the closing brace
}

// Integrities walks dist.integrity of a packument's versions, raw.
func Integrities(doc []byte) iter.Seq[[]byte] {
	return ofDists(doc, func(dist []byte, yield func([]byte) bool) bool {
		found := Member(dist, "integrity")
		return !isText(found) || yield(found)
	})
}

// Links walks what a packument's versions link to, dist.tarball and dist.attestations.url, raw and in the order
// of the text.
func Links(doc []byte) iter.Seq[[]byte] { return ofDists(doc, DistLinks) }

// DistLinks walks the links of one dist; false: yield has had enough.
func DistLinks(dist []byte, yield func(link []byte) bool) bool {
	more := true
	link := func(found []byte) {
		more = more && (!isText(found) || yield(found))
	}
	walk(dist, blank(dist, 0), func(name []byte, at int) int {
		end := value(dist, at)
		switch {
		case Is(name, "tarball"):
			link(dist[at:end])
		case Is(name, "attestations"):
			link(Member(dist[at:end], "url"))
		}
		return end
	})
	return more
}

// ofDists walks each version's dist, in one pass over the packument's text.
func ofDists(doc []byte, texts func(dist []byte, yield func([]byte) bool) (more bool)) iter.Seq[[]byte] {
	return func(yield func(text []byte) bool) {
		walk(doc, blank(doc, 0), func(name []byte, at int) int {
			if !Is(name, "versions") || !isObject(doc[at:]) {
				return value(doc, at)
			}
			return walk(doc, at, func(_ []byte, at int) int {
				if !isObject(doc[at:]) {
					return value(doc, at)
				}
				return walk(doc, at, func(name []byte, at int) int {
					end := value(doc, at)
					if Is(name, "dist") && !texts(doc[at:end], yield) {
						return -1
					}
					return end
				})
			})
		})
	}
}

// elements walks the elements of an array; anything else, but nothing, is one itself.
func elements(raw []byte) iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		if !isArray(raw) {
			if raw != nil {
				yield(raw)
			}
			return
		}
		for first, rest := First(raw[1:max(1, len(raw)-1)]); first != nil; first, rest = First(rest) {
			if !yield(first) {
				return
			}
		}
	}
}

// bare is the text of a raw JSON string; it is a part of raw where it has no escapes.
func bare(raw []byte) []byte {
	if len(raw) < 2 {
		return nil
	}
	if plain := raw[1 : len(raw)-1]; bytes.IndexByte(plain, '\\') < 0 {
		return plain
	}
	return []byte(Text(raw))
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

// appendText appends a string's JSON; most need no escapes.
func appendText(dst []byte, text string) []byte {
	for _, c := range []byte(text) {
		if c < 0x20 || c == '"' || c == '\\' {
			raw, _ := json.Marshal(text) // strings cannot fail
			return append(dst, raw...)
		}
	}
	return append(append(append(dst, '"'), text...), '"')
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
