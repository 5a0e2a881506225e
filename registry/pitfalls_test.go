package registry

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"settee/couch"
	"settee/fixtures"
)

// TestPitfallsOfReading is what the notes on npm's API warn of, as far as who reads meets it, by its numbers there.
func TestPitfallsOfReading(t *testing.T) {
	h := open(t)
	h.publish(h.bob, "p", "1.0.0")
	h.publish(h.bob, "@bob/n", "1.0.0")

	t.Run("1 links are of the host that was asked", func(t *testing.T) {
		ask := func(host, coding string) string {
			req, err := http.NewRequest("GET", h.url+"/p", nil)
			require.NoError(t, err)
			req.Host = host
			req.Header.Set("Accept-Encoding", coding)
			res, err := http.DefaultClient.Do(req)
			require.NoError(t, err)
			raw, err := io.ReadAll(res.Body)
			require.NoError(t, err)
			return string(decoded(t, coding, raw))
		}
		for range 2 { // what is kept for one host is not given to another
			for _, host := range []string{"one.example:1", "two.example", "[::1]:4873"} {
				for c := range codings {
					require.Contains(t, ask(host, codings[c].name), `"http://`+host+`/p/-/p-1.0.0.tgz"`)
				}
			}
		}
		for _, header := range []string{"X-Forwarded-Host", "X-Forwarded-Proto", "Forwarded", "X-Forwarded-Prefix"} { // who speaks to us directly is no proxy
			require.NotContains(t, string(h.do("GET", "/p", "", nil, header, "evil.example").Body), "evil")
		}
	})
	t.Run("3 links are conventional", func(t *testing.T) {
		for _, accept := range []string{abbreviatedAccept, "application/json"} {
			doc := h.do("GET", "/@bob%2fn", "", nil, "Accept", accept).JSON()
			require.Equal(t, h.url+"/@bob/n/-/n-1.0.0.tgz", at(t, doc, "versions", "1.0.0", "dist", "tarball"))
		}
	})
	t.Run("4 slashes in names come encoded or not", func(t *testing.T) {
		for _, name := range []string{"@bob%2fn", "@bob%2Fn", "%40bob%2fn", "@bob/n", "%40bob/n"} {
			for _, path := range []string{"/" + name, "//" + name, "/" + name + "/", "/" + name + "/latest", "/" + name + "//1.0.0", "/-/package/" + name + "/dist-tags"} {
				require.Equal(t, 200, h.do("GET", path, "", nil).Status, path)
			}
		}
		for _, path := range []string{"/@bob%252fn", "/@bob%5cn", "/%40bob", "/@bob", "/@/n", "/@bob/n/../p", "/%2e%2e/p", "/@bob%2f..%2fp"} {
			require.Equal(t, 404, h.do("GET", path, "", nil).Status, path)
		}
		require.Equal(t, 400, rawStatus(h, "GET /%zz HTTP/1.1\r\nHost: x\r\n\r\n"))
	})
	t.Run("9 what is read to be written is fresh, and no cache keeps it", func(t *testing.T) {
		kept := h.do("GET", "/p", h.bob, nil)
		fresh := h.do("GET", "/p?write=true", h.bob, nil)
		require.NotEqual(t, kept.Header.Get("Etag"), fresh.Header.Get("Etag"))
		require.Contains(t, fresh.Header.Get("Etag"), fresh.JSON()["_rev"])
		require.Contains(t, fresh.Header.Get("Cache-Control"), "no-cache")
		require.Empty(t, fresh.Header.Get("Last-Modified"))
		require.Equal(t, 200, h.do("GET", "/p?write=true", h.bob, nil, "If-None-Match", kept.Header.Get("Etag")).Status)
		require.Equal(t, 200, h.do("GET", "/p?write=true", h.bob, nil, "If-Modified-Since", kept.Header.Get("Last-Modified")).Status)
		require.Equal(t, 201, h.do("PUT", "/-/package/p/dist-tags/beta", h.bob, "1.0.0").Status)
		again := h.do("GET", "/p?write=true", h.bob, nil, "If-None-Match", fresh.Header.Get("Etag"))
		require.Equal(t, 200, again.Status)
		require.NotEqual(t, fresh.JSON()["_rev"], again.JSON()["_rev"])
		require.Equal(t, 200, h.do("GET", "/p", "", nil, "If-None-Match", kept.Header.Get("Etag")).Status, "a tag is a change")
	})
	t.Run("15 connections are kept", func(t *testing.T) {
		_, answer := h.raw(strings.Repeat("GET /p HTTP/1.1\r\nHost: x\r\n\r\nGET /nothing HTTP/1.1\r\nHost: x\r\n\r\n", 3))
		for range 3 {
			res, _ := answer()
			require.Equal(t, 200, res.StatusCode)
			res, _ = answer()
			require.Equal(t, 404, res.StatusCode)
			require.False(t, res.Close)
		}
	})
	t.Run("16 nothing redirects", func(t *testing.T) {
		client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
		for _, path := range []string{"/p/", "//p", "/p//latest", "/./p", "/p/../p", "/-//ping", "/P", "/@bob/n/", "/p/-/p-1.0.0.tgz/", "/favicon.ico", "/index.html"} {
			for _, method := range []string{"GET", "HEAD", "PUT", "DELETE"} {
				req, err := http.NewRequest(method, h.url+path, nil)
				require.NoError(t, err)
				res, err := client.Do(req)
				require.NoError(t, err)
				require.NoError(t, res.Body.Close())
				require.False(t, res.StatusCode >= 300 && res.StatusCode < 400, "%s %s: %d", method, path, res.StatusCode)
			}
		}
	})
	t.Run("17 slashes at the joint of a registry's URL and a path", func(t *testing.T) {
		for _, path := range []string{"/-/ping", "//-/ping", "/-//ping", "///-///ping//"} {
			require.Equal(t, 200, h.do("GET", path, "", nil).Status, path)
		}
		require.Equal(t, 200, h.do("POST", "//-/npm/v1/security/audits/quick", "", dict{"name": "x", "requires": dict{}, "dependencies": dict{}}).Status)
	})
	t.Run("24 what npm reads is in the answer, and nothing for other sites", func(t *testing.T) {
		for _, path := range []string{"/p", "/p/-/p-1.0.0.tgz", "/-/whoami", "/-/v1/search?text=p"} {
			res := h.do("GET", path, "", nil, "Origin", "https://evil.example")
			for name := range res.Header {
				require.NotContains(t, name, "Access-Control-", path)
			}
			require.Equal(t, "nosniff", res.Header.Get("X-Content-Type-Options"), path)
		}
		require.Equal(t, challenge, h.do("GET", "/-/whoami", "", nil).Header.Get("Www-Authenticate"))
	})
}

