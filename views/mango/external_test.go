package mango

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// The names that a CouchDB 3.5.0 gave.
func TestNamesAreCouchDBs(t *testing.T) {
	for body, hash := range map[string]string{
		`{"index":{"fields":["a"]}}`: "7095fd2321a986309496ad2ac9c3498246175757",
		`{"index":{"fields":["x"],"partial_filter_selector":{"y":{"$gt":1.5},"z":[1,2,300],"u":"é"}},"w":3}`: "276a953171e9c1919a5b8a0cd27d74a7aa5f0e2b",
		`{"index":{"fields":[]}}`: "16d64bc5aa5ac9a0662f02b45a7d70d4a6923ccc",
	} {
		c, err := ParseCreation([]byte(body))
		require.NoError(t, err)
		require.Equal(t, hash, c.Name)
		require.Equal(t, "_design/"+hash, c.DDoc)
	}
	c, err := ParseCreation([]byte(`{"index":{"fields":["b",{"a":"asc"}]},"name":"nn2"}`))
	require.NoError(t, err)
	require.Equal(t, "_design/2bea5ecdebcc7c76ea6f54c82d981c7bfbfbdf78", c.DDoc)
	require.Equal(t, "nn2", c.Name)
}

func TestBookmarksAreCouchDBs(t *testing.T) {
	p := Place{Key: []byte("[3]"), DocID: "d3"}
	require.Equal(t, "g2wAAAACaAJkAA5zdGFydGtleV9kb2NpZG0AAAACZDNoAmQACHN0YXJ0a2V5awABA2o", p.Bookmark())
	for bookmark, want := range map[string]Place{
		p.Bookmark(): p,
		"g1AAAAA0eJzLYWBgYMpgSmHgKy5JLCrJTq2MT8lPzkzJBYmnGINkOGAyULEsAGk2Dec":            {Key: []byte(`"d3"`), DocID: "d3"},
		"g1AAAAA8eJzLYWBgYMpgSmHgKy5JLCrJTq2MT8lPzkzJBYmnGIJkOGAyOSAxsESFYSJjVhYA2WUPMQ": {Key: []byte(`["x1",1]`), DocID: "d1"},
	} {
		got, err := parseBookmark(bookmark)
		require.NoError(t, err)
		require.Equal(t, want, got)
	}
}
