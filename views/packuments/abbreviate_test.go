package packuments

import (
	"encoding/json"
	"flag"
	"fmt"
	"math/rand"
	"strings"
	"testing"
	"time"

	"github.com/dop251/goja"
	"github.com/stretchr/testify/require"
)

var seed = flag.Int64("seed", time.Now().UnixNano(), "of random documents")

type row struct{ Key, Value string }

// javascript runs a view's map function over a document.
func javascript(t testing.TB, view, doc string) []row {
	vm := goja.New()
	var rows []row
	stringify := func(v goja.Value) string {
		vm.Set("it", v)
		out, err := vm.RunString("JSON.stringify(it)")
		require.NoError(t, err)
		return out.String()
	}
	vm.Set("emit", func(c goja.FunctionCall) goja.Value {
		rows = append(rows, row{stringify(c.Argument(0)), stringify(c.Argument(1))})
		return goja.Undefined()
	})
	vm.Set("text", doc)
	_, err := vm.RunString("(" + Source(view) + ")(JSON.parse(text))")
	require.NoError(t, err)
	return rows
}

func native(t testing.TB, view, doc string) []row {
	var rows []row
	twin := Twins()[Source(view)]
	require.NotNil(t, twin)
	require.NoError(t, twin([]byte(doc), func(k, v []byte) {
		rows = append(rows, row{string(k), string(v)})
	}))
	return rows
}

func requireSameRows(t testing.TB, doc string) {
	want, got := javascript(t, "abbreviated", doc), native(t, "abbreviated", doc)
	require.Len(t, got, len(want), doc)
	for i := range want {
		require.JSONEq(t, want[i].Key, got[i].Key)
		require.JSONEq(t, want[i].Value, got[i].Value, doc)
	}
}

func TestTwinEmitsTheRowsOfOddDocuments(t *testing.T) {
	wrap := func(manifest string) string {
		return `{"_id":"p","name":"p","dist-tags":{"latest":"1.0.0"},"versions":{"1.0.0":` + manifest +
			`},"time":{"modified":"2024-01-01T00:00:00.000Z","1.0.0":"2024-01-01T00:00:00.000Z"}}`
	}
	docs := []string{
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
	}
	for _, doc := range docs {
		requireSameRows(t, doc)
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

func TestTwinEmitsTheRowsOfGeneratedPackuments(t *testing.T) {
	t.Logf("seed=%d", *seed)
	r := rand.New(rand.NewSource(*seed))
	for range 60 {
		requireSameRows(t, packument(r, r.Intn(30)))
	}
}

func FuzzTwin(f *testing.F) {
	f.Add(`{"versions":{"1.0.0":{"bin":"x"}},"time":{"1.0.0":"t"}}`)
	f.Add(`{"versions":{"\"":{"scripts":{"install":"\\"}}}}`)
	f.Fuzz(func(t *testing.T, doc string) {
		for range Members([]byte(doc)) { // foreign text must not panic
		}
		var parsed map[string]json.RawMessage
		if json.Unmarshal([]byte(doc), &parsed) != nil || parsed == nil {
			return
		}
		parsed["_id"] = json.RawMessage(`"p"`)
		clean, err := json.Marshal(parsed)
		if err != nil || twice(string(clean)) {
			return
		}
		requireSameRows(t, string(clean))
	})
}

// twice reports whether some object names a member twice: JavaScript keeps one, JSON text both.
func twice(doc string) bool {
	var check func(raw []byte) bool
	check = func(raw []byte) bool {
		seen := map[string]bool{}
		for k, v := range Members(raw) {
			if seen[Text(k)] || check(v) {
				return true
			}
			seen[Text(k)] = true
		}
		return false
	}
	return check([]byte(doc)) || !json.Valid([]byte(doc))
}

func BenchmarkAbbreviate(b *testing.B) {
	for _, n := range []int{10, 300, 3000} {
		doc := []byte(packument(rand.New(rand.NewSource(1)), n))
		b.Run(fmt.Sprintf("versions=%d", n), func(b *testing.B) {
			b.SetBytes(int64(len(doc)))
			for b.Loop() {
				_ = Abbreviate(doc, func(_, _ []byte) {})
			}
		})
	}
}
