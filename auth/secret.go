package auth

import (
	"crypto/rand"
	"crypto/sha512"
	"encoding/hex"
	"hash/crc32"
	"strings"
)

// A secret is "npm_", 30 random characters and 6 of a checksum, all base62: 178
// bits that cannot be guessed, and a typing error or a scanner's fancy is
// refused without a look at the store.
const (
	secretPrefix = "npm_"
	randomChars  = 30
	checkChars   = 6
	secretLength = len(secretPrefix) + randomChars + checkChars

	base62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
)

func newSecret() string {
	b := []byte(secretPrefix)
	for len(b) < secretLength-checkChars {
		var draw [2 * randomChars]byte
		rand.Read(draw[:])
		for _, c := range draw {
			// Bytes past the last multiple of 62 would favour the first characters.
			if c < 4*62 && len(b) < secretLength-checkChars {
				b = append(b, base62[c%62])
			}
		}
	}
	return string(appendCheck(b))
}

// appendCheck appends the CRC-32 of what follows the prefix, six digits in base 62.
func appendCheck(b []byte) []byte {
	sum := crc32.ChecksumIEEE(b[len(secretPrefix):])
	var digits [checkChars]byte
	for i := range digits {
		digits[checkChars-1-i] = base62[sum%62]
		sum /= 62
	}
	return append(b, digits[:]...)
}

// wellFormed reports whether a secret can be one of ours.
func wellFormed(secret string) bool {
	if len(secret) != secretLength || !strings.HasPrefix(secret, secretPrefix) {
		return false
	}
	var buf [secretLength]byte
	return string(appendCheck(append(buf[:0], secret[:secretLength-checkChars]...))) == secret
}

// tokenKey is the id of the document of a secret.
func tokenKey(secret string) string {
	sum := sha512.Sum512([]byte(secret))
	return hex.EncodeToString(sum[:])
}

// redact keeps what tells tokens apart in a list.
func redact(secret string) string { return secret[:len(secretPrefix)+4] + "…" }
