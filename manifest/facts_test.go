package manifest

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
)

func files(paths ...string) (list []File) {
	for _, p := range paths {
		list = append(list, File{p, int64(len(p))})
	}
	return list
}

func TestInspect(t *testing.T) {
	tests := []struct {
		name, manifest string
		files          []string
		want           Facts
	}{
		{"all that is good", `{"main":"lib"}`, []string{"README.md", "LICENSE", "CHANGELOG.md", "lib/index.js", "lib/index.d.ts", "lib/index.js.map", "test/a.js"},
			Facts{Readme: 9, License: "LICENSE", Changelog: "CHANGELOG.md", Types: "lib/index.d.ts", Maps: 1, Tests: 1}},
		{"other spellings", `{"main":"a"}`, []string{"readme", "COPYING", "History.md", "a.json", "a.test.ts", "b.min.js"},
			Facts{Readme: 6, License: "COPYING", Changelog: "History.md", Tests: 1, Minified: 1}},
		{"what is deeper does not count", `{}`, []string{"lib/README.md", "lib/LICENSE", "index.js"}, Facts{Entry: true}},
		{"nothing is missing", `{"main":"./a","module":"b.mjs","browser":"c.js","types":"t","bin":{"x":"./x.js","y":"bin/y"},"exports":{".":{"import":["./no.mjs","./b.mjs"],"default":"./a.js"},"./f/*":"./f/*.js","./g/":"./g/","./no":null},"imports":{"#a":"./a.js","#dep":"dep"}}`,
			[]string{"a.js", "b.mjs", "c.js", "t.d.ts", "x.js", "bin/y", "f/q.js", "g/h"}, Facts{Types: "t.d.ts"}},
		{"all is missing", `{"main":"a","types":"t.d.ts","bin":{"x":"x.js"},"exports":{".":"./b.js","./f/*":"./f/*.js"}}`, []string{"f/q.ts"},
			Facts{Missing: map[string]string{"main": "a", "types": "t.d.ts", "bin.x": "x.js", "exports[.]": "./b.js", "exports[./f/*]": "./f/*.js"}}},
		{"one command", `{"bin":"x"}`, nil, Facts{Missing: map[string]string{"bin": "x"}}},
		{"bundled", `{"dependencies":{"a":"1","@s/b":"1","c":"1"},"bundledDependencies":["a","@s/b","c"]}`, []string{"node_modules/a/package.json", "node_modules/@s/b/package.json", "node_modules/a/node_modules/c/package.json", "node_modules/a/README.md"},
			Facts{Unbundled: []string{"c"}}},
		{"all bundled", `{"dependencies":{"a":"1","b":"1"},"bundleDependencies":true}`, []string{"node_modules/a/package.json"}, Facts{Unbundled: []string{"b"}}},
		{"none bundled", `{"dependencies":{"a":"1"},"bundleDependencies":false}`, nil, Facts{}},
		{"capitals", `{}`, []string{"Index.js", "index.JS", "a"}, Facts{Colliding: []string{"index.JS"}}},
		{"secrets", `{}`, []string{".npmrc", "x/.env", "keys/id_rsa", "a.pem", "env.js", "deep/.git/config", ".environment"}, Facts{Secrets: []string{".npmrc", "x/.env", "keys/id_rsa", "a.pem", "deep/.git/config"}}},
		{"a path that leaves the package", `{"main":"../../etc/passwd"}`, []string{"etc/passwd"}, Facts{}},
	}
	for _, test := range tests {
		got := Inspect(Parse([]byte(test.manifest)), Contents{Files: files(test.files...), Package: []byte(test.manifest)})
		require.Equal(t, test.want, got, test.name)
	}
	partly := Inspect(Parse([]byte(`{"main":"a"}`)), Contents{More: true, Size: 7})
	require.Equal(t, Facts{Packed: 7}, partly, "of a list that was cut nothing is said to be missing")
}

func TestManifestsThatDiffer(t *testing.T) {
	tests := []struct {
		name, sent, packed string
		want               []string
	}{
		{"the same", `{"dependencies":{"a":"1"},"scripts":{"test":"x","install":"y"}}`, `{"scripts":{"install":"y"},"dependencies":{"a":"1"}}`, nil},
		{"a dependency that the registry does not show", `{"dependencies":{}}`, `{"dependencies":{"evil":"1"}}`, []string{"dependencies"}},
		{"a script that the registry does not show", `{}`, `{"scripts":{"postinstall":"evil"}}`, []string{"scripts"}},
		{"what npm adds for gyp", `{"scripts":{"install":"node-gyp rebuild"},"gypfile":true}`, `{}`, nil},
		{"how npm writes bin", `{"name":"@s/p","bin":{"p":"x.js"}}`, `{"name":"@s/p","bin":"./x.js"}`, nil},
		{"another command", `{"name":"p","bin":{"p":"x.js"}}`, `{"name":"p","bin":{"p":"y.js"}}`, []string{"bin"}},
		{"a folder of commands", `{"bin":{"p":"x.js"}}`, `{"directories":{"bin":"x"}}`, nil},
		{"optional ones, which npm has in both", `{"dependencies":{"a":"1"},"optionalDependencies":{"a":"1"}}`, `{"optionalDependencies":{"a":"1"}}`, nil},
		{"empty or not there", `{"peerDependencies":{}}`, `{}`, nil},
		{"with a mark of its order", `{"os":["linux"]}`, "\ufeff" + `{"os":["linux"]}`, nil},
		{"another system", `{"os":["linux"]}`, `{"os":["darwin"]}`, []string{"os"}},
		{"unreadable", `{"os":["linux"]}`, `{`, nil},
	}
	for _, test := range tests {
		require.Equal(t, test.want, Inspect(Parse([]byte(test.sent)), Contents{Package: []byte(test.packed)}).Differing, test.name)
	}
}

