package main

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// Sessions and server admins made over HTTP outlive a restart, and count on both ports.
func TestSessionsOutliveARestart(t *testing.T) {
	data := t.TempDir()
	first := startServing(t, "--data", data, "--admin", "root:toor toor")
	ask := func(method, url, body string, sign func(*http.Request)) (*http.Response, string) {
		t.Helper()
		r, err := http.NewRequest(method, url, strings.NewReader(body))
		require.NoError(t, err)
		r.Header.Set("Content-Type", "application/json")
		sign(r)
		res, err := http.DefaultClient.Do(r)
		require.NoError(t, err)
		defer res.Body.Close()
		answer, err := io.ReadAll(res.Body)
		require.NoError(t, err)
		return res, string(answer)
	}
	as := func(name, password string) func(*http.Request) {
		return func(r *http.Request) { r.SetBasicAuth(name, password) }
	}
	nobody := func(*http.Request) {}
	res, answer := ask("PUT", first.couch+"/_node/_local/_config/admins/jan", `"apple"`, as("root", "toor toor"))
	require.Equal(t, http.StatusOK, res.StatusCode, answer)
	var cookies []*http.Cookie
	for _, login := range []string{`{"name":"root","password":"toor toor"}`, `{"name":"jan","password":"apple"}`} {
		res, answer = ask("POST", first.couch+"/_session", login, nobody)
		require.Equal(t, http.StatusOK, res.StatusCode, answer)
		cookies = append(cookies, res.Cookies()...)
	}
	require.Len(t, cookies, 2)
	require.Equal(t, 0, first.stop(t))

	second := startServing(t, "--data", data, "--admin", "root:toor toor")
	for i, name := range []string{"root", "jan"} {
		_, answer = ask("GET", second.couch+"/_session", "", func(r *http.Request) { r.AddCookie(cookies[i]) })
		require.Contains(t, answer, `"userCtx":{"name":"`+name+`","roles":["_admin"]}`)
	}
	_, answer = ask("GET", second.npm+"/-/whoami", "", as("jan", "apple"))
	require.Contains(t, answer, `"jan"`)
	res, answer = ask("DELETE", second.couch+"/_node/_local/_config/admins/jan", "", as("jan", "apple"))
	require.Equal(t, http.StatusOK, res.StatusCode, answer)
	res, _ = ask("GET", second.npm+"/-/whoami", "", as("jan", "apple"))
	require.Equal(t, http.StatusUnauthorized, res.StatusCode)
	_, answer = ask("GET", second.couch+"/_session", "", func(r *http.Request) { r.AddCookie(cookies[1]) })
	require.Contains(t, answer, `"name":null`)
}
