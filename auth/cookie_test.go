package auth

import (
	"context"
	"crypto/tls"
	"encoding/base64"
	"net/http"
	"strings"
	"testing"
	"time"

	"settee/fixtures/engine"

	"github.com/stretchr/testify/require"
)

func TestCookie(t *testing.T) {
	ctx := context.Background()
	client := engine.Open(t).Client
	now := newClock()
	a := openAuth(t, client, testOptions(now))
	ada, err := a.Signup(ctx, "ada", "correct horse", "")
	require.NoError(t, err)

	cookie := sessionOf(a, ada)
	require.Equal(t, "AuthSession="+cookie+"; Version=1; Expires=Sun, 01-Mar-2026 12:10:00 GMT; Max-Age=600; Path=/; HttpOnly", a.Cookie(request(), ada))
	plain, err := base64.RawURLEncoding.DecodeString(cookie)
	require.NoError(t, err)
	require.True(t, strings.HasPrefix(string(plain), "ada:69A42A40:"), "%q", plain)
	require.Len(t, plain, len("ada:69A42A40:")+32)

	who := func(value string) string {
		id, err := a.Authenticate(request("Cookie", "AuthSession="+value))
		require.NoError(t, err)
		return id.Name
	}
	forge := func(plain string) string { return base64.RawURLEncoding.EncodeToString([]byte(plain)) }
	require.Equal(t, "ada", who(cookie))
	require.Equal(t, "ada", who(cookie+"="), "padding")
	require.Equal(t, "", who(forge("bob"+string(plain[3:]))), "another's name")
	require.Equal(t, "", who(forge("root"+string(plain[3:]))), "the admin's name")
	require.Equal(t, "", who(forge(strings.Replace(string(plain), "69A42A40", "79A42A40", 1))), "a later time")
	require.Equal(t, "", who(forge(strings.Replace(string(plain), "69A42A40", "69a42a40", 1))), "the same time, spelt otherwise")
	require.Equal(t, "", who(forge(string(plain[:len(plain)-1]))), "a byte less")
	require.Equal(t, "", who(forge("ada:69A42A40:")), "no signature")

	root, err := a.Login(ctx, "root", "toor toor")
	require.NoError(t, err)
	require.Equal(t, "root", who(sessionOf(a, root)))

	now.Pass(599 * time.Second)
	require.Equal(t, "ada", who(cookie))
	now.Pass(time.Second)
	require.Equal(t, "", who(cookie), "expired")

	gone := "AuthSession=; Version=1; Expires=Thu, 01-Jan-1970 00:00:00 GMT; Max-Age=0; Path=/; HttpOnly"
	require.Equal(t, gone, a.Cookie(request(), Identity{}))
	require.Equal(t, gone, a.Cookie(request(), Identity{Name: "bob"}))
	require.Equal(t, gone, a.ClearCookie(request()))
}

// What [chttpd_auth] says of cookies holds at once.
func TestCookieSettings(t *testing.T) {
	now, conf := newClock(), newSettings()
	o := testOptions(now)
	o.Settings = conf
	a := openAuth(t, engine.Open(t).Client, o)
	ada, err := a.Signup(context.Background(), "ada", "correct horse", "")
	require.NoError(t, err)
	attributes := func(r *http.Request) string {
		_, rest, _ := strings.Cut(a.Cookie(r, ada), "; ")
		return rest
	}
	who := func(value string) string {
		id, err := a.Authenticate(request("Cookie", "AuthSession="+value))
		require.NoError(t, err)
		return id.Name
	}
	conf.set("couch_httpd_auth/timeout", "60")
	require.Equal(t, "Version=1; Expires=Sun, 01-Mar-2026 12:01:00 GMT; Max-Age=60; Path=/; HttpOnly", attributes(request()))
	conf.set("chttpd_auth/timeout", "30")
	require.Contains(t, attributes(request()), "Max-Age=30;")
	conf.set("chttpd_auth/timeout", "soon")
	require.Contains(t, attributes(request()), "Max-Age=600;")
	conf.set("chttpd_auth/allow_persistent_cookies", "false", "chttpd_auth/same_site", "LAX", "chttpd_auth/cookie_domain", "example.com")
	require.Equal(t, "Version=1; Domain=example.com; Path=/; HttpOnly; SameSite=Lax", attributes(request()))
	conf.set("chttpd_auth/same_site", "x; Secure", "chttpd_auth/cookie_domain", "a;b")
	secure := request()
	secure.TLS = &tls.ConnectionState{}
	require.Equal(t, "Version=1; Secure; Path=/; HttpOnly", attributes(secure))

	old := sessionOf(a, ada)
	conf.set("chttpd_auth/hash_algorithms", "sha512, sha256")
	require.Equal(t, "ada", who(old), "the second algorithm is tried")
	strong := sessionOf(a, ada)
	require.Greater(t, len(strong), len(old))
	require.Equal(t, "ada", who(strong))
	conf.set("chttpd_auth/hash_algorithms", "sha512")
	require.Equal(t, "", who(old))
	conf.set("chttpd_auth/hash_algorithms", "rot13,,")
	require.Equal(t, "ada", who(old), "no known algorithm leaves the default")
	conf.set("chttpd_auth/secret", "another")
	require.Equal(t, "", who(old))
	require.Equal(t, "ada", who(sessionOf(a, ada)))
}

