package js

import (
	"errors"
	"fmt"
	"strings"

	"github.com/dop251/goja"
)

// requireFrom makes the require function of the module at a path of the
// design document (nil: of the functions themselves). An index knows nothing of changes outside
// views.lib, so a program of views reaches no more.
func (m *machine) requireFrom(base []string) func(goja.FunctionCall) goja.Value {
	return func(c goja.FunctionCall) goja.Value {
		name := c.Argument(0).String()
		path, err := resolve(base, name)
		if err != nil {
			panic(m.words("invalid_require_path", err.Error()))
		}
		return m.module(name, path)
	}
}

// resolve is CommonJS's rule: names that begin with a dot are relative to the
// module that asks, others begin at the design document.
func resolve(base []string, name string) ([]string, error) {
	var path []string
	if strings.HasPrefix(name, ".") && len(base) > 0 {
		path = append(path, base[:len(base)-1]...)
	}
	for _, part := range strings.Split(name, "/") {
		switch part {
		case ".", "":
		case "..":
			if len(path) == 0 {
				return nil, fmt.Errorf("invalid require path: %s", name)
			}
			path = path[:len(path)-1]
		default:
			path = append(path, part)
		}
	}
	return path, nil
}

func (m *machine) module(name string, path []string) goja.Value {
	id := strings.Join(path, "/")
	if module := m.modules[id]; module != nil {
		return module.Get("exports") // unfinished where modules require each other in a circle
	}
	source, err := m.program.moduleSource(path)
	if err != nil {
		panic(m.words("invalid_require_path", err.Error()))
	}
	v, err := m.RunScript(id, "(function(module, exports, require) {"+source+"\n})")
	if err != nil {
		panic(m.notRequired(name, err))
	}
	f, _ := goja.AssertFunction(v)
	module, exports := m.NewObject(), m.NewObject()
	_ = module.Set("id", id)
	_ = module.Set("exports", exports)
	m.modules[id] = module
	if _, err := f(exports, module, exports, m.ToValue(m.requireFrom(path))); err != nil {
		delete(m.modules, id)
		panic(m.notRequired(name, err))
	}
	return module.Get("exports")
}

// moduleSource is the text of the module at a path.
func (p *Program) moduleSource(path []string) (string, error) {
	var v any = p.modules
	for _, part := range path {
		object, _ := v.(map[string]any)
		next, ok := object[part]
		if !ok {
			return "", fmt.Errorf("Object has no property %q.", part) //lint:ignore ST1005 CouchDB's words
		}
		v = next
	}
	source, ok := v.(string)
	if !ok {
		return "", fmt.Errorf("Must require a JavaScript string, not: %s", kindOf(v)) //lint:ignore ST1005 CouchDB's words
	}
	return source, nil
}

// kindOf is what JavaScript calls a value.
func kindOf(v any) string {
	switch v.(type) {
	case bool:
		return "boolean"
	case float64:
		return "number"
	}
	return "object"
}

// words is what functions throw to choose what is said of them.
func (m *machine) words(word, reason string) goja.Value {
	return m.NewArray("error", word, reason)
}

// notRequired is what to throw where a module failed. What stopped it goes on as it is.
func (m *machine) notRequired(name string, err error) any {
	var thrown *goja.Exception
	if !errors.As(err, &thrown) {
		var syntax *goja.CompilerSyntaxError
		if !errors.As(err, &syntax) {
			return err
		}
		return m.words("compilation_error", "Module require('"+name+"') raised error "+syntax.Error())
	}
	return m.words("compilation_error", "Module require('"+name+"') raised error "+thrown.Value().String())
}
