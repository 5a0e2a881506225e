package search

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
)

func TestParse(t *testing.T) {
	for text, want := range map[string]Query{
		"Foo bar":                       {Words: []string{"foo", "bar"}, Text: "foo bar"},
		"@acme/table":                   {Words: []string{"acme", "table"}, Text: "@acme/table"},
		"author:Ann maintainer:@bob":    {Author: []string{"ann"}, Maintainer: []string{"bob"}},
		"scope:@acme scope:types x":     {Scope: []string{"acme", "types"}, Words: []string{"x"}, Text: "x"},
		"keywords:a,b":                  {Keywords: [][]string{{"a", "b"}}},
		"keywords:a+b":                  {Keywords: [][]string{{"a"}, {"b"}}},
		"keywords:a,-b,c+d":             {Keywords: [][]string{{"c"}, {"d"}, {"a"}}, NoKeywords: []string{"b"}},
		`keywords:"state management",b`: {Keywords: [][]string{{"state management", "b"}}},
		"keywords:-":                    {},
		`author:"Ann Other"`:            {Author: []string{"ann other"}},
		"not:deprecated,unstable":       {Not: []string{"deprecated", "unstable"}},
		"is:insecure":                   {Is: []string{"insecure"}},
		"is:nice":                       {Words: []string{"is", "nice"}, Text: "is:nice"},
		"boost-exact:false x":           {PlainOrder: true, Words: []string{"x"}, Text: "x"},
		"boost-exact:true":              {},
		"boost-exact:no":                {Words: []string{"boost", "exact", "no"}, Text: "boost-exact:no"},
		"https://example.com":           {Words: []string{"https", "example", "com"}, Text: "https://example.com"},
		"author:":                       {Words: []string{"author"}, Text: "author:"},
		`author:""`:                     {Words: []string{"author"}, Text: "author:"},
		":":                             {Text: ":"},
		"a\x00b\tc":                     {Words: []string{"a", "b", "c"}, Text: "a b c"},
		`"quoted words" more`:           {Words: []string{"quoted", "words", "more"}, Text: "quoted words more"},
		`"open`:                         {Words: []string{"open"}, Text: "open"},
		"Ünïcode 日本語":                   {Words: []string{"ünïcode", "日本語"}, Text: "ünïcode 日本語"},
		"\xff\xfe":                      {},
		"":                              {},
	} {
		want.Weights = DefaultWeights
		require.Equal(t, want, Parse(text), text)
	}
	require.True(t, Parse("  \t").Empty())
	require.False(t, Parse("...").Empty())
	require.False(t, Parse("not:deprecated").Empty())
}

func FuzzParse(f *testing.F) {
	for _, seed := range []string{"react", `author:"a b" keywords:x,-y+z not:deprecated`, "boost-exact:false @a/b", `"`, "keywords:" + strings.Repeat("a,", 300), "\xff:\x00"} {
		f.Add(seed)
	}
	h := open(f)
	h.put("registry", Package{Name: "react", Keywords: []string{"x"}}, Package{Name: "@a/b", Author: &Person{Name: "a b"}}, Package{Name: "secret", Restricted: true})
	f.Fuzz(func(t *testing.T, text string) {
		q := Parse(text)
		require.LessOrEqual(t, len(q.Words), mostWords)
		require.LessOrEqual(t, len(q.Author)+len(q.Maintainer)+len(q.Scope), mostTerms)
		for _, word := range append([]string{q.Text}, q.Words...) {
			require.True(t, utf8.ValidString(word))
		}
		again := Parse(q.Text) // what is words stays so, but where white space was quoted
		require.LessOrEqual(t, len(again.Words), len(q.Words))
		q.Size = 10
		res, err := h.index.Search(t.Context(), q, nil)
		require.NoError(t, err)
		require.Equal(t, len(res.Hits), res.Total)
		for _, hit := range res.Hits {
			require.NotEqual(t, "secret", hit.Name)
		}
	})
}
