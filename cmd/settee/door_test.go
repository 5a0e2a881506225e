package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// from sends a request as a trusted proxy would that saw the client at an address.
func from(t *testing.T, address, method, url, body string, headers ...string) (*http.Response, map[string]any) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	require.NoError(t, err)
	req.Header.Set("X-Forwarded-For", "203.0.113.66, "+address)
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	resp, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	defer resp.Body.Close() //nolint:errcheck // read to the end
	var answer map[string]any
	require.NoError(t, json.NewDecoder(resp.Body).Decode(&answer))
	return resp, answer
}

const (
	victim, attacker = "192.0.2.10", "192.0.2.66"
	user             = "/-/user/org.couchdb.user:"
)

func signIn(name, password string) string {
	return fmt.Sprintf(`{"name":%q,"password":%q,"email":"x@example.com"}`, name, password)
}

func TestDoor(t *testing.T) {
	s := startServing(t, "--trusted-proxy", "127.0.0.1", "--allow", "192.0.2.0/24", "--allow-write", victim, "--limit-login", "8/1h", "--admin", "admin:a long password")
	res, answer := from(t, victim, "PUT", s.npm+user+"ada", signIn("ada", "a password of ada"))
	require.Equal(t, 201, res.StatusCode, answer)
	token := "Bearer " + answer["token"].(string)
	body, err := publishBody("left", "1.0.0", 500, 1)
	require.NoError(t, err)
	res, _ = from(t, attacker, "PUT", s.npm+"/left", string(body), "Authorization", token)
	require.Equal(t, 403, res.StatusCode, "who may not write")
	res, answer = from(t, victim, "PUT", s.npm+"/left", string(body), "Authorization", token)
	require.Equal(t, 201, res.StatusCode, answer)
	res, answer = from(t, "203.0.113.7", "GET", s.npm+"/left", "")
	require.Equal(t, 403, res.StatusCode)
	require.Equal(t, "E403", answer["code"])
	res, answer = from(t, "203.0.113.7", "GET", s.couch+"/", "")
	require.Equal(t, 403, res.StatusCode)
	require.Equal(t, "forbidden", answer["error"])
	for _, path := range []string{s.npm + "/-/ping", s.couch + "/_up"} {
		res, _ = from(t, "203.0.113.7", "GET", path, "")
		require.Equal(t, 200, res.StatusCode, path)
	}
	res, answer = from(t, victim, "GET", s.npm+"/left", "", "X-Forwarded-Proto", "https", "X-Forwarded-Host", "npm.example:8443")
	require.Equal(t, 200, res.StatusCode)
	raw, err := json.Marshal(answer)
	require.NoError(t, err)
	require.Contains(t, string(raw), "https://npm.example:8443/left/-/left-1.0.0.tgz")

	// Guessing locks the guesser out, then slows him down; never whom he guesses at.
	var codes []int
	for i := range 9 {
		res, answer = from(t, attacker, "PUT", s.npm+user+"ada", signIn("ada", fmt.Sprint("a guess, ", i)))
		codes = append(codes, res.StatusCode)
	}
	require.Equal(t, []int{401, 401, 401, 401, 401, 403, 403, 403, 429}, codes)
	require.NotEmpty(t, res.Header.Get("Retry-After"))
	require.Contains(t, answer["error"], "Too many requests from your address. Try again in")
	res, answer = from(t, attacker, "POST", s.couch+"/_session", signIn("ada", "x"), "Content-Type", "application/json")
	require.Equal(t, 429, res.StatusCode, "both ports count together")
	require.Equal(t, "too_many_requests", answer["error"])
	res, answer = from(t, victim, "PUT", s.npm+user+"ada", signIn("ada", "a password of ada"))
	require.Equal(t, 201, res.StatusCode, answer)
	res, answer = from(t, attacker, "PUT", s.npm+user+"ada", signIn("ada", "a password of ada"), "X-Forwarded-For", victim+", "+attacker)
	require.Equal(t, 429, res.StatusCode, "a forged address is nobody else's: %v", answer)

	// A user is counted wherever he comes from, once he has shown who he is.
	codes = nil
	for i := range 9 {
		res, _ = from(t, fmt.Sprintf("192.0.2.%d", 100+i), "POST", s.npm+"/-/npm/v1/user", `{}`, "Authorization", token)
		codes = append(codes, res.StatusCode)
	}
	require.Equal(t, 429, codes[8], "%v", codes)
	require.NotContains(t, codes[:8], 429)
	require.Equal(t, 0, s.stop(t))
}

func TestDoorFlags(t *testing.T) {
	for _, args := range [][]string{
		{"--limit-login", "60"}, {"--limit-read", "0/1m"}, {"--limit-write", "many"}, {"--allow", "10.0.0.0/33"}, {"--trusted-proxy", "proxy.example"}, {"--allow-write", "10.0.0.1:80"},
	} {
		code, _, stderr := settee(t, append([]string{"serve"}, args...)...)
		require.Equal(t, 2, code)
		require.Contains(t, stderr, args[0])
	}
}
