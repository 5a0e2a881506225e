package httpd_test

import (
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/net/html"

	"settee/couch/httpd"
)

// A browser that may not is sent to a form, and by it back to where it was.
func TestSignInPage(t *testing.T) {
	h := start(t, httpd.Options{})
	status, header, _ := do(t, h.base, "-", "GET", "/_all_dbs?limit=1", "Accept: text/html", "")
	require.Equal(t, 302, status)
	to, err := url.Parse(header.Get("Location"))
	require.NoError(t, err)
	require.Equal(t, "/_utils/session.html", to.Path)
	require.Equal(t, "You are not a server admin.", to.Query().Get("reason"))

	status, header, page := do(t, h.base, "-", "GET", to.RequestURI(), "Accept: text/html", "")
	require.Equal(t, 200, status)
	require.Contains(t, header.Get("Content-Security-Policy"), "default-src 'none'")
	require.Contains(t, page, "You are not a server admin.")
	action := attribute(t, page, "form", "action")
	status, header, _ = do(t, h.base, "-", "POST", action, "Content-Type: application/x-www-form-urlencoded", "name=admin&password=wrong")
	require.Equal(t, 302, status)
	require.Contains(t, header.Get("Location"), "/_utils/session.html?reason=")
	status, header, _ = do(t, h.base, "-", "POST", action, "Content-Type: application/x-www-form-urlencoded", "name=admin&password=secret")
	require.Equal(t, 302, status)
	require.Equal(t, "http://"+h.base.Host+"/_all_dbs", header.Get("Location"))
	require.Contains(t, header.Get("Set-Cookie"), "AuthSession=")
}

func TestPages(t *testing.T) {
	h := start(t, httpd.Options{})
	status, header, page := do(t, h.base, "-", "GET", "/_utils/", "Accept: text/html", "")
	require.Equal(t, 200, status)
	require.Equal(t, "text/html; charset=utf-8", header.Get("Content-Type"))
	require.Contains(t, page, "<h1>settee</h1>")
	require.Equal(t, "en", attribute(t, page, "html", "lang"))
	status, header, icon := do(t, h.base, "-", "GET", "/favicon.ico", "", "")
	require.Equal(t, 200, status)
	require.Equal(t, "public, max-age=31536000", header.Get("Cache-Control"))
	require.Equal(t, "\x00\x00\x01\x00", icon[:4], "an icon file's first bytes")
}

// CouchDB 3.5 answers 500 to keys here.
func TestAllDBsKeys(t *testing.T) {
	h := start(t, httpd.Options{})
	for _, name := range []string{"/a", "/b", "/c"} {
		do(t, h.base, "", "PUT", name, "", "")
	}
	_, _, body := do(t, h.base, "", "GET", "/_all_dbs?keys=[%22c%22,%22none%22,%22a%22]", "", "")
	require.Equal(t, "[\"c\",\"a\"]\n", body)
}

// What a link puts into the page stays text.
func TestSignInPageEscapes(t *testing.T) {
	h := start(t, httpd.Options{})
	for _, evil := range []string{`"><script>alert(1)</script>`, "javascript:alert(1)", "//evil.org/", `/x&fail=//evil.org`} {
		_, _, page := do(t, h.base, "-", "GET", "/_utils/session.html?reason="+url.QueryEscape(evil)+"&return="+url.QueryEscape(evil), "", "")
		require.NotContains(t, page, "<script>")
		action, err := url.Parse(attribute(t, page, "form", "action"))
		require.NoError(t, err)
		require.Equal(t, "/_session", action.Path)
		require.Len(t, action.Query()["fail"], 1)
		require.True(t, strings.HasPrefix(action.Query().Get("next"), "/"))
	}
}

// attribute is one of the first element of a name.
func attribute(t testing.TB, page, element, name string) string {
	z := html.NewTokenizer(strings.NewReader(page))
	for z.Next() != html.ErrorToken {
		token := z.Token()
		for _, a := range token.Attr {
			if token.Data == element && a.Key == name {
				return a.Val
			}
		}
	}
	t.Fatalf("no %s %s in %s", element, name, page)
	return ""
}
