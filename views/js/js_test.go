package js

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/dop251/goja"
	"github.com/stretchr/testify/require"
)

// rows maps one document and lists what came out, one line a row or a failure.
func rows(t testing.TB, p *Program, doc string) (out []string) {
	p.Map([]byte(doc),
		func(fn int, key, value []byte) { out = append(out, fmt.Sprintf("%d %s %s", fn, key, value)) },
		func(fn int, err error) { out = append(out, fmt.Sprintf("%d failed: %v", fn, err)) })
	return out
}

func program(t testing.TB, l Limits, maps ...string) *Program {
	p, err := Compile(Source{Maps: maps, Lib: json.RawMessage(`{"a":"exports.twice=function(n){return require('./deep/b').two*n}","deep":{"b":"exports.two=2; exports.back=require('../c')"},"c":"module.exports='c'","map":"junk ("}`)}, l)
	require.NoError(t, err)
	return p
}

func TestMap(t *testing.T) {
	const doc = ` {"_id":"x","n":3,"f":1.0,"neg":-0,"big":9007199254740993,"s":"a\u00e9\n\"\ud83d\ude00","list":[3, 1, {"deep": [true, 12345678901234567890]}],"o":{"k":null,"a":1},"k":1,"k":2,"e":{},"ea":[]} `
	for _, c := range []struct{ source, want string }{
		{`function(doc){ emit(doc._id, null) }`, `"x" null`},
		{`function(doc){ emit(doc.missing) }`, `null null`},
		{`doc => { const {n} = doc; emit([n, doc.f], doc.neg) };`, `[3,1] 0`},
		{`doc => emit(doc.s, doc.list) // done`, `"aé\n\"😀" [3,1,{"deep":[true,12345678901234567890]}]`},
		{`function(doc){ emit(doc.k, Object.keys(doc).join()) }`, `2 "_id,n,f,neg,big,s,list,o,k,e,ea"`},
		{`function(doc){ emit(isArray(doc.list), [isArray(doc.o), doc.list.length, doc.list.indexOf(1), doc.list.slice(0,2)]) }`, `true [false,3,1,[3,1]]`},
		{`function(doc){ for (var k in doc.o) emit(k, doc.o[k]) }`, `"k" null` + "|" + `"a" 1`},
		{`function(doc){ emit(sum([1,2,3.5]), toJSON({a:[1]})) }`, `6.5 "{\"a\":[1]}"`},
		{`function(doc){ emit(JSON.stringify(doc.o), 'o' in doc && !('q' in doc) && doc.hasOwnProperty('k')) }`, `"{\"k\":null,\"a\":1}" true`},
		{`function(doc){ emit(require('views/lib/a').twice(4), require('views/lib/deep/b').back) }`, `8 "c"`},
		{`function(doc){ emit(new Date(0), {u: undefined, f: function(){}, n: NaN, nested: [undefined, doc.o]}) }`, `"1970-01-01T00:00:00.000Z" {"n":null,"nested":[null,{"k":null,"a":1}]}`},
		{`function(doc){ emit(1e21, [0.1, -0, new String("s"), new Number(2), Object(true)]) }`, `1e+21 [0.1,0,"s",2,true]`},
		{`function(doc){ emit(doc.e, doc.ea) }`, `{} []`},
		{`function(doc){ emit(typeof setTimeout + typeof process + typeof console, typeof maximum) }`, `"undefinedundefinedundefined" "undefined"`},
		{`function(doc){ for (const x of doc.list) if (typeof x === 'number') emit(x, [...doc.list].length) }`, `3 3|1 3`},
	} {
		var want []string
		for _, w := range strings.Split(c.want, "|") {
			want = append(want, "0 "+w)
		}
		require.Equal(t, want, rows(t, program(t, Limits{}, c.source), doc), c.source)
	}
}

func TestDocumentsAreFrozen(t *testing.T) {
	p := program(t, Limits{},
		`function(doc){ doc.a = 2; doc.list[0] = 9; doc.list.length = 0; delete doc.a; doc.o.x = 1; emit(doc.a, doc) }`,
		`function(doc){ emit(doc.a, doc.list) }`,
		`function(doc){ "use strict"; doc.a = 2; emit(1) }`,
		`function(doc){ doc.list.sort(); emit(1) }`)
	got := rows(t, p, `{"a":1,"list":[2,1],"o":{}}`)
	require.Equal(t, []string{`0 1 {"a":1,"list":[2,1],"o":{}}`, `1 1 [2,1]`}, got[:2])
	require.Contains(t, got[2], "2 failed: TypeError")
	require.Contains(t, got[3], "3 failed: TypeError")
}

