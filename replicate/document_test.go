package replicate

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestIsOf(t *testing.T) {
	for doc, want := range map[string]bool{
		`{"_id":"a","_rev":"1-x"}`:          true,
		`{"_id":"a"}`:                       true,
		`{"_rev":"1-x","_id":"a"}`:          true,
		`{"_id":"a","b":{"_id":"c"}}`:       true,
		`{"_id":"a","text":"_id"}`:          true,
		`{"_id":"\u0061","n":1}`:            true,
		`{"_id":"b","_rev":"1-x"}`:          false,
		`{"_id":"ab","_rev":"1-x"}`:         false,
		`{"_id":"_local/a","_rev":"1-x"}`:   false,
		`{"_id":"a","_id":"_local/a"}`:      false,
		`{"_id":"a","\u005fid":"_local/a"}`: false,
		`{"_rev":"1-x"}`:                    false,
		`["_id","a"]`:                       false,
		`{"_id":1}`:                         false,
		``:                                  false,
	} {
		require.Equal(t, want, isOf([]byte(doc), "a"), doc)
	}
	require.True(t, isOf([]byte(`{"_id":"ü\"é","n":1}`), `ü"é`))
}

func BenchmarkIsOf(b *testing.B) {
	doc := []byte(`{"_id":"document-000001","_rev":"1-967a00dff5e02add41819138abb3284d","_revisions":{"start":1,"ids":["967a00dff5e02add41819138abb3284d"]},"name":"a small document","n":12345,"tags":["a","b","c"]}`)
	for b.Loop() {
		if !isOf(doc, "document-000001") {
			b.Fatal("it is")
		}
	}
}
