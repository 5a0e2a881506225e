package auth

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"settee/fixtures/engine"

	"github.com/stretchr/testify/require"
)

var tenRounds = policy{schemePBKDF2, prfSHA256, 10}

func TestVerify(t *testing.T) {
	cases := map[string]struct {
		doc, password string
		current       bool // at 10 rounds
	}{
		"CouchDB 1.3's documentation": {doc: `{"password_scheme":"pbkdf2","iterations":10,"salt":"1112283cf988a34f124200a050d308a1",
			"derived_key":"e579375db0e0c6a6fc79cd9e36a36859f71575c3"}`, password: "apple"},
		"RFC 6070, SHA-1": {doc: `{"password_scheme":"pbkdf2","iterations":4096,"salt":"salt","pbkdf2_prf":"sha",
			"derived_key":"4B007901B765489ABEAD49D926F721D065A429C1"}`, password: "password"},
		"RFC 7914, SHA-256": {doc: `{"password_scheme":"pbkdf2","iterations":1,"salt":"salt","pbkdf2_prf":"sha256",
			"derived_key":"55ac046e56e3089fec1691c22544b605f94185216dde0465e68b9d57c20dacbc"}`, password: "passwd"},
		"simple":                   {doc: `{"password_scheme":"simple","salt":"def","password_sha":"1f8ac10f23c5b5bc1167bda84b833e5c057a77d2"}`, password: "abc"},
		"before schemes had names": {doc: `{"salt":"def","password_sha":"1f8ac10f23c5b5bc1167bda84b833e5c057a77d2"}`, password: "abc"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			o, err := parseObject(json.RawMessage(c.doc))
			require.NoError(t, err)
			creds := parseCredentials(o)
			right, err := creds.verify(c.password)
			require.NoError(t, err)
			require.True(t, right)
			right, err = creds.verify(c.password + " ")
			require.NoError(t, err)
			require.False(t, right)
			require.Equal(t, c.current, creds.current(tenRounds))
		})
	}
}

func TestUselessCredentialsAreNeverRight(t *testing.T) {
	for _, doc := range []string{
		`{}`, `{"password_sha":""}`, `{"password_scheme":"pbkdf2"}`, `{"password_scheme":"none","derived_key":""}`,
		`{"password_scheme":"pbkdf2","iterations":0,"derived_key":"","salt":""}`,
		`{"password_scheme":"pbkdf2","iterations":-1,"derived_key":"00","salt":""}`,
		`{"password_scheme":"pbkdf2","iterations":99999999999,"derived_key":"","salt":"x"}`,
		`{"password_scheme":"pbkdf2","pbkdf2_prf":"md5","iterations":1,"derived_key":"","salt":"x"}`,
		`{"Password_Scheme":"simple","salt":"def","PASSWORD_SHA":"1f8ac10f23c5b5bc1167bda84b833e5c057a77d2"}`,
	} {
		o, err := parseObject(json.RawMessage(doc))
		require.NoError(t, err)
		for _, password := range []string{"", "abc"} {
			right, err := parseCredentials(o).verify(password)
			require.NoError(t, err)
			require.False(t, right, doc)
		}
	}
}

