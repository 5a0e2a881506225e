package httpd_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"settee/couch/httpd"
)

// liveFeeds are the queries of the feeds that wait.
var liveFeeds = map[string]string{
	"longpoll":    "feed=longpoll&since=now",
	"continuous":  "feed=continuous&since=now",
	"eventsource": "feed=eventsource&since=now",
}

// listen opens a feed of /feeds, whose headers have come when it returns.
func listen(t testing.TB, h *house, query string) (*bufio.Reader, context.CancelFunc) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	t.Cleanup(cancel)
	req, err := http.NewRequestWithContext(ctx, "GET", h.address+"/feeds/_changes?"+query, nil)
	require.NoError(t, err)
	req.SetBasicAuth("admin", "secret")
	res, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(req)
	require.NoError(t, err)
	t.Cleanup(func() { res.Body.Close() })
	require.Equal(t, http.StatusOK, res.StatusCode)
	return bufio.NewReader(res.Body), cancel
}

// readTo reads lines up to the one that holds what is wanted.
func readTo(t testing.TB, r *bufio.Reader, want string) {
	t.Helper()
	for {
		line, err := r.ReadString('\n')
		if strings.Contains(line, want) {
			return
		}
		require.NoError(t, err, "no line with %q", want)
	}
}

func feeds(t testing.TB, o httpd.Options) *house {
	h := start(t, o)
	h.must(t, "PUT /feeds", "", 201)
	return h
}

// must sends a request as the admin and returns the body of the answer.
func (h *house) must(t testing.TB, line, body string, want int) string {
	t.Helper()
	method, path, _ := strings.Cut(line, " ")
	status, _, got := do(t, h.base, "", method, path, "", body)
	require.Equal(t, want, status, "%s: %s", line, got)
	return got
}

func TestFeedsWake(t *testing.T) {
	h := feeds(t, httpd.Options{})
	for name, query := range liveFeeds {
		t.Run(name, func(t *testing.T) {
			r, _ := listen(t, h, query)
			h.must(t, "PUT /feeds/"+name, "{}", 201)
			readTo(t, r, `"id":"`+name+`"`)
			if name == "longpoll" {
				rest, err := io.ReadAll(r)
				require.NoError(t, err)
				require.Contains(t, string(rest), `"last_seq":"`)
			}
		})
	}
}

func TestFeedsBeat(t *testing.T) {
	h := feeds(t, httpd.Options{})
	beats := map[string]string{"longpoll": "\n", "continuous": "\n", "eventsource": "event: heartbeat\n"}
	for name, query := range liveFeeds {
		t.Run(name, func(t *testing.T) {
			r, _ := listen(t, h, query+"&heartbeat=5")
			if name == "longpoll" {
				readTo(t, r, `{"results":[`)
			}
			for range 3 {
				line, err := r.ReadString('\n')
				require.NoError(t, err)
				require.Equal(t, beats[name], line)
				if name == "eventsource" {
					readTo(t, r, "data: ")
					readTo(t, r, "\n")
				}
			}
			h.must(t, "PUT /feeds/"+name, "{}", 201)
			readTo(t, r, `"id":"`+name+`"`) // beats do not cost it the row
		})
	}
}

// running counts the feeds that goroutines are in.
func running() int {
	buf := make([]byte, 4<<20)
	return strings.Count(string(buf[:runtime.Stack(buf, true)]), "httpd.(*feed).run(")
}

func TestFeedEndsWithItsClient(t *testing.T) {
	h := feeds(t, httpd.Options{})
	for _, query := range liveFeeds {
		for range 5 {
			_, leave := listen(t, h, query+"&heartbeat=60000")
			defer leave()
		}
	}
	require.Equal(t, 15, running())
	for range 15 {
		_, leave := listen(t, h, "feed=continuous&heartbeat=60000")
		leave()
	}
	require.Eventually(t, func() bool { return running() == 15 }, 20*time.Second, time.Millisecond)
}

func TestCloseEndsFeeds(t *testing.T) {
	h := feeds(t, httpd.Options{})
	var readers []*bufio.Reader
	for _, query := range liveFeeds {
		r, _ := listen(t, h, query+"&heartbeat=60000")
		readers = append(readers, r)
	}
	require.NoError(t, h.Close())
	for _, r := range readers {
		_, err := io.ReadAll(r)
		require.NoError(t, err, "a feed that ends is whole")
	}
	require.Eventually(t, func() bool { return running() == 0 }, 20*time.Second, time.Millisecond)
}

func TestDeletedDatabaseEndsFeeds(t *testing.T) {
	h := feeds(t, httpd.Options{})
	var readers []*bufio.Reader
	for _, query := range liveFeeds {
		r, _ := listen(t, h, query+"&heartbeat=60000")
		readers = append(readers, r)
	}
	h.must(t, "DELETE /feeds", "", 200)
	for _, r := range readers {
		_, err := io.ReadAll(r)
		require.NoError(t, err)
	}
}

// A reader who takes nothing holds up no writer, and loses the connection.
func TestSlowReader(t *testing.T) {
	h := feeds(t, httpd.Options{Stall: 300 * time.Millisecond})
	conn, err := net.Dial("tcp", h.base.Host)
	require.NoError(t, err)
	defer conn.Close()
	require.NoError(t, conn.(*net.TCPConn).SetReadBuffer(4096))
	_, err = fmt.Fprintf(conn, "GET /feeds/_changes?feed=continuous&include_docs=true&heartbeat=60000 HTTP/1.1\r\nHost: x\r\nAuthorization: Basic YWRtaW46c2VjcmV0\r\n\r\n")
	require.NoError(t, err)
	require.Eventually(t, func() bool { return running() == 1 }, 20*time.Second, time.Millisecond)
	doc := `{"text":"` + strings.Repeat("x", 1<<20) + `"}`
	for i := range 32 {
		h.must(t, fmt.Sprintf("PUT /feeds/%d", i), doc, 201)
	}
	require.Eventually(t, func() bool { return running() == 0 }, 20*time.Second, time.Millisecond)
}
