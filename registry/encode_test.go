package registry

import (
	"bytes"
	"compress/gzip"
	"io"
	"strings"
	"testing"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/zstd"
	"github.com/stretchr/testify/require"

	"settee/fixtures"
)

// decoded reads a body in a coding, with another implementation where there is one.
func decoded(t testing.TB, coding string, body []byte) []byte {
	from := io.Reader(bytes.NewReader(body))
	switch coding {
	case "gzip":
		z, err := gzip.NewReader(from)
		require.NoError(t, err)
		from = z
	case "br":
		from = brotli.NewReader(from)
	case "zstd":
		z, err := zstd.NewReader(from, zstd.WithDecoderMaxWindow(8<<20)) // what RFC 9659 lets servers use
		require.NoError(t, err)
		defer z.Close()
		from = z
	default:
		require.Contains(t, []string{"", "identity"}, coding)
	}
	raw, err := io.ReadAll(from)
	require.NoError(t, err, coding)
	return raw
}

func first(body []byte, _ pieces) []byte { return body }

func TestEncodedIsTheBody(t *testing.T) {
	body := fixtures.Packument(1, "large", fixtures.Large)
	body = append(body, body...)
	for c := range codings {
		for _, n := range []int{0, 1, 100, 70_000, muchToEncode, muchToEncode + 1, len(body)} {
			require.True(t, bytes.Equal(body[:n], decoded(t, codings[c].name, first(encoded(body[:n], coding(c), nil)))), "%s %d", codings[c].name, n)
		}
	}
}

func FuzzEncoded(f *testing.F) {
	for _, s := range []string{"", "{}", strings.Repeat("a", 300), `{"name":"p","versions":{"1.0.0":{}}}`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		for c := range codings {
			require.True(t, bytes.Equal(body, decoded(t, codings[c].name, first(encoded(body, coding(c), nil)))))
		}
	})
}

func TestNegotiated(t *testing.T) {
	const refused = "refused"
	for _, test := range []struct{ accept, small, large string }{
		{"", "identity", "identity"}, {"identity", "identity", "identity"}, {"nonsense", "identity", "identity"}, {"deflate", "identity", "identity"},
		{"gzip", "gzip", "gzip"}, {"x-gzip", "gzip", "gzip"}, {"GZIP;q=0.1", "gzip", "gzip"}, {"br", "br", "br"}, {"zstd", "zstd", "zstd"},
		{"gzip,deflate", "gzip", "gzip"},            // npm
		{"gzip,deflate,br", "br", "gzip"},           // pnpm
		{"gzip, deflate, br, zstd", "zstd", "gzip"}, // bun, browsers
		{"gzip, br;q=0.9", "gzip", "gzip"},          // q before our preference
		{"gzip;q=0.8, br;q=0.9", "br", "br"},        //
		{"gzip;q=0.5, identity", "identity", "identity"}, {"gzip;q=0.5, identity;q=0.5", "gzip", "gzip"}, {"gzip;q=0", "identity", "identity"},
		{"*", "gzip", "gzip"}, {"*;q=0.5", "gzip", "gzip"}, {"gzip;q=0, *", "identity", "identity"}, {"br, *;q=0", "br", "br"}, {"identity, *;q=0", "identity", "identity"},
		{"identity;q=0", refused, refused}, {"*;q=0", refused, refused}, {"identity;q=0, gzip;q=0", refused, refused}, {"identity;q=0, *", "gzip", "gzip"}, {"identity;q=0, br;q=0.1", "br", "br"},
		{"gzip;q=high", "identity", "identity"}, {"gzip;q=-1", "identity", "identity"}, {"gzip;q=7, br", "br", "gzip"}, {" gzip ; q=1 ;x=y , ", "gzip", "gzip"},
	} {
		for large, want := range map[bool]string{false: test.small, true: test.large} {
			got := refused
			if c, ok := negotiated([]string{test.accept}, large); ok {
				got = codings[c].name
			}
			require.Equal(t, want, got, "%q large=%v", test.accept, large)
		}
	}
	c, ok := negotiated(nil, false)
	require.True(t, ok)
	require.Equal(t, identity, c)
	c, _ = negotiated([]string{"deflate", "gzip;q=0.5, br"}, false) // a header that was sent in two lines
	require.Equal(t, brotlied, c)
}

func FuzzNegotiated(f *testing.F) {
	for _, s := range []string{"", "gzip,deflate,br", "*;q=0", "identity;q=0, br;q=0.1", "gzip;q=1e9;;,", ";;;=,=,"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, accept string) {
		for _, large := range []bool{false, true} {
			c, ok := negotiated([]string{accept}, large)
			if name := codings[c].name; ok && c != identity {
				require.True(t, strings.Contains(strings.ToLower(accept), name) || c == gzipped && strings.Contains(accept, "*"), "%s was not accepted", name)
			}
		}
	})
}

func BenchmarkEncoded(b *testing.B) {
	for name, size := range map[string]fixtures.Size{"median": fixtures.Median, "large": fixtures.Large, "largest": fixtures.Largest} {
		body := fixtures.Packument(1, "p", size)
		for c := gzipped; int(c) < len(codings); c++ {
			b.Run(name+"/"+codings[c].name, func(b *testing.B) {
				b.SetBytes(int64(len(body)))
				for b.Loop() {
					b.ReportMetric(float64(len(first(encoded(body, c, nil)))), "B-out")
				}
			})
		}
	}
}
