package main

import (
	"bytes"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"settee/fixtures"
)

// TestUsersAndTokens administers accounts and their tokens on a server that runs.
func TestUsersAndTokens(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: starts a server")
	}
	box := fixtures.StartPostbox(t, fixtures.PostboxOptions{})
	server := fixtures.Settee(t, "--signup", "invitation")
	ask := func(code int, args ...string) string {
		t.Helper()
		var stdout, stderr bytes.Buffer
		require.Equal(t, code, run(t.Context(), append(args, "--db", server.CouchAdmin), &stdout, &stderr), "%v: %s", args, stderr.String())
		return stdout.String() + stderr.String()
	}
	whoami := func(token string) int {
		t.Helper()
		r, err := http.NewRequest("GET", strings.TrimSuffix(server.NPM, "/")+"/-/whoami", nil)
		require.NoError(t, err)
		r.Header.Set("Authorization", "Bearer "+strings.TrimSpace(token))
		res, err := http.DefaultClient.Do(r)
		require.NoError(t, err)
		require.NoError(t, res.Body.Close())
		return res.StatusCode
	}
	require.Contains(t, ask(1, "user", "add", "Ada"), "lowercase")
	require.Contains(t, ask(1, "user", "add", "ada", "--password", "password1"), "guessed first")
	made := ask(0, "user", "add", "ada", "--email", "ada@example.com")
	password := regexp.MustCompile(`^ada has an account: password ([A-Z2-7]{26}), shown once\n$`).FindStringSubmatch(made)
	require.NotNil(t, password, made)
	require.Contains(t, ask(1, "user", "add", "ada"), "already registered")
	require.Contains(t, ask(0, "user", "passwd", "ada", "--password", "battery staple"), "ada has a new password\n")
	fixtures.NewClient(t, server.NPM).SignIn("ada", "battery staple")

	require.Contains(t, ask(0, "user", "add", "robot", "--service"), "service account")
	token := ask(0, "token", "create", "robot", "--name", "ci", "--expires", "720h", "--cidr", "127.0.0.0/8")
	require.Equal(t, http.StatusOK, whoami(token))
	require.Contains(t, ask(1, "token", "create", "nobody"), "no user")
	require.Regexp(t, `(?m)^[0-9a-f]{12} +npm_.{4}… +classic +ci .*127\.0\.0\.0/8$`, ask(0, "token", "ls", "robot"))

	ask(0, "user", "disable", "robot")
	require.Eventually(t, func() bool { return whoami(token) == http.StatusUnauthorized }, eventually, tick)
	require.Regexp(t, `(?m)^robot .* disabled,service$`, ask(0, "user", "ls"))
	require.Regexp(t, `(?m)^ada +ada@example.com .* unverified$`, ask(0, "user", "ls"))
	ask(0, "user", "enable", "robot")
	require.Eventually(t, func() bool { return whoami(token) == http.StatusOK }, eventually, tick)
	second := ask(0, "token", "create", "robot", "--read-only")
	require.Contains(t, ask(1, "token", "revoke", "robot", "npm_none"), "has no token")
	ask(0, "token", "revoke", "robot", strings.TrimSpace(token)[:8])
	require.Eventually(t, func() bool { return whoami(token) == http.StatusUnauthorized }, eventually, tick)
	require.Equal(t, http.StatusOK, whoami(second))

	require.Contains(t, ask(0, "user", "delete", "robot"), "what it published stays")
	require.Eventually(t, func() bool { return whoami(second) == http.StatusUnauthorized }, eventually, tick)
	require.Contains(t, ask(1, "user", "add", "robot", "--service"), "already registered")
	ask(0, "user", "add", "robot", "--service", "--again")
	require.Equal(t, http.StatusUnauthorized, whoami(second))

	link := ask(0, "user", "invite", "grace@example.com", "--public-url", server.NPM, "--smtp", box.URL, "--mail-from", "npm@npm.test")
	l := box.Wait(t, 1)
	require.Equal(t, strings.TrimSpace(link), l.Link())
	require.Equal(t, "grace@example.com", l.To)
	require.Contains(t, l.Link(), server.NPM)
}

const (
	eventually = 30 * time.Second // what another process wrote comes by the feed
	tick       = 10 * time.Millisecond
)

func TestThePasswordOfSMTPComesFromAFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "password")
	require.NoError(t, os.WriteFile(file, []byte("s3cret\n"), 0o600))
	p := postSettings{smtp: "smtp://npm@mail.test", passwordFile: file, from: "npm@npm.test"}
	require.NoError(t, p.check("https://npm.test"))
	require.Equal(t, "s3cret", p.server.Password)
	p.passwordFile += "x"
	require.ErrorContains(t, p.check("https://npm.test"), "--smtp-password-file")
}
