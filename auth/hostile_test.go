package auth

import (
	"context"
	"encoding/base64"
	"fmt"
	"net/http"
	"runtime"
	"strings"
	"testing"

	"settee/fixtures/engine"

	"github.com/stretchr/testify/require"
)

// Credentials of any size and kind are refused, never a fault, and nothing of them is kept.
func TestHostileCredentials(t *testing.T) {
	a, _, conf := openConfigured(t)
	conf.set("chttpd/authentication_handlers", allHandlers, "jwt_keys/hmac:_default", "c2VjcmV0",
		"chttpd_auth_lockout/threshold", "2", "chttpd_auth/proxy_use_secret", "true")
	large := strings.Repeat("x", 1<<20)
	deep := strings.Repeat("[", 100_000)
	encode := base64.RawURLEncoding.EncodeToString
	for name, attack := range map[string]func(i int) *http.Request{
		"name":     func(i int) *http.Request { return basic(fmt.Sprint(i)+large, "x") },
		"password": func(i int) *http.Request { return basic("root", fmt.Sprint(i)+large) },
		"cookie":   func(i int) *http.Request { return request("Cookie", "AuthSession="+encode([]byte(large+":1:x"))) },
		"colons": func(i int) *http.Request {
			return request("Cookie", "AuthSession="+encode([]byte(strings.Repeat(":", 1<<20))))
		},
		"time": func(i int) *http.Request {
			return request("Cookie", "AuthSession="+encode([]byte("root:"+strings.Repeat("F", 1<<20)+":x")))
		},
		"many cookies": func(i int) *http.Request { return request("Cookie", strings.Repeat("AuthSession=YTox;", 10_000)) },
		"token":        func(i int) *http.Request { return bearer(large) },
		"dots":         func(i int) *http.Request { return bearer(strings.Repeat(".", 1<<20)) },
		"deep header":  func(i int) *http.Request { return bearer(encode([]byte(deep)) + ".e30.x") },
		"deep claims": func(i int) *http.Request {
			return bearer("eyJhbGciOiJIUzI1NiJ9." + encode([]byte(`{"a":`+deep)) + ".x")
		},
		"kid": func(i int) *http.Request {
			return bearer(encode([]byte(`{"alg":"HS256","kid":"`+large+`"}`)) + ".e30.x")
		},
		"npm token": func(i int) *http.Request { return bearer("npm_" + large) },
		"proxy": func(i int) *http.Request {
			return request("X-Auth-CouchDB-UserName", large, "X-Auth-CouchDB-Token", large)
		},
		"no UTF-8":       func(i int) *http.Request { return basic("\xff\xfe\x00"+fmt.Sprint(i), "\x00") },
		"scheme":         func(i int) *http.Request { return request("Authorization", large) },
		"design as name": func(i int) *http.Request { return basic("../_design/x", "y") },
	} {
		t.Run(name, func(t *testing.T) {
			for i := range 3 {
				r := attack(i)
				for _, ask := range []func(*http.Request) (Identity, error){a.Identify, a.Authenticate} {
					id, err := ask(r)
					require.True(t, id.Anonymous())
					if err != nil {
						var known *Error
						require.ErrorAs(t, err, &known)
						require.Less(t, len(err.Error()), 200)
					}
				}
			}
		})
	}
}

// A thousand failed sign-ins under names of a megabyte leave nothing like a gigabyte.
func TestFailedNamesTakeNoRoom(t *testing.T) {
	a, _, _ := openConfigured(t)
	large := strings.Repeat("x", 1<<20)
	heap := func() int64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return int64(m.HeapAlloc)
	}
	before := heap()
	for i := range 100 {
		_, err := a.SignIn(from("192.0.2.1", request()), fmt.Sprint(i)+large, large, large)
		require.ErrorIs(t, err, ErrCredentials)
	}
	require.Less(t, heap()-before, int64(10<<20))
	require.EqualValues(t, 100, a.lockouts.failing.Load())
}

// Names are bytes: look-alikes are other accounts.
func TestUnicodeNames(t *testing.T) {
	ctx := context.Background()
	client := engine.Open(t).Client
	a := openAuth(t, client, testOptions(newClock()))
	store := func(name, password string) {
		doc, err := a.HashPassword(ctx, object{
			textMember("_id", userID(name)), textMember("name", name), textMember("type", "user"), jsonMember("roles", []string{"_admin", "r"}), textMember("password", password),
		}.marshal())
		require.NoError(t, err)
		_, err = client.DB("_users").Put(ctx, userID(name), doc)
		require.NoError(t, err)
	}
	names := []string{"zo\u00eb", "zoe\u0308", "ZO\u00cb", "\u202eroot", "root\u00a0", "🦊", "a b", "%20", "a/b"}
	for i, name := range names {
		store(name, fmt.Sprint("password ", i))
	}
	for i, name := range names {
		for j := range names {
			id, err := a.Login(ctx, name, fmt.Sprint("password ", j))
			if i != j {
				require.ErrorIs(t, err, ErrCredentials)
				continue
			}
			require.NoError(t, err)
			require.Equal(t, []string{"r"}, id.Roles, "no document makes an admin")
			back, err := a.Identify(request("Cookie", "AuthSession="+sessionOf(a, id)))
			require.NoError(t, err)
			require.Equal(t, name, back.Name)
		}
	}
}
