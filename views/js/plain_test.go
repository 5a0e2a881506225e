package js

import (
	"fmt"
	"math"
	"math/rand/v2"
	"regexp"
	"strings"
	"testing"

	"github.com/dop251/goja"
	"github.com/stretchr/testify/require"

	"settee/fixtures"
)

// rowsOf maps a document and tells rows and failures.
func rowsOf(p *Program, doc string) (all []string) {
	p.Map([]byte(doc),
		func(fn int, key, value []byte) { all = append(all, fmt.Sprintf("%d %s %s", fn, key, value)) },
		func(fn int, err error) {
			all = append(all, fmt.Sprintf("%d failed: %s", fn, address.ReplaceAllString(err.Error(), "0x")))
		})
	return all
}

var address = regexp.MustCompile("0x[0-9a-f]+") // some of the interpreter's messages have them

// interpreted is the same program without plain functions.
func interpreted(t testing.TB, maps ...string) *Program {
	p := program(t, Limits{}, maps...)
	p.plain = false
	return p
}

func isPlain(source string) bool { return compilePlain(source) != nil }

func TestPlain(t *testing.T) {
	docs := []string{
		`{}`, `{"_id":"x","a":1,"b":"two","c":[1,"x",null,[],{"y":[{}]}],"d":{"e":{"f":true},"1":"one"},"e":false,"n":null}`,
		`{"a":"5","b":"Tëxt","c":[],"d":{},"e":-0,"n":1e400,"s":"\ud83d\ude00 \u0041\\\"","a":12345678901234567890}`,
		` {"a" : 0.1, "b" : "  Pad ","c":[ 3 , 1 , 2 ] , "d":{"z":1,"a":2,"10":3,"z":4},"s":"2024-01-31T10:00:00Z"} `,
		`{"a":{"length":3},"b":["x"],"c":"abc","d":[1],"constructor":1,"toString":"x"}`,
		`{"m0":0,"m1":1,"m2":2,"m3":3,"m4":4,"m5":5,"m6":6,"m7":7,"m8":8,"m9":9,"a":10,"b":11,"c":[12],"d":{"x":13},"e":14,"n":15,"s":"16","m9":99,"t":17}`,
	}
	for _, c := range []struct {
		body  string
		plain bool
	}{
		{`emit(doc.a, doc.b)`, true},
		{`emit(doc)`, true},
		{`emit()`, true},
		{`emit([doc.a, [doc.b, undefined], {x: doc.n, y: undefined, "z": [doc.c]}], doc.d)`, true},
		{`if (doc.a) emit(doc.a); else if (doc.b) { emit(doc.b, 1) } else emit(null)`, true},
		{`for (var i = 0; i < doc.c.length; i++) emit(doc.c[i], i)`, true},
		{`for (let i in doc.c) { if (i == "1") continue; if (i === "3") break; emit(i, doc.c[i]) }`, true},
		{`for (var k in doc.d) emit(k, doc.d[k])`, true},
		{`for (const x of doc.c) emit(x)`, true},
		{`for (let doc of doc.c) emit(doc)`, false},
		{`doc.c.forEach(function (x, i) { if (!x) return; emit([i, x], doc.a) })`, true},
		{`doc.c?.forEach(x => { let y = x; emit(y) }); emit(doc.d?.e?.f, doc.q?.r.s)`, true},
		{`var n = 0; while (n < 3) { n += 1; if (n == 2) continue; emit(n) } n--; emit(n++, n)`, true},
		{`emit(typeof doc.a, typeof doc.zz); emit(typeof doc.c, typeof doc.n)`, true},
		{`emit(doc.a + 1, doc.a + doc.b); emit(doc.a * 2, doc.a % 3)`, true},
		{`emit(doc.a == 1, doc.a === "5"); emit(doc.n == null, doc.zz != undefined)`, true},
		{`emit(doc.a < 2, doc.b > "a"); emit(doc.a <= 1, doc.zz >= 1)`, true},
		{`emit(doc.a && doc.b, doc.a || doc.b); emit(doc.n ?? "none", !doc.e)`, true},
		{`emit(doc.s.substring(0, 4), doc.s.slice(-3)); emit(doc.b.toLowerCase(), doc.b.trim())`, true},
		{`emit(doc.b.indexOf("t"), doc.c.indexOf(null)); emit(doc.b[1], doc.b.charAt(9))`, true},
		{"emit(`${doc.a}-${doc.b}-${doc.n}`, doc.d[1])", true},
		{`"use strict"; const k = doc.a, v = doc.b; emit(k, v)`, true},
		{`emit(isArray(doc.c), Array.isArray(doc.d))`, true},
		{`emit(doc.d.e.f)`, true},
		{`emit(doc.constructor)`, false},
		{`emit(doc.c.push)`, true},
		{`emit(doc.a.length, doc.c.length)`, true},
		{`emit(-doc.a, +doc.a); emit(1 / -0, 0 / 0)`, true},
		{`if (!doc.a) throw new Error("none"); emit(1)`, true},
		{`emit(emit(1), 2)`, false},
		{`x = 1; emit(x)`, false},
		{`emit(y); let y = 1`, false},
		{`const y = 1; y = 2; emit(y)`, false},
		{`doc.a = 1; emit(doc.a)`, false},
		{`var a = [1]; a.push(2); emit(a)`, false},
		{`emit({1: 2, a: 1})`, false},
		{`emit({a: 1, a: 2})`, false},
		{`emit(new Date(0))`, false},
		{`emit(this, arguments)`, false},
		{`var emit = 1; emit(2)`, false},
		{`undefined_function(doc)`, false},
	} {
		source := "function (doc) {" + c.body + "}"
		require.Equal(t, c.plain, isPlain(source), source)
		p, want := program(t, Limits{}, source, "doc => emit(doc.a)"), interpreted(t, source, "doc => emit(doc.a)")
		for _, doc := range docs {
			require.Equal(t, rowsOf(want, doc), rowsOf(p, doc), "%s %s", source, doc)
		}
	}
	for source, plain := range map[string]bool{
		"doc => emit(doc.a)": true, "(doc, x) => { emit(doc.a, x) }; ": true, "function named(doc) { emit(1) } // why": true,
		"function emit(doc) { emit(1) }": false, "function f(doc) { f(doc) }": false, "function ({a}) { emit(a) }": false,
		"function (doc = 1) { emit(doc) }": false, "async doc => emit(1)": false, "function* (doc) { emit(1) }": false,
		"function (...docs) { emit(1) }": false, "function (a, a) { emit(a) }": false, "1": false,
	} {
		require.Equal(t, plain, isPlain(source), source)
	}
}

