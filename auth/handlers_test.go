package auth

import (
	"context"
	"crypto/hmac"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"strings"
	"testing"

	"settee/fixtures"
	"settee/fixtures/engine"

	"github.com/stretchr/testify/require"
)

func openConfigured(t testing.TB) (*Auth, *fixtures.Clock, *memorySettings) {
	now, conf := newClock(), newSettings()
	o := testOptions(now)
	o.Settings = conf
	return openAuth(t, engine.Open(t).Client, o), now, conf
}

const allHandlers = "{chttpd_auth, proxy_authentication_handler}, {chttpd_auth, jwt_authentication_handler}, " +
	"{chttpd_auth, cookie_authentication_handler}, {chttpd_auth, default_authentication_handler}"

func TestHandlers(t *testing.T) {
	a, _, conf := openConfigured(t)
	for spec, want := range map[string][]string{
		"":          {"cookie", "default"},
		allHandlers: {"proxy", "jwt", "cookie", "default"},
		"{chttpd_auth,default_authentication_handler}":                                                        {"default"},
		"{couch_httpd_auth, proxy_authentification_handler}, {couch_httpd_auth, null_authentication_handler}": {"proxy"},
		"{couch_httpd_auth, null_authentication_handler}":                                                     {"cookie", "default"},
		"nonsense": {"cookie", "default"},
	} {
		conf.set("chttpd/authentication_handlers", spec)
		for range 2 {
			require.Equal(t, want, a.Handlers(), spec)
		}
	}
}

func TestIdentify(t *testing.T) {
	ctx := context.Background()
	a, _, conf := openConfigured(t)
	ada, err := a.Signup(ctx, "ada", "correct horse", "")
	require.NoError(t, err)
	_, err = a.Signup(ctx, "bob", "battery staple", "")
	require.NoError(t, err)
	token, err := a.IssueToken(ctx, "bob", Token{})
	require.NoError(t, err)
	session := "AuthSession=" + sessionOf(a, ada)
	basicBob := basic("bob", "battery staple").Header.Get("Authorization")
	for name, c := range map[string]struct {
		r       *http.Request
		who, by string
		err     error
	}{
		"nothing":                 {r: request()},
		"unknown scheme":          {r: request("Authorization", "annonymous")},
		"a token of another kind": {r: request("Authorization", "Bearer eyJ.e.")},
		"two headers":             {r: request("Authorization", "Basic x", "Authorization", "Basic y"), err: ErrHeader},
		"basic":                   {r: request("Authorization", basicBob), who: "bob", by: "default"},
		"cookie":                  {r: request("Cookie", session), who: "ada", by: "cookie"},
		"cookie before basic":     {r: request("Cookie", session, "Authorization", basicBob), who: "ada", by: "cookie"},
		"stale cookie, basic":     {r: request("Cookie", "AuthSession=YWRhOjE6eA", "Authorization", basicBob), who: "bob", by: "default"},
		"malformed cookie, basic": {r: request("Cookie", "AuthSession=@", "Authorization", basicBob), err: ErrCookie},
		"cookie, wrong basic":     {r: request("Cookie", session, "Authorization", "Basic *"), who: "ada", by: "cookie"},
		"wrong basic":             {r: basic("bob", "x"), err: ErrCredentials},
		"our token":               {r: bearer(token), who: "bob", by: "token"},
		"our token before cookie": {r: request("Cookie", session, "Authorization", "Bearer "+token), who: "bob", by: "token"},
		"our token, spoilt":       {r: bearer("npm_x"), err: ErrToken},
		"proxy that is not asked": {r: request("X-Auth-CouchDB-UserName", "eve", "X-Auth-CouchDB-Roles", "_admin")},
	} {
		t.Run(name, func(t *testing.T) {
			id, err := a.Identify(c.r)
			require.Equal(t, c.err, pointerless(err))
			require.Equal(t, c.who, id.Name)
			require.Equal(t, c.by, id.Handler)
			require.False(t, id.Admin())
		})
	}
	conf.set("chttpd/authentication_handlers", "{chttpd_auth, cookie_authentication_handler}")
	id, err := a.Identify(basic("bob", "battery staple"))
	require.NoError(t, err)
	require.True(t, id.Anonymous(), "Basic is switched off")
}

// pointerless makes a nil *Error equal to none.
func pointerless(err error) error {
	if e, ok := err.(*Error); ok {
		return e
	}
	return err
}

func TestProxied(t *testing.T) {
	a, _, conf := openConfigured(t)
	sha := hmac.New(sha256.New, []byte("a secret"))
	sha.Write([]byte("zoë"))
	signed := hex.EncodeToString(sha.Sum(nil))
	old := hmac.New(sha1.New, []byte("a secret"))
	old.Write([]byte("zoë"))
	headers := func(name, roles, token string) *http.Request {
		return request("X-Auth-CouchDB-UserName", name, "X-Auth-CouchDB-Roles", roles, "X-Auth-CouchDB-Token", token)
	}
	who := func(r *http.Request) string {
		t.Helper()
		id, err := a.Identify(r)
		require.NoError(t, err)
		return strings.TrimSpace(id.Name + " " + strings.Join(id.Roles, "+") + " " + id.Handler)
	}
	require.Empty(t, who(headers("zoë", "a,b", signed)), "opt-in")
	conf.set("chttpd/authentication_handlers", allHandlers)
	require.Equal(t, "zoë a+b proxy", who(headers("zoë", " a , b,", "")))
	require.Equal(t, "zoë  proxy", who(headers("zoë", "", "")))
	require.Empty(t, who(headers("", "a", signed)))
	put(t, a, "ann", textMember("disabled", "2026-03-01T12:00:00.000Z"))
	_, err := a.Identify(headers("ann", "", ""))
	require.ErrorIs(t, err, ErrDisabled, "whoever vouches for them")
	conf.set("chttpd_auth/proxy_use_secret", "true")
	require.Equal(t, "zoë a proxy", who(headers("zoë", "a", signed)))
	require.Equal(t, "zoë a proxy", who(headers("zoë", "a", strings.ToUpper(signed))))
	require.Equal(t, "zoë a proxy", who(headers("zoë", "a", hex.EncodeToString(old.Sum(nil)))))
	for _, forged := range []string{"", "00", signed[:62], signed[2:], signed + "00", "zz"} {
		require.Empty(t, who(headers("zoë", "a", forged)), forged)
	}
	require.Empty(t, who(headers("eve", "a", signed)))
	conf.set("chttpd_auth/x_auth_username", "X-Remote", "chttpd_auth/x_auth_roles", "x-groups", "chttpd_auth/x_auth_token", "X-Proof")
	require.Equal(t, "zoë g proxy", who(request("X-Remote", "zoë", "X-Groups", "g", "X-Proof", signed)))
	require.Empty(t, who(headers("zoë", "a", signed)))
}
