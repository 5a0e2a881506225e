package httpd_test

import (
	"crypto/hmac"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// configure sets "section/key", value, … and puts back what was there when the test ends.
func configure(t *testing.T, base *url.URL, pairs ...string) {
	t.Helper()
	const config = "/_node/_local/_config/"
	for i := 0; i < len(pairs); i += 2 {
		path := config + pairs[i]
		was, _, old := do(t, base, "", "GET", path, "", "")
		value, err := json.Marshal(pairs[i+1])
		require.NoError(t, err)
		status, _, body := do(t, base, "", "PUT", path, "", string(value))
		require.Equal(t, 200, status, "%s: %s", path, body)
		t.Cleanup(func() {
			if was == 200 {
				do(t, base, "", "PUT", path, "", old)
				return
			}
			do(t, base, "", "DELETE", path, "", "")
		})
	}
}

// askEveryHandler switches all handlers on.
func askEveryHandler(t *testing.T, base *url.URL) {
	t.Helper()
	configure(t, base, "chttpd/authentication_handlers", "{chttpd_auth, proxy_authentication_handler}, {chttpd_auth, jwt_authentication_handler}, "+
		"{chttpd_auth, cookie_authentication_handler}, {chttpd_auth, default_authentication_handler}")
	_, _, body := do(t, base, "-", "GET", "/_session", "", "")
	if *couchURL != "" && !strings.Contains(body, `["proxy","jwt","cookie","default"]`) {
		t.Skip("the server of -couch was started without these handlers, and reads the setting at its start only")
	}
}

// JSON Web Tokens, good and bad, in CouchDB's words.
func TestJWTConformance(t *testing.T) {
	base := open(t)
	secret := []byte("conformance-secret")
	configure(t, base, "jwt_keys/hmac:conformance", base64.StdEncoding.EncodeToString(secret),
		"jwt_keys/rsa:conformance", "no key")
	askEveryHandler(t, base)
	encode := base64.RawURLEncoding.EncodeToString
	token := func(header, claims string) string {
		plain := encode([]byte(header)) + "." + encode([]byte(claims))
		mac := hmac.New(sha256.New, secret)
		mac.Write([]byte(plain))
		return plain + "." + encode(mac.Sum(nil))
	}
	soon, _ := json.Marshal(time.Now().Unix() + 600)
	const hs = `{"alg":"HS256","typ":"JWT","kid":"conformance"}`
	exp := `"exp":` + string(soon)
	good := token(hs, `{"sub":"jwt@x","_couchdb.roles":["a","b"],`+exp+`}`)
	session := `{"ok":true,"userCtx":{"name":"jwt@x","roles":["a","b"]},"info":{"authentication_handlers":["proxy","jwt","cookie","default"],"authenticated":"jwt"}}`
	for name, c := range map[string]struct {
		token  string
		status int
		body   string
	}{
		"good":              {good, 200, session},
		"roles in a string": {token(hs, `{"sub":"jwt@x","_couchdb.roles":"a,b",`+exp+`}`), 200, session},
		"no sub":            {token(hs, `{`+exp+`}`), 401, problem("unauthorized", "Token missing sub claim.")},
		"no exp":            {token(hs, `{"sub":"jwt@x"}`), 400, problem("bad_request", "Missing exp claim")},
		"expired":           {token(hs, `{"sub":"jwt@x","exp":1}`), 401, problem("unauthorized", "exp not in future")},
		"two parts":         {"a.b", 400, problem("bad_request", "Malformed token")},
		"no JSON":           {encode([]byte("{")) + ".e30.x", 400, problem("bad_request", "Malformed token")},
		"no alg":            {token(`{"kid":"conformance"}`, `{"sub":"x",`+exp+`}`), 400, problem("bad_request", "Missing alg header parameter")},
		"alg none":          {token(`{"alg":"none"}`, `{"sub":"x",`+exp+`}`), 400, problem("bad_request", "Invalid alg header parameter")},
		"bad signature":     {good[:strings.LastIndex(good, ".")+1] + encode(make([]byte, 32)), 400, problem("bad_request", "Bad HMAC")},
		"unknown kid":       {token(`{"alg":"HS256","kid":"conformance_none"}`, `{"sub":"x",`+exp+`}`), 400, problem("bad_request", "Unknown kid")},
		"roles of no kind":  {token(hs, `{"sub":"x","_couchdb.roles":[1],`+exp+`}`), 400, problem("bad_request", "Malformed token")},
	} {
		status, _, body := do(t, base, "-", "GET", "/_session", "Authorization: Bearer "+c.token, "")
		require.Equal(t, c.status, status, "%s: %s", name, body)
		require.Equal(t, c.body+"\n", body, name)
	}
	configure(t, base, "jwt_auth/required_claims", `{iss, "hello"}`)
	for claims, want := range map[string]string{
		`"iss":"hello",`: session, `"iss":"bye",`: problem("bad_request", "Invalid iss claim"), ``: problem("bad_request", "Missing iss claim"),
	} {
		_, _, body := do(t, base, "-", "GET", "/_session", "Authorization: Bearer "+token(hs, `{"sub":"jwt@x",`+claims+`"_couchdb.roles":["a","b"]}`), "")
		require.Equal(t, want+"\n", body, claims)
	}
	configure(t, base, "jwt_auth/roles_claim_path", `foo.bar\.zonk.roles`)
	_, _, body := do(t, base, "-", "GET", "/_session", "Authorization: Bearer "+token(hs, `{"sub":"jwt@x","iss":"hello","foo":{"bar.zonk":{"roles":["a","b"]}}}`), "")
	require.Equal(t, session+"\n", body)
	status, _, body := do(t, base, "-", "GET", "/_session", "Authorization: Bearer "+token(hs, `{"sub":"jwt@x","iss":"hello"}`), "")
	require.Equal(t, 404, status, body)
}

// Names that a proxy sends, bare and signed.
func TestProxyConformance(t *testing.T) {
	base := open(t)
	const secret = "conformance-proxy"
	sign := func(mac []byte) string { return hex.EncodeToString(mac) }
	one, two := hmac.New(sha256.New, []byte(secret)), hmac.New(sha1.New, []byte(secret))
	one.Write([]byte("proxy@x"))
	two.Write([]byte("proxy@x"))
	who := func(header string) string {
		_, _, body := do(t, base, "-", "GET", "/_session", header, "")
		var session struct {
			UserCtx json.RawMessage
			Info    struct{ Authenticated string }
		}
		require.NoError(t, json.Unmarshal([]byte(body), &session))
		return string(session.UserCtx) + session.Info.Authenticated
	}
	const nobody = `{"name":null,"roles":[]}`
	if *couchURL == "" {
		require.Equal(t, nobody, who("X-Auth-CouchDB-UserName: proxy@x"), "opt-in")
	}
	askEveryHandler(t, base)
	const name = "X-Auth-CouchDB-UserName: proxy@x\nX-Auth-CouchDB-Roles: a , b"
	const known = `{"name":"proxy@x","roles":["a","b"]}proxy`
	require.Equal(t, known, who(name))
	configure(t, base, "chttpd_auth/proxy_use_secret", "true")
	if *couchURL != "" {
		return // its secret signs the sessions of others
	}
	configure(t, base, "chttpd_auth/secret", secret)
	require.Equal(t, nobody, who(name))
	require.Equal(t, known, who(name+"\nX-Auth-CouchDB-Token: "+sign(one.Sum(nil))))
	require.Equal(t, known, who(name+"\nX-Auth-CouchDB-Token: "+sign(two.Sum(nil))))
	require.Equal(t, nobody, who(name+"\nX-Auth-CouchDB-Token: "+sign(make([]byte, 32))))
	configure(t, base, "chttpd_auth/x_auth_username", "X-Remote")
	require.Equal(t, nobody, who(name+"\nX-Auth-CouchDB-Token: "+sign(one.Sum(nil))))
}
