package js

import (
	"bytes"

	"github.com/dop251/goja"
)

// Filter runs the design document's filter function of a name on a document and a
// request; this is the design document. Whatever the result, it passes if JavaScript takes it for true.
// The bytes must not change afterwards. A request is decoded once by each
// machine as long as its bytes are the same slice.
func (p *Program) Filter(name string, doc, req []byte) (passes bool, err error) {
	f, err := p.at("filters", name)
	if err != nil {
		return false, err
	}
	err = p.once(f, func(m *machine, f loaded) error {
		result, err := f.call(m.design(), m.value(bytes.TrimSpace(doc)), m.request(req))
		if err == nil {
			passes = result.ToBoolean()
		}
		return err
	})
	return passes, err
}

// Emits reports whether the map function of a view emits anything for a document.
func (p *Program) Emits(view string, doc []byte) (emits bool, err error) {
	f, err := p.at("views", view, "map")
	if err != nil {
		return false, err
	}
	err = p.once(f, func(m *machine, f loaded) error {
		m.out, m.rows, m.full = m.out[:0], m.rows[:0], false
		_, err := f.call(m.design(), m.value(bytes.TrimSpace(doc)))
		emits = len(m.rows) > 0
		return err
	})
	return emits, err
}

// once runs one call of a function on a borrowed machine, under the limits.
func (p *Program) once(f *function, run func(*machine, loaded) error) error {
	m, err := p.borrow()
	if err != nil {
		return err
	}
	defer p.release(m)
	err = m.guard(f.limit(), func() error {
		ready, err := m.loaded(f)
		if err != nil {
			return err
		}
		return run(m, ready)
	})
	f.finished(err, p.limits.Time)
	return m.thrown(err)
}

// loaded is a function on a machine.
type loaded struct {
	call  goja.Callable
	value goja.Value
}

func (m *machine) loaded(f *function) (loaded, error) {
	if ready, ok := m.calls[f]; ok {
		return ready, nil
	}
	if err := m.prepareRender(); err != nil {
		return loaded{}, err
	}
	v, err := m.RunProgram(f.code)
	if err != nil {
		return loaded{}, err
	}
	call, ok := goja.AssertFunction(v)
	if !ok {
		return loaded{}, notCompiled(errNoFunction, f.source)
	}
	m.calls[f] = loaded{call, v}
	return m.calls[f], nil
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
