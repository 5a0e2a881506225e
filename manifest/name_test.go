package manifest

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestNames(t *testing.T) {
	for _, name := range []string{"a", "left-pad", "@s/n", "x.y_z", "@types/node", "1", "@s/fs", "@s/_x", "@s/-x", "@.s/n", strings.Repeat("a", 214)} {
		refused, outdated := Name(name)
		require.Empty(t, refused, name)
		require.Empty(t, outdated, name)
	}
	for name, words := range map[string]string{
		"": "length must be greater", ".x": "start with a period", "-x": "start with a hyphen", "_x": "start with an underscore", " x": "leading or trailing spaces",
		"x\n": "leading or trailing spaces", "node_modules": "node_modules is not a valid package name", "Node_Modules": "node_modules is not", "favicon.ico": "favicon.ico is not",
		"a b": "URL-friendly", "a/b": "URL-friendly", "@/n": "URL-friendly", "@s/": "URL-friendly", "@s/n/x": "URL-friendly", "@s/.n": "start with a period", "é": "URL-friendly",
		"а": "URL-friendly", "a%2fb": "URL-friendly", "a\x00": "URL-friendly", "@": "URL-friendly", "/": "URL-friendly", "ｌodash": "URL-friendly", "a\u200d": "URL-friendly",
	} {
		refused, _ := Name(name)
		require.Contains(t, strings.Join(refused, "; "), words, "%q", name)
	}
	for name, words := range map[string]string{
		"Upper": "capital letters", "@S/n": "capital letters", "fs": "fs is a core module name", "fs/promises": "core module", "FS": "core module", "a!": "special characters",
		"(x)": "special characters", "@s/a*": "special characters", strings.Repeat("a", 215): "214 characters", "JSONStream": "capital letters",
	} {
		_, outdated := Name(name)
		require.Contains(t, strings.Join(outdated, "; "), words, "%q", name)
	}
}

func TestStorable(t *testing.T) {
	for name, is := range map[string]bool{
		"a": true, "JSONStream": true, "a!~*'()": true, "@s/n": true, "@.s/n": true, "node_modules": true, strings.Repeat("a", 214): true,
		"": false, "@": false, "@/n": false, "@s/": false, "s/n": false, "@s/n/x": false, ".a": false, "_a": false, "-a": false, "@s/.n": false, "@s/_n": false, "@s/-n": false,
		"a b": false, "a%2fb": false, "é": false, "a\x00": false, "..": false, "@s/..": false, strings.Repeat("a", 215): false,
	} {
		require.Equal(t, is, Storable(name), "%q", name)
	}
}

func TestSimilarNames(t *testing.T) {
	for name, other := range map[string]string{
		"re-act": "react", "ReAct": "react", "loda.sh": "lodash", "lodash": "", "react-native": "", "reactnative": "react-native", "string_width": "string-width", "my-own-thing": "", "": "",
	} {
		require.Equal(t, other, BuiltIn().Similar(name), name)
	}
	for name, other := range map[string]string{
		"loadsh": "lodash", "lodahs": "lodash", "lodashh": "lodash", "lodas": "lodash", "expres": "express", "expresss": "express", "exprezs": "express", "lodash": "", "lo-dash": "", "re": "", "quite-another": "",
	} {
		require.Equal(t, other, BuiltIn().Resembling(name), name)
	}
	require.Len(t, BuiltIn().is, 4000)
}

func TestOneEdit(t *testing.T) {
	for _, pair := range [][2]string{{"abc", "ab"}, {"abc", "bc"}, {"abc", "abcd"}, {"abc", "abd"}, {"abc", "acb"}, {"abc", "bac"}, {"", "a"}} {
		require.True(t, oneEdit(pair[0], pair[1]), pair)
		require.True(t, oneEdit(pair[1], pair[0]), pair)
	}
	for _, pair := range [][2]string{{"abc", "abc"}, {"abc", "cba"}, {"abc", "a"}, {"abcd", "badc"}, {"", ""}, {"abc", "xbx"}} {
		require.False(t, oneEdit(pair[0], pair[1]), pair)
	}
}

func BenchmarkResembling(b *testing.B) {
	p := BuiltIn()
	for b.Loop() {
		p.Resembling("some-new-package")
	}
}

// TestOtherLists compares with the list that was given, and says which line of it cannot be one.
func TestOtherLists(t *testing.T) {
	p, err := ParsePopular([]byte("# ours\n\nalpha-beta\r\n gamma \nalpha-beta\nJSONStream\n@types"))
	require.NoError(t, err)
	require.True(t, p.Has("gamma") && p.Has("JSONStream") && p.Has("@types") && !p.Has("types"))
	require.Empty(t, p.Resembling("typess")+p.Similar("@typ-es"))
	require.Equal(t, "alpha-beta", p.Similar("alphabeta"))
	require.Equal(t, "gamma", p.Resembling("gamba"))
	require.Empty(t, p.Similar("lodas.h"))
	for bad, why := range map[string]string{
		"alpha\n@scope/x\n": `line 2: "@scope/x"`, "a b": "line 1", "@": "line 1", "@a b": "line 1", "@../x": "line 1", "_x": "line 1", "../x": "line 1", strings.Repeat("x", MostPopular+1): "longer than",
	} {
		_, err := ParsePopular([]byte(bad))
		require.ErrorContains(t, err, why)
	}
	p, err = ParsePopular(nil)
	require.NoError(t, err)
	require.Empty(t, p.Similar("re-act"), "an empty list is one, too")
}

func FuzzParsePopular(f *testing.F) {
	f.Add([]byte("alpha\n# b\n"), "alpha")
	f.Add([]byte("@s/x"), "x")
	f.Add([]byte("@s"), "@s")
	f.Add([]byte{0xff, 0}, "\xff")
	f.Fuzz(func(t *testing.T, text []byte, name string) {
		p, err := ParsePopular(text)
		if err != nil {
			return
		}
		_ = p.Resembling(name)
		if p.Has(name) {
			require.Empty(t, p.Similar(name))
			require.True(t, Storable(name) || Storable(name+"/x"))
		}
	})
}
