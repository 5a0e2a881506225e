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
		in := bytes.NewReader(first(deflated(text[:n], nil)))
		z, err := gzip.NewReader(in)
		require.NoError(t, err)
		z.Multistream(false)
		got, err := io.ReadAll(z)
		require.NoError(t, err, n)
		require.True(t, bytes.Equal(text[:n], got), n)
		require.Zero(t, in.Len(), "nothing follows the member")
	}
}

// TestPiecesOutliveAPublish publishes a version of a large packument: what was compressed before is used again, and
// the outcome is what it would be without.
func TestPiecesOutliveAPublish(t *testing.T) {
	p := parsePackument("large", fixtures.Packument(1, "large", fixtures.Size{Versions: 1500, Manifest: 3_800, Readme: 16_000}))
	p.rev = "1-a"
	before, known := deflated(p.full("http://x"), nil)
	require.Greater(t, len(known), 3)
	require.InDelta(t, len(before), known.size(), 100)

	next := p.clone()
	next.rev = "2-b"
	next.set("readme", quote("another readme"))
	next.versions = append(next.versions, member{"99.0.0", p.versions[7].value})
	body := next.full("http://x")
	plain, fresh := deflated(body, nil)
	again, told := deflated(body, known)
	require.True(t, bytes.Equal(plain, again))
	require.Equal(t, fresh, told)
	require.True(t, bytes.Equal(body, decoded(t, "gzip", again)))
	changed := 0
	for sum := range told {
		if known[sum] == nil {
			changed++
		}
	}
	require.LessOrEqual(t, changed, 3, "what comes before the versions, and the last of them")
}

func FuzzCutUp(f *testing.F) {
	for _, n := range []int{0, deflateChunk, deflateChunk + 1, 3*deflateChunk + 7} {
		f.Add(n, n/2, 100)
		f.Add(n, 0, deflateChunk)
		f.Add(n, deflateChunk-3, 11)
	}
	f.Fuzz(func(t *testing.T, size, from, every int) {
		if size < 0 || size > 5*deflateChunk || from < 0 || every < 1 {
			return
		}
		body := bytes.Repeat([]byte{'x'}, size)
		for at := from; at+len(perVersion) <= size; at += max(every, len(perVersion), size/1000) {
			copy(body[at:], perVersion)
		}
		var joined []byte
		for _, part := range cutUp(body) {
			require.True(t, len(part) > 0 || size == 0)
			require.Less(t, len(part), 2*deflateChunk+len(perVersion)+1)
			joined = append(joined, part...)
		}
		require.True(t, bytes.Equal(body, joined))
	})
}
