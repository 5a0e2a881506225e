package httpd_test

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"settee/couch/httpd"
)

// raw sends bytes and reads one answer; nil where the connection just ends.
func raw(t testing.TB, h *house, bytes string) (*http.Response, string) {
	t.Helper()
	c, err := net.Dial("tcp", h.base.Host)
	require.NoError(t, err)
	defer c.Close()
	require.NoError(t, c.SetDeadline(time.Now().Add(hanging)))
	_, _ = io.WriteString(c, bytes) // the server may hang up before all is sent
	_ = c.(*net.TCPConn).CloseWrite()
	res, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		return nil, ""
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	return res, string(body)
}

// What net/http refuses before there is a request is refused in CouchDB's words.
func TestRefusals(t *testing.T) {
	h := start(t, httpd.Options{})
	const end = " HTTP/1.1\r\nHost: x\r\n\r\n"
	for name, c := range map[string]struct {
		send   string
		status int
		want   string
	}{
		"escape":               {"GET /db/%zz" + end, 400, problem("bad_request", "invalid_url_encoding")},
		"escape cut":           {"GET /db%" + end, 400, problem("bad_request", "invalid_url_encoding")},
		"escape after another": {"GET /_up" + end + "GET /db/%2" + end, 200, `{"status":"ok","seeds":{}}`},
		"no http":              {"hello\r\n\r\n", 400, problem("bad_request", "The request could not be read as HTTP.")},
		"space in the path":    {"GET /a b" + end, 400, problem("bad_request", "The request could not be read as HTTP.")},
		"no host":              {"GET / HTTP/1.1\r\n\r\n", 400, problem("bad_request", "missing required Host header")},
		"header name":          {"GET / HTTP/1.1\r\nHost: x\r\nA B: c\r\n\r\n", 400, problem("bad_request", "invalid header name")},
		"two lengths":          {"PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", 400, problem("bad_request", "The request could not be read as HTTP.")},
		"transfer coding":      {"PUT / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip\r\n\r\n", 501, problem("not_implemented", "This transfer encoding is not supported.")},
		"long headers":         {"GET / HTTP/1.1\r\nHost: x\r\n" + strings.Repeat("A: "+strings.Repeat("a", 1000)+"\r\n", 1100) + "\r\n", 431, problem("too_large", "the request headers are too large")},
	} {
		res, body := raw(t, h, c.send)
		require.NotNil(t, res, name)
		require.Equal(t, c.status, res.StatusCode, "%s: %s", name, body)
		require.Equal(t, c.want, strings.TrimSpace(body), name)
		require.Equal(t, "application/json", res.Header.Get("Content-Type"), name)
		require.Contains(t, res.Header.Get("Server"), "CouchDB/", name)
	}
}

// Whatever comes, what is answered is HTTP and says it in JSON, never 500.
func FuzzConnection(f *testing.F) {
	for _, s := range []string{"GET / HTTP/1.1\r\nHost: x\r\n\r\n", "GET /%zz HTTP/1.1\r\n\r\n", "\x16\x03\x01", "PUT /a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\n",
		"POST /_session HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n{}", "GET / HTTP/9.9\r\n\r\n", "OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n", "GET http://y/_up HTTP/1.0\r\n\r\n"} {
		f.Add(s)
	}
	h := start(f, httpd.Options{Stall: 200 * time.Millisecond})
	f.Fuzz(func(t *testing.T, bytes string) {
		res, body := raw(t, h, bytes)
		if res == nil {
			return
		}
		if res.StatusCode != http.StatusNotImplemented && res.StatusCode != http.StatusHTTPVersionNotSupported {
			require.Less(t, res.StatusCode, 500, "%q: %s", bytes, body)
		}
		if res.StatusCode >= 400 {
			require.Equal(t, "application/json", res.Header.Get("Content-Type"), "%q: %s", bytes, body)
		}
	})
}
