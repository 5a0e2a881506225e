package js

import (
	"bytes"
	"encoding/json"
	"errors"

	"github.com/dop251/goja"
)

// Exception is what a function threw, in the words that CouchDB reports it.
type Exception struct {
	Name   string // of the error's class, or its member "error"
	Reason string
}

func (e *Exception) Error() string { return e.Name + ": " + e.Reason }

// Filter runs a filter function on a document and a request; this is the design
// document. Whatever the result, it passes if JavaScript takes it for true.
// The bytes must not change afterwards. A request is decoded once by each
// machine as long as its bytes are the same slice.
func (p *Program) Filter(fn int, doc, req []byte) (passes bool, err error) {
	err = p.once(p.filters[fn], func(m *machine, f goja.Callable) error {
		result, err := f(m.design(), m.value(bytes.TrimSpace(doc)), m.request(req))
		if err == nil {
			passes = result.ToBoolean()
		}
		return err
	})
	return passes, err
}

// Emits reports whether a map function emits anything for a document.
func (p *Program) Emits(fn int, doc []byte) (emits bool, err error) {
	err = p.once(p.maps[fn], func(m *machine, f goja.Callable) error {
		m.out, m.rows, m.full = m.out[:0], m.rows[:0], false
		_, err := f(m.design(), m.value(bytes.TrimSpace(doc)))
		emits = len(m.rows) > 0
		return err
	})
	return emits, err
}

// once runs one call of a function on a borrowed machine, under the limits.
func (p *Program) once(f *function, run func(*machine, goja.Callable) error) error {
	m, err := p.borrow()
	if err != nil {
		return err
	}
	defer p.release(m)
	err = m.guard(f.limit(), func() error {
		call, err := m.loaded(f)
		if err != nil {
			return err
		}
		return run(m, call)
	})
	f.finished(err, p.limits.Time)
	return m.thrown(err)
}

// loaded is the function on this machine.
func (m *machine) loaded(f *function) (goja.Callable, error) {
	if call := m.calls[f]; call != nil {
		return call, nil
	}
	call, err := m.load(f.code)
	if err == nil {
		m.calls[f] = call
	}
	return call, err
}

// design is the design document; undefined where the program has none.
func (m *machine) design() goja.Value {
	if m.program.design == nil {
		return goja.Undefined()
	}
	if m.this == nil {
		m.this = m.value(m.program.design)
	}
	return m.this
}

// request is the request's object.
func (m *machine) request(raw []byte) goja.Value {
	if m.req.value == nil || len(raw) != len(m.req.raw) || &raw[0] != &m.req.raw[0] {
		m.req.raw, m.req.value = raw, m.value(bytes.TrimSpace(raw))
	}
	return m.req.value
}

// thrown turns what a function threw into an Exception.
func (m *machine) thrown(err error) error {
	var exception *goja.Exception
	if m.broken || !errors.As(err, &exception) {
		return err
	}
	v := exception.Value()
	e := &Exception{Name: "unnamed_error", Reason: v.String()}
	object, ok := v.(*goja.Object)
	if !ok {
		return e
	}
	_ = m.guard(tick, func() error { // its members may be getters
		for _, pair := range [][2]string{{"error", "reason"}, {"name", "message"}} {
			if name, reason := object.Get(pair[0]), object.Get(pair[1]); name != nil && reason != nil {
				e.Name, e.Reason = name.String(), reason.String()
				return nil
			}
		}
		text, err := json.Marshal(object)
		e.Reason = string(text)
		return err
	})
	return e
}
