package httpd

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"settee/couch"
)

// FuzzWanted reads entries of _bulk_get: each is refused, or has what it takes
// to be answered, and its error row is JSON.
func FuzzWanted(f *testing.F) {
	for _, s := range []string{`{}`, `1`, `{"id":"a"}`, `{"id":"a","rev":"1-a","atts_since":["1-b"]}`, `{"id":"","rev":1}`, `{"rev":null}`, `{"id":"_x","atts_since":{}}`, `{"id":"a\ud800"}`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		if !json.Valid(raw) {
			return // the body's own check
		}
		w, err := readWanted(raw)
		if err != nil {
			return
		}
		require.True(t, w.err != nil || w.id.Check() == nil)
		require.True(t, json.Valid(appendUnopened(nil, w, w.err)), "%s", raw)
	})
}

// FuzzDestination reads the header of COPY, which may hold anything.
func FuzzDestination(f *testing.F) {
	for _, s := range []string{"", "b", "b?rev=1-a", "a%2Fb", "x y?rev=", "?rev=1-x", "http://h/x", "/x", "é", "%zz", "a?b?c=d"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, to string) {
		id, rev, err := destination(http.Header{"Destination": {to}})
		if err != nil {
			require.IsType(t, &couch.Error{}, err)
			return
		}
		require.False(t, strings.HasPrefix(to, "/"))
		require.Equal(t, rev.IsZero(), !strings.Contains(to, "?"))
		again, _, err := destination(http.Header{"Destination": {strings.TrimPrefix(escapedPath(string(id)), "/")}})
		require.NoError(t, err)
		require.Equal(t, id, again)
	})
}
