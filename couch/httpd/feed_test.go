package httpd_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"strings"
	"sync"
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
func running() int { return serving("httpd.(*feed).run(") }

// serving is how many goroutines are in a function.
func serving(function string) int {
	buf := make([]byte, 4<<20)
	return strings.Count(string(buf[:runtime.Stack(buf, true)]), function)
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

// figure is one of _stats.
func (h *house) figure(t testing.TB, path string) (n int) {
	var f struct{ Value int }
	require.NoError(t, json.Unmarshal([]byte(h.must(t, "GET /_node/_local/_stats/"+path, "", 200)), &f))
	return f.Value
}

// Readers who take nothing hold up no writer, hold neither memory nor snapshots,
// and lose the connection.
func TestSlowReaders(t *testing.T) {
	if testing.Short() {
		t.Skip("moves many megabytes, or a thousand connections")
	}
	h := feeds(t, httpd.Options{Stall: 5 * time.Second})
	h.must(t, "PUT /feeds/_design/f", `{"filters":{"all":"function(){return true}"}}`, 201)
	const size, docs = 1 << 20, 32
	before := memory()
	var stalled int
	for _, query := range []string{"feed=continuous", "feed=continuous&filter=f/all", "feed=eventsource", "feed=longpoll&since=now", "feed=continuous&since=now"} {
		for range 4 {
			conn, err := net.Dial("tcp", h.base.Host)
			require.NoError(t, err)
			defer conn.Close()
			require.NoError(t, conn.(*net.TCPConn).SetReadBuffer(4096))
			_, err = fmt.Fprintf(conn, "GET /feeds/_changes?include_docs=true&heartbeat=60000&%s HTTP/1.1\r\nHost: x\r\nAuthorization: Basic YWRtaW46c2VjcmV0\r\n\r\n", query)
			require.NoError(t, err)
			stalled++
		}
	}
	require.Eventually(t, func() bool { return running() == stalled }, 20*time.Second, time.Millisecond)
	doc := `{"text":"` + strings.Repeat("x", size) + `"}`
	for i := range docs {
		h.must(t, fmt.Sprintf("PUT /feeds/%d", i), doc, 201)
	}
	if grown := int64(memory()) - int64(before); grown > int64(stalled*size*docs/4) {
		t.Errorf("%d MB for %d readers who take nothing", grown>>20, stalled)
	}
	require.Eventually(t, func() bool { return running() == 0 }, 20*time.Second, time.Millisecond)
	require.Eventually(t, func() bool { return h.figure(t, "settee/storage/open_snapshots") == 0 }, 20*time.Second, time.Millisecond)
}

// A snapshot that a reader holds for longer than Stall is let go; he gets the
// rest, with what was written meanwhile.
func TestSlowReaderGetsAnotherSnapshot(t *testing.T) {
	if testing.Short() {
		t.Skip("moves many megabytes, or a thousand connections")
	}
	const docs, part, stall = 48, 1 << 20, 5 * time.Second
	h := feeds(t, httpd.Options{Stall: stall})
	doc := `{"text":"` + strings.Repeat("x", 1<<20) + `"}`
	for i := range docs {
		h.must(t, fmt.Sprintf("PUT /feeds/%d", i), doc, 201)
	}
	req, err := http.NewRequestWithContext(t.Context(), "GET", h.address+"/feeds/_changes?include_docs=true", nil)
	require.NoError(t, err)
	req.SetBasicAuth("admin", "secret")
	res, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(req)
	require.NoError(t, err)
	defer res.Body.Close()
	var text bytes.Buffer
	for begun := time.Now(); ; {
		_, err := io.CopyN(&text, res.Body, part)
		if err == io.EOF {
			break
		}
		require.NoError(t, err)
		if time.Since(begun) < stall*5/4 {
			h.must(t, fmt.Sprintf("PUT /feeds/late%d", text.Len()/part), "{}", 201)
			time.Sleep(stall / 20) // slow, but not stalled
		}
	}
	var answer struct {
		Results []struct{ ID string }
		Pending int
	}
	require.NoError(t, json.Unmarshal(text.Bytes(), &answer))
	require.Greater(t, len(answer.Results), docs, "it was all read from the first snapshot")
	require.Zero(t, answer.Pending)
}

func TestRecreatedDatabaseEndsFeeds(t *testing.T) {
	h := feeds(t, httpd.Options{})
	h.must(t, "PUT /feeds/a", "{}", 201)
	h.must(t, "PUT /feeds/b", "{}", 201)
	r, _ := listen(t, h, "feed=continuous&heartbeat=60000")
	readTo(t, r, `"id":"b"`)
	var ended struct {
		Seq string `json:"last_seq"`
	}
	h.must(t, "DELETE /feeds", "", 200)
	h.must(t, "PUT /feeds", "", 201)
	h.must(t, "PUT /feeds/c", "{}", 201)
	rest, err := io.ReadAll(r)
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(rest, &ended), "%s", rest)
	require.Regexp(t, "^2-", ended.Seq)
	// What was read of the old database says nothing of the new one.
	require.Contains(t, h.must(t, "GET /feeds/_changes?since="+ended.Seq, "", 200), `"id":"c"`)
}

// A purge wakes feeds, who find no row and wait on.
func TestPurgeDoesNotDisturbFeeds(t *testing.T) {
	h := feeds(t, httpd.Options{})
	var a struct{ Rev string }
	require.NoError(t, json.Unmarshal([]byte(h.must(t, "PUT /feeds/a", "{}", 201)), &a))
	r, _ := listen(t, h, "feed=continuous&heartbeat=60000")
	readTo(t, r, `"id":"a"`)
	h.must(t, "POST /feeds/_purge", `{"a":["`+a.Rev+`"]}`, 201)
	was := runs()
	time.Sleep(300 * time.Millisecond)
	require.Less(t, runs()-was, uint64(1000), "the feed spins")
	h.must(t, "PUT /feeds/b", "{}", 201)
	line, err := r.ReadString('\n')
	require.NoError(t, err)
	require.Contains(t, line, `"id":"b"`)
	last := h.must(t, "GET /feeds/_changes?since=now&limit=1", "", 200)
	require.Regexp(t, `"last_seq":"3-`, last)
}

// Rows that do not pass put neither a beat nor the time-out off.
func TestFilteredFeedsBeat(t *testing.T) {
	h := feeds(t, httpd.Options{})
	h.must(t, "PUT /feeds/_design/f", `{"filters":{"none":"function(){return false}"}}`, 201)
	stop := make(chan struct{})
	var writing sync.WaitGroup
	writing.Go(func() {
		put := h.writer(t)
		for i := 0; ; i++ {
			select {
			case <-stop:
				return
			default:
				put(fmt.Sprintf("/feeds/%d", i), "{}")
			}
		}
	})
	defer writing.Wait()
	defer close(stop)
	r, leave := listen(t, h, "feed=continuous&heartbeat=50&filter=f/none")
	for range 5 {
		line, err := r.ReadString('\n')
		require.NoError(t, err)
		require.Equal(t, "\n", line)
	}
	leave()
	r, _ = listen(t, h, "feed=longpoll&since=now&timeout=200&filter=f/none")
	rest, err := io.ReadAll(r)
	require.NoError(t, err)
	require.Contains(t, string(rest), `"last_seq"`)
}
