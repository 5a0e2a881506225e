package auth

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	bignum "math/big"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/require"

	"settee/fixtures"
	"settee/fixtures/engine"
)

// trusting is an Auth that believes one issuer, whose jobs of acme/left ada's package left trusts.
func trusting(t testing.TB) (*Auth, *fixtures.Clock, *fixtures.Issuer, Publisher) {
	client := engine.Open(t).Client
	issuer := fixtures.NewIssuer(t, "")
	now := fixtures.ClockAt(time.Now())
	o := testOptions(now)
	o.OIDC = OIDC{Audience: "npm:npm.example.com", Issuers: map[string]string{"github": issuer.URL}}
	a := openAuth(t, client, o)
	who, err := a.Signup(t.Context(), "ada", "correct horse", "ada@example.com")
	require.NoError(t, err)
	p, err := a.AddPublisher(t.Context(), who, Publisher{Package: "left", Kind: "github", Permissions: []string{MayPublish},
		Claims: Claims{"repository": "acme/left", "workflow_ref": map[string]any{"file": "publish.yml"}}})
	require.NoError(t, err)
	return a, now, issuer, p
}

var (
	job    = fixtures.GitHubJob("acme/left", "publish.yml", "")
	forUs  = jwt.MapClaims{"aud": "npm:npm.example.com"}
	anyMay = func(Identity) error { return nil }
)

func TestExchange(t *testing.T) {
	a, now, issuer, p := trusting(t)
	require.Equal(t, issuer.URL, p.Issuer)
	secret, shown, err := a.Exchange(t.Context(), issuer.Token(job, forUs), "left", anyMay)
	require.NoError(t, err)
	require.Equal(t, &PublisherMark{"github", p.ID, "acme/left"}, shown.Publisher)
	require.Equal(t, "ada", shown.User)
	require.WithinDuration(t, now.Now().Add(time.Hour), shown.Expires, time.Second)

	q := httptest.NewRequest("GET", "/", nil)
	q.Header.Set("Authorization", "Bearer "+secret)
	id, err := a.Authenticate(q)
	require.NoError(t, err)
	left, other := Package{Name: "left", Exists: true, Maintainers: []string{"ada"}}, Package{Name: "right", Exists: true, Maintainers: []string{"ada"}}
	for act, allowed := range map[Act]bool{Read: true, Publish: true, Stage: true, Tag: false, Deprecate: false, Unpublish: false, Own: false, Access: false, Star: false, Grant: false} {
		require.Equal(t, allowed, a.May(t.Context(), id, act, left) == nil, "%d", act)
	}
	require.Error(t, a.May(t.Context(), id, Publish, other))
	require.True(t, id.Token.Limited(), "it manages no account")
	require.NoError(t, a.StepUp(q, id, Privilege{RequiresTFA: true}), "a build has no second factor")
	require.NoError(t, a.SetPassword(t.Context(), "ada", "another horse"))
	list, total, err := a.Tokens(t.Context(), "ada", 0, 10)
	require.NoError(t, err)
	require.Equal(t, 1, total)
	require.Equal(t, p.ID, list[0].Publisher.ID)

	require.NoError(t, a.RemovePublisher(t.Context(), "left", p.ID))
	_, err = a.Authenticate(q)
	require.ErrorIs(t, err, ErrToken, "what it gave ends with the trust")
	require.ErrorIs(t, a.RemovePublisher(t.Context(), "left", p.ID), &Error{Kind: NotFound})
	_, _, err = a.Exchange(t.Context(), issuer.Token(job, forUs), "left", anyMay)
	require.ErrorIs(t, err, errNoTrust)
}

func TestTokensOfPublishesExpire(t *testing.T) {
	a, now, issuer, _ := trusting(t)
	secret, _, err := a.Exchange(t.Context(), issuer.Token(job, forUs), "left", anyMay)
	require.NoError(t, err)
	now.Pass(time.Hour)
	q := httptest.NewRequest("GET", "/", nil)
	q.Header.Set("Authorization", "Bearer "+secret)
	_, err = a.Authenticate(q)
	require.ErrorIs(t, err, ErrToken)
	_, _, err = a.Exchange(t.Context(), issuer.Token(job, forUs, jwt.MapClaims{"iat": now.Now().Unix(), "exp": now.Now().Add(time.Minute).Unix()}), "left", anyMay)
	require.NoError(t, err)
	_, total, err := a.Tokens(t.Context(), "ada", 0, 10)
	require.NoError(t, err)
	require.Equal(t, 1, total, "what has expired is gone")
}

