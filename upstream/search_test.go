package upstream

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

const searchPath = "/-/v1/search"

// found is a search's answer of packages whose latest version is as old as it says.
func found(h *house, ages map[string]time.Duration) http.HandlerFunc {
	objects := []dict{}
	for name, age := range ages {
		objects = append(objects, dict{"package": dict{"name": name, "version": "1.0.0", "date": h.Now().Add(-age).Format(time.RFC3339)}})
	}
	return says(dict{"objects": objects, "total": 7})
}

// finds are the names that a search finds, hidden ones with a star.
func (h *house) finds(text string) (names []string) {
	hits, err := h.Search(h.t.Context(), text)
	require.NoError(h.t, err)
	for _, hit := range hits {
		name := hit.Name
		if hit.Hidden {
			name += "*"
		}
		names = append(names, name)
	}
	return names
}

func TestSearch(t *testing.T) {
	o := newOther(t)
	h := open(t, o, func(u *Options) {
		target, err := ParseTarget("@acme=" + o.URL + "/acme")
		require.NoError(t, err)
		u.Targets = append(u.Targets, target)
		u.Rules = Rules{Deny: []Pattern{patterned(t, "bad-*")}, Cooldown: time.Hour, Except: []Pattern{patterned(t, "quick")}}
	})
	o.on(searchPath, found(h, map[string]time.Duration{
		"old": 2 * time.Hour, "@x/old": 2 * time.Hour, "young": time.Minute, "quick": time.Minute, "bad-one": 2 * time.Hour, "@acme/x": 2 * time.Hour, "../../x": 2 * time.Hour, "": 0, strings.Repeat("x", 300): 0,
	}))
	require.ElementsMatch(t, []string{"old", "@x/old", "young*", "quick"}, h.finds("a b:c&d"))
	require.Equal(t, "a b:c&d", o.last().URL.Query().Get("text"))
	h.finds("a b:c&d")
	require.Equal(t, 1, o.asked(searchPath), "an answer is remembered")
	h.Pass(6 * time.Minute)
	require.ElementsMatch(t, []string{"old", "@x/old", "young*", "quick"}, h.finds("a b:c&d"))
	require.Equal(t, 2, o.asked(searchPath))
	for i := range 3 * mostSearches {
		h.finds(fmt.Sprint(i))
	}
	require.LessOrEqual(t, len(h.remotes[0].finder.known), mostSearches)

	for name, elsewhere := range map[string]bool{"@acme/x": true, "@ACME/-": true, "bad-two": true, "old": false, "@x/-": false} {
		require.Equal(t, elsewhere, h.Elsewhere(name), name)
	}
	_, err := h.Search(WithVia(t.Context(), []string{"1.1 " + h.o.self}), "x")
	require.ErrorIs(t, err, ErrLoop)
}

// TestSearchOfNobody asks no registry that is for some names only, or all of which is here.
func TestSearchOfNobody(t *testing.T) {
	o := newOther(t)
	target, err := ParseTarget("@acme=" + o.URL)
	require.NoError(t, err)
	h := open(t, nil, func(u *Options) { u.Targets = []Target{target} })
	require.Empty(t, h.finds("x"))
	h = open(t, o, func(u *Options) { u.Mirror = MirrorAll })
	require.Empty(t, h.finds("x"))
	require.Zero(t, o.asked(searchPath))
}

// TestSearchFails leaves a search alone that fails, and packuments not; what is no answer is an error.
func TestSearchFails(t *testing.T) {
	o := newOther(t)
	h := open(t, o)
	o.on("/p", says(dict{"name": "p", "versions": dict{}}))
	for i, bad := range []http.HandlerFunc{
		func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(500) },
		func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(`<html>`)) },
		says([]byte(`{"objects":{"x":1}}`)),
		func(w http.ResponseWriter, _ *http.Request) {
			_, _ = w.Write([]byte(strings.Repeat(" ", mostSearchText+1)))
		},
		func(_ http.ResponseWriter, q *http.Request) { <-q.Context().Done() }, // it never answers
	} {
		o.on(searchPath, bad)
		_, err := h.Search(t.Context(), fmt.Sprint(i))
		require.ErrorIs(t, err, ErrUnavailable)
	}
	n := o.asked(searchPath)
	require.Equal(t, 5, n)
	_, err := h.Search(t.Context(), "x")
	require.ErrorIs(t, err, errResting)
	require.Equal(t, n, o.asked(searchPath))
	_, _, err = h.look("p")
	require.NoError(t, err, "packuments are asked for")
	h.Pass(time.Minute)
	o.on(searchPath, says([]byte(`{"objects":[7,null,"x",{},{"package":7},{"package":{"name":"p"}}]}`)))
	require.Equal(t, []string{"p"}, h.finds("x"))
}

func patterned(t *testing.T, text string) Pattern {
	p, err := ParsePattern(text)
	require.NoError(t, err)
	return p
}
