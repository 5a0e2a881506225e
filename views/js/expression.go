package js

import (
	"math"

	"github.com/dop251/goja/ast"
	"github.com/dop251/goja/token"
)

// known are the names of the interpreter's that mean something here. A program that gives
// them another meaning, by assigning to them, is not heard by its plain functions.
var known = map[string]bool{"emit": true, "isArray": true, "Array": true, "undefined": true, "NaN": true, "Infinity": true}

func constant(v val) expression { return func(*frame) val { return v } }

func (c *compiler) expression(e ast.Expression) expression {
	defer c.nest()()
	switch e := e.(type) {
	case *ast.Identifier:
		return c.identifier(e.Name.String())
	case *ast.StringLiteral:
		return constant(textOf(plainText(e.Value.String())))
	case *ast.NumberLiteral:
		switch n := e.Value.(type) {
		case int64:
			return constant(numberOf(float64(n)))
		case float64:
			return constant(numberOf(n))
		}
	case *ast.BooleanLiteral:
		return constant(booleanOf(e.Value))
	case *ast.NullLiteral:
		return constant(val{kind: isNull})
	case *ast.DotExpression:
		return c.dot(e)
	case *ast.BracketExpression:
		left, key := c.expression(e.Left), c.expression(e.Member)
		return func(f *frame) val {
			v := left(f)
			if v.kind == isShort {
				return v
			}
			return f.item(v, key(f))
		}
	case *ast.OptionalChain:
		value := c.expression(e.Expression)
		return func(f *frame) val {
			v := value(f)
			if v.kind == isShort {
				return val{}
			}
			return v
		}
	case *ast.Optional:
		value := c.expression(e.Expression)
		return func(f *frame) val {
			v := value(f)
			if v.nullish() {
				return val{kind: isShort}
			}
			return v
		}
	case *ast.BinaryExpression:
		return c.binary(e.Operator, e.Left, e.Right)
	case *ast.UnaryExpression:
		return c.unary(e)
	case *ast.ConditionalExpression:
		test, then, otherwise := c.expression(e.Test), c.expression(e.Consequent), c.expression(e.Alternate)
		return func(f *frame) val {
			if test(f).truth() {
				return then(f)
			}
			return otherwise(f)
		}
	case *ast.SequenceExpression:
		return c.sequence(e.Sequence)
	case *ast.AssignExpression:
		return c.assign(e)
	case *ast.TemplateLiteral:
		return c.template(e)
	case *ast.CallExpression:
		return c.call(e)
	}
	leave()
	return nil
}

func (c *compiler) identifier(name string) expression {
	if v := c.lookUp(name); v != nil {
		slot := v.slot
		return func(f *frame) val { return f.slots[slot] }
	}
	switch name {
	case "undefined":
		return constant(val{})
	case "NaN":
		return constant(numberOf(math.NaN()))
	case "Infinity":
		return constant(numberOf(math.Inf(1)))
	}
	leave()
	return nil
}

func (c *compiler) dot(e *ast.DotExpression) expression {
	name := e.Identifier.Name.String()
	if inherited[name] {
		leave()
	}
	if id, ok := e.Left.(*ast.Identifier); ok {
		if v := c.lookUp(id.Name.String()); v != nil { // the commonest: doc.name
			slot := v.slot
			return func(f *frame) val { return f.member(f.slots[slot], name) }
		}
	}
	left := c.expression(e.Left)
	return func(f *frame) val { return f.member(left(f), name) }
}

func (c *compiler) sequence(list []ast.Expression) expression {
	var all []expression
	for _, e := range list {
		all = append(all, c.expression(e))
	}
	return func(f *frame) (v val) {
		for _, e := range all {
			v = e(f)
		}
		return v
	}
}

func (c *compiler) template(e *ast.TemplateLiteral) expression {
	if e.Tag != nil || len(e.Elements) != len(e.Expressions)+1 {
		leave()
	}
	whole := constant(textOf(plainText(e.Elements[0].Parsed.String())))
	for i, x := range e.Expressions {
		before, value, after := whole, c.expression(x), textOf(plainText(e.Elements[i+1].Parsed.String()))
		whole = func(f *frame) val {
			s := before(f)
			return plus(plus(s, textOf(value(f).toText())), after)
		}
	}
	return whole
}