// A plain function that never ends, or grows without end, is stopped as any other is.
func TestPlainIsStopped(t *testing.T) {
	for _, body := range []string{`for (;;) ;`, `for (;;) emit(doc)`, `var s = "x"; while (true) s += s`} {
		source := "function (doc) {" + body + "}"
		require.True(t, isPlain(source))
		p := program(t, Limits{Time: 200 * tick / 50, Output: 1 << 20, Heap: 64 << 20}, source, "doc => emit(doc.a)")
		for range 3 {
			got := rowsOf(p, `{"a":1}`)
			require.Len(t, got, 2)
			require.Contains(t, got[0], "0 failed: ")
			require.Equal(t, "1 1 null", got[1], "the others run on")
		}
	}
}

// A function that must leave on most documents is not tried for ever.
func TestPlainGivesUp(t *testing.T) {
	p := program(t, Limits{}, `function (doc) { emit(doc.a.sort) }`)
	f := p.frame([]byte(`{"a":[]}`))
	for range 200 {
		f.mapPlain(0, p.maps[0], nil)
	}
	require.Less(t, f.luck[0].ran, 60)
}

func TestNumbersAreWrittenAsJavaScriptDoes(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	vm := goja.New()
	numbers := []float64{0, math.Copysign(0, -1), 1, -1, 1e15, 1e20, 1e21, 1e22, 1.5e-6, 1e-6, 1e-7, 123e-9, 5e-324, math.MaxFloat64, 1 << 53, 0.1, 12345.678, 4.5e15, 1e300, math.Inf(1), math.NaN()}
	for range 20000 {
		numbers = append(numbers, math.Float64frombits(r.Uint64()), r.NormFloat64()*math.Pow(10, float64(r.IntN(50)-25)), math.Trunc(r.NormFloat64()*1e16))
	}
	for _, f := range numbers {
		require.Equal(t, vm.ToValue(f).String(), string(appendNumber(nil, f)), "%b", f)
	}
}

