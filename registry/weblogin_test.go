package registry

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestWebLogin(t *testing.T) {
	h := open(t)
	begin := func(body any, headers ...string) (page, poll string) {
		res := h.do("POST", "/-/v1/login", "npm_expired", body, headers...)
		require.Equal(t, 200, res.Status, "%s", res.Body)
		require.Equal(t, "no-store", res.Header.Get("Cache-Control"))
		page, ok := strings.CutPrefix(res.JSON()["loginUrl"].(string), h.url+"/-/web/login/")
		require.True(t, ok, "%s", res.Body)
		poll, ok = strings.CutPrefix(res.JSON()["doneUrl"].(string), h.url)
		require.True(t, ok, "%s", res.Body)
		return page, poll
	}
	page, poll := begin(dict{}, "User-Agent", "npm/11.6.2 node/v24.1.0 linux x64 workspaces/false")
	login, err := h.auth.WebLogin(t.Context(), page)
	require.NoError(t, err)
	require.Equal(t, "127.0.0.1", login.Address)
	require.Contains(t, login.Client, "npm/11.6.2")
	require.False(t, login.Create)
	for range 2 {
		res := h.do("GET", poll, "npm_expired", nil)
		require.Equal(t, 202, res.Status)
		require.Equal(t, "1", res.Header.Get("Retry-After"))
		require.Equal(t, "no-store", res.Header.Get("Cache-Control"))
		require.Equal(t, dict{}, res.JSON())
	}
	require.Equal(t, 404, h.do("GET", "/-/v1/login/"+page, "", nil).Status, "who saw the page's URL gets nothing")
	require.NoError(t, h.auth.ApproveLogin(t.Context(), page, "bob"))
	require.Equal(t, 405, h.do("HEAD", poll, "", nil).Status)
	res := h.do("GET", poll, "", nil)
	require.Equal(t, 200, res.Status)
	require.Equal(t, "no-store", res.Header.Get("Cache-Control"))
	token := res.JSON()["token"].(string)
	require.Equal(t, dict{"username": "bob"}, h.do("GET", "/-/whoami", token, nil).JSON())
	require.Equal(t, 404, h.do("GET", poll, "", nil).Status, "once")

	page, _ = begin(dict{"create": true})
	login, err = h.auth.WebLogin(t.Context(), page)
	require.NoError(t, err)
	require.True(t, login.Create)
	for _, empty := range []any{[]byte(nil), []byte("null")} {
		page, poll = begin(empty)
	}
	require.NoError(t, h.auth.DenyLogin(t.Context(), page))
	res = h.do("GET", poll, "", nil)
	require.Equal(t, 200, res.Status)
	require.Equal(t, dict{"message": "The sign-in was denied on the web page."}, res.JSON())
	require.Equal(t, 404, h.do("GET", poll, "", nil).Status)

	for _, bad := range []any{[]byte("{"), []byte(`"x"`)} {
		require.Equal(t, 400, h.do("POST", "/-/v1/login", "", bad).Status)
	}
	require.Equal(t, 413, h.do("POST", "/-/v1/login", "", []byte(strings.Repeat(" ", mostSmallBody+1))).Status)
	for _, bad := range []string{"x", "%00", "..%2f..", "%ff", strings.Repeat("A", 3000)} {
		require.Equal(t, 404, h.do("GET", "/-/v1/login/"+bad, "", nil).Status, bad)
		require.Equal(t, 404, h.do("GET", "/-/v1/challenge/"+bad, "", nil).Status, bad)
	}
}

// A token that has expired is in npm's configuration still when its owner signs in again.
func TestSignInWithAnExpiredToken(t *testing.T) {
	h := open(t)
	for _, path := range []string{"/-/user/org.couchdb.user:bob", "/-/user/org.couchdb.user:bob/-rev/1-x"} {
		res := h.do("PUT", path, "npm_expired", dict{"name": "bob", "password": "secret-bob"})
		require.Equal(t, 201, res.Status, "%s", res.Body)
	}
}
