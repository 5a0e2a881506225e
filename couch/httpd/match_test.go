package httpd

import (
	"net/http"
	"net/url"
	"testing"

	"github.com/gorilla/mux"
	"github.com/stretchr/testify/require"
)

// The short way to a plain document must go where the router goes.
func FuzzPlainPath(f *testing.F) {
	for _, seed := range []string{"/db/doc", "/db/_doc", "/_users/a", "/db/a%2Fb", "/db/a+b", "/a/b/c", "/db/", "//x", "/a%2fb/c", "/db/d?rev=1", "/é/ü", "/db/{doc}"} {
		f.Add(seed)
	}
	s := &Server{router: newRouter()}
	s.plain = s.endpointOf(plainDoc)
	require.NotNil(f, s.plain)
	f.Fuzz(func(t *testing.T, path string) {
		u, err := url.ParseRequestURI(path)
		if err != nil {
			return
		}
		r := &http.Request{Method: "GET", URL: u}
		tidyPath(u)
		db, doc, ok := plainPath(u)
		if !ok {
			return
		}
		var match mux.RouteMatch
		require.True(t, s.router.Match(r, &match), "%q", path)
		require.Same(t, s.plain, match.Handler, "%q", path)
		require.Equal(t, map[string]string{"db": db, "doc": doc}, match.Vars, "%q", path)
	})
}

func BenchmarkFind(b *testing.B) {
	s := &Server{router: newRouter()}
	s.plain = s.endpointOf(plainDoc)
	for _, path := range []string{"/db/doc", "/_users/doc", "/db/_bulk_docs", "/db/_revs_diff", "/db/doc/att"} {
		b.Run(path, func(b *testing.B) {
			u, err := url.Parse(path)
			require.NoError(b, err)
			c := &call{s: s, r: &http.Request{Method: "GET", URL: u}}
			b.ReportAllocs()
			for b.Loop() {
				if c.find() == nil {
					b.Fatal("no endpoint")
				}
			}
		})
	}
}
