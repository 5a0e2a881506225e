package tarballs

import (
	"crypto/sha512"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestDigest(t *testing.T) {
	d := Digest(sha512.Sum512([]byte("settee")))
	hex, sri := d.String(), d.SRI()
	for _, bad := range []string{"", hex[1:], hex + "0", strings.ToUpper(hex), "g" + hex[1:], " " + hex[1:], sri} {
		_, err := ParseDigest(bad)
		require.Error(t, err, bad)
	}
	for _, bad := range []string{"", hex, sri[7:], "SHA512-" + sri[7:], "sha256-" + sri[7:], sri + "?x", sri + " " + sri,
		sri[:len(sri)-1], sri[:20] + "\n" + sri[20:], sri[:20] + "\n" + sri[21:], strings.TrimRight(sri, "=")} {
		_, err := ParseSRI(bad)
		require.Error(t, err, bad)
	}
}

func FuzzParseDigest(f *testing.F) {
	d := Digest(sha512.Sum512(nil))
	f.Add(d.String())
	f.Add(strings.ToUpper(d.String()))
	f.Fuzz(func(t *testing.T, s string) {
		if d, err := ParseDigest(s); err == nil {
			require.Equal(t, s, d.String(), "one spelling")
		}
	})
}

func FuzzParseSRI(f *testing.F) {
	d := Digest(sha512.Sum512(nil))
	f.Add(d.SRI())
	f.Add("sha512-" + strings.Repeat("A", 88))
	f.Fuzz(func(t *testing.T, s string) {
		if d, err := ParseSRI(s); err == nil {
			require.Equal(t, s, d.SRI(), "one spelling")
		}
	})
}

func FuzzParseS3(f *testing.F) {
	for _, s := range []string{"s3://h:9000/b?tls=false&prefix=/a/b/&region=x", "s3://key:secret@h/b", "s3:///b", "s3://h/b/c", "s3://h/b?tls=no", "s3://h/b?x=1"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if a, err := parseS3(s); err == nil {
			require.NotEmpty(t, a.host)
			require.NotEmpty(t, a.bucket)
			require.NotContains(t, a.bucket, "/")
			require.True(t, a.prefix == "" || strings.HasSuffix(a.prefix, "/"))
		}
	})
}
