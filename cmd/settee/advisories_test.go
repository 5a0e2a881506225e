package main

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"settee/fixtures"
)

// TestAdvisories imports into a server that runs, and looks into its folder when it has stopped.
func TestAdvisories(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: starts a server")
	}
	server := fixtures.Settee(t)
	ask := func(code int, args ...string) string {
		t.Helper()
		var stdout, stderr bytes.Buffer
		require.Equal(t, code, run(t.Context(), append([]string{"advisories"}, args...), &stdout, &stderr), "%s", stderr.String())
		return stdout.String() + stderr.String()
	}
	dir := t.TempDir()
	record := `{"id":"GHSA-left","modified":"2024-05-01T00:00:00Z","summary":"Pads <wrong>","database_specific":{"severity":"MODERATE"},
		"affected":[{"package":{"ecosystem":"npm","name":"left"},"ranges":[{"type":"SEMVER","events":[{"introduced":"0"},{"fixed":"1.2.0"}]}]}]}`
	require.NoError(t, os.WriteFile(filepath.Join(dir, "a.json"), []byte(record), 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "b.json"), []byte("{}"), 0o600))
	db := []string{"--db", server.CouchAdmin}

	out := ask(0, append([]string{"import", dir}, db...)...)
	require.Contains(t, out, "1 added, 0 changed (0 of them withdrawn), 0 unchanged, 0 older than what is here, 0 not of npm, 1 invalid")
	require.Contains(t, out, "left out: "+filepath.Join(dir, "b.json")+": no OSV record")
	require.Contains(t, out, "importing records: 100 %")
	require.Contains(t, ask(0, append([]string{"import", dir}, db...)...), "0 added, 0 changed (0 of them withdrawn), 1 unchanged")
	require.Contains(t, ask(1, append([]string{"import", filepath.Join(dir, "none")}, db...)...), "no such file")
	require.Equal(t, "GHSA-left  moderate  left@<1.2.0  Pads <wrong>\n", ask(0, append([]string{"list", "--package", "left"}, db...)...))
	require.Empty(t, ask(0, append([]string{"list", "--severity", "high"}, db...)...))
	require.Empty(t, ask(0, append([]string{"list", "--package", "right"}, db...)...))
	require.Contains(t, ask(0, append([]string{"show", "GHSA-left"}, db...)...), "\n  \"summary\": \"Pads <wrong>\"\n")
	require.Contains(t, ask(1, append([]string{"show", "GHSA-none"}, db...)...), "there is no advisory GHSA-none")

	require.Equal(t, 0, server.Stop())
	data := []string{"--data", server.Data}
	require.Equal(t, `{"id":"GHSA-left","modified":"2024-05-01T00:00:00Z","severity":"moderate","title":"Pads <wrong>","affected":{"left":"<1.2.0"}}`+"\n", ask(0, append([]string{"list", "--json"}, data...)...))
	require.Equal(t, "removed GHSA-left\n", ask(0, append([]string{"remove", "GHSA-left"}, data...)...))
	require.Contains(t, ask(1, append([]string{"remove", "GHSA-left"}, data...)...), "there is no advisory GHSA-left")
	var acts, stderr bytes.Buffer
	require.Equal(t, 0, run(t.Context(), append([]string{"audit", "list", "--act", "advisory"}, data...), &acts, &stderr), "%s", stderr.String())
	require.Regexp(t, `(?s)advisory.remove .*GHSA-left.*advisory.import +admin .*`+filepath.Base(dir), acts.String())

	for _, wrong := range [][]string{{}, {"import"}, {"import", "a", "b"}, {"list", "x"}, {"show"}, {"remove"}, {"polish"}, {"list", "--severity", "awful"}, {"list", "--limit", "0"}} {
		ask(2, append(wrong, data...)...)
	}
	ask(2, "list", "--data", filepath.Join(dir, "none"))
	ask(2, "list", "--db", "nonsense")
}
