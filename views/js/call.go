package js

import (
	"math"
	"strings"

	"github.com/dop251/goja/ast"
)

func (c *compiler) call(e *ast.CallExpression) expression {
	switch callee := e.Callee.(type) {
	case *ast.Identifier:
		name := callee.Name.String()
		switch {
		case c.lookUp(name) != nil:
		case name == "emit":
			return c.emit(e.ArgumentList)
		case name == "isArray":
			return c.isArray(e.ArgumentList)
		}
	case *ast.DotExpression:
		name := callee.Identifier.Name.String()
		if left, ok := callee.Left.(*ast.Identifier); ok && left.Name == "Array" && name == "isArray" && c.lookUp("Array") == nil {
			return c.isArray(e.ArgumentList)
		}
		if name == "forEach" {
			return c.forEach(callee.Left, e.ArgumentList)
		}
		if methods[name] != nil {
			return c.method(callee.Left, name, e.ArgumentList)
		}
	}
	leave()
	return nil
}

func (c *compiler) isArray(arguments []ast.Expression) expression {
	if len(arguments) != 1 {
		leave()
	}
	value := c.expression(arguments[0])
	return func(f *frame) val { return booleanOf(value(f).kind == isList) }
}

// forEach calls a function that is written there, so that it is never called otherwise.
func (c *compiler) forEach(of ast.Expression, arguments []ast.Expression) expression {
	if len(arguments) != 1 || c.emitting {
		leave()
	}
	list := c.expression(of)
	callback := c.function(arguments[0], 3)
	return func(f *frame) val {
		v := list(f)
		switch v.kind {
		case isShort:
			return v
		case isList:
		default:
			leave()
		}
		p := f.open(v.at)
		for first, n, i := p.first, p.n, int32(0); i < n; i++ {
			f.step()
			slots := f.slots[callback.from:callback.to]
			clear(slots)
			slots[0], slots[1], slots[2] = f.value(first+i), numberOf(float64(i)), v
			callback.run(f)
		}
		return val{}
	}
}

// methods are those of texts, on characters that are bytes. Numbers are whole.
var methods = map[string]func(s string, arguments []val) val{
	"toLowerCase": func(s string, a []val) val { return textOf(strings.ToLower(s)) },
	"toUpperCase": func(s string, a []val) val { return textOf(strings.ToUpper(s)) },
	"trim":        func(s string, a []val) val { return textOf(strings.Trim(s, " \t\n\v\f\r")) },
	"indexOf":     func(s string, a []val) val { return numberOf(float64(strings.Index(s, only(a).text()))) },
	"startsWith":  func(s string, a []val) val { return booleanOf(strings.HasPrefix(s, only(a).text())) },
	"endsWith":    func(s string, a []val) val { return booleanOf(strings.HasSuffix(s, only(a).text())) },
	"includes":    func(s string, a []val) val { return booleanOf(strings.Contains(s, only(a).text())) },
	"charAt": func(s string, a []val) val {
		i := only(a).whole()
		if i < 0 || i >= len(s) {
			return textOf("")
		}
		return textOf(s[i : i+1])
	},
	"substring": func(s string, a []val) val {
		from, to := span(s, a, func(i int) int { return max(i, 0) })
		return textOf(s[min(from, to):max(from, to)])
	},
	"slice": func(s string, a []val) val {
		from, to := span(s, a, func(i int) int {
			if i < 0 {
				return max(i+len(s), 0)
			}
			return i
		})
		return textOf(s[from:max(from, to)])
	},
}

func only(a []val) val {
	if len(a) != 1 {
		leave()
	}
	return a[0]
}

func (v val) text() string {
	if v.kind != isText {
		leave()
	}
	return ascii(v.str)
}

func (v val) whole() int {
	if v.kind != isNumber || v.num != math.Trunc(v.num) || math.Abs(v.num) > longText {
		leave()
	}
	return int(v.num)
}

// span are two places in a text: one argument or two, the end where there is no second.
func span(s string, a []val, place func(int) int) (from, to int) {
	if len(a) == 0 || len(a) > 2 {
		leave()
	}
	from, to = min(place(a[0].whole()), len(s)), len(s)
	if len(a) == 2 && a[1].kind != isUndefined {
		to = min(place(a[1].whole()), len(s))
	}
	return from, to
}

