package provenance

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"time"
)

// KeyType is what npm calls keys of this kind, and their signatures.
const KeyType = "ecdsa-sha2-nistp256"

// Key is a key that signs versions, or the public half of one that another registry has.
type Key struct {
	ID      string // "SHA256:" and the digest of the public half
	Created time.Time
	Expires time.Time // zero: never. What was published before stays well signed
	Revoked bool      // nothing that it signed counts

	public  *ecdsa.PublicKey
	private *ecdsa.PrivateKey // nil of another registry's
}

// NewKey makes a key.
func NewKey(now time.Time) (*Key, error) {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("provenance: make a key: %w", err)
	}
	k := &Key{Created: now, public: &private.PublicKey, private: private}
	k.ID, err = keyID(k.public)
	return k, err
}

// ParsePublic reads a public half, base64 of its DER, as npm's registries show it. They call theirs
// what they like, so the name is theirs to say.
func ParsePublic(id, text string) (*Key, error) {
	der, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return nil, errors.New("provenance: the key is no base64")
	}
	parsed, err := x509.ParsePKIXPublicKey(der)
	if err != nil {
		return nil, fmt.Errorf("provenance: read a key: %w", err)
	}
	public, ok := parsed.(*ecdsa.PublicKey)
	if !ok || public.Curve != elliptic.P256() {
		return nil, errors.New("provenance: the key is none of " + KeyType)
	}
	k := &Key{ID: id, public: public}
	if id == "" {
		k.ID, err = keyID(public)
	}
	return k, err
}

// ParsePrivate reads what Private has written.
func ParsePrivate(text string) (*Key, error) {
	der, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return nil, errSpoilt
	}
	parsed, err := x509.ParsePKCS8PrivateKey(der)
	private, ok := parsed.(*ecdsa.PrivateKey)
	if err != nil || !ok || private.Curve != elliptic.P256() {
		return nil, errSpoilt
	}
	k := &Key{public: &private.PublicKey, private: private}
	k.ID, err = keyID(k.public)
	return k, err
}

// errSpoilt says nothing of what was read: it is a secret.
var errSpoilt = errors.New("provenance: the private key is spoilt")

func keyID(public *ecdsa.PublicKey) (string, error) {
	der, err := x509.MarshalPKIXPublicKey(public)
	if err != nil {
		return "", fmt.Errorf("provenance: write a key: %w", err)
	}
	sum := sha256.Sum256(der)
	return "SHA256:" + base64.RawStdEncoding.EncodeToString(sum[:]), nil
}

// Public is the public half: base64 of its DER.
func (k *Key) Public() string {
	der, err := x509.MarshalPKIXPublicKey(k.public)
	if err != nil {
		return "" // of a curve that was checked it cannot fail
	}
	return base64.StdEncoding.EncodeToString(der)
}

// Private is the private half, PKCS #8 in base64; "" where only the public one is known.
func (k *Key) Private() string {
	if k.private == nil {
		return ""
	}
	der, err := x509.MarshalPKCS8PrivateKey(k.private)
	if err != nil {
		return ""
	}
	return base64.StdEncoding.EncodeToString(der)
}

// Own reports whether the private half is here.
func (k *Key) Own() bool { return k.private != nil }

// Signs reports whether the key signs what is published at a time.
func (k *Key) Signs(at time.Time) bool { return k.private != nil && k.ValidAt(at) }

// ValidAt reports whether the key's signature of what was published at a time counts.
func (k *Key) ValidAt(at time.Time) bool {
	return !k.Revoked && (k.Expires.IsZero() || at.Before(k.Expires))
}

// Message is what is signed of a version, which is name@number.
func Message(version, integrity string) []byte { return []byte(version + ":" + integrity) }

// Sign signs a message: base64 of ASN.1, the same each time (RFC 6979), so that regions that
// sign one version apart write the same.
func (k *Key) Sign(message []byte) (string, error) {
	if k.private == nil {
		return "", errors.New("provenance: only the public half of " + k.ID + " is here")
	}
	sum := sha256.Sum256(message)
	signature, err := k.private.Sign(nil, sum[:], crypto.SHA256)
	if err != nil {
		return "", fmt.Errorf("provenance: sign: %w", err)
	}
	return base64.StdEncoding.EncodeToString(signature), nil
}

// Verifies reports whether the key made a signature of a message.
func (k *Key) Verifies(message []byte, signature string) bool {
	der, err := base64.StdEncoding.DecodeString(signature)
	if err != nil {
		return false
	}
	sum := sha256.Sum256(message)
	return ecdsa.VerifyASN1(k.public, sum[:], der)
}

// String never shows the private half, nor do logs.
func (k *Key) String() string { return k.ID }

// GoString is String.
func (k *Key) GoString() string { return k.ID }
