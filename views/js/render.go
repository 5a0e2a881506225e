package js

import (
	_ "embed"
	"encoding/json"
	"sync"

	"github.com/dop251/goja"
)

//go:embed render.js
var renderSource string

// renderer makes start, send, getRow, provides and registerType, and calls the
// functions that use them.
var renderer = sync.OnceValue(func() *goja.Program { return goja.MustCompile("render", renderSource, false) })

// render is a machine's share of it.
type render struct {
	calls *goja.Object // nil until a function of a design document is called
	list  *List        // that runs
	err   error        // for which it cannot go on
}

// prepareRender makes the globals of a design document's functions.
func (m *machine) prepareRender() error {
	if m.render.calls != nil {
		return nil
	}
	v, err := m.RunProgram(renderer())
	if err != nil {
		return err
	}
	make, _ := goja.AssertFunction(v)
	calls, err := make(goja.Undefined(), m.ToValue(m.turn), m.ToValue(m.program.limits.Output))
	if err != nil {
		return err
	}
	m.render.calls = calls.ToObject(m.Runtime)
	return nil
}

// rendered calls a design document's function at a path by one of the renderer's calls.
// done reads the result, on the machine and under its limits.
func (p *Program) rendered(kind string, path []string, args []json.RawMessage, l *List, done func(*machine, goja.Value) error) error {
	f, err := p.at(path...)
	if err != nil {
		return err
	}
	return p.once(f, func(m *machine, f loaded) error {
		values := []goja.Value{f.value, m.design()}
		for _, raw := range args {
			values = append(values, m.argument(raw))
		}
		m.render.list, m.render.err = l, nil
		defer func() { m.render.list = nil }()
		call, _ := goja.AssertFunction(m.render.calls.Get(kind))
		result, err := call(goja.Undefined(), values...)
		if failed := m.render.err; failed != nil {
			m.broken = true // it was interrupted for this
			return failed
		}
		if err != nil {
			return err
		}
		return done(m, result)
	})
}

// Show runs a function of shows on a document, nil where there is none, and a
// request. The response is a JSON object.
func (p *Program) Show(name string, doc, req []byte) (response []byte, err error) {
	err = p.rendered("show", []string{"shows", name}, []json.RawMessage{doc, req}, nil, func(m *machine, v goja.Value) (err error) {
		response, err = m.json(v)
		return err
	})
	return response, err
}

// Update runs a function of updates likewise. doc is the document that it wants
// stored, nil where there is none.
func (p *Program) Update(name string, doc, req []byte) (stored, response []byte, err error) {
	err = p.rendered("update", []string{"updates", name}, []json.RawMessage{doc, req}, nil, func(m *machine, v goja.Value) (err error) {
		result := v.ToObject(m.Runtime)
		if stored, err = m.json(result.Get("doc")); err != nil {
			return err
		}
		if stored[0] != '{' {
			stored = nil
		}
		response, err = m.json(result.Get("response"))
		return err
	})
	return stored, response, err
}

// Rewrite runs the function of rewrites on a request. The target is a JSON value; null: there is none.
func (p *Program) Rewrite(req []byte) (target []byte, err error) {
	err = p.rendered("rewrite", []string{"rewrites"}, []json.RawMessage{req}, nil, func(m *machine, v goja.Value) (err error) {
		target, err = m.json(v)
		return err
	})
	return target, err
}

// json is a value as JSON.
func (m *machine) json(v goja.Value) (text []byte, err error) {
	if thrown := m.Try(func() { text = m.appendJSON(nil, v, 0) }); thrown != nil {
		return nil, thrown
	}
	return text, nil
}