// writing draws functions from bytes.
type writing struct {
	data []byte
	at   int
	vars []string // and the counters of loops, which nothing else changes
	deep int
}

func (w *writing) draw(n int) int {
	if w.at >= len(w.data) {
		return 0
	}
	w.at++
	return int(w.data[w.at-1]) % n
}

func (w *writing) pick(of ...string) string { return of[w.draw(len(of))] }

func (w *writing) expression() string {
	if w.deep++; w.deep > 12 {
		w.deep--
		return "1"
	}
	defer func() { w.deep-- }()
	e := w.expression
	switch w.draw(22) {
	case 0:
		return w.pick("0", "1", "-1", "2.5", "1e21", "1e-7", "NaN", "Infinity", "123456789012345678")
	case 1:
		return w.pick(`""`, `"a"`, `"b"`, `"5"`, `"é"`, `"😀"`, `"length"`, `"0"`, `"x\ny"`)
	case 2:
		return w.pick("true", "false", "null", "undefined")
	case 3, 4, 5, 6:
		return "doc." + w.pick("a", "b", "c", "d", "e", "n", "s", "zz")
	case 7:
		return "doc." + w.pick("c", "d") + "[" + e() + "]"
	case 8:
		return "(" + e() + ")" + w.pick(".", "?.") + w.pick("length", "a", "e", "f", "zz")
	case 9, 10:
		return "(" + e() + w.pick("+", "-", "*", "/", "%") + e() + ")"
	case 11, 12:
		return "(" + e() + w.pick("==", "!=", "===", "!==", "<", ">", "<=", ">=") + e() + ")"
	case 13:
		return "(" + e() + w.pick("&&", "||") + e() + ")"
	case 14:
		return "(" + w.pick("!", "-", "+", "typeof ", "void ") + e() + ")"
	case 15:
		return "(" + e() + "?" + e() + ":" + e() + ")"
	case 16:
		return "(" + e() + ")." + w.pick("toLowerCase()", "toUpperCase()", "trim()", "slice("+e()+")", "slice("+e()+","+e()+")",
			"substring("+e()+","+e()+")", "charAt("+e()+")", "indexOf("+e()+")", "includes("+e()+")", "startsWith("+e()+")", "endsWith("+e()+")")
	case 17:
		return "`" + w.pick("", "x", "é") + "${" + e() + "}`"
	case 18:
		return "isArray(" + e() + ")"
	case 19:
		if len(w.vars) > 0 {
			v := w.pick(w.vars...)
			if v[0] == 'i' {
				return v
			}
			return "(" + w.pick(v, v+"++", "--"+v, v+" = "+e(), v+" += "+e()) + ")"
		}
		return "doc"
	case 20:
		return "(" + e() + " ?? " + e() + ")"
	}
	if len(w.vars) > 0 {
		return w.pick(w.vars...)
	}
	return "doc"
}

func (w *writing) emitted() string {
	switch e := w.expression; w.draw(5) {
	case 0:
		return "[" + e() + "," + e() + "]"
	case 1:
		return "{p:" + e() + ", \"q r\":[" + e() + "], z:" + e() + "}"
	default:
		return e()
	}
}

