package registry

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"settee/couch"
)

// raw opens a connection and writes to it; what comes back is read until it ends.
func (h *house) raw(head string) (net.Conn, func() (*http.Response, string)) {
	c, err := net.Dial("tcp", strings.TrimPrefix(h.url, "http://"))
	require.NoError(h.t, err)
	h.t.Cleanup(func() { _ = c.Close() })
	require.NoError(h.t, c.SetDeadline(time.Now().Add(time.Minute)))
	_, err = io.WriteString(c, head)
	require.NoError(h.t, err)
	in := bufio.NewReader(c)
	return c, func() (*http.Response, string) {
		res, err := http.ReadResponse(in, nil)
		require.NoError(h.t, err)
		body, err := io.ReadAll(res.Body)
		require.NoError(h.t, err)
		return res, string(body)
	}
}

// begun is the head of a request with a body of so many bytes.
func (h *house) begun(method, path string, length int) string {
	return fmt.Sprintf("%s %s HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n", method, path, h.bob, length)
}

// TestStalledBodies sends the beginning of bodies, and then nothing, or hardly anything.
func TestStalledBodies(t *testing.T) {
	h := open(t, func(_ *couch.Options, o *Options) { o.Stall = 300 * time.Millisecond })
	for _, test := range []struct{ method, path, begins string }{
		{"PUT", "/p", ""}, {"PUT", "/p", `{"_id":"p","versions":{"1.0.0":{`}, {"PUT", "/p", `{"_attachments":{"p-1.0.0.tgz":{"data":"AAAA`},
		{"PUT", "/-/package/p/dist-tags/beta", `"1.`}, {"POST", "/-/npm/v1/user", `{"email":`},
	} {
		_, answer := h.raw(h.begun(test.method, test.path, 100_000) + test.begins)
		res, body := answer()
		require.Equal(t, 408, res.StatusCode, "%s %s: %s", test.method, test.path, body)
		require.Contains(t, body, `"error":"The rest of the request did not arrive in time."`)
		require.True(t, res.Close, "what comes later is no request")
	}
	trickle, answer := h.raw(h.begun("PUT", "/p", 100_000))
	go func() {
		for range 1000 { // each byte comes in time, all of them do not
			if _, err := io.WriteString(trickle, " "); err != nil {
				return
			}
			time.Sleep(20 * time.Millisecond)
		}
	}()
	res, _ := answer()
	require.Equal(t, 408, res.StatusCode)
}

// TestBodiesInTime pauses within a body, and then between requests for longer than a body may stall.
func TestBodiesInTime(t *testing.T) {
	if testing.Short() {
		t.Skip("waits for longer than a machine stands still")
	}
	const stall = 5 * time.Second
	h := open(t, func(_ *couch.Options, o *Options) { o.Stall = stall })
	h.publish(h.bob, "p", "1.0.0")
	c, answered := h.raw(h.begun("PUT", "/-/package/p/dist-tags/beta", 7) + `"1.0.`)
	time.Sleep(50 * time.Millisecond)
	_, err := io.WriteString(c, `0"`)
	require.NoError(t, err)
	res, body := answered()
	require.Equal(t, 201, res.StatusCode, body)
	time.Sleep(stall * 6 / 5) // nothing is awaited now
	_, err = io.WriteString(c, "GET /-/ping HTTP/1.1\r\nHost: x\r\n\r\n")
	require.NoError(t, err)
	res, _ = answered()
	require.Equal(t, 200, res.StatusCode, "the connection lives on")
}

// TestAnswersNobodyTakes asks for a large tarball and takes nothing of it: the registry gives up.
func TestAnswersNobodyTakes(t *testing.T) {
	h := open(t, func(_ *couch.Options, o *Options) { o.Stall = 300 * time.Millisecond })
	h.publishOf("p", "1.0.0", 40<<20) // more than the buffers of a connection hold
	ended := make(chan any, 1)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		defer func() { ended <- recover(); panic(http.ErrAbortHandler) }()
		h.ServeHTTP(w, q)
	}))
	defer server.Close()
	c, err := net.Dial("tcp", strings.TrimPrefix(server.URL, "http://"))
	require.NoError(t, err)
	defer c.Close()
	_, err = io.WriteString(c, "GET /p/-/p-1.0.0.tgz HTTP/1.1\r\nHost: x\r\n\r\n")
	require.NoError(t, err)
	select {
	case how := <-ended:
		require.Equal(t, http.ErrAbortHandler, how)
	case <-time.After(time.Minute):
		t.Fatal("it waits for ever")
	}
}