func TestHashPassword(t *testing.T) {
	const hashed = `"password_scheme":"pbkdf2","pbkdf2_prf":"sha256","salt":"SALT","iterations":10,"derived_key":"KEY"`
	cases := map[string]struct{ in, out string }{
		"in place":        {`{"_id":"org.couchdb.user:a","password":"abc","big":12345678901234567890,"f":1.0}`, `{"_id":"org.couchdb.user:a",` + hashed + `,"big":12345678901234567890,"f":1.0}`},
		"order and bytes": {"{ \"z\" : {\"b\": 1,\"a\":2 } ,\n\"password\":\"abc\",\"\\u0061\":\"<é\\u00e9>\"}", `{"z":{"b": 1,"a":2 },` + hashed + `,"\u0061":"<é\u00e9>"}`},
		"old hash goes":   {`{"salt":"x","password":"abc","derived_key":"y","iterations":1,"password_scheme":"simple","password_sha":"z","pbkdf2_prf":"sha"}`, `{` + hashed + `}`},
		"escaped name":    {`{"pass\u0077ord":"abc"}`, `{` + hashed + `}`},
		"twice":           {`{"password":"x","b":1,"password":"abc"}`, `{` + hashed + `,"b":1}`},
		"no password":     {` {"a" : 1}`, ` {"a" : 1}`},
		"null":            {`{"password":null}`, `{"password":null}`},
		"nested":          {`{"a":{"password":"abc"}}`, `{"a":{"password":"abc"}}`},
	}
	ctx := context.Background()
	a := openAuth(t, engine.Open(t).Client, testOptions(newClock()))
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			got, err := a.HashPassword(ctx, json.RawMessage(c.in))
			require.NoError(t, err)
			o, err := parseObject(got)
			require.NoError(t, err)
			if salt := o.text("salt"); salt != "" {
				require.Len(t, salt, 32)
				require.Len(t, o.text("derived_key"), 64)
				right, err := parseCredentials(o).verify("abc")
				require.NoError(t, err)
				require.True(t, right)
				require.True(t, parseCredentials(o).current(tenRounds))
				require.False(t, parseCredentials(o).current(policy{schemePBKDF2, prfSHA256, 11}))
				c.out = strings.NewReplacer("SALT", salt, "KEY", o.text("derived_key")).Replace(c.out)
			}
			require.Equal(t, c.out, string(got))
		})
	}
	for _, bad := range []string{``, `[]`, `"x"`, `{`, `{}{}`, `{"password":"x"`, `{"a":1,}`, `{"password":7}`, `{"password":["x"]}`} {
		_, err := a.HashPassword(ctx, json.RawMessage(bad))
		var e *Error
		require.ErrorAs(t, err, &e, bad)
		require.NotContains(t, e.Reason, "7")
	}
}

// The default must be CouchDB's number, and a new hash must be one that CouchDB reads.
func TestDefaultIterations(t *testing.T) {
	o := testOptions(newClock())
	o.Iterations = 0
	a := openAuth(t, engine.Open(t).Client, o)
	got, err := a.HashPassword(context.Background(), json.RawMessage(`{"password":"abc"}`))
	require.NoError(t, err)
	require.Contains(t, string(got), fmt.Sprintf(`"iterations":%d`, 600_000))
}

// A right password renews an older hash, without touching the rest of the document.
func TestLoginRenewsHash(t *testing.T) {
	ctx := context.Background()
	client := engine.Open(t).Client
	a := openAuth(t, client, testOptions(newClock()))
	doc := json.RawMessage(`{"_id":"org.couchdb.user:jan","name":"jan","type":"user","roles":["dev","_admin"],"shoe":42.0,
		"password_scheme":"pbkdf2","iterations":5,"salt":"1112283cf988a34f124200a050d308a1","derived_key":"` + mustDerive(t, "apple", 5) + `"}`)
	_, err := client.DB("_users").Put(ctx, "org.couchdb.user:jan", doc)
	require.NoError(t, err)

	_, err = a.Login(ctx, "jan", "pear")
	require.ErrorIs(t, err, ErrCredentials)
	id, err := a.Login(ctx, "jan", "apple")
	require.NoError(t, err)
	require.Equal(t, []string{"dev"}, id.Roles)
	require.False(t, id.Admin())

	after, err := readObject(ctx, client.DB("_users"), "org.couchdb.user:jan")
	require.NoError(t, err)
	require.True(t, parseCredentials(after).current(tenRounds))
	require.Equal(t, "jan", after.text("name"))
	var shoe json.RawMessage
	require.True(t, after.scan("shoe", &shoe))
	require.Equal(t, "42.0", string(shoe))
	_, err = a.Login(ctx, "jan", "apple")
	require.NoError(t, err)
}

func mustDerive(t *testing.T, password string, iterations int) string {
	key, err := credentials{scheme: schemePBKDF2, prf: "sha", salt: "1112283cf988a34f124200a050d308a1", iterations: iterations}.derive(password)
	require.NoError(t, err)
	return key
}