func (w *writing) statement() string {
	if w.deep++; w.deep > 6 {
		w.deep--
		return "emit(1);"
	}
	defer func() { w.deep-- }()
	block := func() string {
		known := len(w.vars)
		defer func() { w.vars = w.vars[:known] }()
		return "{" + w.statement() + w.statement() + "}"
	}
	within := func(v, head string) string {
		w.vars = append(w.vars, v)
		defer func() { w.vars = w.vars[:len(w.vars)-1] }()
		return head + block()
	}
	v := fmt.Sprint("v", len(w.vars))
	switch w.draw(12) {
	case 0, 1, 2, 3:
		return "emit(" + w.emitted() + "," + w.emitted() + ");"
	case 4:
		return "if (" + w.expression() + ") " + block() + " else " + block()
	case 5:
		s := w.pick("var ", "let ", "let ") + v + " = " + w.expression() + ";"
		w.vars = append(w.vars, v)
		return s
	case 6:
		i := fmt.Sprint("i", len(w.vars))
		return within(i, "for (let "+i+" = 0; "+i+" < 3; "+i+"++) ")
	case 7:
		return within(v, "for (var "+v+w.pick(" in ", " of ")+w.expression()+") ")
	case 8:
		return within(v, "("+w.pick("doc.c", w.expression())+").forEach(function ("+v+") ") + ");"
	case 9:
		return w.pick("return;", "if ("+w.expression()+") throw 1;")
	case 10:
		return w.expression() + ";"
	}
	return block()
}

func (w *writing) value(deep int) string {
	if deep > 3 {
		return "1"
	}
	switch w.draw(12) {
	case 0:
		return w.pick("0", "-0", "1", "5", "-7", "1.0", "0.1", "1e3", "1e400", "9007199254740993", "12345678901234567890")
	case 1, 2:
		return w.pick(`""`, `"a"`, `"b"`, `"5"`, `"Abc"`, `" x "`, `"é"`, `"\ud83d\ude00"`, `"\ud800"`, `"a\"b\\"`, `"length"`)
	case 3:
		return w.pick("true", "false", "null")
	case 4, 5, 6:
		return "[" + w.value(deep+1) + " , " + w.value(deep+1) + "]"
	case 7, 8, 9:
		return `{"a":` + w.value(deep+1) + `,"` + w.pick("e", "f", "1", "a", "é", "toString") + `":` + w.value(deep+1) + "}"
	}
	return w.pick("[]", "{}")
}

func (w *writing) document() string {
	doc := `{"_id":"x"`
	for _, name := range []string{"a", "b", "c", "d", "e", "n", "s"} {
		if w.draw(4) > 0 {
			doc += `,"` + name + `":` + w.value(0)
		}
	}
	return doc + "}"
}

// compare holds a drawn function to the same rows and failures, interpreted and plain.
func compareDrawn(t *testing.T, data []byte) (plain bool) {
	w := &writing{data: data}
	var docs []string
	for range 3 {
		docs = append(docs, w.document())
	}
	source := "function (doc) {" + w.statement() + w.statement() + w.statement() + "}"
	if _, err := compile(source); err != nil {
		return false
	}
	p := program(t, Limits{}, source)
	if !p.plain {
		return false
	}
	want := interpreted(t, source)
	for _, doc := range docs {
		require.Equal(t, rowsOf(want, doc), rowsOf(p, doc), "%s\n%s", source, doc)
		if f := p.frame([]byte(doc)); f.runPlain(p.maps[0].plain, &f.luck[0]) {
			plain = true
		}
	}
	return plain
}

func TestPlainIsExact(t *testing.T) {
	r := fixtures.Dice(t)
	plain, n := 0, 3000
	if testing.Short() {
		n = 500
	}
	for range n {
		data := make([]byte, 20+r.IntN(300))
		for i := range data {
			data[i] = byte(r.Uint32())
		}
		if compareDrawn(t, data) {
			plain++
		}
	}
	require.Greater(t, plain, n/20, "most must not have been left")
	t.Logf("%d of %d ran plain", plain, n)
}

func FuzzPlain(f *testing.F) {
	f.Add([]byte(strings.Repeat("\x01\x05\x09\x11", 60)))
	f.Add([]byte("emit a document, and then some more of it, in every way there is"))
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) < 2000 {
			compareDrawn(t, data)
		}
	})
}