func TestFailureIsOfItsFunctionAlone(t *testing.T) {
	p := program(t, Limits{Output: 1 << 20},
		`function(doc){ emit(1); throw new Error("no") }`,
		`function(doc){ emit(2) }`,
		`function(doc){ var a = {}; a.a = a; emit(a) }`,
		`function(doc){ emit('x'.repeat(1e9)) }`,
		`function(doc){ emit(require('views/lib/none')) }`,
		`function(doc){ emit(require('../x')) }`,
		`function(doc){ var f = function(){ return f() }; f() }`,
		`function(doc){ var a = ['0123456789']; for (var i = 0; i < 30; i++) a = [a, a]; emit(a) }`,
		`function(doc){ for (;;) emit('0123456789') }`,
		`function(doc){ emit(10n) }`,
		`function(doc){ try { for (;;) emit('0123456789') } catch (e) {} }`)
	got := rows(t, p, `{}`)
	require.Len(t, got, 11)
	require.Equal(t, "1 2 null", got[1])
	for i, g := range got {
		require.True(t, i == 1 || strings.Contains(g, "failed"), g)
	}
	require.Contains(t, rows(t, p, `{}`), "1 2 null", "the machine is used again")
}

func TestLoopIsStopped(t *testing.T) {
	p := program(t, Limits{Time: 100 * time.Millisecond},
		`function(doc){ emit(doc.n); if (doc.n == 2) for (;;) try { for (;;); } catch (e) {} }`, `function(doc){ emit(doc.n) }`)
	require.Equal(t, []string{"0 1 null", "1 1 null"}, rows(t, p, `{"n":1}`))
	for range 3 {
		got := rows(t, p, `{"n":2}`)
		require.Contains(t, got[0], "0 failed: stopped")
		require.Equal(t, "1 2 null", got[1])
	}
	require.Equal(t, tick, p.maps[0].limit())
	require.Equal(t, []string{"0 3 null", "1 3 null"}, rows(t, p, `{"n":3}`))
	require.Equal(t, 100*time.Millisecond, p.maps[0].limit())
}

func TestMemoryIsWatched(t *testing.T) {
	p := program(t, Limits{Heap: 32 << 20}, `function(doc){ var a = []; for (;;) a.push({a: [a.length]}) }`)
	require.Contains(t, rows(t, p, `{}`)[0], "more memory")
}

func TestMachinesAreShared(t *testing.T) {
	p := program(t, Limits{}, `function(doc){ emit(doc.n, doc.list) }`)
	var wg sync.WaitGroup
	for w := range 8 {
		wg.Go(func() {
			for i := range 200 {
				p.Map(fmt.Appendf(nil, `{"n":%d,"list":[%d]}`, i, w), func(_ int, k, v []byte) {
					if string(k) != fmt.Sprint(i) || string(v) != fmt.Sprintf("[%d]", w) {
						t.Errorf("%s %s", k, v)
					}
				}, func(_ int, err error) { t.Error(err) })
			}
		})
	}
	wg.Wait()
}

func TestReduce(t *testing.T) {
	p, err := Compile(Source{Reduces: []string{
		`function(keys, values, rereduce){ values.sort(); return rereduce ? sum(values) : keys.length + ":" + keys[0][1] }`,
		`(k, v, r) => { v[0].n += 1; return v[0] }`,
		`function(){ throw 'bad' }`,
		`function(){ for(;;); }`,
	}}, Limits{Time: 100 * time.Millisecond})
	require.NoError(t, err)
	got, err := p.Reduce(0, []byte(`[["k","id"],["k","id2"]]`), []byte(`[2,1]`))
	require.NoError(t, err)
	require.Equal(t, `"2:id"`, string(got))
	got, err = p.Reduce(0, nil, []byte(`[2,1]`))
	require.NoError(t, err)
	require.Equal(t, `3`, string(got))
	got, err = p.Reduce(1, nil, []byte(`[{"n":1}]`))
	require.NoError(t, err)
	require.Equal(t, `{"n":2}`, string(got))
	_, err = p.Reduce(2, nil, []byte(`[]`))
	require.ErrorContains(t, err, "bad")
	_, err = p.Reduce(3, nil, []byte(`[]`))
	require.ErrorIs(t, err, ErrStopped)
}

func TestCheck(t *testing.T) {
	for _, ok := range []string{`function(doc){}`, `doc=>1`, ` function f(d) {} ; `, "// c\nfunction(d){} // c", `(function(d){})`, `async function(d){}`} {
		require.NoError(t, Check(ok), ok)
	}
	for _, bad := range []string{``, `1`, `function(doc){`, `var f = 1`, `function(d){} function(e){}`, `throw 1`, `(function(){for(;;);})()`} {
		require.Error(t, Check(bad), bad)
	}
}

