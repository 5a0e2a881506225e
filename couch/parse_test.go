package couch

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func parsed(t testing.TB, s string) *Document {
	t.Helper()
	doc, err := ParseDocument([]byte(s))
	require.NoError(t, err, s)
	return doc
}

// The anchors are what Apache CouchDB 3.5 answered.
func TestRevIDsAreCouchDBs(t *testing.T) {
	first := revID(false, Rev{}, parsed(t, `{}`).digest.terms, nil)
	require.Equal(t, "1-967a00dff5e02add41819138abb3284d", first.String())
	second := revID(false, first, parsed(t, `{"_id":"x","_rev":"1-967a00dff5e02add41819138abb3284d"}`).digest.terms, nil)
	require.Equal(t, "2-7051cbe5c8faecd085a3fa619e6e6337", second.String())
	first = revID(true, first, parsed(t, `{}`).digest.terms, nil)
	require.Equal(t, "2-eec205a9d413992850a6e32678485900", first.String())
}
