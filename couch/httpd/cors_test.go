package httpd

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestCORSHost(t *testing.T) {
	some, own := &corsRule{}, &corsRule{all: true}
	rules := &corsRules{any: some, hosts: map[string]*corsRule{"b.org": own}}
	for host, want := range map[string]*corsRule{"a.org": some, "b.org": own, "b.org:5984": own, "": some, "B.org": some} {
		require.Same(t, want, rules.of(host), host)
	}
}

// Whatever an Origin header says, only an origin that is listed is let in, and
// what is let in is told back as it came.
func FuzzOrigin(f *testing.F) {
	for _, origin := range []string{"http://a.org", "null", "*", "", "http://a.org, http://b.org", "HTTP://A.ORG", "http://a.org.evil.org", "http://a.org\x00", "é"} {
		f.Add(origin, "GET", "content-type")
		f.Add(origin, "get", "content-type,, x")
	}
	rule := &corsRule{origins: []string{"http://a.org", "https://b.org:8080"}, credentials: true, methods: corsMethods, headers: corsHeaders, exposed: "x"}
	p := &policy{cors: &corsRules{any: rule}}
	f.Fuzz(func(t *testing.T, origin, method, headers string) {
		w := httptest.NewRecorder()
		r := httptest.NewRequest(http.MethodOptions, "/", nil)
		r.Header = http.Header{"Origin": {origin}, "Access-Control-Request-Method": {method}, "Access-Control-Request-Headers": {headers}}
		c := &call{r: r, policy: p}
		c.answered.ResponseWriter, c.answered.call, c.w = w, c, &c.answered
		answered := c.cors()
		listed := origin == "http://a.org" || origin == "https://b.org:8080"
		allowed := w.Header().Get("Access-Control-Allow-Origin")
		if !listed {
			require.False(t, answered)
			require.Empty(t, w.Header())
			return
		}
		require.Equal(t, origin, allowed)
		require.Equal(t, "true", w.Header().Get("Access-Control-Allow-Credentials"))
		if answered {
			require.Contains(t, corsMethods, method)
			require.Equal(t, http.StatusNoContent, w.Code)
		}
	})
}
