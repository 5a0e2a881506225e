package couch

import (
	"bytes"
	"crypto/sha512"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestAttached names what lies in the blob store for each revision that can be read, and nothing that lies in Pebble.
func TestAttached(t *testing.T) {
	db := database(t, Options{Blobs: &memoryBlobs{blobs: map[[64]byte][]byte{}}})
	large := func(b byte) []byte { return bytes.Repeat([]byte{b}, chunkSize*2) }
	att := func(name string, data []byte) Attachment {
		return Attachment{Name: name, ContentType: "image/png", Follows: true, Length: int64(len(data)), Body: bytes.NewReader(data)}
	}
	named := func() map[[64]byte]int {
		n := map[[64]byte]int{}
		require.NoError(t, db.store.Attached(ctx, func(d [64]byte) { n[d]++ }))
		return n
	}
	require.Empty(t, named())
	rev, err := attach(t, db, Rev{}, att("a", large('a')), att("b", large('b')), att("small", []byte("small")))
	require.NoError(t, err)
	a, b, c := sha512.Sum512(large('a')), sha512.Sum512(large('b')), sha512.Sum512(large('c'))
	require.Equal(t, map[[64]byte]int{a: 1, b: 1}, named())
	_, err = attach(t, db, rev, Attachment{Name: "a", Stub: true}, att("c", large('c')))
	require.NoError(t, err)
	require.Equal(t, map[[64]byte]int{a: 2, b: 1, c: 1}, named(), "the revision before can be read")
	require.NoError(t, db.Compact(ctx))
	require.Equal(t, map[[64]byte]int{a: 1, c: 1}, named())
}