func (c *compiler) method(of ast.Expression, name string, arguments []ast.Expression) expression {
	method, inList := methods[name], listMethods[name]
	value := c.expression(of)
	var all []expression
	for _, a := range arguments {
		all = append(all, c.expression(a))
	}
	return func(f *frame) val {
		v := value(f)
		if v.kind == isShort {
			return v
		}
		var room [2]val
		list := room[:0]
		for _, a := range all {
			list = append(list, a(f))
		}
		if inList != nil && v.kind == isList {
			return inList(f.index(v, only(list)))
		}
		return method(v.text(), list)
	}
}

// index is where a value is in a list; -1: nowhere.
func (f *frame) index(list, v val) int32 {
	p := f.open(list.at)
	for first, n, i := p.first, p.n, int32(0); i < n; i++ {
		if same(f.value(first+i), v) {
			return i
		}
	}
	return -1
}

// listMethods are those of lists, on the place of their argument.
var listMethods = map[string]func(at int32) val{
	"indexOf":  func(at int32) val { return numberOf(float64(at)) },
	"includes": func(at int32) val { return booleanOf(at >= 0) },
}

// emit writes its arguments at once: nothing that follows can change them.
func (c *compiler) emit(arguments []ast.Expression) expression {
	if len(arguments) > 2 || c.emitting {
		leave()
	}
	c.emitting = true
	defer func() { c.emitting = false }()
	write := [2]writer{nothing, nothing}
	for i, a := range arguments {
		write[i] = c.writer(a)
	}
	key, value := write[0], write[1]
	return func(f *frame) val {
		start := len(f.out)
		if !key(f) {
			f.out = append(f.out, "null"...)
		}
		middle := len(f.out)
		if !value(f) {
			f.out = append(f.out, "null"...)
		}
		f.emitted(start, middle)
		return val{}
	}
}

func nothing(*frame) bool { return false }

func (c *compiler) writer(e ast.Expression) writer {
	defer c.nest()()
	switch e := e.(type) {
	case *ast.ArrayLiteral:
		return c.arrayWriter(e)
	case *ast.ObjectLiteral:
		return c.objectWriter(e)
	}
	value := c.expression(e)
	return func(f *frame) bool {
		v := value(f)
		if v.kind == isUndefined {
			return false
		}
		f.out = f.append(f.out, v)
		return true
	}
}

func (c *compiler) arrayWriter(e *ast.ArrayLiteral) writer {
	var items []writer
	for _, item := range e.Value {
		if item == nil {
			leave()
		}
		items = append(items, c.writer(item))
	}
	return func(f *frame) bool {
		f.out = append(f.out, '[')
		for i, item := range items {
			if i > 0 {
				f.out = append(f.out, ',')
			}
			if !item(f) {
				f.out = append(f.out, "null"...)
			}
		}
		f.out = append(f.out, ']')
		return true
	}
}

// objectWriter is for literals whose members stay in the order in which they are written.
func (c *compiler) objectWriter(e *ast.ObjectLiteral) writer {
	type named struct {
		name  string // and the colon
		value writer
	}
	var members []named
	seen := map[string]bool{"__proto__": true, "toJSON": true}
	for _, p := range e.Value {
		var name string
		var value ast.Expression
		switch p := p.(type) {
		case *ast.PropertyKeyed:
			key, ok := p.Key.(*ast.StringLiteral)
			if !ok || p.Computed || p.Kind != ast.PropertyKindValue {
				leave()
			}
			name, value = plainText(key.Value.String()), p.Value
		case *ast.PropertyShort:
			if p.Initializer != nil {
				leave()
			}
			name, value = p.Name.Name.String(), &p.Name
		default:
			leave()
		}
		if seen[name] || name != "" && name[0] >= '0' && name[0] <= '9' {
			leave()
		}
		seen[name] = true
		members = append(members, named{string(append(appendString(nil, name), ':')), c.writer(value)})
	}
	return func(f *frame) bool {
		f.out = append(f.out, '{')
		first := true
		for _, m := range members {
			start := len(f.out)
			if !first {
				f.out = append(f.out, ',')
			}
			f.out = append(f.out, m.name...)
			if !m.value(f) {
				f.out = f.out[:start]
				continue
			}
			first = false
		}
		f.out = append(f.out, '}')
		return true
	}
}
