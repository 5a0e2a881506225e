package registry

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// FuzzRequest sends any request that a server would hand on: nothing breaks, errors are in npm's form, and what is restricted is told
// to nobody.
func FuzzRequest(f *testing.F) {
	h := open(f)
	h.publish(h.bob, "p", "1.0.0")
	doc := publishing("@bob/hidden", "1.0.0", sampleTarball(f, "@bob/hidden", "1.0.0", 5))
	doc["access"], doc["description"] = "restricted", "nobody-knows"
	at(f, doc, "versions", "1.0.0").(dict)["description"] = "nobody-knows"
	require.Equal(f, 201, h.do("PUT", "/@bob%2fhidden", h.bob, doc).Status)
	for i := range table {
		f.Add(table[i].method, sampled(table[i].pattern), "", "{}")
		f.Add("GET", strings.Replace(sampled(table[i].pattern), "/p", "/@bob%2Fhidden", 1), abbreviatedAccept, "")
	}
	f.Add("GET", "/%40bob/hidden/%5E1", `"x", W/"y", *`, "")
	f.Add("GET", "/_changes?feed=longpoll&since=now&timeout=1&include_docs=true", "", "")
	f.Add("POST", "/_all_docs?startkey=%22a%22&limit=2", "", `{"keys":["p","@bob/hidden"]}`)
	f.Add("GET", "/-/v1/search?text=x&size=1e9", "", "")
	f.Add("GET", "//p//-//p-1.0.0.tgz/..%2f%00", "bytes=0-", "")
	f.Fuzz(func(t *testing.T, method, path, header, body string) {
		u, err := url.ParseRequestURI(path)
		if err != nil || !strings.HasPrefix(path, "/") || len(method) > 10 {
			return
		}
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond) // of feeds
		defer cancel()
		req, err := http.NewRequestWithContext(ctx, method, "http://x/", strings.NewReader(body))
		if err != nil {
			return
		}
		req.URL, req.RequestURI = u, path
		for _, name := range []string{"Accept", "Accept-Encoding", "If-None-Match", "If-Modified-Since", "Range", "Npm-Otp"} {
			req.Header.Set(name, header)
		}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, req)
		require.NotContains(t, w.Body.String(), "nobody-knows")
		if ctx.Err() != nil || method == http.MethodHead {
			return
		}
		if w.Code >= 400 && w.Code != 412 && w.Code != 416 {
			require.Contains(t, []int{400, 401, 403, 404, 405, 406, 408, 409, 413, 415, 422, 501}, w.Code, "%s", w.Body)
			var answer struct{ Error, Message string }
			require.NoError(t, json.Unmarshal(w.Body.Bytes(), &answer), "%s", w.Body)
			require.NotEmpty(t, answer.Error)
		}
	})
}
