package js

import (
	"bytes"
	"reflect"
	"slices"

	"github.com/dop251/goja"
)

// A draft is a JSON value that a function may change: what is read in CouchDB's
// functions other than those of views. Like a frozen document it is decoded as far as it is
// touched; what nobody touched is written as it came, so its numbers survive.
type draft struct {
	m       *machine
	within  *draft // what it was read out of; nil: nothing
	raw     []byte // of the value as it came
	changed bool   // raw no longer tells the value
}

// change notes that the value, and what holds it, is no longer what it was.
func (d *draft) change() {
	for ; d != nil && !d.changed; d = d.within {
		d.changed = true
	}
}

// read makes the value of a part.
func (d *draft) read(raw []byte) goja.Value { return d.m.draft(raw, d) }

// draft makes the JavaScript value of a JSON text without white space around it.
func (m *machine) draft(raw []byte, within *draft) goja.Value {
	part := draft{m: m, within: within, raw: raw}
	switch raw[0] {
	case '{':
		return m.NewDynamicObject(&draftObject{draft: part})
	case '[':
		return m.NewDynamicArray(&draftArray{draft: part})
	}
	return m.value(raw)
}

// argument makes a value of a JSON text for a function to have for itself; nil is null.
func (m *machine) argument(raw []byte) goja.Value {
	if raw = bytes.TrimSpace(raw); len(raw) == 0 {
		return goja.Null()
	}
	return m.draft(raw, nil)
}

// draftObject is a JSON object that can be changed.
type draftObject struct {
	draft
	object
	indexed bool
}

// members are indexed by the frozen object's own means.
func (o *draftObject) index() {
	if !o.indexed {
		o.indexed = true
		o.object.raw = o.draft.raw
		o.object.index()
	}
}

func (o *draftObject) find(name string) *member {
	o.index()
	return o.object.find(name)
}

func (o *draftObject) Get(name string) goja.Value {
	m := o.find(name)
	if m == nil {
		return nil
	}
	if m.value == nil {
		m.value = o.read(m.raw)
	}
	return m.value
}

func (o *draftObject) Has(name string) bool { return o.find(name) != nil }

func (o *draftObject) Set(name string, v goja.Value) bool {
	o.change()
	if m := o.find(name); m != nil {
		m.raw, m.value = nil, v
		return true
	}
	o.add(member{name: name})
	o.find(name).value = v
	return true
}

func (o *draftObject) Delete(name string) bool {
	if o.find(name) == nil {
		return true
	}
	o.change()
	left := slices.DeleteFunc(o.members, func(m member) bool { return m.name == name })
	o.members, o.byName = nil, nil
	for _, m := range left {
		o.add(m)
	}
	return true
}

func (o *draftObject) Keys() []string {
	o.index()
	return o.object.Keys()
}

// draftArray is a JSON array that can be changed.
type draftArray struct {
	draft
	indexed bool
	items   []member // without names
}

func (a *draftArray) index() {
	if !a.indexed {
		a.indexed = true
		whole := array{m: a.m, raw: a.raw}
		whole.index()
		a.items = whole.items
	}
}

func (a *draftArray) Len() int {
	a.index()
	return len(a.items)
}

func (a *draftArray) Get(i int) goja.Value {
	if i < 0 || i >= a.Len() {
		return nil
	}
	it := &a.items[i]
	if it.value == nil {
		it.value = a.read(it.raw)
	}
	return it.value
}

// reach is how far behind its end an array may be written: it has no holes, so
// a huge index would be a huge array.
const reach = 1 << 16

func (a *draftArray) Set(i int, v goja.Value) bool {
	if i < 0 || i > a.Len()+reach || !a.SetLen(max(i+1, a.Len())) {
		return false
	}
	a.change()
	a.items[i] = member{value: v}
	return true
}

func (a *draftArray) SetLen(n int) bool {
	have := a.Len()
	switch {
	case n == have:
		return true
	case n < 0 || n > have+reach:
		return false
	}
	a.change()
	if n < have {
		clear(a.items[n:])
		a.items = a.items[:n]
		return true
	}
	for range n - have {
		a.items = append(a.items, member{value: goja.Undefined()})
	}
	return true
}

var (
	draftObjectType = reflect.TypeFor[*draftObject]()
	draftArrayType  = reflect.TypeFor[*draftArray]()
)

// appendPart writes a member or an item: as it came where nobody touched it.
func (m *machine) appendPart(dst []byte, p *member, depth int) []byte {
	if p.raw != nil && !isChanged(p.value) {
		return appendCompact(dst, p.raw)
	}
	return m.appendJSON(dst, p.value, depth+1)
}

// isChanged reports whether a value that was read is another one by now.
func isChanged(v goja.Value) bool {
	object, ok := v.(*goja.Object)
	if !ok {
		return false
	}
	switch object.ExportType() {
	case draftObjectType:
		return object.Export().(*draftObject).changed
	case draftArrayType:
		return object.Export().(*draftArray).changed
	}
	return false
}

func (m *machine) appendDraftObject(dst []byte, o *draftObject, depth int) []byte {
	if !o.changed {
		return appendCompact(dst, o.draft.raw)
	}
	dst = append(dst, '{')
	first := true
	for i := range o.members {
		p := &o.members[i]
		if p.value != nil && isNothing(p.value) {
			continue
		}
		if !first {
			dst = append(dst, ',')
		}
		first = false
		dst = append(appendString(dst, p.name), ':')
		dst = m.appendPart(dst, p, depth)
		m.bound(dst)
	}
	return append(dst, '}')
}

func (m *machine) appendDraftArray(dst []byte, a *draftArray, depth int) []byte {
	if !a.changed {
		return appendCompact(dst, a.raw)
	}
	dst = append(dst, '[')
	for i := range a.items {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = m.appendPart(dst, &a.items[i], depth)
		m.bound(dst)
	}
	return append(dst, ']')
}

// isNothing reports what JSON leaves out of an object.
func isNothing(v goja.Value) bool {
	if goja.IsUndefined(v) {
		return true
	}
	_, isFunction := goja.AssertFunction(v)
	return isFunction
}
