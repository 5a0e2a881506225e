package js

import (
	"slices"
	"unicode/utf8"

	"github.com/dop251/goja"
	"github.com/dop251/goja/ast"
)

// plain is a map function made of what needs no interpreter: conditions, loops, members, operators
// and emit, compiled to Go closures that read the document's JSON. It has no effect but its
// rows, so where it needs more, it is left and the interpreter runs it from its start.
type plain struct {
	body  statement
	slots int
}

type (
	expression func(f *frame) val
	// statement runs and tells how it ended.
	statement func(f *frame) flow
	// writer writes a value as JSON; false: there is none, it is undefined.
	writer func(f *frame) bool
)

type flow uint8

const (
	onward flow = iota
	broken
	continued
	returned
)

// compilePlain returns nil where a function is more than plain.
func compilePlain(source string) (p *plain) {
	program, err := goja.Parse("", asExpression(source))
	if err != nil || len(program.Body) != 1 {
		return nil
	}
	s, ok := program.Body[0].(*ast.ExpressionStatement)
	if !ok {
		return nil
	}
	defer func() {
		if r := recover(); r != nil {
			if _, not := r.(outside); !not {
				panic(r)
			}
			p = nil
		}
	}()
	c := compiler{}
	body := c.function(s.Expression, 1)
	return &plain{body.run, c.slots}
}

// runPlain runs a map function on the frame's document. False: the interpreter is to run it.
func (f *frame) runPlain(p *plain, l *luck) (done bool) {
	f.out, f.rows, f.steps = f.out[:0], f.rows[:0], 0
	f.slots = slices.Grow(f.slots[:0], p.slots)[:p.slots]
	clear(f.slots)
	f.slots[0] = val{kind: isObject}
	l.ran++
	defer func() {
		if r := recover(); r != nil {
			if _, left := r.(outside); !left {
				panic(r)
			}
			l.left++
		}
	}()
	p.body(f)
	return true
}

// frame takes an idle frame for a document; nil where none of the functions is plain, or can be on this document.
func (p *Program) frame(doc []byte) *frame {
	if !p.plain || len(doc) == 0 || doc[0] != '{' || len(doc) > maxPlain || !utf8.Valid(doc) {
		return nil
	}
	f, ok := p.frames.Get().(*frame)
	if !ok {
		f = &frame{limit: p.limits.Output, time: p.limits.Time, luck: make([]luck, len(p.maps))}
	}
	f.read(doc)
	return f
}

// maxPlain is how large a document may be: places in it are 32 bits.
const maxPlain = 1 << 30

func (p *Program) letGo(f *frame) {
	if f != nil {
		f.forget()
		p.frames.Put(f)
	}
}

// mapPlain runs a map function without the interpreter, where that can be.
func (f *frame) mapPlain(i int, fn *function, emit func(fn int, key, value []byte)) bool {
	if f == nil || fn.plain == nil || f.luck[i].bad() || !f.runPlain(fn.plain, &f.luck[i]) {
		return false
	}
	if fn.slow.Load() {
		fn.finished(nil, f.time)
	}
	for _, r := range f.rows {
		emit(i, f.out[r.key:r.value], f.out[r.value:r.end])
	}
	return true
}
