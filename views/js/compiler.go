package js

import (
	"strconv"
	"strings"

	"github.com/dop251/goja/ast"
	"github.com/dop251/goja/token"
)

// compiler makes closures of a function's syntax tree. It leaves where there is more than it knows.
type compiler struct {
	scope    *scope
	slots    int
	depth    int
	emitting bool // within the arguments of emit
}

// scope is what names mean in a function or a block.
type scope struct {
	above *scope
	names map[string]*variable
}

type variable struct {
	slot     int
	constant bool
	declared bool // what is read before would throw
}

// maxNested is how deep a function's syntax may nest.
const maxNested = 200

func (c *compiler) nest() func() {
	if c.depth++; c.depth > maxNested {
		leave()
	}
	return func() { c.depth-- }
}

func (c *compiler) push() func() {
	c.scope = &scope{c.scope, map[string]*variable{}}
	return func() { c.scope = c.scope.above }
}

func (c *compiler) declare(target ast.BindingTarget, v variable) int {
	name, ok := target.(*ast.Identifier)
	if !ok || name.Name.String() == "arguments" || name.Name.String() == "eval" {
		leave()
	}
	if old := c.scope.names[name.Name.String()]; old != nil {
		return old.slot // var doc, for a parameter doc
	}
	v.slot = c.slots
	c.slots++
	c.scope.names[name.Name.String()] = &v
	return v.slot
}

func (c *compiler) lookUp(name string) *variable {
	for s := c.scope; s != nil; s = s.above {
		if v := s.names[name]; v != nil {
			if !v.declared {
				leave()
			}
			return v
		}
	}
	return nil
}

// callable is a compiled function: its parameters are the first of its slots.
type callable struct {
	from, to int // slots
	run      statement
}

// function compiles a function expression with a number of arguments that it is always given.
func (c *compiler) function(e ast.Expression, arguments int) callable {
	defer c.nest()()
	defer c.push()()
	var params *ast.ParameterList
	var vars []*ast.VariableDeclaration
	var body ast.ConciseBody
	switch e := e.(type) {
	case *ast.FunctionLiteral:
		// A name hides what else has it; the outermost function's is of use only where it is called.
		if e.Async || e.Generator || e.Name != nil && (c.scope.above != nil || known[e.Name.Name.String()]) {
			leave()
		}
		params, vars, body = e.ParameterList, e.DeclarationList, e.Body
	case *ast.ArrowFunctionLiteral:
		if e.Async {
			leave()
		}
		params, vars, body = e.ParameterList, e.DeclarationList, e.Body
	default:
		leave()
	}
	from := c.slots
	if params.Rest != nil {
		leave()
	}
	for i, p := range params.List {
		if p.Initializer != nil || c.declare(p.Target, variable{declared: true}) != from+i {
			leave()
		}
	}
	for c.slots < from+arguments { // those without a name
		c.slots++
	}
	for _, d := range vars {
		for _, b := range d.List {
			c.declare(b.Target, variable{declared: true})
		}
	}
	f := callable{from: from}
	switch body := body.(type) {
	case *ast.BlockStatement:
		f.run = c.block(body.List)
	case *ast.ExpressionBody:
		value := c.expression(body.Expression)
		f.run = func(f *frame) flow { value(f); return returned }
	default:
		leave()
	}
	f.to = c.slots
	return f
}

// block compiles statements with what let and const declare among them.
func (c *compiler) block(list []ast.Statement) statement {
	defer c.push()()
	for _, s := range list {
		if d, ok := s.(*ast.LexicalDeclaration); ok {
			for _, b := range d.List {
				c.declare(b.Target, variable{constant: d.Token == token.CONST})
			}
		}
	}
	all := make([]statement, 0, len(list))
	for _, s := range list {
		all = append(all, c.statement(s))
	}
	if len(all) == 1 {
		return all[0]
	}
	return func(f *frame) flow {
		for _, s := range all {
			if end := s(f); end != onward {
				return end
			}
		}
		return onward
	}
}

func (c *compiler) statement(s ast.Statement) statement {
	defer c.nest()()
	switch s := s.(type) {
	case *ast.ExpressionStatement:
		value := c.expression(s.Expression)
		return func(f *frame) flow { value(f); return onward }
	case *ast.BlockStatement:
		return c.block(s.List)
	case *ast.EmptyStatement:
		return func(*frame) flow { return onward }
	case *ast.VariableStatement:
		return c.bindings(s.List, false)
	case *ast.LexicalDeclaration:
		return c.bindings(s.List, true)
	case *ast.IfStatement:
		return c.ifElse(s)
	case *ast.ForStatement:
		return c.loop(s)
	case *ast.WhileStatement:
		return c.rounds(c.expression(s.Test), nil, c.statement(s.Body))
	case *ast.ForInStatement:
		return c.each(s.Into, s.Source, s.Body, true)
	case *ast.ForOfStatement:
		return c.each(s.Into, s.Source, s.Body, false)
	case *ast.ReturnStatement:
		if s.Argument == nil {
			return func(*frame) flow { return returned }
		}
		value := c.expression(s.Argument)
		return func(f *frame) flow { value(f); return returned }
	case *ast.BranchStatement:
		end := broken
		if s.Token == token.CONTINUE {
			end = continued
		}
		if s.Label != nil {
			leave()
		}
		return func(*frame) flow { return end }
	case *ast.ThrowStatement:
		return func(*frame) flow { leave(); return returned }
	}
	leave()
	return nil
}

