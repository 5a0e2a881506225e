package httpd

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/gorilla/mux"
	"github.com/stretchr/testify/require"
)

func TestAccepts(t *testing.T) {
	for _, c := range []struct {
		accept, media string
		want          bool
	}{
		{"", "multipart/mixed", true},
		{"*/*", "multipart/mixed", true},
		{"application/json", "multipart/mixed", false},
		{"application/json, multipart/*;q=0.5", "multipart/mixed", true},
		{"multipart/mixed;q=0", "multipart/mixed", false},
		{"Multipart/Mixed", "multipart/mixed", true},
	} {
		require.Equal(t, c.want, accepts(http.Header{"Accept": {c.accept}}, c.media), "%+v", c)
	}
}

func TestAcceptsGzip(t *testing.T) {
	for header, want := range map[string]bool{"": false, "gzip": true, "deflate, gzip;q=0.3": true, "gzip;q=0": false, "*": true, "br": false} {
		require.Equal(t, want, acceptsGzip(http.Header{"Accept-Encoding": {header}}), header)
	}
}

func TestMatches(t *testing.T) {
	for header, want := range map[string]bool{`"1-a"`: true, `W/"1-a"`: true, `"0-x", W/"1-a"`: true, "*": false, `"1-b"`: false, "": false} {
		require.Equal(t, want, matches([]string{header}, `"1-a"`), header)
	}
}

func TestTidyPath(t *testing.T) {
	for path, want := range map[string]string{
		"/": "/", "//": "/", "/db/": "/db", "/db//doc": "/db/doc", "/a%2Fb/c%20d/": "/a%2Fb/c%20d", "/db/a%2F/": "/db/a%2F", "/db/doc": "/db/doc",
	} {
		u, err := url.Parse("http://h" + path)
		require.NoError(t, err)
		tidyPath(u)
		require.Equal(t, want, u.EscapedPath(), path)
	}
}

func TestRequestIDIsTheClientsWhereSane(t *testing.T) {
	r := &http.Request{Header: http.Header{}}
	require.Regexp(t, "^[0-9a-f]{10}$", requestID(r))
	r.Header.Set("X-Couch-Request-ID", "my-Request_1")
	require.Equal(t, "my-Request_1", requestID(r))
	for _, insane := range []string{"a b", "a\"b", strings.Repeat("x", 37)} {
		r.Header.Set("X-Couch-Request-ID", insane)
		require.Regexp(t, "^[0-9a-f]{10}$", requestID(r))
	}
}

// Each path of the table reaches its own rows: none is hidden by an earlier one.
func TestRoutesReachTheirRows(t *testing.T) {
	sample := strings.NewReplacer(
		plainDoc, "/db/doc", anyDB+"/{doc}", "/db/_odd", "{local}", "l", "{ddoc}", "d", "{view}", "v", anyDB, "/db",
	)
	router := newRouter()
	for i := range table {
		path := sample.Replace(table[i].Path)
		path = strings.ReplaceAll(strings.ReplaceAll(path, "{rest:.+}", "x/y"), "{att:.+}", "a/b")
		if at := strings.Index(path, "{verb:"); at >= 0 {
			end := at + strings.Index(path[at:], "}")
			for verb := range strings.SplitSeq(path[at+len("{verb:"):end], "|") {
				requireRow(t, router, path[:at]+verb+path[end+1:], &table[i])
			}
			continue
		}
		requireRow(t, router, path, &table[i])
	}
	require.Len(t, Routes(), len(table))
}

func requireRow(t *testing.T, router *mux.Router, path string, want *row) {
	t.Helper()
	m := strings.Split(want.Methods, ",")[0]
	r, err := http.NewRequest(m, path, nil)
	require.NoError(t, err)
	var match mux.RouteMatch
	require.True(t, router.Match(r, &match), path)
	require.Same(t, want, match.Handler.(*endpoint).rows[m].row, "%s %s", m, path)
}
