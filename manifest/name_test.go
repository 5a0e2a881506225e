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
		require.Equal(t, other, Popular(name), name)
	}
	for name, other := range map[string]string{
		"loadsh": "lodash", "lodahs": "lodash", "lodashh": "lodash", "lodas": "lodash", "expres": "express", "expresss": "express", "exprezs": "express", "lodash": "", "lo-dash": "", "re": "", "quite-another": "",
	} {
		require.Equal(t, other, Resembling(name), name)
	}
	require.Len(t, strings.Fields(popularText), 3000)
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
	for b.Loop() {
		Resembling("some-new-package")
	}
}
