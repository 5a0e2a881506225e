package packuments

import (
	"encoding/json"
	"fmt"
	"iter"
	"math/rand"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/dop251/goja"
	"github.com/stretchr/testify/require"

	"settee/couch"
	"settee/fixtures"
	"settee/views/js"
)

type row struct{ Key, Value string }

// interpreter is JavaScript as in CouchDB: documents are parsed whole.
type interpreter struct {
	*goja.Runtime
	parse, stringify goja.Callable
	views            map[string]goja.Callable
	rows             []row
}

func newInterpreter() *interpreter {
	in := &interpreter{Runtime: goja.New(), views: map[string]goja.Callable{}}
	function := func(source string) goja.Callable {
		v, err := in.RunString("(" + source + ")")
		if err != nil {
			panic(err)
		}
		f, _ := goja.AssertFunction(v)
		return f
	}
	in.parse, in.stringify = function("JSON.parse"), function("JSON.stringify")
	err := in.Set("emit", func(c goja.FunctionCall) goja.Value {
		var parts [2]string
		for i := range parts {
			out, err := in.stringify(nil, c.Argument(i))
			if err != nil {
				panic(err)
			}
			parts[i] = out.String()
		}
		in.rows = append(in.rows, row{parts[0], parts[1]})
		return goja.Undefined()
	})
	if err != nil {
		panic(err)
	}
	for _, t := range twins {
		in.views[t.view] = function(Source(t.view))
	}
	return in
}

// javascript runs a view's map function over a document.
func (in *interpreter) javascript(t testing.TB, view, doc string) []row {
	object, err := in.parse(nil, in.ToValue(doc))
	require.NoError(t, err, doc)
	in.rows = nil
	_, err = in.views[view](nil, object)
	require.NoError(t, err, "%s of %s", view, doc)
	return in.rows
}

func javascript(t testing.TB, view, doc string) []row {
	return newInterpreter().javascript(t, view, doc)
}

// native are the rows of all twins, by view.
func native(doc string) map[string][]row {
	numbers, rows := []int{}, map[string][]row{}
	for i := range twins {
		numbers = append(numbers, len(twins)-1-i) // in another order than their own
	}
	Map([]byte(doc), numbers, func(n int, k, v []byte) {
		view := twins[numbers[n]].view
		rows[view] = append(rows[view], row{string(k), string(v)})
	})
	return rows
}

// sandbox is the program that the engine would run in the twins' place.
var sandbox = sync.OnceValue(func() *js.Program {
	var s js.Source
	for _, t := range twins {
		s.Maps = append(s.Maps, Source(t.view))
	}
	p, err := js.Compile(s, js.Limits{Time: time.Minute})
	if err != nil {
		panic(err)
	}
	return p
})

func sandboxed(t testing.TB, doc string) map[string][]row {
	rows := map[string][]row{}
	sandbox().Map([]byte(doc), func(fn int, k, v []byte) {
		rows[twins[fn].view] = append(rows[twins[fn].view], row{string(k), string(v)})
	}, func(fn int, err error) { require.NoError(t, err, "%s of %s", twins[fn].view, doc) })
	return rows
}

// requireSameRows holds the twins to JavaScript as CouchDB and as the engine run it. Rows of
// one key are compared in any order: JavaScript puts names that are numbers first.
func requireSameRows(t testing.TB, in *interpreter, doc string) {
	t.Helper()
	twin, lazy := native(doc), sandboxed(t, doc)
	for _, v := range twins {
		want := canonical(t, in.javascript(t, v.view, doc))
		require.Equal(t, want, canonical(t, twin[v.view]), "twin: %s of %s", v.view, doc)
		require.Equal(t, want, canonical(t, lazy[v.view]), "sandbox: %s of %s", v.view, doc)
	}
	var value string // the key is checked above
	for _, r := range twin["abbreviated"] {
		value = r.Value
	}
	require.Equal(t, value, string(Abbreviated([]byte(doc))))
}

func canonical(t testing.TB, rows []row) []string {
	out := []string{}
	for _, r := range rows {
		var v any
		require.NoError(t, json.Unmarshal([]byte("["+r.Key+","+r.Value+"]"), &v), r)
		text, err := json.Marshal(v)
		require.NoError(t, err)
		out = append(out, string(text))
	}
	slices.Sort(out)
	return out
}

