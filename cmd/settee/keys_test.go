package main

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"

	"settee/fixtures"
)

// TestKeys rotates and revokes the keys of a server that runs.
func TestKeys(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: starts a server")
	}
	server := fixtures.Settee(t)
	ask := func(code int, args ...string) string {
		t.Helper()
		var stdout, stderr bytes.Buffer
		require.Equal(t, code, run(t.Context(), append([]string{"keys"}, append(args, "--db", server.CouchAdmin)...), &stdout, &stderr), "%s", stderr.String())
		return stdout.String() + stderr.String()
	}
	require.Contains(t, ask(2, "turn"), "keys wants list")
	require.Contains(t, ask(2, "revoke"), "KEY")
	first := regexp.MustCompile(`(?m)^(SHA256:\S{43}) +\S+ +- +signs$`).FindStringSubmatch(ask(0, "list"))
	require.NotNil(t, first)
	require.Contains(t, ask(1, "revoke", first[1]), "rotate first")
	rotated := ask(0, "rotate")
	require.Regexp(t, `^SHA256:\S{43} signs from now on\n$`, rotated)
	require.Equal(t, first[1]+" is revoked; what it signed is being signed anew\n", ask(0, "revoke", first[1]))
	require.Contains(t, ask(1, "revoke", "SHA256:none"), "there is no key")
	list := ask(0, "list")
	require.Regexp(t, regexp.QuoteMeta(first[1])+` +\S+ +\S+ +revoked`, list)
	require.Regexp(t, regexp.QuoteMeta(rotated[:50])+` +\S+ +- +signs`, list)

	file := filepath.Join(t.TempDir(), "keys.json")
	require.NoError(t, os.WriteFile(file, []byte(`{"keys":[{"expires":null,"keyid":"SHA256:theirs","keytype":"ecdsa-sha2-nistp256","scheme":"ecdsa-sha2-nistp256",
		"key":"MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE1Olb3zMAFFxXKHiIkQO5cJ3Yhl5i6UPp+IhuteBJbuHcA5UogKo0EWtlWwW6KSaKoTNEYL7JlCQiVnkhBktUgg=="}]}`), 0o600))
	require.Equal(t, "SHA256:theirs is taken in\n", ask(0, "import", file))
	require.Regexp(t, `SHA256:theirs +\S+ +- +another registry's`, ask(0, "list"))
	require.NoError(t, os.WriteFile(file, []byte(`[]`), 0o600))
	require.Contains(t, ask(1, "import", file), "no list of keys")
}
