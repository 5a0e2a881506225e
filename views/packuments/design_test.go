package packuments

import (
	"encoding/json"
	"os"
	"testing"

	"github.com/stretchr/testify/require"
)

const sample = `{"_id":"@s/n","name":"@s/n","dist-tags":{"latest":"1.1.0","next":"2.0.0-rc.1"},"keywords":["CLI"," tool","","cli"],
 "maintainers":[{"name":"ann"},{"name":"bob"},{"name":"ann"}],"users":{"cy":true,"dan":false},
 "time":{"created":"2024-01-01T00:00:00.000Z","modified":"2024-02-01T00:00:00.000Z","1.0.0":"2024-01-01T00:00:00.000Z","1.1.0":"2024-02-01T00:00:00.000Z"},
 "versions":{"1.0.0":{"deprecated":"old","license":"GPL","hasInstallScript":true,"dist":{"integrity":"sha512-a"}},
  "1.1.0":{"dependencies":{"a":"^1"},"optionalDependencies":{"a":"^2","b":7},"peerDependencies":{"c":"*"},"devDependencies":{"d":"1"},
   "scripts":{"test":"x","postinstall":"node-gyp rebuild"},"license":"MIT","dist":{"integrity":"sha512-b"}}}}`

func TestViews(t *testing.T) {
	tests := map[string][]row{
		"updated":         {{`"2024-02-01T00:00:00.000Z"`, `"1.1.0"`}},
		"by-maintainer":   {{`"ann"`, `"1.1.0"`}, {`"bob"`, `"1.1.0"`}},
		"by-keyword":      {{`"cli"`, `"1.1.0"`}, {`"tool"`, `"1.1.0"`}},
		"by-scope":        {{`"@s"`, `"1.1.0"`}},
		"dist-tags":       {{`"@s/n"`, `{"latest":"1.1.0","next":"2.0.0-rc.1"}`}},
		"versions":        {{`["@s/n","1.0.0"]`, `{"time":"2024-01-01T00:00:00.000Z","deprecated":"old"}`}, {`["@s/n","1.1.0"]`, `{"time":"2024-02-01T00:00:00.000Z"}`}},
		"dependents":      {{`"a"`, `"^1"`}, {`"b"`, `null`}, {`"c"`, `"*"`}},
		"deprecated":      {{`["@s/n","1.0.0"]`, `"old"`}},
		"install-scripts": {{`["@s/n","1.0.0"]`, `{}`}, {`["@s/n","1.1.0"]`, `{"postinstall":"node-gyp rebuild"}`}},
		"licences":        {{`"MIT"`, `"1.1.0"`}},
		"integrity":       {{`"sha512-a"`, `"1.0.0"`}, {`"sha512-b"`, `"1.1.0"`}},
		"starred":         {{`"cy"`, `"@s/n"`}},
	}
	for view, want := range tests {
		require.Equal(t, want, javascript(t, view, sample), view)
	}
	require.Len(t, tests, len(members(t))-1, "abbreviated has a test of its own")
}

// TestOldForms reads what packages of the first years have.
func TestOldForms(t *testing.T) {
	doc := func(members, manifest string) string {
		return `{"_id":"n","dist-tags":{"latest":"1.0.0"},` + members + `"versions":{"1.0.0":` + manifest + `}}`
	}
	tests := []struct {
		view, doc string
		keys      []string
	}{
		{"by-maintainer", doc(`"maintainers":["Ann <a@b.c> (http://x)"," Bob ","<only@mail>"],`, `{}`), []string{`"Ann"`, `"Bob"`}},
		{"by-maintainer", doc(`"maintainers":{"name":"ann"},`, `{}`), []string{`"ann"`}},
		{"by-maintainer", doc(`"maintainers":[{"name":"toString"},{"name":"__proto__"},{"name":7},null,[]],`, `{}`), []string{`"toString"`, `"__proto__"`}},
		{"by-keyword", doc(`"keywords":"Big, small things,,",`, `{}`), []string{`"big"`, `"small things"`}},
		{"licences", doc(``, `{}`), []string{`null`}},
		{"licences", doc(``, `{"license":{"type":"BSD","url":"x"}}`), []string{`"BSD"`}},
		{"licences", doc(``, `{"licenses":[{"type":"MIT"},"GPL",{"url":"x"},{"type":"MIT"}]}`), []string{`"MIT"`, `"GPL"`}},
		{"licences", doc(``, `{"license":"","licenses":"ISC"}`), []string{`"ISC"`}},
		{"licences", doc(``, `{"license":"(MIT OR Apache-2.0)","licenses":[{"type":"MIT"}]}`), []string{`"(MIT OR Apache-2.0)"`}},
		{"deprecated", doc(``, `{"deprecated":true}`), []string{`["n","1.0.0"]`}},
		{"deprecated", doc(``, `{"deprecated":""}`), nil},
		{"deprecated", doc(``, `{"deprecated":false}`), nil},
	}
	for _, test := range tests {
		var keys []string
		for _, r := range javascript(t, test.view, test.doc) {
			keys = append(keys, r.Key)
		}
		require.Equal(t, test.keys, keys, test.doc)
	}
}

func TestTombstonesAreOnlyInUpdated(t *testing.T) {
	const tombstone = `{"_id":"n","name":"n","time":{"modified":"2024-02-01T00:00:00.000Z","unpublished":{"name":"bob"}}}`
	for view := range members(t) {
		if view != "updated" {
			require.Empty(t, javascript(t, view, tombstone), view)
		}
	}
	require.Equal(t, []row{{`"2024-02-01T00:00:00.000Z"`, "null"}}, javascript(t, "updated", tombstone))
}

func members(t *testing.T) map[string]struct{ Map, Reduce string } {
	var d struct {
		ID, Language string
		Views        map[string]struct{ Map, Reduce string }
	}
	require.NoError(t, json.Unmarshal(DesignDoc(false), &d))
	require.Equal(t, "javascript", d.Language)
	return d.Views
}

func TestDesignDocumentIsStable(t *testing.T) {
	require.Equal(t, string(DesignDoc(false)), string(DesignDoc(false)))
	found := members(t)
	require.Len(t, found, 13)
	require.Empty(t, found["abbreviated"].Reduce)
	for name := range reduces {
		require.Equal(t, "_count", found[name].Reduce)
	}
	text, err := os.ReadFile("doc.go")
	require.NoError(t, err)
	for name := range found {
		require.Contains(t, string(text), "//\t"+name+" ", "the package doc has a line for each view")
	}
	require.Empty(t, Source("nothing"))
}

// TestGuarded lets server admins write, and nobody else.
func TestGuarded(t *testing.T) {
	var doc map[string]any
	require.NoError(t, json.Unmarshal(DesignDoc(true), &doc))
	require.Contains(t, doc["validate_doc_update"], Kept)
	require.NoError(t, json.Unmarshal(DesignDoc(false), &doc))
	var plain map[string]any
	require.NoError(t, json.Unmarshal(DesignDoc(false), &plain))
	require.NotContains(t, plain, "validate_doc_update")
	delete(doc, "validate_doc_update")
	require.Equal(t, plain, doc)
}