func rawStatus(h *house, request string) int {
	_, answer := h.raw(request)
	res, _ := answer()
	return res.StatusCode
}

// TestLargeAnswers is pitfall 5: a packument of 20 MB comes whole in each coding, again for nothing, and after a
// publish with it.
func TestLargeAnswers(t *testing.T) {
	if testing.Short() {
		t.Skip("moves many megabytes")
	}
	h := open(t)
	p := parsePackument("big", fixtures.Packument(1, "big", fixtures.Largest))
	p.set("maintainers", []byte(`[{"name":"bob"}]`))
	h.overwrite("big", json.RawMessage(p.encode()))
	for round := range 2 {
		for _, accept := range []string{abbreviatedAccept, "application/json"} {
			var plain []byte
			for c := range codings {
				res := h.do("GET", "/big", "", nil, "Accept", accept, "Accept-Encoding", codings[c].name)
				require.Equal(t, 200, res.Status)
				body := decoded(t, codings[c].name, res.Body)
				if plain == nil {
					plain = body
				}
				require.True(t, string(plain) == string(body), "%s %s", accept, codings[c].name)
				require.Equal(t, 304, h.do("GET", "/big", "", nil, "Accept", accept, "Accept-Encoding", codings[c].name, "If-None-Match", res.Header.Get("Etag")).Status)
			}
			require.Equal(t, round == 1, strings.Contains(string(plain), `"99.0.0"`))
		}
		h.publish(h.bob, "big", fmt.Sprint("99.", round, ".0"))
	}
}

// TestBodyLimit is pitfall 14: who sends too much is told so, and the connection ends where the rest is not read.
func TestBodyLimit(t *testing.T) {
	h := open(t, func(_ *couch.Options, o *Options) { o.MaxBody = 100_000 })
	res := h.do("PUT", "/p", h.bob, publishing("p", "1.0.0", sampleTarball(t, "p", "1.0.0", 200_000)))
	require.Equal(t, 413, res.Status)
	require.Contains(t, res.JSON()["error"], "100000")
	_, answer := h.raw(fmt.Sprintf("PUT /p HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\nContent-Length: 99999999999\r\n\r\n", h.bob))
	refused, _ := answer()
	require.Equal(t, 413, refused.StatusCode)
	require.True(t, refused.Close)
}
