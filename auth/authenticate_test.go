package auth

import (
	"context"
	"encoding/base64"
	"net/http"
	"testing"
	"time"

	"settee/fixtures/engine"

	"github.com/stretchr/testify/require"
)

func TestAuthenticate(t *testing.T) {
	ctx := context.Background()
	client := engine.Open(t).Client
	now := newClock()
	a := openAuth(t, client, testOptions(now))
	ada, err := a.Signup(ctx, "ada", "correct horse", "ada@example.com")
	require.NoError(t, err)
	require.Equal(t, Identity{Name: "ada", Email: "ada@example.com", Roles: []string{}, Handler: "default", created: "2026-03-01T12:00:00.000Z"}, ada)

	plain, err := a.IssueToken(ctx, "ada", Token{})
	require.NoError(t, err)
	reader, err := a.IssueToken(ctx, "ada", Token{ReadOnly: true, Name: "ci"})
	require.NoError(t, err)
	home, err := a.IssueToken(ctx, "ada", Token{CIDR: []string{"192.0.2.0/24"}})
	require.NoError(t, err)
	away, err := a.IssueToken(ctx, "ada", Token{CIDR: []string{"10.1.2.3", "2001:db8::/32"}})
	require.NoError(t, err)
	old, err := a.IssueToken(ctx, "ada", Token{Expires: now.Now()})
	require.NoError(t, err)
	revoked, err := a.IssueToken(ctx, "ada", Token{})
	require.NoError(t, err)
	require.NoError(t, a.RevokeToken(ctx, revoked))
	rooted, err := a.IssueToken(ctx, "root", Token{})
	require.NoError(t, err)

	cookie := sessionOf(a, ada)
	encode := base64.StdEncoding.EncodeToString
	cases := map[string]struct {
		r       *http.Request
		name    string
		handler string
		err     error
	}{
		"nothing":               {r: request()},
		"empty header":          {r: request("Authorization", "")},
		"basic":                 {r: basic("ada", "correct horse"), name: "ada", handler: "default"},
		"lower-case scheme":     {r: request("Authorization", "basic "+encode([]byte("ada:correct horse"))), name: "ada", handler: "default"},
		"wrong password":        {r: basic("ada", "wrong horse"), err: ErrCredentials},
		"empty password":        {r: basic("ada", ""), err: ErrCredentials},
		"unknown name":          {r: basic("bob", "correct horse"), err: ErrCredentials},
		"impossible name":       {r: basic("\xff\x00", "x"), err: ErrCredentials},
		"admin":                 {r: basic("root", "toor toor"), name: "root", handler: "default"},
		"admin, wrong":          {r: basic("root", "toor"), err: ErrCredentials},
		"admin, empty":          {r: basic("root", ""), err: ErrCredentials},
		"no name":               {r: request("Authorization", "Basic "+encode([]byte(":toor toor"))), err: ErrCredentials},
		"browser's log-out":     {r: request("Authorization", "Basic "+encode([]byte("_:_")))},
		"no colon":              {r: request("Authorization", "Basic "+encode([]byte("ada")))},
		"bad base64":            {r: request("Authorization", "Basic *"), err: ErrBase64},
		"unknown scheme":        {r: request("Authorization", "Negotiate abc"), err: ErrHeader},
		"two headers":           {r: request("Authorization", "Basic eDp4", "Authorization", "Bearer x"), err: ErrHeader},
		"token":                 {r: bearer(plain), name: "ada", handler: "token"},
		"token, spaces":         {r: request("Authorization", "bearer   "+plain+" "), name: "ada", handler: "token"},
		"token that reads":      {r: bearer(reader), name: "ada", handler: "token"},
		"token at home":         {r: bearer(home), name: "ada", handler: "token"},
		"token away":            {r: bearer(away), err: ErrAddress},
		"token of the admin":    {r: bearer(rooted), name: "root", handler: "token"},
		"expired token":         {r: bearer(old), err: ErrToken},
		"revoked token":         {r: bearer(revoked), err: ErrToken},
		"unknown token":         {r: bearer(newSecret()), err: ErrToken},
		"misspelt token":        {r: bearer(plain[:20] + "!" + plain[21:]), err: ErrToken},
		"empty token":           {r: request("Authorization", "Bearer "), err: ErrToken},
		"cookie":                {r: request("Cookie", "AuthSession="+cookie), name: "ada", handler: "cookie"},
		"other cookie":          {r: request("Cookie", "theme=dark")},
		"cleared cookie":        {r: request("Cookie", "AuthSession=")},
		"malformed cookie":      {r: request("Cookie", "AuthSession=@"), err: ErrCookie},
		"header before cookie":  {r: request("Cookie", "AuthSession=@", "Authorization", "Bearer "+plain), name: "ada", handler: "token"},
		"wrong header, cookie":  {r: request("Cookie", "AuthSession="+cookie, "Authorization", "Bearer x"), err: ErrToken},
		"token's hash as token": {r: bearer(tokenKey(plain)), err: ErrToken},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			for range 2 { // from the store, then from memory
				id, err := a.Authenticate(c.r)
				if c.err != nil {
					require.ErrorIs(t, err, c.err)
					require.Zero(t, id)
					continue
				}
				require.NoError(t, err)
				require.Equal(t, c.name, id.Name)
				require.Equal(t, c.handler, id.Handler)
				require.Equal(t, c.name == "root", id.Admin())
				require.Equal(t, c.name == "", id.Anonymous())
			}
		})
	}

	id, err := a.Authenticate(bearer(reader))
	require.NoError(t, err)
	require.True(t, id.ReadOnly())
	require.Equal(t, &Token{Key: tokenKey(reader), User: "ada", Name: "ci", Redacted: reader[:8] + "…", ReadOnly: true, Kind: TokenClassic, Created: now.Now(), Updated: now.Now()}, id.Token)
	require.Equal(t, "ada@example.com", id.Email)
}