// bindings are those of var, let or const.
func (c *compiler) bindings(list []*ast.Binding, lexical bool) statement {
	var all []statement
	for _, b := range list {
		name, ok := b.Target.(*ast.Identifier)
		if !ok {
			leave()
		}
		var value expression
		if b.Initializer != nil {
			value = c.expression(b.Initializer)
		} else if !lexical {
			continue // it keeps what it has
		} else {
			value = func(*frame) val { return val{} }
		}
		v := c.variable(name.Name.String())
		v.declared = true
		slot := v.slot
		all = append(all, func(f *frame) flow { f.slots[slot] = value(f); return onward })
	}
	return func(f *frame) flow {
		for _, s := range all {
			s(f)
		}
		return onward
	}
}

// variable is what a declaration declares.
func (c *compiler) variable(name string) *variable {
	for s := c.scope; s != nil; s = s.above {
		if v := s.names[name]; v != nil {
			return v
		}
	}
	leave()
	return nil
}

func (c *compiler) ifElse(s *ast.IfStatement) statement {
	test, then := c.expression(s.Test), c.statement(s.Consequent)
	if s.Alternate == nil {
		return func(f *frame) flow {
			if test(f).truth() {
				return then(f)
			}
			return onward
		}
	}
	otherwise := c.statement(s.Alternate)
	return func(f *frame) flow {
		if test(f).truth() {
			return then(f)
		}
		return otherwise(f)
	}
}

func (c *compiler) loop(s *ast.ForStatement) statement {
	defer c.push()()
	begin := func(*frame) flow { return onward }
	switch i := s.Initializer.(type) {
	case nil:
	case *ast.ForLoopInitializerExpression:
		value := c.expression(i.Expression)
		begin = func(f *frame) flow { value(f); return onward }
	case *ast.ForLoopInitializerVarDeclList:
		begin = c.bindings(i.List, false)
	case *ast.ForLoopInitializerLexicalDecl:
		for _, b := range i.LexicalDeclaration.List {
			c.declare(b.Target, variable{constant: i.LexicalDeclaration.Token == token.CONST})
		}
		begin = c.bindings(i.LexicalDeclaration.List, true)
	default:
		leave()
	}
	var test, update expression
	if s.Test != nil {
		test = c.expression(s.Test)
	}
	if s.Update != nil {
		update = c.expression(s.Update)
	}
	rounds := c.rounds(test, update, c.statement(s.Body))
	return func(f *frame) flow {
		begin(f)
		return rounds(f)
	}
}

func (c *compiler) rounds(test, update expression, body statement) statement {
	return func(f *frame) flow {
		for test == nil || test(f).truth() {
			f.step()
			if end := body(f); end == returned {
				return end
			} else if end == broken {
				break
			}
			if update != nil {
				update(f)
			}
		}
		return onward
	}
}

// each is for (into in source), or of an array.
func (c *compiler) each(into ast.ForInto, from ast.Expression, body ast.Statement, names bool) statement {
	defer c.push()()
	var slot int
	begun := func() {}
	switch i := into.(type) {
	case *ast.ForIntoVar:
		name, ok := i.Binding.Target.(*ast.Identifier)
		if !ok || i.Binding.Initializer != nil {
			leave()
		}
		slot = c.variable(name.Name.String()).slot
	case *ast.ForDeclaration:
		slot = c.declare(i.Target, variable{constant: i.IsConst})
		v := c.variable(i.Target.(*ast.Identifier).Name.String())
		begun = func() { v.declared = true }
	case *ast.ForIntoExpression:
		slot = c.assignable(i.Expression)
	default:
		leave()
	}
	source := c.expression(from)
	begun()
	run := c.statement(body)
	return func(f *frame) flow {
		v := source(f)
		switch {
		case names && v.nullish():
			return onward
		case v.kind == isList || names && v.kind == isObject:
		default:
			leave()
		}
		p := f.open(v.at)
		for first, n, i := p.first, p.n, int32(0); i < n; i++ {
			f.step()
			switch {
			case !names:
				f.slots[slot] = f.value(first + i)
			case v.kind == isObject:
				f.slots[slot] = textOf(f.parts[first+i].name)
			default:
				f.slots[slot] = textOf(strconv.Itoa(int(i)))
			}
			if end := run(f); end == returned {
				return end
			} else if end == broken {
				break
			}
		}
		return onward
	}
}

// assignable is the slot of a variable that may change.
func (c *compiler) assignable(e ast.Expression) int {
	name, ok := e.(*ast.Identifier)
	if !ok {
		leave()
	}
	v := c.lookUp(name.Name.String())
	if v == nil || v.constant {
		leave()
	}
	return v.slot
}

// plainText refuses literals with halves of characters.
func plainText(s string) string {
	if strings.ContainsRune(s, '\ufffd') {
		leave()
	}
	return s
}
