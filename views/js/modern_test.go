package js

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"
)

// What functions may be written in. Each is an expression that is true.
var modern = []string{
	`({a: {b: 1}})?.a?.["b"] === 1 && undefined?.x === undefined`, `(null ?? 2) === 2`,
	`Math.max(...[1, 2]) === 2 && ({...{a: 1}, b: 2}).a === 1`, `(({a, ...rest}) => rest.b)({a: 1, b: 2}) === 2`,
	`2n ** 64n === 18446744073709551616n && typeof 1n === 'bigint'`, "`a${1 + 1}` === 'a2'",
	`(class A { #p = 1; static s = 2; get p() { return this.#p } static f() { return A.s } }).f() === 2`,
	`[...(function*() { yield 1; yield* [2, 3] })()].length === 3`, `[1, [2, [3]]].flat(Infinity).length === 3 && [1, 2].flatMap(x => [x, x]).length === 4`,
	`Object.fromEntries([['a', 1]]).a === 1 && Object.entries({a: 1}).length === 1 && Object.values({a: 1})[0] === 1`,
	`[...'a1b2'.matchAll(/[a-z](\d)/g)].length === 2`, `'aaa'.replaceAll('a', 'b') === 'bbb'`, `'x'.padStart(3, '-') === '--x' && ' x '.trimEnd() === ' x'`,
	`/(?<year>\d{4})/.exec('in 2026').groups.year === '2026'`, `/(?<=\$)\d+/.exec('$42')[0] === '42'`, `/^.$/su.test('\n') && /\u{1F600}/u.test('😀')`,
	`new Map([[1, 2]]).get(1) === 2 && new Set([1, 1]).size === 1 && new WeakMap() instanceof WeakMap`, `Symbol.iterator in [] && Symbol('x').description === 'x'`,
	`new Proxy({}, {get: (t, k) => k}).abc === 'abc' && Reflect.ownKeys({a: 1}).length === 1`, `[1, 2, 3].includes(2) && [1, 2, 3].at(-1) === 3 && 'abc'.at(-1) === 'c'`,
	`1_000 === 1000 && 0b11 === 3 && 0o17 === 15`, `(() => { try { throw 1 } catch { return true } })()`, `(() => { let x = null; x ??= 5; x ||= 6; x &&= 7; return x === 7 })()`,
	`new Uint8Array([1, 2]).length === 2 && new DataView(new ArrayBuffer(8)).byteLength === 8`, `globalThis.Array === Array`, `typeof Promise === 'function' && typeof (async () => {}) === 'function'`,
	`[3, 1, 2].toSorted().join() === '1,2,3'`, `Object.hasOwn({a: 1}, 'a')`, `new Error('a', {cause: 'b'}).cause === 'b'`, `[1, 2, 3].findLast(x => x < 3) === 2`, `new Set([1]).union(new Set([2])).size === 2`,
}

// lacking is what the interpreter has not, though ES2020 or later has it: here a
// change of that is noticed.
var lacking = []string{
	`typeof Intl !== 'undefined'`, `typeof structuredClone === 'function'`, `/\p{Lu}/u.test('É')`, `typeof WeakRef === 'function'`, `typeof Atomics === 'object'`,
	`typeof Object.groupBy === 'function'`, `typeof eval('import("x")') === 'object'`, `(async function*() {}).constructor.name === 'AsyncGeneratorFunction'`,
	`(1234.5).toLocaleString('en') === '1,234.5'`,
}

func TestModernJavaScript(t *testing.T) {
	holds := func(expression string) bool {
		p, err := Compile(Source{Design: must(json.Marshal(map[string]any{"shows": map[string]string{"s": "function() { return String(eval(" + string(must(json.Marshal(expression))) + ")) }"}}))}, Limits{})
		require.NoError(t, err)
		response, err := p.Show("s", nil, []byte(request))
		return err == nil && string(response) == `{"body":"true"}`
	}
	for _, e := range modern {
		require.True(t, holds(e), e)
	}
	for _, e := range lacking {
		require.False(t, holds(e), e)
	}
}
