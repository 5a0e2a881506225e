package httpd_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"settee/couch/httpd"
)

// Whatever a setting says, the server answers, and its own admin can take it back.
func FuzzSetting(f *testing.F) {
	lines := httpd.KnownSettings()
	for i := range lines {
		for _, value := range []string{"", "true", "-1", "99999999999999999999", "*,\t,é"} {
			f.Add(i, value)
		}
	}
	h := start(f, httpd.Options{})
	ask := func(method, path, body string) *httptest.ResponseRecorder {
		r := httptest.NewRequest(method, path, strings.NewReader(body))
		r.Header.Set("Origin", "http://a.org")
		r.Header.Set("Prefer", "return=minimal")
		r.SetBasicAuth("admin", "secret")
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		return w
	}
	f.Fuzz(func(t *testing.T, i int, value string) {
		name, _, _ := strings.Cut(lines[uint(i)%uint(len(lines))], "\t")
		if strings.HasSuffix(name, "/*") || name == "chttpd_auth/iterations" {
			return // no key, or hours of hashing
		}
		_, _, err := h.store.TrySetting(strings.Split(name, "/")[0], strings.Split(name, "/")[1], value)
		if err != nil {
			return
		}
		for _, path := range []string{"/", "/_session", "/_node/_local/_config", "/_uuids", "/nosuchdb/x"} {
			w := ask("GET", path, "")
			require.Less(t, w.Code, 500, "%s=%q: %s %s", name, value, path, w.Body)
		}
		w := ask("DELETE", config+name, "")
		require.Contains(t, []int{http.StatusOK, http.StatusForbidden, http.StatusRequestURITooLong}, w.Code, "%s=%q: %s", name, value, w.Body)
		require.NoError(t, h.store.ReloadSettings())
	})
}
