package js

import (
	"encoding/json"
	"errors"
	"strings"

	"github.com/dop251/goja"
)

// ErrNoFunction is that the design document has no function at a path.
var ErrNoFunction = errors.New("missing function")

// at is the function at a path of the design document. It is compiled when it is
// first asked for, so a broken one harms those alone who use it.
func (p *Program) at(path ...string) (*function, error) {
	name := strings.Join(path, "/")
	p.mu.Lock()
	f := p.named[name]
	p.mu.Unlock()
	if f != nil {
		return f, nil
	}
	source, ok := p.find(path)
	if !ok || source == "" {
		return nil, ErrNoFunction
	}
	code, err := compile(source)
	if err != nil {
		return nil, notCompiled(err, source)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.named == nil {
		p.named = map[string]*function{}
	}
	if f = p.named[name]; f == nil {
		f = &function{code: code, source: source, time: p.limits.Time}
		p.named[name] = f
	}
	return f, nil
}

// notCompiled is CouchDB's refusal of what is no function.
func notCompiled(err error, source string) error {
	return &Exception{Name: "compilation_error", Reason: err.Error() + " (" + source + ")"}
}

// find is the source at a path of the modules.
func (p *Program) find(path []string) (string, bool) {
	var v any = p.modules
	for _, part := range path {
		object, ok := v.(map[string]any)
		if !ok {
			return "", false
		}
		v = object[part]
	}
	s, ok := v.(string)
	return s, ok
}

// Has reports whether the design document has a string at a path.
func (p *Program) Has(path ...string) bool {
	_, ok := p.find(path)
	return ok
}

// call runs the function at a path with arguments that are its own; a nil one is null.
// done reads the result, on the machine.
func (p *Program) call(path []string, args []json.RawMessage, done func(*machine, goja.Value) error) error {
	f, err := p.at(path...)
	if err != nil {
		return err
	}
	return p.once(f, func(m *machine, f loaded) error {
		values := make([]goja.Value, len(args))
		for i, raw := range args {
			values[i] = m.argument(raw)
		}
		result, err := f.call(m.design(), values...)
		if err != nil {
			return err
		}
		return done(m, result)
	})
}

// Validate runs validate_doc_update. Each argument is a JSON text; a nil old is null. The error is what
// the function threw, an *Exception.
func (p *Program) Validate(doc, old, userCtx, security []byte) error {
	return p.call([]string{"validate_doc_update"}, []json.RawMessage{doc, old, userCtx, security},
		func(*machine, goja.Value) error { return nil })
}
