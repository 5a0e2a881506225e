package auth

import (
	"context"
	"encoding/base32"
	"encoding/json"
	"testing"
	"time"

	"settee/fixtures/engine"

	"github.com/stretchr/testify/require"
)

// RFC 6238's own figures.
func TestTOTP(t *testing.T) {
	const seed = "1234567890123456789012345678901234567890123456789012345678901234"
	for _, c := range []struct {
		algorithm string
		size      int
		at        int64
		code      string
	}{
		{"sha", 20, 59, "94287082"}, {"sha", 20, 1111111109, "07081804"}, {"sha", 20, 20000000000, "65353130"},
		{"sha256", 32, 59, "46119246"}, {"sha256", 32, 1234567890, "91819424"},
		{"sha512", 64, 59, "90693936"}, {"sha512", 64, 20000000000, "47863826"},
	} {
		secret := &totp{key: []byte(seed[:c.size]), algorithm: c.algorithm, length: 8}
		at := time.Unix(c.at, 0)
		require.Equal(t, c.code, secret.code(c.at/totpStep))
		require.True(t, secret.accepts(c.code, at))
		require.True(t, secret.accepts(c.code, at.Add(totpStep*time.Second)))
		require.True(t, secret.accepts(c.code, at.Add(-totpStep*time.Second)))
		require.False(t, secret.accepts(c.code, at.Add(2*totpStep*time.Second)))
		require.False(t, secret.accepts(c.code[2:], at))
		secret.length = 6
		require.True(t, secret.accepts(c.code[2:], at))
		require.False(t, secret.accepts("", at))
	}
}

// An account with a second factor signs in by both, at _session alone; guessing
// codes locks it like guessing passwords.
func TestSecondFactor(t *testing.T) {
	ctx := context.Background()
	client, now := engine.Open(t).Client, newClock()
	a := openAuth(t, client, testOptions(now))
	account := func(name, totp string) {
		doc, err := a.HashPassword(ctx, json.RawMessage(`{"_id":"org.couchdb.user:`+name+`","name":"`+name+`","type":"user","roles":[],"password":"correct horse","totp":`+totp+`}`))
		require.NoError(t, err)
		_, err = client.DB("_users").Put(ctx, userID(name), doc)
		require.NoError(t, err)
	}
	key := []byte("12345678901234567890")
	account("ada", `{"key":"`+base32.StdEncoding.EncodeToString(key)+`"}`)
	code := (&totp{key: key, algorithm: "sha", length: 6}).code(now.Now().Unix() / totpStep)
	home := from("192.0.2.1", request())
	for range 2 { // the password is known the second time
		id, err := a.SignIn(home, "ada", "correct horse", code)
		require.NoError(t, err)
		require.Equal(t, "ada", id.Name)
		_, err = a.SignIn(from("192.0.2.2", request()), "ada", "wrong", code)
		require.ErrorIs(t, err, ErrCredentials)
	}
	_, err := a.Identify(from("192.0.2.3", basic("ada", "correct horse")))
	require.ErrorIs(t, err, ErrCredentials, "Basic has no place for a code")
	_, err = a.Login(ctx, "ada", "correct horse")
	require.ErrorIs(t, err, ErrCredentials)
	id, err := a.Identify(request("Cookie", "AuthSession="+sessionOf(a, Identity{Name: "ada"})))
	require.NoError(t, err)
	require.Equal(t, "ada", id.Name)
	for range 5 {
		_, err = a.SignIn(from("192.0.2.4", request()), "ada", "correct horse", "000000")
		require.ErrorIs(t, err, ErrCredentials)
	}
	_, err = a.SignIn(from("192.0.2.4", request()), "ada", "correct horse", code)
	require.ErrorIs(t, err, ErrLocked)

	for name, spoilt := range map[string]string{"n": `null`, "s": `"x"`, "k": `{"key":"1"}`, "a": `{"key":"GEZDGNBV","algorithm":"rot13"}`, "l": `{"key":"GEZDGNBV","length":1}`, "e": `{}`} {
		account(name, spoilt)
		for _, token := range []string{"", "0", "000000"} {
			_, err = a.SignIn(from("192.0.2.5", request()), name, "correct horse", token)
			require.ErrorIs(t, err, ErrCredentials, spoilt)
		}
	}
}