func TestExchangeRefuses(t *testing.T) {
	a, now, issuer, _ := trusting(t)
	stranger, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	der, err := x509.MarshalPKIXPublicKey(issuer.Key().Public())
	require.NoError(t, err)
	evil := fixtures.NewIssuer(t, "")
	at := func(d time.Duration) int64 { return now.Now().Add(d).Unix() }
	kid := map[string]any{"kid": "one"}
	es := jwt.SigningMethodES256
	good := issuer.Token(job, forUs)
	for name, test := range map[string]struct{ token, why string }{
		"none":                       {issuer.Sign(jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType, kid, job, forUs), "signature"},
		"the public key as a secret": {issuer.Sign(jwt.SigningMethodHS256, der, kid, job, forUs), "signature"},
		"another's key":              {issuer.Sign(es, stranger, kid, job, forUs), "signature"},
		"another's key by jku":       {issuer.Sign(es, evil.Key(), map[string]any{"kid": "one", "jku": evil.URL + "/keys"}, job, forUs), "signature"},
		"a key that it brings":       {issuer.Sign(es, stranger, map[string]any{"kid": "one", "jwk": map[string]any{"kty": "EC"}, "x5c": []string{"x"}}, job, forUs), "signature"},
		"a kid that is a path":       {issuer.Sign(es, issuer.Key(), map[string]any{"kid": "../../one"}, job, forUs), "signature"},
		"a kid that is no text":      {issuer.Sign(es, issuer.Key(), map[string]any{"kid": []int{1}}, job, forUs), "signature"},
		"no kid":                     {issuer.Sign(es, issuer.Key(), nil, job, forUs), "signature"},
		"another issuer":             {evil.Token(job, forUs), "No trusted publisher"},
		"an issuer that is near":     {issuer.Token(job, forUs, jwt.MapClaims{"iss": issuer.URL + "/"}), "No trusted publisher"},
		"no issuer":                  {issuer.Token(job, forUs, jwt.MapClaims{"iss": nil}), "No trusted publisher"},
		"another registry":           {issuer.Token(job, jwt.MapClaims{"aud": "npm:evil.example.com"}), "another registry"},
		"no audience":                {issuer.Token(job), "for whom"},
		"expired":                    {issuer.Token(job, forUs, jwt.MapClaims{"exp": at(-time.Minute)}), "expired"},
		"without an end":             {issuer.Token(job, forUs, jwt.MapClaims{"exp": nil}), "until when"},
		"of tomorrow":                {issuer.Token(job, forUs, jwt.MapClaims{"nbf": at(time.Hour)}), "not valid yet"},
		"issued tomorrow":            {issuer.Token(job, forUs, jwt.MapClaims{"iat": at(time.Hour)}), "not valid yet"},
		"issued yesterday":           {issuer.Token(job, forUs, jwt.MapClaims{"iat": at(-24 * time.Hour), "nbf": nil}), "too long ago"},
		"without a time":             {issuer.Token(job, forUs, jwt.MapClaims{"iat": nil}), "too long ago"},
		"another repository":         {issuer.Token(fixtures.GitHubJob("mallory/left", "publish.yml", ""), forUs), "No trusted publisher"},
		"another workflow":           {issuer.Token(fixtures.GitHubJob("acme/left", "test.yml", ""), forUs), "No trusted publisher"},
		"too long":                   {good + strings.Repeat("A", mostIDToken), "too long"},
		"nothing":                    {"", "cannot be read"},
		"no token":                   {"a.b.c", "cannot be read"},
		"two parts":                  {strings.Join(strings.Split(good, ".")[:2], "."), "cannot be read"},
	} {
		t.Run(name, func(t *testing.T) {
			_, _, err := a.Exchange(t.Context(), test.token, "left", anyMay)
			require.ErrorContains(t, err, test.why)
		})
	}
	_, _, err = a.Exchange(t.Context(), good, "right", anyMay)
	require.ErrorIs(t, err, errNoTrust, "of another package")
	_, _, err = a.Exchange(t.Context(), good, "left", func(Identity) error { return errNoPackage })
	require.ErrorIs(t, err, errNoTrust, "who trusts it may not publish any more")
	_, _, err = a.Exchange(t.Context(), good, "left", anyMay)
	require.NoError(t, err, "nothing used it up")
}

func TestIDTokensAreUsedOnce(t *testing.T) {
	a, _, issuer, _ := trusting(t)
	once := issuer.Token(job, forUs)
	_, _, err := a.Exchange(t.Context(), once, "left", anyMay)
	require.NoError(t, err)
	_, _, err = a.Exchange(t.Context(), once, "left", anyMay)
	require.ErrorIs(t, err, errReplayed)

	// Without an id of its own it is known by what it says: an ECDSA signature of it can be written in another way.
	bare := issuer.Token(job, forUs, jwt.MapClaims{"jti": nil})
	_, _, err = a.Exchange(t.Context(), bare, "left", anyMay)
	require.NoError(t, err)
	parts := strings.Split(bare, ".")
	sig, err := base64.RawURLEncoding.DecodeString(parts[2])
	require.NoError(t, err)
	s := new(bignum.Int).Sub(elliptic.P256().Params().N, new(bignum.Int).SetBytes(sig[32:]))
	parts[2] = base64.RawURLEncoding.EncodeToString(append(sig[:32:32], s.FillBytes(make([]byte, 32))...))
	_, _, err = a.Exchange(t.Context(), strings.Join(parts, "."), "left", anyMay)
	require.ErrorIs(t, err, errReplayed)
}

