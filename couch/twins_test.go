package couch

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestWithoutTwins(t *testing.T) {
	for raw, want := range map[string]string{
		`{"a":1,"a":2}`:                            `{"a":2}`,
		`{"a":1,"b":2,"a":3,"b":4}`:                `{"a":3,"b":4}`,
		`{"a":{"x":1,"x":2},"a":{"y":[1],"y":[]}}`: `{"a":{"y":[]}}`,
		`[{"a":1,"\u0061":2},{"a":{"b":1,"b":2}}]`: `[{"\u0061":2},{"a":{"b":2}}]`,
		`{"a":"},\"a\":{","a":"\\"}`:               `{"a":"\\"}`,
		`{}`:                                       `{}`,
		`{"a":1,"":2,"":3}`:                        `{"a":1,"":3}`,
	} {
		require.Equal(t, want, string(withoutTwins([]byte(raw))), raw)
	}
}

// The deepest document with a twin at each level costs no more than its length.
func BenchmarkDeepTwins(b *testing.B) {
	const depth = maxDepth - 2
	raw := []byte(strings.Repeat(`{"a":0,"a":`, depth) + `"` + strings.Repeat("x", 1<<20) + `"` + strings.Repeat("}", depth))
	b.SetBytes(int64(len(raw)))
	for b.Loop() {
		if _, err := ParseDocument(raw); err != nil {
			b.Fatal(err)
		}
	}
}
