package manifest

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// good is a package.json of which nothing is to be said.
const good = `{"name":"good","version":"1.0.0","description":"does good","keywords":["good"],"license":"MIT","repository":{"type":"git","url":"git+https://git.example.com/good.git"},
	"homepage":"https://good.example.com","bugs":{"url":"https://good.example.com/bugs","email":"a@example.com"},"funding":"https://good.example.com/give","author":"Ada <a@example.com> (https://a.example.com)",
	"contributors":[{"name":"Bob","email":"b@example.com"},"Cy"],"type":"module","main":"index.js","types":"index.d.ts","exports":{".":{"types":"./index.d.ts","import":"./index.js","default":"./index.cjs"},"./x/*":"./x/*.js"},
	"imports":{"#a":"./a.js"},"bin":{"good":"cli.js"},"files":["lib"],"scripts":{"test":"node --test"},"dependencies":{"dep":"^1.0.0","alias":"npm:other@^2"},"devDependencies":{"local":"file:../x"},
	"peerDependencies":{"peer":"*"},"peerDependenciesMeta":{"peer":{"optional":true}},"bundleDependencies":["dep"],"engines":{"node":">=20"},"os":["linux"],"cpu":"x64","sideEffects":false,"deprecated":false}`

func TestNothingIsFoundInAGoodPackage(t *testing.T) {
	require.Empty(t, Parse([]byte(good)).Check())
}

// TestCheck changes one member of a good package at a time.
func TestCheck(t *testing.T) {
	tests := []struct{ member, value, code, where, text string }{
		{"name", `".bad"`, "name", "name", "start with a period"},
		{"name", `"Bad"`, "name", "name", "capital letters"},
		{"name", `null`, "name-missing", "name", "no name"},
		{"version", `1`, "type", "version", "version is a number, but should be a string"},
		{"description", `""`, "description-missing", "description", "empty"},
		{"description", `null`, "description-missing", "description", "searches"},
		{"keywords", `"a, b"`, "keywords", "keywords", "array of words"},
		{"keywords", `["a","A"]`, "keywords", "keywords", "twice"},
		{"keywords", `[1]`, "keywords", "keywords", "no string"},
		{"keywords", `[" "]`, "keywords", "keywords", "empty"},
		{"keywords", `{}`, "type", "keywords", "an object, but should be a string or an array"},
		{"license", `null`, "license-missing", "license", `"license": "MIT"`},
		{"license", `"BSD"`, "license-invalid", "license", "no SPDX expression"},
		{"license", `"mit"`, "license-form", "license", `write "MIT"`},
		{"license", `{"type":"MIT"}`, "license-form", "license", "is an object"},
		{"repository", `null`, "repository-missing", "repository", "where the sources are"},
		{"repository", `"no url"`, "repository", "repository", "no URL"},
		{"repository", `{"type":"git"}`, "repository", "repository", "no url"},
		{"homepage", `"example.com"`, "url", "homepage", "no http or https URL"},
		{"homepage", `"javascript:alert(1)"`, "url", "homepage", "no http or https URL"},
		{"bugs", `"x"`, "url", "bugs", "neither"},
		{"bugs", `{}`, "url", "bugs", "neither url nor email"},
		{"bugs", `{"url":"x"}`, "url", "bugs.url", "no http"},
		{"bugs", `{"email":"x"}`, "url", "bugs.email", "no e-mail"},
		{"funding", `"x"`, "funding", "funding", "should be"},
		{"funding", `[{"type":"a"}]`, "funding", "funding", "should be"},
		{"author", `"<x@y>"`, "person", "author", "no name"},
		{"author", `{"name":"A","email":"x"}`, "person", "author", "no e-mail"},
		{"author", `"A (x)"`, "person", "author", "no http"},
		{"author", `"A <a@b> c"`, "person", "author", "not written as"},
		{"contributors", `[3]`, "person", "contributors", "should be a string or an object"},
		{"private", `true`, "private", "private", "keep it from being published"},
		{"type", `"esm"`, "module-type", "type", "knows"},
		{"bin", `""`, "bin", "bin", "names no file"},
		{"bin", `{"a/b":"x"}`, "bin", "bin.a/b", "can be no command"},
		{"bin", `{"a":1}`, "bin", "bin.a", "names no file"},
		{"exports", `{".":"./a.js","import":"./b.js"}`, "exports", "exports", "conditions beside paths"},
		{"exports", `{"default":"./a.js","import":"./b.js"}`, "exports-order", "exports", "no client ever reaches"},
		{"exports", `{".":{"import":"./a.js","types":"./a.d.ts"}}`, "exports-order", "exports[.]", `"types" first`},
		{"exports", `"a.js"`, "exports-target", "exports", "begin with ./"},
		{"exports", strings.Repeat(`{"a":`, 30) + `"./x"` + strings.Repeat(`}`, 30), "exports", "exports", "nested deeper"},
		{"imports", `{"a":"./a.js"}`, "exports", "imports", "begins with #"},
		{"files", `[1]`, "type", "files", "strings only"},
		{"scripts", `{"test":1}`, "type", "scripts.test", "no string"},
		{"dependencies", `["a"]`, "type", "dependencies", "an array, but should be an object"},
		{"dependencies", `{"a":1}`, "type", "dependencies.a", "no string"},
		{"dependencies", `{".a":"1"}`, "dependency-name", "dependencies..a", "can be no package's name"},
		{"dependencies", `{"good":"1"}`, "dependency-self", "dependencies.good", "depends on itself"},
		{"dependencies", `{"a":"npm:good@1.0.0"}`, "dependency-self", "dependencies.a", "depends on itself"},
		{"dependencies", `{"a":"=>1"}`, "dependency-range", "dependencies.a", "neither a range"},
		{"dependencies", `{"a":"workspace:*"}`, "dependency-local", "dependencies.a", "nobody has who installs"},
		{"dependencies", `{"a":"file:../a"}`, "dependency-local", "dependencies.a", "nobody has"},
		{"dependencies", `{"a":"user/repo"}`, "dependency-remote", "dependencies.a", "not from a registry"},
		{"dependencies", `{"a":"https://example.com/a.tgz"}`, "dependency-remote", "dependencies.a", "not from a registry"},
		{"dependencies", `{"a":"next"}`, "dependency-tag", "dependencies.a", `the dist-tag "next"`},
		{"optionalDependencies", `{"a":"*"}`, "dependency-unbounded", "optionalDependencies.a", "say which"},
		{"peerDependencies", `{"a":"?","peer":"1"}`, "dependency-range", "peerDependencies.a", "neither a range"},
		{"devDependencies", `{"dep":"1"}`, "dependency-twice", "devDependencies.dep", "in devDependencies"},
		{"peerDependenciesMeta", `{"peer":1}`, "type", "peerDependenciesMeta.peer", "no object"},
		{"peerDependenciesMeta", `{"other":{}}`, "peer-unknown", "peerDependenciesMeta.other", "no peer dependency"},
		{"bundleDependencies", `["other"]`, "bundled-unknown", "bundleDependencies.other", "no dependency"},
		{"engines", `["node >= 1"]`, "engines", "engines", "an array"},
		{"engines", `{"node":"latest"}`, "engines", "engines.node", "no range"},
		{"os", `[1]`, "type", "os", "strings only"},
		{"sideEffects", `1`, "type", "sideEffects", "a number"},
	}
	for _, test := range tests {
		var members map[string]json.RawMessage
		require.NoError(t, json.Unmarshal([]byte(good), &members))
		members[test.member] = json.RawMessage(test.value)
		raw, err := json.Marshal(members)
		require.NoError(t, err)
		if test.member == "exports" && strings.HasPrefix(test.value, "{") { // Marshal keeps the order of what is raw
			require.Contains(t, string(raw), test.value)
		}
		found := Parse(raw).Check()
		if test.member == "dependencies" {
			found = without(found, "bundled-unknown")
		}
		require.Len(t, found, 1, "%s %s: %v", test.member, test.value, found)
		require.Equal(t, test.code, found[0].Code, test.value)
		require.Equal(t, test.where, found[0].Where, test.value)
		require.Contains(t, found[0].Text, test.text)
	}
}