func TestRenewCookie(t *testing.T) {
	ctx := context.Background()
	client := engine.Open(t).Client
	now := newClock()
	a := openAuth(t, client, testOptions(now))
	ada, err := a.Signup(ctx, "ada", "correct horse", "")
	require.NoError(t, err)
	r := request("Cookie", "AuthSession="+sessionOf(a, ada))
	byCookie, err := a.Authenticate(r)
	require.NoError(t, err)

	require.Empty(t, a.RenewCookie(r, byCookie), "fresh")
	now.Pass(60 * time.Second)
	require.Empty(t, a.RenewCookie(r, byCookie))
	now.Pass(time.Second)
	require.Empty(t, a.RenewCookie(r, ada), "signed in by another way")
	require.Empty(t, a.RenewCookie(r, Identity{}))
	renewed := a.RenewCookie(r, byCookie)
	require.NotEmpty(t, renewed)
	now.Pass(599 * time.Second)
	id, err := a.Authenticate(request("Cookie", strings.Split(renewed, ";")[0]))
	require.NoError(t, err)
	require.Equal(t, "ada", id.Name)
}

// Sessions outlive a restart with the same secret, not one with another, nor
// another password of the server admin.
func TestCookieAndRestart(t *testing.T) {
	client := engine.Open(t).Client
	now := newClock()
	first := testOptions(now)
	a := openAuth(t, client, first)
	r := request("Cookie", "AuthSession="+sessionOf(a, Identity{Name: "root"}))
	for name, c := range map[string]struct {
		change func(*Options)
		who    string
	}{
		"same":             {func(*Options) {}, "root"},
		"another secret":   {func(o *Options) { o.Secret = nil }, ""},
		"another password": {func(o *Options) { o.AdminPassword = "other" }, ""},
		"no admin":         {func(o *Options) { o.AdminName = "" }, ""},
	} {
		t.Run(name, func(t *testing.T) {
			o := first
			c.change(&o)
			id, err := openAuth(t, client, o).Authenticate(r)
			require.NoError(t, err)
			require.Equal(t, c.who, id.Name)
		})
	}
}

func FuzzTicket(f *testing.F) {
	for _, s := range []string{"", "=", "@", "YTo1OmI", "YWRhOjY5QTQyQkMwOg", "YTo6", "YTotNTpi", "YTpGRkZGRkZGRkZGRkZGRkZGRkY6Yg"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, value string) {
		ticket, err := parseTicket(value)
		if err != nil {
			require.ErrorIs(t, err, ErrCookie)
			return
		}
		require.NotContains(t, ticket.name, ":")
		plain := ticket.name + ":" + ticket.stamp + ":" + ticket.mac
		again, err := parseTicket(base64.RawURLEncoding.EncodeToString([]byte(plain)))
		require.NoError(t, err)
		require.Equal(t, ticket, again)
	})
}