// odd are documents as no client writes them, and as clients of all times do.
func odd() []string {
	wrap := func(manifest string) string {
		return `{"_id":"p","name":"p","dist-tags":{"latest":"1.0.0"},"versions":{"1.0.0":` + manifest +
			`},"time":{"modified":"2024-01-01T00:00:00.000Z","1.0.0":"2024-01-01T00:00:00.000Z"}}`
	}
	return []string{
		`{"_id":"p"}`, `{"_id":"p","versions":{}}`, `{"_id":"p","versions":[]}`, `{"_id":"p","versions":null}`, `{"_id":"p","versions":"x"}`,
		`{"_id":"p","time":{"unpublished":{"name":"bob","versions":["1.0.0"]}}}`,
		`{"_id":"@s/n","versions":{"1.0.0":{"name":"@s/n"}}}`,
		`{"_id":"p","versions":{"1.0.0":null,"1.0.1":[],"1.0.2":"x","1.0.3":{}}}`,
		`{"_id":"p","versions":{"__proto__":{"name":"evil"}}}`,
		`{"_id":"p","versions":{"1.0.0":{}},"time":[]}`, `{"_id":"p","versions":{"1.0.0":{}},"time":{"1.0.0":1}}`,
		`{"_id":"p","versions":{"1.0.0":{}},"time":{"modified":2}}`, `{"_id":"p","versions":{"1.0.0":{}},"dist-tags":[]}`,
		`{ "_id" : "p" , "versions" : { "1.0.0" : { "bin" : "x" , "os" : [ "linux" , "!win32" ] } , "2.0.0" : { } } , "time" : { "1.0.0":"a" } }`,
		`{"\u005fid":"p","versi\u006fns":{"1.0\u002e0":{"b\u0069n":"cli.js","x":"}{\"\\"}},"time":{"1.0.0":"a"}}`,
		wrap(`{"bundleDependencies":false}`), wrap(`{"bundleDependencies":true,"bundledDependencies":["a"]}`), wrap(`{"bundledDependencies":["a"]}`),
		wrap(`{"bin":"cli.js","directories":{"bin":"./bin"}}`), wrap(`{"os":"linux","cpu":["x64"],"libc":"glibc"}`),
		wrap(`{"deprecated":""}`), wrap(`{"deprecated":false}`), wrap(`{"deprecated":"no \"more\" \\"}`),
		wrap(`{"engines":["node >= 0.8"]}`), wrap(`{"engines":{"node":">=1"}}`), wrap(`{"funding":"https://x"}`),
		wrap(`{"hasInstallScript":false}`), wrap(`{"hasInstallScript":true}`), wrap(`{"hasInstallScript":"true"}`), wrap(`{"hasInstallScript":1}`),
		wrap(`{"scripts":{"install":""}}`), wrap(`{"scripts":{"install":"x"}}`), wrap(`{"scripts":{"postinstall":"x","test":"y"}}`), wrap(`{"scripts":["install"]}`),
		wrap(`{"scripts":{"preinstall":null}}`), wrap(`{"_hasShrinkwrap":true,"_npmUser":{"name":"x"},"readme":"gone"}`),
		wrap(`{"dependencies":{"__proto__":"1","constructor":"2"},"peerDependenciesMeta":{"a":{"optional":true}}}`),
		wrap(`{"dist":{"tarball":"/p/-/p-1.0.0.tgz","signatures":[{"keyid":"k","sig":"s"}],"unpackedSize":12345678901234}}`),
		wrap(`{"constructor":{},"hasOwnProperty":1,"name":"p","version":"1.0.0"}`),
		wrap(`{"license":{"type":" MIT "},"licenses":7}`), wrap(`{"license":[null,{},{"type":7},"\u00a0ISC\ufeff","ISC"]}`), wrap(`{"license":[[]],"licenses":{"type":"x\\y"}}`),
		wrap(`{"deprecated":true}`), wrap(`{"deprecated":"\u0000"}`), wrap(`{"deprecated":{"a":1}}`), wrap(`{"deprecated":1e3}`),
		wrap(`{"dependencies":["a"],"optionalDependencies":{"":"x","b":null,"B":["y"]},"peerDependencies":{"b":"1","\u0062":"2","ö":"3"}}`),
		wrap(`{"dist":{"integrity":""}}`), wrap(`{"dist":["x"]}`), wrap(`{"dist":{"integrity":["x"]}}`), wrap(`{"dist":{"integrity":"sha1-a sha512-b"}}`),
		wrap(`{"scripts":{"preinstall":"a","install":"b","postinstall":"c","__proto__":"d"}}`),
		`{"_id":"p","versions":{"1.0.0":{}},"dist-tags":{"latest":"toString"}}`, `{"_id":"p","versions":{"1.0.0":{}},"dist-tags":{"latest":["1.0.0"]}}`,
		`{"_id":"p","versions":{"1":{"dependencies":{"a":"1"}}},"dist-tags":{"latest":1}}`, `{"_id":"p","versions":{"1.0.0":[]},"dist-tags":{"latest":"1.0.0"}}`,
		`{"_id":"p","versions":{"__proto__":{"dependencies":{"a":"1"}}},"dist-tags":{"latest":"__proto__"}}`,
		`{"_id":"p","versions":{"10":{"dist":{"integrity":"i"}},"9":{"dist":{"integrity":"j"}},"x":{"dist":{"integrity":"k"}}}}`,
		`{"_id":"@s/n/m","versions":{}}`, `{"_id":"@/n","versions":{}}`, `{"_id":"@s","versions":{}}`, `{"_id":"s@s/n","versions":{}}`, `{"_id":"@é\"/\u006e","versions":{}}`,
		`{"_id":"p","versions":{},"keywords":"Σίσυφος ΣΑΣ, İstanbul,,\ufeffx\u0085, \u180e,\tq\n,r&d,DŽ","maintainers":"Ann (x) <a@b>"}`,
		`{"_id":"p","versions":{},"keywords":["ΑΣ","ας","a\"b",7,null,["c"],{"d":1},"toString","ẞ","İ"],"maintainers":["\u2003Bob\u2029","<x>",{"name":"Bob"},{"name":""},{"name":["x"]},7]}`,
		`{"_id":"p","versions":{},"keywords":{"0":"a"},"maintainers":{"name":"é\ud83d\ude00"},"users":{"a":true,"b":1,"c":"true","__proto__":true,"\u00e9":true}}`,
		`{"_id":"p","versions":{},"users":["a"],"time":{"modified":""}}`, `{"_id":"p","versions":{},"users":"a","time":{"modified":7}}`, `{"_id":"p","time":"2020"}`,
		`{"_id":"p","time":{"created":"2020-01-01T00:00:00.000Z","modified":"2021-01-01T00:00:00.000Z","unpublished":{"name":"bob","time":"2021","versions":["1.0.0"]}},"dist-tags":{}}`,
		`{"versions":{"1.0.0":{"name":"first"}},"_id":"late","time":{"1.0.0":"t","modified":"m"}}`,
		`{"_id":"p","versions":{"":{"dist":{"integrity":"x"}}},"dist-tags":{"latest":""},"time":{"":"t"}}`,
	}
}

