package couch

import "unicode/utf8"

// walker steps through JSON that a scanner has found valid.
type walker struct {
	b []byte
	i int
}

func (w *walker) space() {
	for w.i < len(w.b) && (w.b[w.i] == ' ' || w.b[w.i] == '\t' || w.b[w.i] == '\n' || w.b[w.i] == '\r') {
		w.i++
	}
}

// skip moves past the value at the cursor.
func (w *walker) skip() {
	w.space()
	depth := 0
	for w.i < len(w.b) {
		switch c := w.b[w.i]; c {
		case '"':
			w.skipText()
		case '{', '[':
			depth++
			w.i++
		case '}', ']':
			depth--
			w.i++
		case ',', ':', ' ', '\t', '\n', '\r':
			w.i++
		default:
			for w.i < len(w.b) && !ends[w.b[w.i]] {
				w.i++
			}
		}
		if depth == 0 {
			return
		}
	}
}

// ends are the bytes that end a number or a word.
var ends = [256]bool{',': true, '}': true, ']': true, ' ': true, '\t': true, '\n': true, '\r': true, ':': true}

func (w *walker) skipText() {
	for w.i++; w.b[w.i] != '"'; w.i++ {
		if w.b[w.i] == '\\' {
			w.i++
		}
	}
	w.i++
}

// openMembers calls fn for each member of the object at the cursor, which then
// stands on the value; fn moves past it. at is where the key begins.
func (w *walker) openMembers(fn func(key string, at int)) {
	w.space()
	w.i++
	for w.space(); w.b[w.i] != '}'; w.space() {
		if w.b[w.i] == ',' {
			w.i++
			w.space()
		}
		from := w.i
		w.skipText()
		name := w.b[from:w.i]
		w.space()
		w.i++ // the colon
		w.space()
		fn(unquote(name), from)
	}
	w.i++
}

// members calls fn for each member with its raw value.
func (w *walker) members(fn func(key string, value []byte)) {
	w.openMembers(func(key string, _ int) {
		from := w.i
		w.skip()
		fn(key, w.b[from:w.i])
	})
}

// elements calls fn for each element of the array at the cursor, which then
// stands on it; fn moves past it.
func (w *walker) elements(fn func(i int)) {
	w.space()
	w.i++
	for n := 0; ; n++ {
		w.space()
		if w.b[w.i] == ',' {
			w.i++
			w.space()
		}
		if w.b[w.i] == ']' {
			w.i++
			return
		}
		fn(n)
	}
}

// unquote reads a JSON string that is known to be valid.
func unquote(raw []byte) string {
	raw = raw[1 : len(raw)-1]
	out := make([]byte, 0, len(raw))
	for i := 0; i < len(raw); {
		if raw[i] != '\\' {
			out = append(out, raw[i])
			i++
			continue
		}
		r, n := unescape(raw[i:])
		out = utf8.AppendRune(out, r)
		i += n
	}
	return string(out)
}

// isText, isObject and isArray tell the kind of a raw value.
func isText(raw []byte) bool   { return raw[0] == '"' }
func isObject(raw []byte) bool { return raw[0] == '{' }
func isArray(raw []byte) bool  { return raw[0] == '[' }