// Whatever JSON the store accepts, a document emitted whole comes out as it was, and
// one taken apart by the function is equal to it.
func FuzzDocument(f *testing.F) {
	for _, s := range []string{`{}`, `{"a":[1,2,{"b":"\\\"\u00e9"}],"c":-1.5e3}`, `{"":{"":[]},"x":null,"y":[[],[{}]]}`, `{"a":1,"a":2}`, `{"__proto__":{"x":1},"length":3}`} {
		f.Add([]byte(s))
	}
	p := program(f, Limits{}, `function(doc){ emit(null, doc) }`, `function(doc){
		var n = function(v) { if (isArray(v)) v.forEach(n); else if (v && typeof v === 'object') Object.keys(v).forEach(function(k) { n(v[k]) }) };
		n(doc); emit(null, JSON.stringify(doc)) }`)
	f.Fuzz(func(t *testing.T, doc []byte) {
		if !json.Valid(doc) || doc[bytes.IndexAny(doc, "{[\"0123456789-tfn")] != '{' || bytes.Count(doc, []byte("[")) > 100 || bytes.Count(doc, []byte("{")) > 100 {
			return
		}
		var want bytes.Buffer
		require.NoError(t, json.Compact(&want, doc))
		got := rows(t, p, string(doc))
		require.Equal(t, "0 null "+want.String(), got[0])
		require.NotContains(t, got[1], "failed")
	})
}

func benchmarkDoc() []byte {
	r := rand.New(rand.NewSource(1))
	words := []string{"alpha", "bravo", "charlie", "delta", "echo", "foxtrot", "golf", "hotel", "india", "juliet"}
	var text strings.Builder
	for range 60 {
		text.WriteString(words[r.Intn(10)] + " ")
	}
	b, _ := json.Marshal(map[string]any{"_id": "doc00000001", "type": "post", "n": 12345, "tags": []string{"alpha", "echo"}, "author": map[string]any{"name": "golf", "age": 42}, "score": r.Float64(), "text": text.String()})
	return b
}

// benchmarkPackument is a document of 140 kB.
func benchmarkPackument() []byte {
	versions := map[string]any{}
	for i := range 100 {
		versions[fmt.Sprintf("1.%d.0", i)] = map[string]any{"name": "pkg", "version": fmt.Sprintf("1.%d.0", i), "deprecated": i%10 == 0,
			"dependencies": map[string]string{"left-pad": "^1.0.0", "lodash": "~4.17.0"}, "description": strings.Repeat("what it does, ", 85)}
	}
	b, _ := json.Marshal(map[string]any{"_id": "pkg", "versions": versions, "dist-tags": map[string]string{"latest": "1.99.0"}, "time": map[string]string{"modified": "2024-01-01"}})
	return b
}

// BenchmarkMap compares the ways of running map functions on a document: plain ones, those on the
// interpreter with documents that are decoded where they are touched, and the simplest way.
func BenchmarkMap(b *testing.B) {
	for _, c := range []struct {
		name string
		doc  []byte
		maps []string
	}{
		{"small", benchmarkDoc(), []string{
			`function(doc){ if (doc.type==='post') { for (var i=0;i<doc.tags.length;i++) emit([doc.tags[i], doc.n], doc.score); } }`,
			`function(doc){ emit(doc.author.name, doc.author.age); }`}},
		{"packument", benchmarkPackument(), []string{
			`function(doc){ emit(doc._id, doc["dist-tags"].latest); }`,
			`function(doc){ for (var v in doc.versions) if (doc.versions[v].deprecated) emit([doc._id, v], null); }`}},
	} {
		run := func(way string, p *Program) {
			b.Run(c.name+"/"+way, func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					p.Map(c.doc, func(int, []byte, []byte) {}, func(_ int, err error) { b.Error(err) })
				}
			})
		}
		run("plain", program(b, Limits{}, c.maps...))
		run("lazy", interpreted(b, c.maps...))
		b.Run(c.name+"/parsed", func(b *testing.B) {
			b.ReportAllocs()
			vm := goja.New()
			_, err := vm.RunString("var rows = []; function emit(k, v) { rows.push([k, v]) }; var maps = [" + strings.Join(c.maps, ",") + "]; " +
				"function run(text) { var doc = JSON.parse(text); rows = []; maps.forEach(function (f) { f(doc) }); return JSON.stringify(rows) }")
			require.NoError(b, err)
			run, _ := goja.AssertFunction(vm.Get("run"))
			for b.Loop() {
				_, err := run(goja.Undefined(), vm.ToValue(string(c.doc)))
				require.NoError(b, err)
			}
		})
	}
}
