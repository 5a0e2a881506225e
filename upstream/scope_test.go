package upstream

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestHasScope(t *testing.T) {
	o, acme := newOther(t), newOther(t)
	h := open(t, o, func(u *Options) {
		for _, pattern := range []string{"@acme=", "@emca/x-*=", "@ac-*="} {
			target, err := ParseTarget(pattern + acme.URL)
			require.NoError(t, err)
			u.Targets = append(u.Targets, target)
		}
		u.Rules.Deny = []Pattern{patterned(t, "@bad"), patterned(t, "@half/bad"), patterned(t, "@old@<1")}
	})
	list := says(dict{"objects": []any{7, dict{"package": dict{"name": "scope"}}, dict{"package": dict{"name": "@Half/one"}}, dict{"package": dict{"name": "@old/one"}}, dict{"package": dict{"name": "@ac-x/one"}}}})
	o.on(searchPath, list)
	acme.on(searchPath, list)
	for scope, has := range map[string]bool{"half": true, "old": true, "acme": true, "emca": true, "hal": false, "scope": false, "bad": false} {
		before := o.asked("")
		require.Equal(t, has, h.HasScope(t.Context(), scope), scope)
		if o.asked("") > before {
			require.Equal(t, "scope:"+scope, o.last().URL.Query().Get("text"))
		} else {
			require.Contains(t, []string{"acme", "emca", "bad"}, scope, "nobody is to hear of it")
		}
	}
	require.Zero(t, acme.asked(""))
	require.True(t, h.HasScope(t.Context(), "ac-x"))
	require.Equal(t, 1, acme.asked(searchPath), "who is asked for its packages is asked for the scope")
	n := o.asked(searchPath)
	require.True(t, h.HasScope(t.Context(), "half"))
	require.False(t, h.HasScope(WithVia(t.Context(), []string{"1.1 " + h.o.self}), "old2"))
	require.Equal(t, n, o.asked(searchPath))

	o.publish("@kept/one", "1.0.0", []byte("x"))
	_, _, err := h.look("@kept/one")
	require.NoError(t, err)
	for scope, want := range map[string]bool{"kept": true, "kep": false, "half": false} {
		kept, err := h.Keeps(t.Context(), scope)
		require.NoError(t, err)
		require.Equal(t, want, kept, scope)
	}
}

// TestHasScopeAllowed asks for those scopes only of which the operator allows something.
func TestHasScopeAllowed(t *testing.T) {
	o := newOther(t)
	h := open(t, o, func(u *Options) {
		u.Rules.Allow = []Pattern{patterned(t, "@a/one"), patterned(t, "@b"), patterned(t, "x")}
	})
	o.on(searchPath, says(dict{"objects": []any{dict{"package": dict{"name": "@a/one"}}, dict{"package": dict{"name": "@b/one"}}, dict{"package": dict{"name": "@c/one"}}}}))
	for scope, has := range map[string]bool{"a": true, "b": true, "c": false} {
		require.Equal(t, has, h.HasScope(t.Context(), scope), scope)
	}
	require.Equal(t, 2, o.asked(""))
}

// TestHasScopeUntold: a registry that cannot tell has none, and searches that fail are not held against it.
func TestHasScopeUntold(t *testing.T) {
	o := newOther(t)
	h := open(t, o)
	require.False(t, h.HasScope(t.Context(), "a"), "it has no search")
	require.Equal(t, 1, o.asked(searchPath))
	o.on(searchPath, func(_ http.ResponseWriter, q *http.Request) { <-q.Context().Done() })
	began := time.Now()
	require.False(t, h.HasScope(t.Context(), "a"))
	require.Less(t, time.Since(began), time.Minute, "it is left alone after 3 s")
	o.on(searchPath, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(429) })
	for range mostFailures {
		_, err := h.Search(t.Context(), "x")
		require.ErrorIs(t, err, ErrUnavailable)
	}
	o.on(searchPath, says(dict{"objects": []any{dict{"package": dict{"name": "@a/one"}}}}))
	require.True(t, h.HasScope(t.Context(), "a"))
}