func TestTwinsEmitTheRowsOfOddDocuments(t *testing.T) {
	in := newInterpreter()
	for _, doc := range odd() {
		requireSameRows(t, in, doc)
	}
}

// packument is a random one of the shape real ones have.
func packument(r *rand.Rand, versions int) string {
	manifests, times := map[string]any{}, map[string]any{"created": "2020-01-01T00:00:00.000Z", "modified": "2024-05-05T01:02:03.456Z"}
	pick := func(from ...any) any { return from[r.Intn(len(from))] }
	last := ""
	for i := range versions {
		last = fmt.Sprintf("%d.%d.%d%v", i/50, i%50, r.Intn(9), pick("", "", "-beta.1"))
		m := map[string]any{"name": "pkg", "version": last, "description": "some «text» " + strings.Repeat("\\\"x", r.Intn(9)),
			"main": "index.js", "license": pick("MIT", map[string]any{"type": "BSD"}), "_id": "pkg@" + last, "readmeFilename": "README.md",
			"repository": map[string]any{"type": "git", "url": "git+ssh://x"}, "keywords": []string{"a", "b"}, "gitHead": "0123456789abcdef",
			"dist": map[string]any{"shasum": strings.Repeat("ab", 20), "integrity": "sha512-" + strings.Repeat("A", 86) + "==", "tarball": "/pkg/-/pkg-" + last + ".tgz", "fileCount": r.Intn(99), "unpackedSize": r.Intn(1 << 20)}}
		for k, v := range map[string]any{
			"dependencies": map[string]string{"a": "^1.0.0", "@s/b": "~2"}, "devDependencies": map[string]string{"mocha": "*"},
			"peerDependencies": map[string]string{"react": ">=16"}, "peerDependenciesMeta": map[string]any{"react": map[string]bool{"optional": true}},
			"bundleDependencies": pick(false, true, []string{"a"}), "bundledDependencies": []string{"z"}, "bin": pick("cli.js", map[string]string{"x": "./x"}),
			"os": pick("linux", []string{"darwin", "linux"}), "cpu": []string{"x64"}, "libc": pick("musl", []string{"glibc"}), "engines": pick(map[string]string{"node": ">=18"}, []string{"node"}),
			"deprecated": pick("", false, "use y"), "scripts": pick(map[string]string{"test": "x"}, map[string]string{"install": "node-gyp rebuild"}),
			"hasInstallScript": pick(true, false), "_hasShrinkwrap": pick(true, false), "funding": pick("https://f", []any{map[string]string{"url": "u"}}), "directories": map[string]string{"bin": "b"},
		} {
			if r.Intn(3) == 0 {
				m[k] = v
			}
		}
		manifests[last] = m
		if r.Intn(2000) != 0 {
			times[last] = "2021-02-03T04:05:06.789Z"
		}
	}
	raw, err := json.Marshal(map[string]any{"_id": "pkg", "_rev": "3-abc", "name": "pkg", "dist-tags": map[string]string{"latest": last},
		"versions": manifests, "time": times, "maintainers": []any{map[string]string{"name": "bob"}}, "readme": strings.Repeat("# readme\n", 200)})
	if err != nil {
		panic(err)
	}
	return string(raw)
}

