package js

import (
	"math"
	"strconv"
	"strings"
	"time"
	"unsafe"
)

// frame is what plain functions run in, one document after the other.
type frame struct {
	doc   []byte
	text  string // the same
	parts []part // of the document, as far as they were looked at; the first is the document
	slots []val  // variables
	out   []byte
	rows  []row
	limit int // of out
	time  time.Duration
	steps int
	luck  []luck // of each map function
}

// luck is how often a function ran here, and how often it had to leave.
type luck struct{ ran, left int }

// bad luck costs more than it brings: most documents are run twice.
func (l *luck) bad() bool { return l.left > 50 && 2*l.left > l.ran }

// maxSteps is how many rounds of loops a function may make; one that wants more is
// the interpreter's, which has an eye on the clock.
const maxSteps = 1_000_000

// part is a member or an item: doc[start:end], and where its own parts are.
type part struct {
	name       string
	start, end int32
	first, n   int32 // first 0: nobody looked
	names      map[string]int32
}

// read begins a document, in valid UTF-8 and without white space around it.
func (f *frame) read(doc []byte) {
	f.doc = doc
	f.text = unsafe.String(unsafe.SliceData(doc), len(doc)) // Map is promised that it does not change
	f.parts = append(f.parts[:0], part{end: int32(len(doc))})
}

// forget lets the document go, and room that few need.
func (f *frame) forget() {
	f.doc, f.text = nil, ""
	clear(f.parts)
	clear(f.slots)
	if cap(f.parts) > 1000 {
		f.parts = nil
	}
	if cap(f.out) > 1<<20 {
		f.out = nil
	}
	if cap(f.rows) > 1000 {
		f.rows = nil
	}
}

// value is a part's.
func (f *frame) value(at int32) val {
	p := &f.parts[at]
	raw := f.text[p.start:p.end]
	switch raw[0] {
	case '{':
		return val{kind: isObject, at: at}
	case '[':
		return val{kind: isList, at: at}
	case '"':
		return textOf(unquoted(raw))
	case 't':
		return booleanOf(true)
	case 'f':
		return booleanOf(false)
	case 'n':
		return val{kind: isNull}
	}
	return numberOf(parseNumber(raw))
}

// unquoted is a part of the JSON where that is the text.
func unquoted(raw string) string {
	if strings.IndexByte(raw, '\\') < 0 {
		return raw[1 : len(raw)-1]
	}
	return unquote([]byte(raw))
}

func parseNumber(raw string) float64 {
	n := 0
	for i := 0; i < len(raw) && len(raw) < 16; i++ {
		if raw[i] < '0' || raw[i] > '9' {
			n = -1
			break
		}
		n = 10*n + int(raw[i]-'0')
	}
	if n > 0 {
		return float64(n)
	}
	f, _ := strconv.ParseFloat(raw, 64) // out of range it is an infinity
	return f
}

// open finds the parts of an object or an array.
func (f *frame) open(at int32) *part {
	if p := &f.parts[at]; p.first > 0 {
		return p
	}
	first := int32(len(f.parts))
	s := scanner{raw: f.doc, at: int(f.parts[at].start) + 1}
	named := f.doc[s.at-1] == '{'
	var names map[string]int32
	for s.next() != '}' && s.raw[s.at] != ']' {
		if s.raw[s.at] == ',' {
			s.at++
			s.next()
		}
		var p part
		if named {
			start := s.at
			s.string()
			p.name = unquoted(f.text[start:s.at])
			s.next()
			s.at++ // the colon
			s.next()
		}
		start := s.at
		s.value()
		p.start, p.end = int32(start), int32(s.at)
		if !named {
			f.parts = append(f.parts, p)
			continue
		}
		if names == nil && len(f.parts)-int(first) == few {
			names = make(map[string]int32, 4*few)
			for i := first; i < first+few; i++ {
				names[f.parts[i].name] = i
			}
		}
		// Of members of one name the last counts, at the place of the first.
		if i := find(f.parts, first, int32(len(f.parts)), names, p.name); i >= 0 {
			f.parts[i].start, f.parts[i].end = p.start, p.end
			continue
		}
		if names != nil {
			names[p.name] = int32(len(f.parts))
		}
		f.parts = append(f.parts, p)
	}
	p := &f.parts[at]
	p.first, p.n, p.names = first, int32(len(f.parts))-first, names
	return p
}

func find(parts []part, from, to int32, names map[string]int32, name string) int32 {
	if names != nil {
		if i, ok := names[name]; ok {
			return i
		}
		return -1
	}
	for i := from; i < to; i++ {
		if parts[i].name == name {
			return i
		}
	}
	return -1
}

// inherited are the names that every object has.
var inherited = map[string]bool{
	"__defineGetter__": true, "__defineSetter__": true, "__lookupGetter__": true, "__lookupSetter__": true, "__proto__": true,
	"constructor": true, "hasOwnProperty": true, "isPrototypeOf": true, "propertyIsEnumerable": true,
	"toLocaleString": true, "toString": true, "valueOf": true,
}

// member is v.name.
func (f *frame) member(v val, name string) val {
	switch v.kind {
	case isObject:
		p := f.open(v.at)
		if i := find(f.parts, p.first, p.first+p.n, p.names, name); i >= 0 {
			return f.value(i)
		}
		if !inherited[name] {
			return val{}
		}
	case isList:
		if name == "length" {
			return numberOf(float64(f.open(v.at).n))
		}
	case isText:
		if name == "length" {
			return numberOf(float64(len(ascii(v.str))))
		}
	case isShort:
		return v
	}
	return leave()
}

// item is v[key].
func (f *frame) item(v, key val) val {
	switch {
	case v.kind == isShort:
		return v
	case v.kind == isList && key.kind == isNumber:
		p := f.open(v.at)
		if i := int32(min(max(key.num, -1), math.MaxInt32)); i >= 0 && float64(i) == key.num {
			if i >= p.n {
				return val{}
			}
			return f.value(p.first + i)
		}
	case v.kind == isList && key.kind == isText:
		if i, err := strconv.Atoi(key.str); err == nil && i >= 0 && strconv.Itoa(i) == key.str {
			return f.item(v, numberOf(float64(i)))
		}
	case v.kind == isText && key.kind == isNumber:
		if i := int(min(max(key.num, -1), longText)); i >= 0 && float64(i) == key.num && i < len(ascii(v.str)) {
			return textOf(v.str[i : i+1])
		}
	case v.kind == isObject && (key.kind == isText || key.kind == isNumber && key.num == math.Trunc(key.num)):
		return f.member(v, key.toText())
	}
	return leave()
}

// step counts a round of a loop.
func (f *frame) step() {
	if f.steps++; f.steps > maxSteps {
		leave()
	}
}

// append writes a value as JSON.
func (f *frame) append(dst []byte, v val) []byte {
	switch v.kind {
	case isText:
		return appendString(dst, v.str)
	case isNumber:
		if v.num != v.num || math.IsInf(v.num, 0) {
			return append(dst, "null"...)
		}
		return appendNumber(dst, v.num)
	case isBoolean:
		return strconv.AppendBool(dst, v.num != 0)
	case isObject, isList:
		p := &f.parts[v.at]
		return appendCompact(dst, f.doc[p.start:p.end])
	}
	return append(dst, "null"...)
}

// emitted ends a row whose key began at key and whose value at value.
func (f *frame) emitted(key, value int) {
	if len(f.out) > f.limit {
		leave()
	}
	f.rows = append(f.rows, row{key, value, len(f.out)})
}
