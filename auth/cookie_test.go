package auth

import (
	"context"
	"encoding/base64"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestCookie(t *testing.T) {
	ctx := context.Background()
	client := openClient(t)
	now := newClock()
	a := openAuth(t, client, testOptions(now))
	ada, err := a.Signup(ctx, "ada", "correct horse", "")
	require.NoError(t, err)

	c := a.Cookie(ada)
	require.Equal(t, "AuthSession", c.Name)
	require.Equal(t, "/", c.Path)
	require.True(t, c.HttpOnly)
	require.Equal(t, 600, c.MaxAge)
	plain, err := base64.RawURLEncoding.DecodeString(c.Value)
	require.NoError(t, err)
	require.True(t, strings.HasPrefix(string(plain), "ada:69A42A40:"), "%q", plain)
	require.Len(t, plain, len("ada:69A42A40:")+32)

	who := func(value string) string {
		id, err := a.Authenticate(request("Cookie", "AuthSession="+value))
		require.NoError(t, err)
		return id.Name
	}
	forge := func(plain string) string { return base64.RawURLEncoding.EncodeToString([]byte(plain)) }
	require.Equal(t, "ada", who(c.Value))
	require.Equal(t, "ada", who(c.Value+"="), "padding")
	require.Equal(t, "", who(forge("bob"+string(plain[3:]))), "another's name")
	require.Equal(t, "", who(forge("root"+string(plain[3:]))), "the admin's name")
	require.Equal(t, "", who(forge(strings.Replace(string(plain), "69A42A40", "79A42A40", 1))), "a later time")
	require.Equal(t, "", who(forge(strings.Replace(string(plain), "69A42A40", "69a42a40", 1))), "the same time, spelt otherwise")
	require.Equal(t, "", who(forge(string(plain[:len(plain)-1]))), "a byte less")
	require.Equal(t, "", who(forge("ada:69A42A40:")), "no signature")

	root, err := a.Login(ctx, "root", "toor toor")
	require.NoError(t, err)
	require.Equal(t, "root", who(a.Cookie(root).Value))

	now.advance(599 * time.Second)
	require.Equal(t, "ada", who(c.Value))
	now.advance(time.Second)
	require.Equal(t, "", who(c.Value), "expired")

	require.Empty(t, a.Cookie(Identity{}).Value)
	require.Empty(t, a.Cookie(Identity{Name: "bob"}).Value)
	require.Equal(t, "AuthSession=; Path=/; Max-Age=0; HttpOnly", a.ClearCookie().String())
}

func TestRenewCookie(t *testing.T) {
	ctx := context.Background()
	client := openClient(t)
	now := newClock()
	a := openAuth(t, client, testOptions(now))
	ada, err := a.Signup(ctx, "ada", "correct horse", "")
	require.NoError(t, err)
	r := request("Cookie", "AuthSession="+a.Cookie(ada).Value)
	byCookie, err := a.Authenticate(r)
	require.NoError(t, err)

	require.Nil(t, a.RenewCookie(r, byCookie), "fresh")
	now.advance(59 * time.Second)
	require.Nil(t, a.RenewCookie(r, byCookie))
	now.advance(time.Second)
	require.Nil(t, a.RenewCookie(r, ada), "signed in by another way")
	require.Nil(t, a.RenewCookie(r, Identity{}))
	renewed := a.RenewCookie(r, byCookie)
	require.NotNil(t, renewed)
	now.advance(599 * time.Second)
	id, err := a.Authenticate(request("Cookie", renewed.String()))
	require.NoError(t, err)
	require.Equal(t, "ada", id.Name)
}

// Sessions outlive a restart with the same secret, not one with another, nor
// another password of the server admin.
func TestCookieAndRestart(t *testing.T) {
	client := openClient(t)
	now := newClock()
	first := testOptions(now)
	a := openAuth(t, client, first)
	r := request("Cookie", "AuthSession="+a.Cookie(Identity{Name: "root"}).Value)
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
