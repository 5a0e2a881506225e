package registry

import (
	"bytes"
	"compress/gzip"
	"io"
	"testing"

	"github.com/stretchr/testify/require"

	"settee/fixtures"
)

// TestDeflatedIsOneMember reads what was compressed in chunks, around their
// size, with another implementation.
func TestDeflatedIsOneMember(t *testing.T) {
	text := fixtures.Packument(1, "large", fixtures.Large)
	for len(text) < 3*deflateChunk+1 {
		text = append(text, text...)
	}
	for _, n := range []int{0, 1, 1000, deflateChunk - 1, deflateChunk, deflateChunk + 1, 3*deflateChunk - 1, 3 * deflateChunk, 3*deflateChunk + 1} {
		in := bytes.NewReader(deflated(text[:n]))
		z, err := gzip.NewReader(in)
		require.NoError(t, err)
		z.Multistream(false)
		got, err := io.ReadAll(z)
		require.NoError(t, err, n)
		require.True(t, bytes.Equal(text[:n], got), n)
		require.Zero(t, in.Len(), "nothing follows the member")
	}
}
