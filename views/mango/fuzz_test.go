package mango

import (
	"encoding/json"
	"math/rand"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
)

// FuzzSelector: whatever the bytes, Compile and Match return; of a selector that compiles the
// normal form is one too, and matches the same.
func FuzzSelector(f *testing.F) {
	for _, row := range table {
		f.Add([]byte(row.selector), []byte(`{"_id":"a","x":[1,{"k":"\u00e9"}],"y":2}`))
	}
	for _, row := range refusals {
		f.Add([]byte(row.selector), []byte(`{"x`))
	}
	f.Fuzz(func(t *testing.T, selector, doc []byte) {
		s, err := Compile(selector)
		if err != nil {
			require.IsType(t, &Error{}, err)
			return
		}
		got := s.Match(doc)
		if !json.Valid(doc) || !utf8.Valid(selector) {
			return
		}
		again, err := Compile([]byte(s.String()))
		require.NoError(t, err, s)
		require.Equal(t, got, again.Match(doc), s)
	})
}

// FuzzMatch: a generated selector and a document made of the same bytes agree with the model.
func FuzzMatch(f *testing.F) {
	for _, body := range docs {
		f.Add(int64(len(body)), []byte(body))
	}
	f.Fuzz(func(t *testing.T, seed int64, doc []byte) {
		if !json.Valid(doc) || !utf8.Valid(doc) || twins(doc) {
			return // the store takes no such document
		}
		selector := generator{rand.New(rand.NewSource(seed))}.selector(3)
		s, err := Compile([]byte(selector))
		if err != nil {
			return
		}
		want := model{}.holds(decodeOrdered([]byte(selector)), decodeOrdered(doc), nil, false)
		require.Equal(t, want, s.Match(doc), "%s\n%s", selector, doc)
	})
}

// FuzzFields: a projection of valid JSON is valid JSON.
func FuzzFields(f *testing.F) {
	f.Add([]byte(`["a.b","a\\.c","l.0"]`), []byte(docs["objects"]))
	f.Add([]byte(`["x","x.y","\u0000<"]`), []byte(docs["deep"]))
	f.Fuzz(func(t *testing.T, list, doc []byte) {
		p, err := Fields(list)
		if err != nil {
			require.IsType(t, &Error{}, err)
			return
		}
		if out := p.Apply(doc); json.Valid(doc) {
			require.True(t, json.Valid(out), "%s", out)
		}
	})
}

// twins tells that an object has two members of one name.
func twins(value []byte) bool {
	seen := map[string]bool{}
	for m := in(value); m.next(); {
		name, _ := decode(m.name)
		if m.named && seen[string(name)] || twins(m.value) {
			return true
		}
		seen[string(name)] = true
	}
	return false
}
