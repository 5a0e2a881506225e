package tarballs

import (
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"strings"
)

// Digest is the sha512 of a blob.
type Digest [sha512.Size]byte

const sriPrefix = "sha512-"

// ParseDigest reads 128 lower-case hex digits, as String prints them. Upper case
// is refused: a digest is a file's name and has one spelling.
func ParseDigest(s string) (Digest, error) {
	var d Digest
	if len(s) != hex.EncodedLen(len(d)) || strings.ToLower(s) != s {
		return d, fmt.Errorf("not a sha512 in lower-case hex: %.140q", s)
	}
	if _, err := hex.Decode(d[:], []byte(s)); err != nil {
		return Digest{}, fmt.Errorf("not a sha512 in lower-case hex: %.140q", s)
	}
	return d, nil
}

// ParseSRI reads "sha512-" and padded standard base64, the one form in which
// npm writes "integrity". Options ("?…") and lists are refused.
func ParseSRI(s string) (Digest, error) {
	var d Digest
	b, found := strings.CutPrefix(s, sriPrefix)
	// The length first: the decoder skips line breaks, and nothing may be skipped.
	if !found || len(b) != base64.StdEncoding.EncodedLen(len(d)) || strings.ContainsAny(b, "\r\n") {
		return d, fmt.Errorf("not a sha512 integrity string: %.140q", s)
	}
	raw, err := base64.StdEncoding.Strict().DecodeString(b)
	if err != nil || len(raw) != len(d) {
		return d, fmt.Errorf("not a sha512 integrity string: %.140q", s)
	}
	return Digest(raw), nil
}

// String is the digest in lower-case hex.
func (d Digest) String() string { return hex.EncodeToString(d[:]) }

// SRI is the digest as npm's "integrity" has it.
func (d Digest) SRI() string { return sriPrefix + base64.StdEncoding.EncodeToString(d[:]) }

// key is a blob's name in a folder or a bucket.
func (d Digest) key() string {
	s := d.String()
	return s[:2] + "/" + s
}
