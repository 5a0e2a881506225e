package provenance

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"encoding/asn1"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"math/big"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestKeysSurviveTheirText(t *testing.T) {
	k, err := NewKey(time.Now())
	require.NoError(t, err)
	require.Regexp(t, `^SHA256:[A-Za-z0-9+/]{43}$`, k.ID)
	signature, err := k.Sign(Message("a@1.0.0", "sha512-x"))
	require.NoError(t, err)

	private, err := ParsePrivate(k.Private())
	require.NoError(t, err)
	require.Equal(t, k.ID, private.ID)
	again, err := private.Sign(Message("a@1.0.0", "sha512-x"))
	require.NoError(t, err)
	require.Equal(t, signature, again, "the same in every region")

	public, err := ParsePublic("", k.Public())
	require.NoError(t, err)
	require.Equal(t, k.ID, public.ID)
	require.True(t, public.Verifies(Message("a@1.0.0", "sha512-x"), signature))
	for _, other := range []string{"a@1.0.1", "b@1.0.0", "a@1.0.0:"} {
		require.False(t, public.Verifies(Message(other, "sha512-x"), signature))
	}
	require.False(t, public.Verifies(Message("a@1.0.0", "sha512-x"), "%"))
	_, err = public.Sign(nil)
	require.Error(t, err, "nobody signs with a public half")
	require.Empty(t, public.Private())
}

// TestSignaturesAreOfRFC6979 takes the RFC's own key and message "sample" (A.2.5, SHA-256).
func TestSignaturesAreOfRFC6979(t *testing.T) {
	number := func(hex string) *big.Int {
		n, ok := new(big.Int).SetString(hex, 16)
		require.True(t, ok)
		return n
	}
	private, err := ecdsa.ParseRawPrivateKey(elliptic.P256(), number("C9AFA9D845BA75166B5C215767B1D6934E50C3DB36E89B127B8A622B120F6721").Bytes())
	require.NoError(t, err)
	k := &Key{public: &private.PublicKey, private: private}
	signature, err := k.Sign([]byte("sample"))
	require.NoError(t, err)
	der := signatureParts(t, signature)
	require.Equal(t, number("EFD48B2AACB6A8FD1140DD9CD45E81D69D2C877B56AAF991C34D0EA84EAF3716"), der[0])
	require.Equal(t, number("F7CB1C942D657C41D436C7A1B6E29F65F3E900DBB9AFF4064DC4AB2F843ACDA8"), der[1])
}

func signatureParts(t *testing.T, signature string) []*big.Int {
	der, err := base64.StdEncoding.DecodeString(signature)
	require.NoError(t, err)
	var parts struct{ R, S *big.Int }
	_, err = asn1.Unmarshal(der, &parts)
	require.NoError(t, err)
	return []*big.Int{parts.R, parts.S}
}

func TestKeysEnd(t *testing.T) {
	now := time.Now()
	k, err := NewKey(now)
	require.NoError(t, err)
	require.True(t, k.ValidAt(now.Add(-time.Hour)) && k.Signs(now.AddDate(9, 0, 0)))
	k.Expires = now.Add(time.Hour)
	require.True(t, k.ValidAt(now))
	require.False(t, k.ValidAt(k.Expires), "npm wants what was published before")
	k.Revoked = true
	require.False(t, k.ValidAt(now))
	public, err := ParsePublic("theirs", k.Public())
	require.NoError(t, err)
	require.False(t, public.Signs(now))
	require.Equal(t, "theirs", public.ID)
}

func TestPrivateHalvesAreNotPrinted(t *testing.T) {
	k, err := NewKey(time.Now())
	require.NoError(t, err)
	for _, verb := range []string{"%v", "%+v", "%#v", "%s"} {
		require.Equal(t, k.ID, fmt.Sprintf(verb, k))
	}
}

func FuzzParsePublic(f *testing.F) {
	k, err := NewKey(time.Now())
	require.NoError(f, err)
	f.Add(k.Public())
	f.Add(k.Private())
	f.Add("")
	f.Fuzz(func(t *testing.T, text string) {
		k, err := ParsePublic("", text)
		if err != nil {
			return
		}
		again, err := ParsePublic("", k.Public())
		require.NoError(t, err)
		require.Equal(t, k.ID, again.ID)
		require.False(t, k.Verifies([]byte("x"), text))
	})
}

func unhex(t *testing.T, text string) []byte {
	raw, err := hex.DecodeString(text)
	require.NoError(t, err)
	return raw
}
