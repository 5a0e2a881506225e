package main

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"

	"settee/fixtures"
)

// TestOrg makes an organisation on a server that runs, and says who is in it.
func TestOrg(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: starts a server")
	}
	server := fixtures.Settee(t)
	for _, name := range []string{"ada", "bob"} {
		fixtures.NewClient(t, server.NPM).SignIn(name, "correct horse")
	}
	ask := func(code int, args ...string) string {
		t.Helper()
		var stdout, stderr bytes.Buffer
		require.Equal(t, code, run(t.Context(), append([]string{"org"}, append(args, "--db", server.CouchAdmin)...), &stdout, &stderr), "%s", stderr.String())
		return stdout.String() + stderr.String()
	}
	require.Contains(t, ask(1, "create", "acme", "--owner", "no-such-user"), "no user")
	require.Contains(t, ask(1, "create", "ada", "--owner", "bob"), "taken")
	require.Contains(t, ask(1, "create", "ACME", "--owner", "ada"), "lowercase")
	require.Contains(t, ask(1, "ls", "acme"), "there is no organisation acme")
	require.Equal(t, "ada owns the organisation acme\n", ask(0, "create", "acme", "--owner", "ada"))
	require.Contains(t, ask(1, "create", "acme", "--owner", "bob"), "taken")
	require.Contains(t, ask(1, "add", "acme", "bob", "--role", "king"), "invalid role")
	require.Equal(t, "bob is developer of acme\n", ask(0, "add", "acme", "bob"))
	require.Equal(t, "bob is admin of acme\n", ask(0, "add", "acme", "bob", "--role", "admin"))
	require.Regexp(t, `^ada +owner\nbob +admin\n$`, ask(0, "ls", "acme"))
	require.Contains(t, ask(1, "rm", "acme", "ada"), "must keep an owner")
	require.Equal(t, "bob is not in acme any more\n", ask(0, "rm", "acme", "bob"))
	require.Contains(t, ask(1, "rm", "acme", "bob"), "not a member")
	require.Regexp(t, `^ada +owner\n$`, ask(0, "ls", "acme"))
}
