package js

import (
	"bytes"
	"errors"

	"github.com/dop251/goja"
)

var errOutput = errors.New("a document emitted more than the limit")

// Map runs every map function on a document. emit is called with the rows of those that
// succeed, in order; its bytes are valid during the call. failed is called for those that
// do not: they emit nothing. The document's bytes must not change afterwards, for a function may keep
// parts of it.
func (p *Program) Map(doc []byte, emit func(fn int, key, value []byte), failed func(fn int, err error)) {
	doc = bytes.TrimSpace(doc)
	frame := p.frame(doc)
	var m *machine
	var object goja.Value
	for i, f := range p.maps {
		if frame.mapPlain(i, f, emit) {
			continue
		}
		if m == nil || m.broken { // the function before was interrupted
			var err error
			if m, err = p.borrow(); err != nil {
				failed(i, err)
				continue
			}
			object = nil
		}
		m.out, m.rows, m.full = m.out[:0], m.rows[:0], false
		failure := m.guard(f.limit(), func() error {
			if object == nil {
				object = m.value(doc)
			}
			return m.mapOne(i, object)
		})
		f.finished(failure, p.limits.Time)
		if failure != nil {
			failed(i, failure)
			continue
		}
		for _, r := range m.rows {
			emit(i, m.out[r.key:r.value], m.out[r.value:r.end])
		}
	}
	if m != nil {
		p.release(m)
	}
	p.letGo(frame)
}

func (m *machine) mapOne(i int, doc goja.Value) error {
	if m.maps[i] == nil {
		f, err := m.load(m.program.maps[i].code)
		if err != nil {
			return err
		}
		m.maps[i] = f
	}
	_, err := m.maps[i](goja.Undefined(), doc)
	if m.full && err == nil {
		err = errOutput
	}
	return err
}

func (m *machine) emit(c goja.FunctionCall) goja.Value {
	r := row{key: len(m.out)}
	m.out = m.appendJSON(m.out, c.Argument(0), 0)
	r.value = len(m.out)
	m.out = m.appendJSON(m.out, c.Argument(1), 0)
	r.end = len(m.out)
	if r.end > m.program.limits.Output {
		m.full = true
		panic(m.NewGoError(errOutput))
	}
	m.rows = append(m.rows, r)
	return goja.Undefined()
}

// Reduce runs a reduce function: keys is the JSON array of [key,id] pairs, or nil
// in a rereduce; values is the JSON array of values. The result is JSON.
func (p *Program) Reduce(fn int, keys, values []byte) (result []byte, err error) {
	m, err := p.borrow()
	if err != nil {
		return nil, err
	}
	defer p.release(m)
	f := p.reduces[fn]
	err = m.guard(f.limit(), func() error {
		result, err = m.reduceOne(fn, keys, values)
		return err
	})
	f.finished(err, p.limits.Time)
	return result, err
}

func (m *machine) reduceOne(i int, keys, values []byte) ([]byte, error) {
	if m.reduces[i] == nil {
		f, err := m.load(m.program.reduces[i].code)
		if err != nil {
			return nil, err
		}
		m.reduces[i] = f
	}
	// Reduce functions sort and change their arguments, so these are plain objects.
	k, v := goja.Null(), goja.Value(nil)
	var err error
	if keys != nil {
		if k, err = m.parse(goja.Undefined(), m.ToValue(string(keys))); err != nil {
			return nil, err
		}
	}
	if v, err = m.parse(goja.Undefined(), m.ToValue(string(values))); err != nil {
		return nil, err
	}
	r, err := m.reduces[i](goja.Undefined(), k, v, m.ToValue(keys == nil))
	if err != nil {
		return nil, err
	}
	var out []byte
	if thrown := m.Try(func() { out = m.appendJSON(nil, r, 0) }); thrown != nil {
		return nil, thrown
	}
	return out, nil
}