func TestTwinsEmitTheRowsOfGeneratedPackuments(t *testing.T) {
	seed := fixtures.Seed(t)
	r, in := rand.New(rand.NewSource(int64(seed))), newInterpreter()
	for range 60 {
		requireSameRows(t, in, packument(r, r.Intn(30)))
	}
	for i, size := range []fixtures.Size{fixtures.Small, fixtures.Median, fixtures.Large} {
		requireSameRows(t, in, string(fixtures.Packument(seed, fmt.Sprintf("@scope/p%d", i), size)))
	}
}

func TestTextsOfDists(t *testing.T) {
	const doc = ` { "dist":{"T":"no"}, "versions" : {"1":{"dist":{"T":"a"}},"2":7,"3":{"dist":7},"4":{"d\u0069st":{"T":null}},"5":{"x":{"dist":{"T":"no"}},"dist":{"y":1,"T":"b"}}},"z":1}`
	for name, texts := range map[string]func([]byte) iter.Seq[[]byte]{"tarball": Links, "integrity": Integrities} {
		doc := strings.ReplaceAll(doc, "T", name)
		var all []string
		for text := range texts([]byte(doc)) {
			all = append(all, string(text))
		}
		require.Equal(t, []string{`"a"`, `"b"`}, all)
		for text := range texts([]byte(doc)) {
			require.Equal(t, `"a"`, string(text))
			break
		}
		for i := range doc {
			for range texts([]byte(doc[:i])) { // cut off: it ends, and never panics
			}
		}
	}
}

func TestLinks(t *testing.T) {
	const doc = `{"versions":{"1":{"dist":{"attestations":{"url":"a","provenance":{"url":"no"}},"tarball":"b"}},"2":{"dist":{"tarball":"c","x":{"tarball":"no"},"attestations":{"url":"d"}}},
		"3":{"dist":{"attestations":"no","tarball":7}},"4":{"dist":{"attestations":{"url":[]},"tarball":"e"}}}}`
	var all []string
	for link := range Links([]byte(doc)) {
		all = append(all, string(link))
	}
	require.Equal(t, []string{`"a"`, `"b"`, `"c"`, `"d"`, `"e"`}, all, "in the order of the text")
	for range Links([]byte(doc)) {
		break
	}
	for i := range doc {
		for range Links([]byte(doc[:i])) { // cut off: it ends, and never panics
		}
	}
}

// FuzzTwins holds the twins to JavaScript over whatever the store accepts.
func FuzzTwins(f *testing.F) {
	for _, doc := range odd() {
		f.Add("p", doc)
	}
	f.Add("@a/b", `{"versions":{"1.0.0":{"bin":"x"}},"time":{"1.0.0":"t"}}`)
	f.Add("@\"/", `{"versions":{"\"":{"scripts":{"install":"\\"}}}}`)
	in := newInterpreter()
	f.Fuzz(func(t *testing.T, id, text string) {
		Map([]byte(text), []int{0, 4, 5, 7, 10, 12}, func(int, []byte, []byte) {}) // foreign text must not panic
		raw, err := json.Marshal(id)
		require.NoError(t, err)
		doc, err := couch.ParseDocument([]byte(text))
		var whole any
		if err != nil || json.Unmarshal(doc.Body, &whole) != nil || json.Unmarshal(raw, &id) != nil { // 1e999 is stored, but no float
			return
		}
		doc.ID = couch.DocID(id)
		requireSameRows(t, in, string(doc.AppendJSON(nil)))
	})
}

func BenchmarkMap(b *testing.B) {
	for _, size := range []fixtures.Size{fixtures.Small, fixtures.Median, fixtures.Large, fixtures.Largest} {
		doc := fixtures.Packument(1, "pkg", size)
		numbers := make([]int, len(twins))
		for i := range numbers {
			numbers[i] = i
		}
		b.Run(fmt.Sprintf("versions=%d", size.Versions), func(b *testing.B) {
			b.SetBytes(int64(len(doc)))
			b.ReportAllocs()
			for b.Loop() {
				Map(doc, numbers, func(int, []byte, []byte) {})
			}
		})
	}
}