func TestFactsAreSmall(t *testing.T) {
	var many []string
	targets := map[string]string{}
	for i := range 1000 {
		many = append(many, fmt.Sprintf("%d.pem", i), fmt.Sprintf("A%d", i), fmt.Sprintf("a%d", i))
		targets[fmt.Sprintf("c%d", i)] = fmt.Sprintf("no/%0500d", i)
	}
	raw, err := json.Marshal(map[string]any{"bin": targets})
	require.NoError(t, err)
	facts := Inspect(Parse(raw), Contents{Files: files(many...)})
	kept, err := json.Marshal(facts)
	require.NoError(t, err)
	require.Less(t, len(kept), 8<<10)

	plain, err := json.Marshal(Inspect(Parse([]byte(`{"main":"index.js"}`)), Contents{Size: 1234, Files: files("README.md", "LICENSE", "index.js", "index.d.ts")}))
	require.NoError(t, err)
	require.Less(t, len(plain), 120)
}

func TestJudge(t *testing.T) {
	p := Parse([]byte(good))
	best := Facts{Packed: 9, Readme: 1, License: "LICENSE", Changelog: "CHANGELOG.md", Types: "index.d.ts", Tests: 1}
	r := Judge(Subject{Package: p, Facts: &best, Size: Size{Unpacked: 7, Files: 2}})
	require.Equal(t, 100, r.Score, "%+v", r)
	require.Empty(t, r.Findings)
	require.Empty(t, r.Notices())
	require.Equal(t, "index.d.ts", r.Types)
	require.Equal(t, Size{9, 7, 2}, r.Size)
	require.Equal(t, "module", r.Module)

	worst := Judge(Subject{Package: Parse([]byte(`{"name":"bad","version":"1.0.0","scripts":{"postinstall":"x"},"dependencies":{"bad":"1"}}`)), Size: Size{Unpacked: 1 << 30},
		Facts: &Facts{Minified: 1, Missing: map[string]string{"main": "x"}, Secrets: []string{".npmrc"}, Differing: []string{"bin"}, Colliding: []string{"A"}, Unbundled: []string{"z"}}, Circle: []string{"bad", "a", "bad"},
		Dependencies: []Dependency{{Name: "a", Version: "1.0.0", Deprecated: "old", Vulnerabilities: []string{"CVE-1"}}, {Name: "b", Missing: "is not here"}}})
	require.Zero(t, worst.Score, "%+v", worst.Checks)
	codes := map[string]bool{}
	for _, f := range worst.Findings {
		codes[f.Code] = true
	}
	for _, code := range []string{"file-missing", "secret", "manifest-differs", "files-collide", "bundled-missing", "dependency-circle", "dependency-deprecated", "vulnerability", "dependency-missing", "dependency-self", "entry-missing", "license-missing"} {
		require.True(t, codes[code], code)
	}
	require.Equal(t, []string{"postinstall"}, worst.InstallScripts)
	require.Len(t, worst.Notices(), mostTold+2)
	require.Contains(t, worst.Notices()[mostTold], "more problems")
	require.Contains(t, worst.Notices()[mostTold+1], "quality 0 of 100; not met: readme")

	unknown := Judge(Subject{Package: p, Readme: true})
	require.Equal(t, 100, unknown.Score, "what nobody looked into counts for nothing")
	require.Less(t, len(unknown.Checks), len(r.Checks))
}

func TestKindsOfModules(t *testing.T) {
	for text, want := range map[string]string{
		`{"main":"a"}`: "commonjs", `{"type":"module"}`: "module", `{"exports":{"import":"./a","require":"./b"}}`: "both", `{"module":"a"}`: "both", `{"type":"module","exports":{"require":"./b"}}`: "both", `{"bin":"x"}`: "",
	} {
		require.Equal(t, want, Parse([]byte(text)).moduleKind(), text)
	}
}

func BenchmarkInspect(b *testing.B) {
	var paths []string
	for i := range 100 {
		paths = append(paths, fmt.Sprintf("lib/part/file%d.js", i))
	}
	p, c := Parse([]byte(good)), Contents{Files: files(paths...), Package: []byte(good)}
	b.ReportAllocs()
	for b.Loop() {
		Inspect(p, c)
	}
}
