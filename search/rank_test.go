package search

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// corpus is a small registry whose packages differ in what ranking looks at. All were published on one day, unless they say so.
func corpus(now time.Time) []Package {
	old := now.AddDate(-8, 0, 0)
	list := []Package{
		{Name: "react", Description: "a library for building user interfaces", Keywords: []string{"ui"}, Quality: .9},
		{Name: "react-dom", Description: "entry point to the DOM for React", Quality: .9},
		{Name: "react-table", Description: "hooks for building tables", Quality: .5},
		{Name: "table", Description: "formats data into a string table", Quality: .7},
		{Name: "preact", Description: "fast 3kb alternative to React", Quality: .9},
		{Name: "tabulate", Description: "draws a table in react", Quality: .5},
		{Name: "lodash", Description: "utility library", Quality: .9, Stars: 500},
		{Name: "lodahs", Description: "not the library that you want", Quality: .1},
		{Name: "request", Description: "simplified http request client", Keywords: []string{"http"}, Deprecated: true, Quality: .8},
		{Name: "requests", Description: "http requests for people", Quality: .3},
		{Name: "got", Description: "human-friendly http request library", Keywords: []string{"http", "request"}, Quality: .8},
		{Name: "old-http", Description: "http, long ago", Keywords: []string{"http"}, Quality: .5, Date: old},
		{Name: "new-http", Description: "http, of today", Keywords: []string{"http"}, Quality: .5},
		{Name: "JSONStream", Description: "rawStream.pipe(JSONStream.parse())", Quality: .5},
		{Name: "@acme/table", Description: "our own table", Quality: .5, Maintainers: []Person{{Username: "wile", Email: "wile@acme.example"}}, Author: &Person{Name: "Wile E. Coyote"}},
		{Name: "@acme/anvil", Description: "heavy", Quality: .5, Maintainers: []Person{{Username: "wile"}}, Version: "0.9.0", Unstable: true},
		{Name: "popular-thing", Description: "does a thing", Quality: .5},
		{Name: "lonely-thing", Description: "does a thing", Quality: .5},
		{Name: "needs-it", Dependencies: []string{"popular-thing"}, Quality: .5},
		{Name: "needs-it-too", Dependencies: []string{"popular-thing", "react"}, Quality: .5},
		{Name: "secret-plans", Description: "react table of the future", Restricted: true, Maintainers: []Person{{Username: "wile"}}, Quality: 1},
		{Name: "is-odd", Keywords: []string{"math", "odd"}, Quality: .5},
		{Name: "is-even", Keywords: []string{"math", "even"}, Quality: .5},
		{Name: "state", Keywords: []string{"state management"}, Quality: .5},
	}
	for i := range list {
		if list[i].Date.IsZero() {
			list[i].Date = now.AddDate(0, -1, 0)
		}
	}
	return list
}