// TestOthersOfThatNameAreNotTrusted ends the account that trusts and makes another of its name.
func TestOthersOfThatNameAreNotTrusted(t *testing.T) {
	a, now, issuer, _ := trusting(t)
	require.NoError(t, a.DeleteAccount(t.Context(), "ada"))
	require.NoError(t, a.FreeName(t.Context(), "ada"))
	now.Pass(time.Second)
	_, err := a.Signup(t.Context(), "ada", "correct horse", "eve@example.com")
	require.NoError(t, err)
	_, _, err = a.Exchange(t.Context(), issuer.Token(job, forUs), "left", anyMay)
	require.ErrorIs(t, err, errNoTrust)
}

func TestWithoutAnAddressNoTokens(t *testing.T) {
	client, _ := openMemory(t)
	a := openAuth(t, client, testOptions(newClock()))
	_, _, err := a.Exchange(t.Context(), "x", "left", anyMay)
	require.ErrorIs(t, err, errNoOIDC)
}

func TestKeysOfIssuers(t *testing.T) {
	a, now, issuer, _ := trusting(t)
	exchange := func(token string) error {
		_, _, err := a.Exchange(t.Context(), token, "left", anyMay)
		return err
	}
	fresh := func() string {
		return issuer.Token(job, forUs, jwt.MapClaims{"iat": now.Now().Unix(), "nbf": nil, "exp": now.Now().Add(time.Minute).Unix()})
	}
	require.NoError(t, exchange(fresh()))
	require.NoError(t, exchange(fresh()))
	require.EqualValues(t, 1, issuer.Asked.Load(), "they are kept")

	for range 10 { // kids that are not there
		require.Error(t, exchange(issuer.Sign(jwt.SigningMethodES256, issuer.Key(), map[string]any{"kid": rand.Text()}, job, forUs)))
	}
	require.EqualValues(t, 1, issuer.Asked.Load(), "nobody makes us ask all the time")
	issuer.Rotate("two")
	require.Error(t, exchange(fresh()))
	now.Pass(keysPause)
	require.NoError(t, exchange(fresh()))
	require.EqualValues(t, 2, issuer.Asked.Load())

	issuer.Down.Store(true)
	now.Pass(2 * keysTime)
	require.NoError(t, exchange(fresh()), "its keys are still believed")
	now.Pass(staleTime)
	require.ErrorIs(t, exchange(fresh()), &Error{Kind: Busy})
	issuer.Down.Store(false)
	now.Pass(keysPause)
	require.NoError(t, exchange(fresh()))
}

// TestIssuersThatLie answers discovery with another's name, endless bytes, redirects and no JSON.
func TestIssuersThatLie(t *testing.T) {
	var answer func(w http.ResponseWriter, q *http.Request, self string)
	var server *httptest.Server
	server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) { answer(w, q, server.URL) }))
	defer server.Close()
	say := func(body string) func(http.ResponseWriter, *http.Request, string) {
		return func(w http.ResponseWriter, _ *http.Request, self string) {
			_, _ = w.Write([]byte(strings.ReplaceAll(body, "SELF", self)))
		}
	}
	for name, lie := range map[string]func(http.ResponseWriter, *http.Request, string){
		"another":        say(`{"issuer":"https://other.example","jwks_uri":"SELF/keys"}`),
		"no keys":        say(`{"issuer":"SELF"}`),
		"keys in a file": say(`{"issuer":"SELF","jwks_uri":"file:///etc/passwd"}`),
		"no JSON":        say(`<html>`),
		"endless":        say(strings.Repeat(" ", mostKeys+10)),
		"keys no JSON": func(w http.ResponseWriter, q *http.Request, self string) {
			if q.URL.Path == "/keys" {
				_, _ = w.Write([]byte(`{"keys":7}`))
				return
			}
			say(`{"issuer":"SELF","jwks_uri":"SELF/keys"}`)(w, q, self)
		},
		"redirects": func(w http.ResponseWriter, q *http.Request, self string) {
			http.Redirect(w, q, self+"/x", http.StatusFound)
		},
	} {
		t.Run(name, func(t *testing.T) {
			answer = lie
			i := newIssuers(nil, time.Now)
			_, err := i.keys(t.Context(), server.URL, "one")
			require.Error(t, err)
			_, err = i.keys(t.Context(), server.URL, "one")
			require.ErrorContains(t, err, "a moment ago")
		})
	}
	i := newIssuers(nil, time.Now)
	for n := range mostKnown + 10 {
		i.keep(strings.Repeat("x", n+1), issuerKeys{})
	}
	require.Len(t, i.known, mostKnown)
}

func FuzzExchange(f *testing.F) {
	a, _, issuer, _ := trusting(f)
	f.Add(issuer.Token(job, forUs))
	f.Add(issuer.Sign(jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType, nil, job, forUs))
	f.Add("e30.e30.e30")
	f.Fuzz(func(t *testing.T, token string) {
		claims, err := a.idClaims(t.Context(), token, []Publisher{{Kind: "github", Issuer: issuer.URL}})
		if err == nil {
			require.Equal(t, issuer.URL, claims["iss"])
		}
	})
}
