package auth

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"testing"

	"settee/fixtures/engine"

	"github.com/fxamacker/cbor/v2"
	"github.com/stretchr/testify/require"
)

// testKey is a security key in software.
type testKey struct {
	t        *testing.T
	id       []byte
	private  *ecdsa.PrivateKey
	site     string
	origin   string
	count    uint32
	verifies bool
}

const site, origin1 = "npm.example.com", "https://npm.example.com"

func newTestKey(t *testing.T) *testKey {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	return &testKey{t: t, id: []byte(rand.Text()), private: private, site: site, origin: origin1, verifies: true}
}

func b64(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

// client is what the browser adds: what was asked, and where.
func (k *testKey) client(kind string, options json.RawMessage) []byte {
	var asked struct {
		PublicKey struct{ Challenge string } `json:"publicKey"`
	}
	require.NoError(k.t, json.Unmarshal(options, &asked))
	raw, err := json.Marshal(map[string]any{"type": kind, "challenge": asked.PublicKey.Challenge, "origin": k.origin, "crossOrigin": false})
	require.NoError(k.t, err)
	return raw
}

func (k *testKey) data(flags byte) []byte {
	k.count++
	if k.verifies {
		flags |= 0x04
	}
	hash := sha256.Sum256([]byte(k.site))
	return binary.BigEndian.AppendUint32(append(hash[:], flags|0x01), k.count)
}

func (k *testKey) create(options json.RawMessage) []byte {
	point, err := k.private.PublicKey.Bytes()
	require.NoError(k.t, err)
	public, err := cbor.Marshal(map[int]any{1: 2, 3: -7, -1: 1, -2: point[1:33], -3: point[33:]})
	require.NoError(k.t, err)
	data := append(k.data(0x40), make([]byte, 16)...)
	data = append(binary.BigEndian.AppendUint16(data, uint16(len(k.id))), k.id...)
	object, err := cbor.Marshal(map[string]any{"fmt": "none", "attStmt": map[string]any{}, "authData": append(data, public...)})
	require.NoError(k.t, err)
	return k.answer(map[string]any{"clientDataJSON": b64(k.client("webauthn.create", options)), "attestationObject": b64(object)})
}

func (k *testKey) sign(options json.RawMessage) []byte {
	client, data := k.client("webauthn.get", options), k.data(0)
	hash := sha256.Sum256(client)
	digest := sha256.Sum256(append(data[:len(data):len(data)], hash[:]...))
	signature, err := ecdsa.SignASN1(rand.Reader, k.private, digest[:])
	require.NoError(k.t, err)
	return k.answer(map[string]any{"clientDataJSON": b64(client), "authenticatorData": b64(data), "signature": b64(signature)})
}

func (k *testKey) answer(response map[string]any) []byte {
	raw, err := json.Marshal(map[string]any{"id": b64(k.id), "rawId": b64(k.id), "type": "public-key", "response": response, "clientExtensionResults": map[string]any{}})
	require.NoError(k.t, err)
	return raw
}

func TestSecurityKeys(t *testing.T) {
	ctx := context.Background()
	a := openAuth(t, engine.Open(t).Client, testOptions(newClock()))
	_, err := a.Signup(ctx, "ada", "correct horse", "")
	require.NoError(t, err)
	register := func(k *testKey, name string) ([]string, error) {
		options, ticket, err := a.BeginKey(ctx, "ada", origin1)
		require.NoError(t, err)
		return a.FinishKey(ctx, "ada", ticket, name, AuthAndWrites, k.create(options))
	}
	assert := func(k *testKey) error {
		options, ticket, err := a.BeginAssertion(ctx, "ada", origin1)
		require.NoError(t, err)
		return a.FinishAssertion(request(), "ada", ticket, k.sign(options))
	}
	_, _, err = a.BeginAssertion(ctx, "ada", origin1)
	require.ErrorIs(t, err, errNoKey)

	blue, green := newTestKey(t), newTestKey(t)
	recovery, err := register(blue, "blue")
	require.NoError(t, err)
	require.Len(t, recovery, 5, "the first key enables the factor")
	again, err := register(green, " green ")
	require.NoError(t, err)
	require.Empty(t, again)
	_, err = register(blue, "blue again")
	require.ErrorIs(t, err, ErrKey)
	f, err := a.Factor(ctx, "ada")
	require.NoError(t, err)
	require.Equal(t, []string{"blue", "green"}, []string{f.Keys[0].Name, f.Keys[1].Name})
	require.True(t, f.Active && !f.TOTP && f.Mode == AuthAndWrites)
	_, err = a.SignIn(request(), "ada", "correct horse", "")
	require.ErrorIs(t, err, ErrOTP)
	_, err = a.SignIn(request(), "ada", "correct horse", recovery[0])
	require.NoError(t, err)

	for range 3 {
		require.NoError(t, assert(blue))
		require.NoError(t, assert(green))
	}
	stranger := newTestKey(t)
	require.ErrorIs(t, assert(stranger), ErrKey)
	blue.count--
	require.ErrorIs(t, assert(blue), ErrKey, "a copy that counts for itself")
	require.NoError(t, assert(blue))
	for what, k := range map[string]testKey{
		"of another page":     {t: t, id: blue.id, private: blue.private, site: site, origin: "https://npm.example.com.evil.example", count: 100, verifies: true},
		"of another host":     {t: t, id: blue.id, private: blue.private, site: "evil.example", origin: origin1, count: 100, verifies: true},
		"by nobody":           {t: t, id: blue.id, private: blue.private, site: site, origin: origin1, count: 100},
		"by another's hand":   {t: t, id: blue.id, private: green.private, site: site, origin: origin1, count: 100, verifies: true},
		"over an unsafe line": {t: t, id: blue.id, private: blue.private, site: site, origin: "http://npm.example.com", count: 100, verifies: true},
	} {
		require.ErrorIs(t, assert(&k), ErrKey, what)
	}

	require.ErrorIs(t, a.RemoveKey(ctx, "ada", "x"), errNoKey)
	require.NoError(t, a.RemoveKey(ctx, "ada", f.Keys[0].ID))
	require.ErrorIs(t, assert(blue), ErrKey)
	require.NoError(t, a.RemoveKey(ctx, "ada", f.Keys[1].ID))
	_, err = a.SignIn(request(), "ada", "correct horse", "")
	require.NoError(t, err, "with the last key the factor ends")
}

func TestCeremoniesAreUsedOnce(t *testing.T) {
	ctx, now := context.Background(), newClock()
	a := openAuth(t, engine.Open(t).Client, testOptions(now))
	for _, name := range []string{"ada", "eve"} {
		_, err := a.Signup(ctx, name, "correct horse", "")
		require.NoError(t, err)
	}
	for _, bad := range []string{"", "https://192.0.2.1", "http://[::1]:4873", "npm.example.com", "ftp://npm.example.com", "https://"} {
		_, _, err := a.BeginKey(ctx, "ada", bad)
		require.ErrorIs(t, err, errSite, bad)
	}
	key := newTestKey(t)
	options, ticket, err := a.BeginKey(ctx, "ada", origin1)
	require.NoError(t, err)
	answer := key.create(options)
	for _, name := range []string{"", " ", string(make([]byte, 101)), "\xff"} {
		_, err = a.FinishKey(ctx, "ada", ticket, name, AuthOnly, answer)
		require.ErrorIs(t, err, errKeyName)
	}
	_, err = a.FinishKey(ctx, "ada", ticket, "blue", "", answer)
	require.ErrorIs(t, err, errMode)
	_, err = a.FinishKey(ctx, "ada", ticket, "blue", AuthOnly, answer)
	require.NoError(t, err)
	_, err = a.FinishKey(ctx, "ada", ticket, "blue", AuthOnly, answer)
	require.ErrorIs(t, err, ErrTicket)

	options, ticket, err = a.BeginKey(ctx, "ada", origin1)
	require.NoError(t, err)
	_, err = a.FinishKey(ctx, "eve", ticket, "eve's", AuthOnly, newTestKey(t).create(options))
	require.ErrorIs(t, err, ErrTicket, "somebody else's")
	options, ticket, err = a.BeginAssertion(ctx, "ada", origin1)
	require.NoError(t, err)
	now.Pass(ticketTime)
	require.ErrorIs(t, a.FinishAssertion(request(), "ada", ticket, key.sign(options)), ErrTicket, "late")
	options, ticket, err = a.BeginKey(ctx, "ada", origin1)
	require.NoError(t, err)
	require.ErrorIs(t, a.FinishAssertion(request(), "ada", ticket, key.sign(options)), ErrTicket, "of the other ceremony")
	options, ticket, err = a.BeginAssertion(ctx, "ada", origin1)
	require.NoError(t, err)
	signed := key.sign(options)
	require.NoError(t, a.FinishAssertion(request(), "ada", ticket, signed))
	_, ticket, err = a.BeginAssertion(ctx, "ada", origin1)
	require.NoError(t, err)
	require.ErrorIs(t, a.FinishAssertion(request(), "ada", ticket, signed), ErrKey, "an answer to an earlier question")
	for _, junk := range [][]byte{nil, []byte("{}"), []byte("[]"), []byte(`{"id":"AA","rawId":"AA","type":"public-key","response":{}}`), make([]byte, answerBound+1)} {
		_, ticket, err = a.BeginAssertion(ctx, "ada", origin1)
		require.NoError(t, err)
		require.ErrorIs(t, a.FinishAssertion(request(), "ada", ticket, junk), ErrKey)
	}
}

func FuzzAssertion(f *testing.F) {
	ctx := context.Background()
	a := openAuth(f, engine.Open(f).Client, testOptions(newClock()))
	_, err := a.Signup(ctx, "ada", "correct horse", "")
	require.NoError(f, err)
	f.Add([]byte(`{"id":"AA","rawId":"AA","type":"public-key","response":{"clientDataJSON":"e30","authenticatorData":"AA","signature":"AA"}}`))
	f.Add([]byte(`{"id":"AA","rawId":"AA","type":"public-key","response":{"clientDataJSON":"e30","attestationObject":"oA"}}`))
	f.Fuzz(func(t *testing.T, answer []byte) {
		_, ticket, err := a.BeginKey(ctx, "ada", origin1)
		require.NoError(t, err)
		_, err = a.FinishKey(ctx, "ada", ticket, "x", AuthOnly, answer)
		require.ErrorIs(t, err, ErrKey)
	})
}
