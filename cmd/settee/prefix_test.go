package main

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestUnder(t *testing.T) {
	var got string
	seen := http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { got = r.URL.RequestURI() })
	for _, test := range []struct{ public, asked, want string }{
		{"https://h/npm/", "/npm/left", "/left"}, {"https://h/npm", "/npm/left", "/left"}, {"https://h/npm", "/left", "/left"},
		{"https://h/npm", "/npm/@s%2fn?write=true", "/@s%2fn?write=true"}, {"https://h/npm", "/npm/@s/n/-/n-1.0.0.tgz", "/@s/n/-/n-1.0.0.tgz"},
		{"https://h/npm", "/npm/", "/"}, {"https://h/npm", "/npm//-/ping", "//-/ping"}, {"https://h/npm", "/npm/-/v1/search?text=a", "/-/v1/search?text=a"},
		{"https://h/npm", "/-/npm/v1/keys", "/-/npm/v1/keys"}, {"https://h/npm", "/npm/-/npm/v1/keys", "/-/npm/v1/keys"},
		{"https://h/npm", "/npmlog", "/npmlog"}, {"https://h/npm", "/npm", "/npm"}, // packages, one of them npm, where a proxy took the path away
		{"https://h/npm", "/npm/-/npm-11.0.0.tgz", "/npm/-/npm-11.0.0.tgz"}, {"https://h/npm", "/npm/npm/-/npm-11.0.0.tgz", "/npm/-/npm-11.0.0.tgz"},
		{"https://h/npm", "/-/npm/v1/oidc/token/exchange/package/@s%2fn", "/-/npm/v1/oidc/token/exchange/package/@s%2fn"},
		{"https://h/npm", "/npm/-/npm/v1/oidc/token/exchange/package/@s%2fn", "/-/npm/v1/oidc/token/exchange/package/@s%2fn"},
		{"https://h/npm", "/-/npm/v1/attestations/@s%2fn@1.0.0", "/-/npm/v1/attestations/@s%2fn@1.0.0"},
		{"https://h/npm", "/npm/npm/-/npm/v1/attestations/@s%2fn@1.0.0", "/-/npm/v1/attestations/@s%2fn@1.0.0"}, // npm 10
		{"https://h/npm", "/npm/npm/left/-/left-1.0.0.tgz/-rev/1-x", "/left/-/left-1.0.0.tgz/-rev/1-x"},
		{"https://h/npm", "/npm/npm/@s/n/-/n-1.0.0.tgz/-rev/1-x", "/@s/n/-/n-1.0.0.tgz/-rev/1-x"},
		{"https://h/npm", "/npm/npm/npm/-/npm-1.0.0.tgz/-rev/1-x", "/npm/-/npm-1.0.0.tgz/-rev/1-x"},
		{"https://h/npm", "/npm/npm/-/npm-1.0.0.tgz/-rev/1-x", "/npm/-/npm-1.0.0.tgz/-rev/1-x"}, {"https://h/npm", "/npm/npm/-rev/1-x", "/npm/-rev/1-x"},
		{"https://h/a/b/", "/a/b/left", "/left"}, {"https://h/a/b/", "/b/left", "/b/left"},
		{"https://h", "/npm/left", "/npm/left"}, {"https://h/", "/left", "/left"}, {"", "/left", "/left"},
	} {
		under(test.public, seen).ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", test.asked, nil))
		require.Equal(t, test.want, got, "%s %s", test.public, test.asked)
	}
	for _, bad := range []string{"npm.example.com", "ftp://h", "https://", "https://h/?a=b", "https://h/#a", "https://me:secret@h/", "https://h:port/"} {
		require.ErrorContains(t, checkPublicURL(bad), "--public-url", bad)
	}
}

// TestPathPrefix publishes and reads by the path of the public URL and by the host's root.
func TestPathPrefix(t *testing.T) {
	s := startServing(t, "--admin", "admin:a long password", "--public-url", "http://npm.example/registry/npm/")
	body, err := publishBody("left", "1.0.0", 500, 1)
	require.NoError(t, err)
	status, answer := ask(t, "admin:a long password", "PUT", s.npm+"/registry/npm/left", string(body))
	require.Equal(t, 201, status, answer)
	for _, base := range []string{s.npm, s.npm + "/", s.npm + "/registry/npm", s.npm + "/registry/npm/"} {
		status, answer = ask(t, "", "GET", base+"/left", "")
		require.Equal(t, 200, status, base)
		require.Contains(t, answer, `"tarball":"http://npm.example/registry/npm/left/-/left-1.0.0.tgz"`)
		for path, has := range map[string]string{"/-/ping": "{}", "/left/-/left-1.0.0.tgz": "", "/-/package/left/dist-tags": "1.0.0", "/": `"db_name"`} {
			status, answer = ask(t, "", "GET", base+path, "")
			require.Equal(t, 200, status, base+path)
			require.Contains(t, answer, has)
		}
		status, answer = ask(t, "", "GET", strings.TrimSuffix(base, "/")+"/-/web/signin", "")
		require.Equal(t, 200, status, base)
		require.Contains(t, answer, `"/registry/npm/-/web/`)
		status, answer = ask(t, "", "POST", base+"/-/v1/login", "{}")
		require.Equal(t, 200, status, answer)
		require.Equal(t, 2, strings.Count(answer, "http://npm.example/registry/npm/-/"), answer)
	}
}