func TestRanking(t *testing.T) {
	h := open(t)
	h.weekly = map[string]int64{"react": 20_000_000, "lodash": 50_000_000, "request": 15_000_000, "got": 20_000_000}
	h.put("registry", corpus(h.now)...)
	g, err := h.index.acquire(t.Context())
	require.NoError(t, err)
	require.NoError(t, h.index.fame.renew(t.Context(), g, h.index.o.Weekly))
	h.index.release(g)

	for _, test := range []struct {
		text string
		want []string
		why  string
	}{
		{"react", []string{"react", "react-dom", "react-table", "preact", "tabulate"}, "called so first, then by a part of the name and quality, then by a word of the description"},
		{"table", []string{"table", "@acme/table", "react-table", "tabulate"}, "the whole name before half of one; a name before a description"},
		{"react table", []string{"react-table", "tabulate"}, "every word is somewhere; all in the name is best"},
		{"reac", []string{"react", "react-dom", "react-table"}, "beginnings of names; of equals whom others download"},
		{"lodas", []string{"lodash", "lodahs"}, "a typing error: both are meant, and one is used"},
		{"lodahs", []string{"lodahs", "lodash"}, "called so first, even where another is meant, which is found as well"},
		{"request", []string{"request", "got", "requests"}, "called so first even when deprecated; one typing error or a beginning after a keyword with downloads"},
		{"http", []string{"new-http", "got", "old-http", "requests", "request"}, "a name published lately, a keyword of what many use, a name published long ago, a description; the deprecated last"},
		{"jsonstream", []string{"JSONStream"}, "capitals do not count"},
		{"json", []string{"JSONStream"}, "capitals begin parts of names"},
		{"acme table", []string{"@acme/table"}, "the scope is a part of the name"},
		{"@acme/table", []string{"@acme/table"}, "as it is written"},
		{"@acme/", []string{"@acme/anvil", "@acme/table"}, "as it is begun to be written"},
		{"thing", []string{"popular-thing", "lonely-thing"}, "what others need before what nobody does"},
		{"keywords:math", []string{"is-even", "is-odd"}, "equals in the order of their names"},
		{"keywords:math,-odd", []string{"is-even"}, "and without a keyword"},
		{"keywords:odd,even", []string{"is-even", "is-odd"}, "one of them"},
		{"keywords:math+odd", []string{"is-odd"}, "both"},
		{"state management", []string{"state"}, "words of keywords"},
		{`keywords:"state management"`, []string{"state"}, "a keyword of two words"},
		{"scope:acme", []string{"@acme/anvil", "@acme/table"}, "all of a scope"},
		{"maintainer:wile", []string{"@acme/anvil", "@acme/table"}, "by user name"},
		{"maintainer:wile@acme.example", []string{"@acme/table"}, "by address"},
		{`author:"wile e. coyote"`, []string{"@acme/table"}, "by the author's name"},
		{"author:coyote", []string{"@acme/table"}, "by a word of it"},
		{"wile", []string{"@acme/anvil", "@acme/table"}, "people are found by words, too"},
		{"not:deprecated http", []string{"new-http", "got", "old-http", "requests"}, "without the deprecated"},
		{"is:deprecated", []string{"request"}, "only the deprecated"},
		{"is:unstable", []string{"@acme/anvil"}, "below 1.0.0"},
		{"not:unstable scope:acme", []string{"@acme/table"}, "two qualifiers"},
		{"the future", []string{}, "of what is restricted nobody hears"},
		{"secret", []string{}, "nor by its name"},
		{"for building the tables", []string{"react-table"}, "stop words may be missing, and words are stemmed"},
		{"alternative http", []string{}, "no package has both"},
		{"...", []string{}, "punctuation is no word"},
		{"boost-exact:false request", []string{"got", "requests", "request"}, "nothing comes first for its name, and the deprecated last"},
	} {
		t.Run(test.text, func(t *testing.T) { require.Equal(t, test.want, h.find(test.text), test.why) })
	}

	wile := func(_ string, maintainers []string) bool { return slices.Contains(maintainers, "wile") }
	require.Equal(t, []string{"secret-plans"}, h.find("secret", wile))
	require.Contains(t, h.find("react table", wile), "secret-plans")
	require.Equal(t, 3, h.result("react table", wile).Total)
	require.Equal(t, 2, h.result("react table").Total)
	require.Equal(t, uint64(2), h.result("popular-thing").Hits[0].Dependents)
}

// TestWeights asks with one signal only.
func TestWeights(t *testing.T) {
	h := open(t)
	h.weekly = map[string]int64{"used-thing": 1000}
	year := h.now.AddDate(-1, 0, 0)
	h.put("registry", Package{Name: "good-thing", Quality: 1, Date: year}, Package{Name: "used-thing", Date: year}, Package{Name: "new-thing", Date: h.now})
	g, err := h.index.acquire(t.Context())
	require.NoError(t, err)
	require.NoError(t, h.index.fame.renew(t.Context(), g, h.index.o.Weekly))
	h.index.release(g)
	for first, w := range map[string]Weights{"good-thing": {Quality: 1}, "used-thing": {Popularity: 1}, "new-thing": {Maintenance: 1}} {
		q := Parse("thing")
		q.Size, q.Weights = 3, w
		res, err := h.index.Search(t.Context(), q, nil)
		require.NoError(t, err)
		require.Equal(t, first, res.Hits[0].Name)
	}
	q := Parse("thing")
	q.Size, q.Weights = 3, Weights{}
	res, err := h.index.Search(t.Context(), q, nil)
	require.NoError(t, err)
	require.Equal(t, res.Hits[0].Score.Final, res.Hits[2].Score.Final, "only the text counts")
	require.Equal(t, []string{"good-thing", "new-thing", "used-thing"}, []string{res.Hits[0].Name, res.Hits[1].Name, res.Hits[2].Name})
}
