package httpd_test

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"settee/couch/httpd"
)

// A reader who takes nothing of a list keeps no writer waiting, and loses the
// connection; one who leaves ends the function.
func TestListOfAStalledReader(t *testing.T) {
	h := start(t, httpd.Options{Stall: 500 * time.Millisecond})
	do(t, h.base, "", "PUT", "/db", "", "")
	var docs strings.Builder
	for i := range 2000 {
		fmt.Fprintf(&docs, `,{"_id":"d%04d"}`, i)
	}
	status, _, body := do(t, h.base, "", "POST", "/db/_bulk_docs", "", `{"docs":[`+docs.String()[1:]+`]}`)
	require.Equal(t, 201, status, body)
	status, _, body = do(t, h.base, "", "PUT", "/db/_design/d", "", design(map[string]any{
		"lists": map[string]string{"l": `function() { var big = new Array(20000).join('x'); while (getRow()) send(big); return 'end' }`},
	}))
	require.Equal(t, 201, status, body)
	conn, err := net.Dial("tcp", h.base.Host)
	require.NoError(t, err)
	defer conn.Close()
	require.NoError(t, conn.(*net.TCPConn).SetReadBuffer(4096))
	_, err = io.WriteString(conn, "GET /db/_design/d/_list/l/_all_docs HTTP/1.1\r\nHost: x\r\nAuthorization: Basic YWRtaW46c2VjcmV0\r\n\r\n")
	require.NoError(t, err)
	for i := range 20 {
		status, _, body = do(t, h.base, "", "PUT", fmt.Sprint("/db/w", i), "", "{}")
		require.Equal(t, 201, status, body)
	}
	_, err = conn.Read(make([]byte, 1))
	require.NoError(t, err)
	require.Eventually(t, func() bool { return serving("httpd.(*call).listFunction(") == 0 }, hanging, 10*time.Millisecond)
	// What the sockets held is there, and not the whole answer; more of it than so small a window soon lets through.
	require.NoError(t, conn.SetReadDeadline(time.Now().Add(2*time.Second)))
	raw, _ := io.ReadAll(conn)
	require.False(t, strings.HasSuffix(string(raw), "0\r\n\r\n"), "the whole list came: %d bytes", len(raw))
	status, _, body = do(t, h.base, "", "GET", "/db/_design/d/_list/l/_all_docs?limit=1", "", "")
	require.Equal(t, 200, status)
	require.True(t, strings.HasSuffix(body, "xend"))
}

// Functions that loop, allocate and recurse beside each other are all stopped, and those of
// others answer meanwhile.
func TestFunctionsAreStopped(t *testing.T) {
	if testing.Short() {
		t.Skip("waits for CouchDB's time limit")
	}
	h := start(t, httpd.Options{})
	do(t, h.base, "", "PUT", "/db", "", "")
	status, _, body := do(t, h.base, "", "PUT", "/db/_design/d", "", design(map[string]any{
		"shows":    map[string]string{"loop": `function() { for (;;) try { for (;;); } catch (e) {} }`, "grow": `function() { var a = []; for (;;) a.push(new Array(1000).join('x' + a.length)) }`, "deep": `function() { (function f() { f() })() }`, "ok": `function() { return 'ok' }`, "regexp": `function() { return /^(a+)+$/.test('aaaaaaaaaaaaaaaaaaaaaaaaaaaa!') ? '' : 'no' }`, "hoard": `function() { return 'x'.repeat(1e9) }`},
		"lists":    map[string]string{"loop": `function() { getRow(); send('a'); getRow(); for (;;); }`},
		"updates":  map[string]string{"loop": `function() { for (;;); }`},
		"rewrites": `function() { for (;;); }`,
	}))
	require.Equal(t, 201, status, body)
	var all sync.WaitGroup
	for path, want := range map[string]int{"_show/loop": 500, "_show/grow": 500, "_show/deep": 500, "_show/hoard": 500, "_show/regexp": 200, "_list/loop/_all_docs": 200, "_update/loop": 500, "_rewrite/x": 500} {
		all.Go(func() {
			method := "GET"
			if strings.HasPrefix(path, "_update") {
				method = "POST"
			}
			status, _, body := do(t, h.base, "", method, "/db/_design/d/"+path, "", "")
			if status != want {
				t.Errorf("%s: %d %s", path, status, body)
			}
		})
	}
	for range 10 {
		status, _, body := do(t, h.base, "", "GET", "/db/_design/d/_show/ok", "", "")
		require.Equal(t, 200, status, body)
	}
	all.Wait()
	status, _, body = do(t, h.base, "", "GET", "/db/_design/d/_show/ok", "", "")
	require.Equal(t, 200, status, body)
}

// What would break out of a header's line is refused.
func TestFunctionsCannotInjectHeaders(t *testing.T) {
	h := start(t, httpd.Options{})
	do(t, h.base, "", "PUT", "/db", "", "")
	status, _, body := do(t, h.base, "", "PUT", "/db/_design/d", "", design(map[string]any{
		"shows": map[string]string{
			"name":   `function() { return {body: 'x', headers: {'X-A\r\nX-Evil: 1': 'b'}} }`,
			"value":  `function() { return {body: 'x', headers: {'X-A': 'a\nX-Evil: 1'}} }`,
			"nul":    `function() { return {body: 'x', headers: {'X-A': 'a\u0000'}} }`,
			"length": `function() { return {body: 'x', headers: {'Content-Length': '100', 'Transfer-Encoding': 'chunked', 'Connection': 'close'}} }`,
			"code":   `function() { return {code: 100, body: 'x'} }`,
		},
		"rewrites": `function(req) { return {path: '_show/length', headers: {'X-A': 'a\r\nX-Evil: 1'}} }`,
	}))
	require.Equal(t, 201, status, body)
	for path, want := range map[string]int{"_show/name": 500, "_show/value": 500, "_show/nul": 500, "_show/code": 500, "_rewrite/x": 500, "_show/length": 200} {
		status, header, body := do(t, h.base, "", http.MethodGet, "/db/_design/d/"+path, "", "")
		require.Equal(t, want, status, path)
		require.Empty(t, header.Get("X-Evil"))
		require.Equal(t, fmt.Sprint(len(body)), header.Get("Content-Length"))
	}
}