func (c *compiler) unary(e *ast.UnaryExpression) expression {
	switch e.Operator {
	case token.INCREMENT, token.DECREMENT:
		slot, by := c.assignable(e.Operand), 1.0
		if e.Operator == token.DECREMENT {
			by = -1
		}
		postfix := e.Postfix
		return func(f *frame) val {
			old := f.slots[slot].toNumber()
			f.slots[slot] = numberOf(old + by)
			if postfix {
				return numberOf(old)
			}
			return f.slots[slot]
		}
	}
	value := c.expression(e.Operand)
	switch e.Operator {
	case token.NOT:
		return func(f *frame) val { return booleanOf(!value(f).truth()) }
	case token.MINUS:
		return func(f *frame) val { return numberOf(-value(f).toNumber()) }
	case token.PLUS:
		return func(f *frame) val { return numberOf(value(f).toNumber()) }
	case token.TYPEOF:
		return func(f *frame) val { return textOf(typeNames[value(f).kind]) }
	case token.VOID:
		return func(f *frame) val { value(f); return val{} }
	}
	leave()
	return nil
}

// operators are those that look at both sides.
var operators = map[token.Token]func(a, b val) val{
	token.STRICT_EQUAL:     func(a, b val) val { return booleanOf(same(a, b)) },
	token.STRICT_NOT_EQUAL: func(a, b val) val { return booleanOf(!same(a, b)) },
	token.EQUAL:            func(a, b val) val { return booleanOf(alike(a, b)) },
	token.NOT_EQUAL:        func(a, b val) val { return booleanOf(!alike(a, b)) },
	token.LESS:             func(a, b val) val { return booleanOf(before(a, b, false)) },
	token.GREATER:          func(a, b val) val { return booleanOf(before(b, a, false)) },
	token.LESS_OR_EQUAL:    func(a, b val) val { return booleanOf(before(a, b, true)) },
	token.GREATER_OR_EQUAL: func(a, b val) val { return booleanOf(before(b, a, true)) },
	token.PLUS:             plus,
	token.MINUS:            func(a, b val) val { return numberOf(a.toNumber() - b.toNumber()) },
	token.MULTIPLY:         func(a, b val) val { return numberOf(a.toNumber() * b.toNumber()) },
	token.SLASH:            func(a, b val) val { return numberOf(a.toNumber() / b.toNumber()) },
	token.REMAINDER:        func(a, b val) val { return numberOf(math.Mod(a.toNumber(), b.toNumber())) },
}

func (c *compiler) binary(op token.Token, l, r ast.Expression) expression {
	left, right := c.expression(l), c.expression(r)
	switch op {
	case token.LOGICAL_AND:
		return func(f *frame) val {
			if v := left(f); !v.truth() {
				return v
			}
			return right(f)
		}
	case token.LOGICAL_OR:
		return func(f *frame) val {
			if v := left(f); v.truth() {
				return v
			}
			return right(f)
		}
	case token.COALESCE:
		return func(f *frame) val {
			if v := left(f); !v.nullish() {
				return v
			}
			return right(f)
		}
	}
	operator := operators[op]
	if operator == nil {
		leave()
	}
	return func(f *frame) val {
		a := left(f)
		return operator(a, right(f))
	}
}

// compound are the operators of assignments.
var compound = map[token.Token]token.Token{
	token.PLUS: token.PLUS, token.MINUS: token.MINUS, token.MULTIPLY: token.MULTIPLY, token.SLASH: token.SLASH, token.REMAINDER: token.REMAINDER,
}

func (c *compiler) assign(e *ast.AssignExpression) expression {
	slot := c.assignable(e.Left)
	value := c.expression(e.Right)
	if e.Operator == token.ASSIGN {
		return func(f *frame) val {
			v := value(f)
			f.slots[slot] = v
			return v
		}
	}
	operator := operators[compound[e.Operator]]
	if operator == nil {
		leave()
	}
	return func(f *frame) val {
		old := f.slots[slot]
		v := operator(old, value(f))
		f.slots[slot] = v
		return v
	}
}