func without(found []Finding, code string) (rest []Finding) {
	for _, f := range found {
		if f.Code != code {
			rest = append(rest, f)
		}
	}
	return rest
}

// TestTypesAsClientsFindThem are what old packages have: to be passed on, and said nothing worse of than that it is old.
func TestTypesAsClientsFindThem(t *testing.T) {
	p := Parse([]byte(`{"name":"old","version":"1.0.0","description":"d","repository":"a/b","license":"MIT","bundleDependencies":false,"bin":"x.js","engines":["node"],"os":"linux","deprecated":"","directories":{"bin":"b"},"keywords":"a","browser":false}`))
	for _, f := range p.Check() {
		require.Contains(t, []string{"engines", "keywords"}, f.Code)
	}
}

func TestFindingsAreBounded(t *testing.T) {
	many := map[string]string{}
	for i := range 500 {
		many["?"+strings.Repeat("x", i%300)+string(rune(0x4e00+i))] = strings.Repeat("?", 100)
	}
	raw, err := json.Marshal(map[string]any{"name": "p", "dependencies": many})
	require.NoError(t, err)
	found := Parse(raw).Check()
	require.Len(t, found, mostFindings)
	for _, f := range found {
		require.LessOrEqual(t, len(f.Text), mostShown+len("…"))
	}
	require.Equal(t, "unread", Parse([]byte(`{"a":"` + strings.Repeat("x", mostChecked) + `"}`)).Check()[0].Code)
	require.Equal(t, "unread", Parse([]byte(`[]`)).Check()[0].Code)
}

func FuzzPackage(f *testing.F) {
	f.Add([]byte(good), "index.js")
	f.Add([]byte(`{"exports":[{"a":["./x",null]},"./y/*"],"bin":"","bundledDependencies":true,"dependencies":{"a":"1"}}`), "y/z")
	f.Add([]byte(`{"license":{"type":3},"licenses":[{"type":"MIT"},3],"people":null}`), "LICENSE")
	f.Fuzz(func(t *testing.T, raw []byte, file string) {
		p := Parse(raw)
		facts := Inspect(p, Contents{Files: []File{{file, 1}, {"node_modules/a/package.json", 2}}, Package: raw})
		r := Judge(Subject{Package: p, Facts: &facts})
		require.LessOrEqual(t, len(r.Findings), mostFindings)
		require.Equal(t, r, Judge(Subject{Package: Parse(raw), Facts: &facts}))
		kept, err := json.Marshal(facts)
		require.NoError(t, err)
		again, ok := ParseFacts(kept)
		require.True(t, ok)
		require.Equal(t, Judge(Subject{Package: p, Facts: &again}), r)
	})
}

func BenchmarkCheck(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		Parse([]byte(good)).Check()
	}
}