func TestErrorsHaveStatusAndNoSecret(t *testing.T) {
	client := engine.Open(t).Client
	a := openAuth(t, client, testOptions(newClock()))
	for status, r := range map[int]*http.Request{
		http.StatusUnauthorized: basic("ada", "sesame-of-ada"),
		http.StatusBadRequest:   request("Authorization", "sesame-of-ada sesame-of-ada"),
	} {
		_, err := a.Authenticate(r)
		var e *Error
		require.ErrorAs(t, err, &e)
		require.Equal(t, status, e.HTTPStatus())
		require.NotContains(t, err.Error(), "sesame-of-ada")
	}
	for kind, status := range kindStatus {
		require.Equal(t, status, (&Error{Kind: kind}).HTTPStatus())
	}
}

func TestTokenDiesWithItsAccount(t *testing.T) {
	ctx := context.Background()
	client := engine.Open(t).Client
	now := newClock()
	a := openAuth(t, client, testOptions(now))
	_, err := a.Signup(ctx, "ada", "correct horse", "")
	require.NoError(t, err)
	secret, err := a.IssueToken(ctx, "ada", Token{})
	require.NoError(t, err)
	_, err = a.Authenticate(bearer(secret))
	require.NoError(t, err)

	account, err := a.Account(ctx, "ada")
	require.NoError(t, err)
	_, err = client.DB("_users").Delete(ctx, userID("ada"), account.Rev)
	require.NoError(t, err)
	require.Eventually(t, func() bool { _, err := a.Authenticate(bearer(secret)); return err != nil }, 10*time.Second, time.Millisecond)
	require.Eventually(t, func() bool { _, err := a.Login(ctx, "ada", "correct horse"); return err != nil }, 10*time.Second, time.Millisecond)
	_, err = a.IssueToken(ctx, "ada", Token{})
	require.ErrorIs(t, err, errNoUser)

	now.Pass(time.Second)
	_, err = a.Signup(ctx, "ada", "another horse", "")
	require.NoError(t, err)
	_, err = a.Authenticate(bearer(secret))
	require.ErrorIs(t, err, ErrToken)
}
