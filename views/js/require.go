package js

import (
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
			panic(m.NewGoError(err))
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
	source, ok := m.program.find(path)
	if !ok {
		panic(m.NewGoError(fmt.Errorf("invalid require path: %s is not in %s", name, m.program.root())))
	}
	v, err := m.RunScript(id, "(function(module, exports, require) {"+source+"\n})")
	if err != nil {
		panic(err)
	}
	f, _ := goja.AssertFunction(v)
	module, exports := m.NewObject(), m.NewObject()
	_ = module.Set("id", id)
	_ = module.Set("exports", exports)
	m.modules[id] = module
	if _, err := f(exports, module, exports, m.ToValue(m.requireFrom(path))); err != nil {
		delete(m.modules, id)
		panic(err)
	}
	return module.Get("exports")
}

// root names what require reaches.
func (p *Program) root() string {
	if p.design != nil {
		return "the design document"
	}
	return "views.lib"
}
