package js

import (
	"bytes"
	"encoding/json"
	"strconv"

	"github.com/dop251/goja"
)

// object is a JSON object that functions may read but not change. Its text has been
// validated by the store; it is indexed at the first touch.
type object struct {
	m       *machine
	raw     []byte
	indexed bool
	members []member
	byName  map[string]int // only for large objects
}

type member struct {
	name  string
	raw   []byte
	value goja.Value // nil until it is read
}

// few is up to how many members a walk is faster than a map.
const few = 16

func (o *object) find(name string) *member {
	if !o.indexed {
		o.index()
	}
	if o.byName != nil {
		if i, ok := o.byName[name]; ok {
			return &o.members[i]
		}
		return nil
	}
	for i := range o.members {
		if o.members[i].name == name {
			return &o.members[i]
		}
	}
	return nil
}

func (o *object) index() {
	s := scanner{raw: o.raw, at: 1}
	for s.next() != '}' {
		if s.raw[s.at] == ',' {
			s.at++
			s.next()
		}
		name := unquote(s.value())
		s.next()
		s.at++ // the colon
		s.next()
		o.add(member{name: name, raw: s.value()})
	}
	o.indexed = true
}

// add keeps the last of members of one name, at the place of the first.
func (o *object) add(m member) {
	if o.byName == nil && len(o.members) == few {
		o.byName = make(map[string]int, 4*few)
		for i := range o.members {
			o.byName[o.members[i].name] = i
		}
	}
	if o.byName != nil {
		if i, ok := o.byName[m.name]; ok {
			o.members[i].raw = m.raw
			return
		}
		o.byName[m.name] = len(o.members)
	} else {
		for i := range o.members {
			if o.members[i].name == m.name {
				o.members[i].raw = m.raw
				return
			}
		}
	}
	o.members = append(o.members, m)
}

// Get, Has and Keys read; Set and Delete refuse, as they do on a frozen object.
func (o *object) Get(name string) goja.Value {
	m := o.find(name)
	if m == nil {
		return nil
	}
	if m.value == nil {
		m.value = o.m.value(m.raw)
	}
	return m.value
}

func (o *object) Has(name string) bool        { return o.find(name) != nil }
func (o *object) Set(string, goja.Value) bool { return false }
func (o *object) Delete(name string) bool     { return o.find(name) == nil }
func (a *array) Set(int, goja.Value) bool     { return false }
func (a *array) SetLen(int) bool              { return false }

func (o *object) Keys() []string {
	if !o.indexed {
		o.index()
	}
	names := make([]string, len(o.members))
	for i := range o.members {
		names[i] = o.members[i].name
	}
	return names
}

// array is a JSON array, likewise.
type array struct {
	m       *machine
	raw     []byte
	indexed bool
	items   []member // without names
}

func (a *array) index() {
	s := scanner{raw: a.raw, at: 1}
	for s.next() != ']' {
		if s.raw[s.at] == ',' {
			s.at++
			s.next()
		}
		a.items = append(a.items, member{raw: s.value()})
	}
	a.indexed = true
}

func (a *array) Len() int {
	if !a.indexed {
		a.index()
	}
	return len(a.items)
}

func (a *array) Get(i int) goja.Value {
	if i < 0 || i >= a.Len() {
		return nil
	}
	it := &a.items[i]
	if it.value == nil {
		it.value = a.m.value(it.raw)
	}
	return it.value
}

// value makes the JavaScript value of a JSON text without white space around it.
func (m *machine) value(raw []byte) goja.Value {
	switch raw[0] {
	case '{':
		return m.NewDynamicObject(&object{m: m, raw: raw})
	case '[':
		return m.NewDynamicArray(&array{m: m, raw: raw})
	case '"':
		return m.ToValue(unquote(raw))
	case 't':
		return m.ToValue(true)
	case 'f':
		return m.ToValue(false)
	case 'n':
		return goja.Null()
	}
	if i, err := strconv.ParseInt(string(raw), 10, 53); err == nil && (i != 0 || raw[0] != '-') {
		return m.ToValue(i)
	}
	f, _ := strconv.ParseFloat(string(raw), 64)
	return m.ToValue(f)
}

func unquote(raw []byte) string {
	text := raw[1 : len(raw)-1]
	if bytes.IndexByte(text, '\\') < 0 {
		return string(text)
	}
	var s string
	if err := json.Unmarshal(raw, &s); err != nil {
		panic(err)
	}
	return s
}

// scanner finds where values end in a valid JSON text.
type scanner struct {
	raw []byte
	at  int
}

// next skips white space and returns the byte there.
func (s *scanner) next() byte {
	for s.raw[s.at] <= ' ' {
		s.at++
	}
	return s.raw[s.at]
}

// value returns the value that begins here and moves behind it.
func (s *scanner) value() []byte {
	start := s.at
	switch s.raw[s.at] {
	case '"':
		s.string()
	case '{', '[':
		s.nested()
	default:
		for s.at < len(s.raw) && !isEnd[s.raw[s.at]] {
			s.at++
		}
	}
	return s.raw[start:s.at]
}

var isEnd = [256]bool{',': true, '}': true, ']': true, ' ': true, '\n': true, '\r': true, '\t': true}

func (s *scanner) string() {
	for s.at++; ; {
		s.at += bytes.IndexByte(s.raw[s.at:], '"')
		slashes := 0
		for s.raw[s.at-1-slashes] == '\\' {
			slashes++
		}
		s.at++
		if slashes%2 == 0 {
			return
		}
	}
}

func (s *scanner) nested() {
	depth := 0
	for {
		switch s.raw[s.at] {
		case '"':
			s.string()
			continue
		case '{', '[':
			depth++
		case '}', ']':
			depth--
		}
		s.at++
		if depth == 0 {
			return
		}
	}
}
