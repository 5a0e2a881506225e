package auth

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/require"
)

// publicPEM spells a key as [jwt_keys] does, in one line.
func publicPEM(t testing.TB, key any) string {
	der, err := x509.MarshalPKIXPublicKey(key)
	require.NoError(t, err)
	return strings.ReplaceAll(string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})), "\n", `\n`)
}

func signJWT(t testing.TB, algorithm, kid string, key any, claims jwt.MapClaims) string {
	token := jwt.NewWithClaims(jwt.GetSigningMethod(algorithm), claims)
	if kid != "" {
		token.Header["kid"] = kid
	}
	signed, err := token.SignedString(key)
	require.NoError(t, err)
	return signed
}

func TestJWT(t *testing.T) {
	a, now, conf := openConfigured(t)
	secret := []byte("zxczxc12zxczxc12")
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	require.NoError(t, err)
	ecKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	rsaPublic := publicPEM(t, &rsaKey.PublicKey)
	base := []string{
		"chttpd/authentication_handlers", allHandlers,
		"jwt_keys/hmac:_default", base64.StdEncoding.EncodeToString(secret),
		"jwt_keys/hmac:two", base64.StdEncoding.EncodeToString([]byte("another")),
		"jwt_keys/hmac:empty", "", "jwt_keys/hmac:spoilt", "*",
		"jwt_keys/rsa:_default", rsaPublic, "jwt_keys/ec:_default", publicPEM(t, &ecKey.PublicKey),
		"jwt_keys/rsa:ec", publicPEM(t, &ecKey.PublicKey), "jwt_keys/ec:rsa", rsaPublic,
	}
	at := now.Now().Unix()
	claims := func(more ...any) jwt.MapClaims {
		c := jwt.MapClaims{"sub": "couch@apache.org", "exp": at + 60, "nbf": at - 60, "_couchdb.roles": []string{"testing"}}
		for i := 0; i < len(more); i += 2 {
			if c[more[i].(string)] = more[i+1]; more[i+1] == nil {
				delete(c, more[i].(string))
			}
		}
		return c
	}
	hs := func(c jwt.MapClaims) string { return signJWT(t, "HS256", "", secret, c) }
	good := hs(claims())
	header, payload, _ := strings.Cut(good, ".")
	payload, _, _ = strings.Cut(payload, ".")
	raw := base64.RawURLEncoding.EncodeToString
	unsigned := func(header string) string { return raw([]byte(header)) + "." + payload + "." }
	bad := func(reason string) error { return badRequest(reason) }
	no := func(reason string) error { return &Error{Kind: Unauthorized, Reason: reason} }

	only := func(set ...string) {
		conf.mu.Lock()
		clear(conf.all)
		conf.mu.Unlock()
		conf.set(append(base[:len(base):len(base)], set...)...)
	}

	for name, c := range map[string]struct {
		token string
		set   []string
		roles []string
		err   error
	}{
		"HS256":       {token: good, roles: []string{"testing"}},
		"HS384":       {token: signJWT(t, "HS384", "", secret, claims()), roles: []string{"testing"}},
		"HS512, kid":  {token: signJWT(t, "HS512", "two", []byte("another"), claims()), roles: []string{"testing"}},
		"RS256":       {token: signJWT(t, "RS256", "", rsaKey, claims()), roles: []string{"testing"}},
		"RS512":       {token: signJWT(t, "RS512", "", rsaKey, claims()), roles: []string{"testing"}},
		"ES256":       {token: signJWT(t, "ES256", "", ecKey, claims()), roles: []string{"testing"}},
		"no roles":    {token: hs(claims("_couchdb.roles", nil)), roles: []string{}},
		"role string": {token: hs(claims("_couchdb.roles", "a, b ,c")), roles: []string{"a", "b", "c"}},
		"role types":  {token: hs(claims("_couchdb.roles", []any{"a", 1})), err: errTokenForm},
		"role number": {token: hs(claims("_couchdb.roles", 1)), err: errTokenForm},
		"admin":       {token: hs(claims("_couchdb.roles", []string{"_admin"})), roles: []string{"_admin"}},
		"role name":   {token: hs(claims("my", "x")), set: []string{"jwt_auth/roles_claim_name", "my"}, roles: []string{"x"}},
		"role path": {token: hs(claims("foo", map[string]any{"bar.zonk": map[string]any{"roles": []string{"deep"}}})),
			set: []string{"jwt_auth/roles_claim_path", `foo.bar\.zonk.roles`}, roles: []string{"deep"}},
		"no such path": {token: good, set: []string{"jwt_auth/roles_claim_path", "foo.bar"}, err: &Error{Kind: NotFound, Reason: "missing json key: foo"}},
		"path to none": {token: hs(claims("foo", 1)), set: []string{"jwt_auth/roles_claim_path", "foo.bar"}, err: &Error{Kind: NotFound, Reason: "missing json key: bar"}},

		"empty":            {token: "", err: errTokenForm},
		"two parts":        {token: header + "." + payload, err: errTokenForm},
		"four parts":       {token: good + ".x", err: errTokenForm},
		"no JSON":          {token: "e30.e.e", err: errTokenForm},
		"no base64":        {token: "*." + payload + ".x", err: errTokenForm},
		"alg none":         {token: unsigned(`{"alg":"none"}`), err: bad("Invalid alg header parameter")},
		"alg NONE":         {token: unsigned(`{"alg":"NONE"}`), err: bad("Invalid alg header parameter")},
		"alg of no kind":   {token: unsigned(`{"alg":7}`), err: bad("Missing alg header parameter")},
		"no alg":           {token: unsigned(`{}`), err: bad("Missing alg header parameter")},
		"alg PS256":        {token: signJWT(t, "PS256", "", rsaKey, claims()), err: bad("Invalid alg header parameter")},
		"no signature":     {token: unsigned(`{"alg":"HS256"}`), err: bad("Bad HMAC")},
		"another secret":   {token: signJWT(t, "HS256", "", []byte("x"), claims()), err: bad("Bad HMAC")},
		"another payload":  {token: header + "." + raw([]byte(`{"sub":"root"}`)) + good[strings.LastIndex(good, "."):], err: bad("Bad HMAC")},
		"RSA signature":    {token: signJWT(t, "RS256", "", rsaKey, claims()) + "AAAA", err: bad("Bad signature")},
		"unknown kid":      {token: signJWT(t, "HS256", "three", secret, claims()), err: bad("Unknown kid")},
		"kid of no kind":   {token: unsigned(`{"alg":"HS256","kid":[]}`), err: errTokenForm},
		"kid of a section": {token: signJWT(t, "HS256", "_default:x", secret, claims()), err: bad("Unknown kid")},
		"empty key":        {token: signJWT(t, "HS256", "empty", []byte{}, claims()), err: bad("Not a valid key")},
		"spoilt key":       {token: signJWT(t, "HS256", "spoilt", secret, claims()), err: bad("Not a valid key")},
		"EC key for RSA":   {token: signJWT(t, "RS256", "ec", rsaKey, claims()), err: bad("not an RSA public key")},
		"RSA key for EC":   {token: signJWT(t, "ES256", "rsa", ecKey, claims()), err: bad("not an EC public key")},
		// The public key, which everybody has, used as a secret.
		"key confusion":  {token: signJWT(t, "HS256", "", []byte(strings.ReplaceAll(rsaPublic, `\n`, "\n")), claims()), err: bad("Bad HMAC")},
		"not allowed":    {token: good, set: []string{"jwt_auth/allowed_algorithms", "RS256, ES256"}, err: bad("Invalid alg header parameter")},
		"allowed":        {token: good, set: []string{"jwt_auth/allowed_algorithms", "RS256,HS256"}, roles: []string{"testing"}},
		"no sub":         {token: hs(claims("sub", nil)), err: errNoSubject},
		"sub of no kind": {token: hs(claims("sub", 1)), err: errNoSubject},
		"expired":        {token: hs(claims("exp", at)), err: no("exp not in future")},
		"no exp":         {token: hs(claims("exp", nil)), err: bad("Missing exp claim")},
		"exp of no kind": {token: hs(claims("exp", "soon")), err: bad("Invalid exp claim")},
		"exp too large":  {token: hs(claims("exp", 1e300)), roles: []string{"testing"}},
		"too early":      {token: hs(claims("nbf", at+1)), err: no("nbf not in past")},
		"exp not asked":  {token: hs(claims("exp", nil)), set: []string{"jwt_auth/required_claims", ""}, roles: []string{"testing"}},
		"expired though": {token: hs(claims("exp", at)), set: []string{"jwt_auth/required_claims", ""}, err: no("exp not in future")},
		"issuer":         {token: hs(claims("iss", "hello")), set: []string{"jwt_auth/required_claims", `exp, {iss, "hello"}`}, roles: []string{"testing"}},
		"wrong issuer":   {token: hs(claims("iss", "bye")), set: []string{"jwt_auth/required_claims", `{iss,"hello"}`}, err: bad("Invalid iss claim")},
		"no issuer":      {token: good, set: []string{"jwt_auth/required_claims", `{iss,"hello"}`}, err: bad("Missing iss claim")},
		"audience":       {token: hs(claims("aud", []string{"a", "b"})), set: []string{"jwt_auth/required_claims", `{aud, "b"}`}, roles: []string{"testing"}},
		"kid asked":      {token: good, set: []string{"jwt_auth/required_claims", "kid"}, err: bad("Missing kid header parameter")},
		"typ asked":      {token: good, set: []string{"jwt_auth/required_claims", "typ"}, roles: []string{"testing"}},
		"ours first":     {token: newSecret(), err: ErrToken},
	} {
		t.Run(name, func(t *testing.T) {
			only(c.set...)
			for range 2 {
				id, err := a.Identify(bearer(c.token))
				if c.err != nil {
					require.Equal(t, c.err, err)
					require.Zero(t, id)
					continue
				}
				require.NoError(t, err)
				require.Equal(t, Identity{Name: "couch@apache.org", Roles: c.roles, Handler: "jwt"}, id)
			}
		})
	}

	only("jwt_auth/required_claims", "{}")
	_, err = a.Identify(bearer(good))
	require.ErrorContains(t, err, "required_claims")
	conf.set("jwt_auth/required_claims", "exp", "jwt_keys/hmac:_default", "AAAA")
	_, err = a.Identify(bearer(good))
	require.Equal(t, bad("Bad HMAC"), err, "a new key counts at once")
	conf.unset("jwt_keys", "hmac:_default")
	_, err = a.Identify(bearer(good))
	require.Equal(t, bad("Unknown kid"), err)
	conf.unset("chttpd", "authentication_handlers")
	id, err := a.Identify(bearer(good))
	require.NoError(t, err)
	require.True(t, id.Anonymous(), "opt-in")
	_, err = a.Authenticate(bearer(good))
	require.ErrorIs(t, err, ErrToken, "the registry takes its own tokens only")
}

// No bytes make an identity but those that the key's owner signed.
func FuzzJWT(f *testing.F) {
	a, _, conf := openConfigured(f)
	conf.set("chttpd/authentication_handlers", allHandlers, "jwt_keys/hmac:_default", "c2VjcmV0LXNlY3JldA==")
	good := signJWT(f, "HS256", "", []byte("secret-secret"), jwt.MapClaims{"sub": "x", "exp": time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC).Unix()})
	_, err := a.Identify(bearer(good))
	require.NoError(f, err)
	for _, s := range []string{"", ".", "..", "...", good, good[:len(good)-1], "eyJhbGciOiJub25lIn0.e30.", strings.Repeat("A", 100) + ".."} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, token string) {
		id, err := a.Identify(bearer(token))
		if err == nil && !id.Anonymous() {
			require.Equal(t, good, strings.TrimSpace(token))
		}
	})
}
