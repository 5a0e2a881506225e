package manifest

import (
	"bytes"
	"encoding/json"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"settee/fixtures"
)

var ranges = []string{"", "*", "x", "X", "1", "1.x", "1.2.x", "1.2.3", "v1.2.3", "=1.2.3", "= 1.2.3", "^1", "^1.2", "^1.2.3", "^ 1.2.3", "~1.2", "~ 1.2", "~>1.2.3", "~> 1", ">=1", "> 1.2.3", ">=1.2.3 <2", ">=1.2.3 <2.0.0-0", "1 || 2", "1||2",
	"1.2.3 - 2.3", "1 - 2", " 1.2.3 ", "1.2.3 || ", "|| 1", "||", "1.2.3-beta.1", "1.2.3-beta+build", "^1.2.3-rc.0 || ^2", "<=1.0.0", "<1", "1.*", "1.2.*", "*.1", "x.x.x", ">*", "<*", "^*", "~x", ">=0.0.0", "1.2.3-0", "0.0.0",
	"01.2.3", "1.2.3beta", "1.02.3", "1.2.3-01", "latest", "next", "not a range", "1.2.3.4", "1..2", ">", "^", "~", "<>1", "=>1", "!=1", "1,2", "1.2.3 -2", "1-2", "1.2 .3", "- 1", "a.b.c", "1.2.3-", "1.2.3+", "1.2.3-a..b", "99999999999999999999.0.0", "9007199254740991.0.0",
	"9007199254740992.0.0", "^1.2.3 foo", "\t1.2.3\n", "1.x.3", "^1.x", ">=1.x", "1 2", "v 1.2.3", "==1.0.0", "~=1.0", "1.2.3 || latest", "1.2.3 - ", "^^1", "v1", "vv1"}

func TestRanges(t *testing.T) {
	for _, text := range []string{"", "*", "^1.2.3", "~>1.2.3", ">=1.2.3 <2", "1 - 2", "1 || 2", "1.2.3-beta+build", "> 1", "1.x"} {
		require.True(t, IsRange(text), text)
	}
	for _, text := range []string{"latest", "1.2.3.4", "01.2.3", "=>1", "^", "1.2.3 foo", "9007199254740992.0.0", string(bytes.Repeat([]byte("1 "), 4000))} {
		require.False(t, IsRange(text), text)
	}
	require.True(t, loose.matches("01.2.3"))
	require.True(t, loose.matches("1.2.3beta"))
}

// TestRangesAsNpmReadsThem holds both grammars to node-semver, and names to npm's own check.
func TestRangesAsNpmReadsThem(t *testing.T) {
	modules := filepath.Join(fixtures.Installed(t, "clients"), "node_modules", "npm", "node_modules")
	names := []string{"a", "A", ".a", "-a", "_a", " a", "a ", "fs", "FS", "node_modules", "@s/n", "@S/n", "@s/.n", "@s/_n", "@/n", "@s/", "s/n", "@s/n/o", "a!", "@s/n!", "@s!/n", "é", "a%2f", "a b", "@s/fs", "favicon.ico", "sqlite", "test", "sys", "punycode", "@", "fs/promises", "path/posix", "x/y"}
	in, err := json.Marshal(map[string]any{"ranges": ranges, "names": names})
	require.NoError(t, err)
	node := exec.CommandContext(t.Context(), "node", "-e", `
		const semver = require(process.argv[1] + '/semver'), name = require(process.argv[1] + '/validate-npm-package-name')
		const {ranges, names} = JSON.parse(require('fs').readFileSync(0))
		console.log(JSON.stringify({
			strict: ranges.map(r => semver.validRange(r) !== null), loose: ranges.map(r => semver.validRange(r, true) !== null),
			refused: names.map(n => name(n).errors ?? []), outdated: names.map(n => name(n).warnings ?? []),
		}))`, modules)
	node.Stdin = bytes.NewReader(in)
	out, err := node.Output()
	require.NoError(t, err)
	var want struct {
		Strict, Loose     []bool
		Refused, Outdated [][]string
	}
	require.NoError(t, json.Unmarshal(out, &want))
	// Of these npm drops what it does not understand.
	dropped := []string{"1.2.3 -2", "1.2 .3", "- 1", "^1.2.3 foo", "v 1.2.3", "1.2.3 || latest", "1.2.3 - "}
	for i, text := range ranges {
		require.Equal(t, want.Strict[i], IsRange(text), "strict: %q", text)
		if loose.matches(text) || !slices.Contains(dropped, text) {
			require.Equal(t, want.Loose[i], loose.matches(text), "loose: %q", text)
		}
	}
	for i, name := range names {
		refused, outdated := Name(name)
		require.ElementsMatch(t, want.Refused[i], refused, name)
		require.ElementsMatch(t, want.Outdated[i], outdated, name)
	}
}

func TestSpecs(t *testing.T) {
	for text, want := range map[string]Kind{
		"^1.2.3": Range, "": Range, "*": Range, "1 || 2": Range, "01.2.3": Range, "latest": Tag, "next-1": Tag, "npm:other@^1": Alias, "npm:@s/other": Alias, "NPM:other": Alias, "npm:.bad@1": Malformed, "npm:": Malformed, "npm:x@1,2": Malformed,
		"workspace:*": Foreign, "workspace:^1.0.0": Foreign, "catalog:": Foreign, "link:../x": Foreign, "portal:x": Foreign, "patch:x@1#y": Foreign, "file:../x": Local, "FILE:x": Local, "./x": Local, "../x": Local, "~/x": Local, "/x": Local, "c:/x": Local, "x.tgz": Local, "a/b/c": Local,
		"user/repo": Git, "user/repo#semver:^1": Git, "github:user/repo": Git, "gitlab:a/b": Git, "gist:123": Git, "git://host/x.git": Git, "git+https://host/x.git#main": Git, "git+ssh://git@host/x": Git, "git@host.com:user/repo.git": Git, "ssh://git@host/x": Git,
		"https://host/x.tgz": URL, "http://host/x": URL, "ftp://host/x": Malformed, "wat:x": Malformed, "not a range": Malformed, "a b": Malformed, "é": Malformed, "=>1": Malformed,
	} {
		require.Equal(t, want, ParseSpec("dep", text).Kind, "%q", text)
	}
	require.Equal(t, Spec{Alias, "@s/other", "^1"}, ParseSpec("dep", "npm:@s/other@^1"))
	require.Equal(t, Spec{Range, "dep", "1.x"}, ParseSpec("dep", " 1.x "))
}

func FuzzSpec(f *testing.F) {
	for _, text := range ranges {
		f.Add(text)
	}
	f.Add("npm:@s/n@^1")
	f.Add("git+ssh://git@host:22/x#semver:1")
	f.Fuzz(func(t *testing.T, text string) {
		s := ParseSpec("dep", text)
		require.NotEmpty(t, s.Kind)
		if IsRange(text) {
			require.Equal(t, Range, s.Kind, "%q", text)
		}
	})
}
