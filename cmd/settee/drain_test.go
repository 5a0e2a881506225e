package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// halfway is a request whose body has been sent to its middle.
type halfway struct {
	rest   string
	body   *io.PipeWriter
	status chan int // 0: it was cut
}

// upload sends the first half of a body and returns when the server has it in hand.
func upload(t *testing.T, method, url, body string) *halfway {
	t.Helper()
	read, write := io.Pipe()
	req, err := http.NewRequest(method, url, read)
	require.NoError(t, err)
	req.SetBasicAuth("me", "secret")
	req.ContentLength = int64(len(body))
	req.Header.Set("Content-Type", "application/json")
	// The server says 100 Continue when its handler begins to read: the request is under way.
	req.Header.Set("Expect", "100-continue")
	h := &halfway{rest: body[len(body)/2:], body: write, status: make(chan int, 1)}
	transport := &http.Transport{ExpectContinueTimeout: patience}
	go func() {
		defer transport.CloseIdleConnections()
		resp, err := transport.RoundTrip(req)
		if err != nil {
			_ = read.CloseWithError(err)
			h.status <- 0
			return
		}
		_, _ = io.Copy(io.Discard, resp.Body)
		_ = resp.Body.Close()
		h.status <- resp.StatusCode
	}()
	_, err = io.WriteString(write, body[:len(body)/2]) // returns when the transport took it, after 100
	require.NoError(t, err)
	return h
}

func (h *halfway) finish(t *testing.T) int {
	t.Helper()
	_, err := io.WriteString(h.body, h.rest)
	require.NoError(t, err)
	require.NoError(t, h.body.Close())
	return h.await(t)
}

// wasCut says that no answer came. The transport looks up only when the body ends.
func (h *halfway) wasCut(t *testing.T) {
	t.Helper()
	_ = h.body.CloseWithError(io.ErrUnexpectedEOF)
	require.Zero(t, h.await(t))
}

func (h *halfway) await(t *testing.T) int {
	t.Helper()
	select {
	case status := <-h.status:
		return status
	case <-time.After(patience):
		t.Fatal("the upload does not end")
		return 0
	}
}

// refusing returns when no new connection is taken any more: the drain has begun.
func refusing(t *testing.T, url string) {
	t.Helper()
	for deadline := time.Now().Add(patience); ; time.Sleep(5 * time.Millisecond) {
		conn, err := net.Dial("tcp", strings.TrimPrefix(url, "http://"))
		if errors.Is(err, syscall.ECONNREFUSED) {
			return
		}
		if err == nil {
			require.NoError(t, conn.Close())
		}
		require.True(t, time.Now().Before(deadline), "%s still answers", url)
	}
}

func TestDrain(t *testing.T) {
	data := t.TempDir()
	s := startServing(t, "--data", data, "--admin", "me:secret")
	for _, path := range []string{"/db", "/db/first"} {
		status, answer := ask(t, "me:secret", "PUT", s.couch+path, `{}`)
		require.Equal(t, http.StatusCreated, status, answer)
	}
	req, err := http.NewRequest("GET", s.couch+"/db/_changes?feed=continuous&heartbeat=10000", nil)
	require.NoError(t, err)
	req.SetBasicAuth("me", "secret")
	feed, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	defer feed.Body.Close() //nolint:errcheck // read to the end
	rows := bufio.NewReader(feed.Body)
	row, err := rows.ReadString('\n')
	require.NoError(t, err)
	require.Contains(t, row, `"first"`)

	attachment := upload(t, "PUT", s.couch+"/db/doc/file", strings.Repeat("0123456789", 20_000))
	body, err := publishBody("late", "1.0.0", 100_000, 1)
	require.NoError(t, err)
	publish := upload(t, "PUT", s.npm+"/late", string(body))
	s.signal(t)
	refusing(t, s.couch)
	refusing(t, s.npm)

	rest, err := io.ReadAll(rows)
	require.NoError(t, err, "the feed ends whole")
	var last struct {
		Seq string `json:"last_seq"`
	}
	require.NoError(t, json.Unmarshal(rest, &last), "%q", rest)
	require.Regexp(t, "^1-", last.Seq)
	require.Equal(t, http.StatusCreated, attachment.finish(t))
	require.Equal(t, http.StatusCreated, publish.finish(t))
	require.Equal(t, exitDone, s.wait(t), s.stderr.String())

	s = startServing(t, "--data", data, "--admin", "me:secret")
	status, answer := ask(t, "me:secret", "GET", s.couch+"/db/doc/file", "")
	require.Equal(t, http.StatusOK, status)
	require.Len(t, answer, 200_000)
	status, answer = ask(t, "", "GET", s.npm+"/late", "")
	require.Equal(t, http.StatusOK, status, answer)
	require.Equal(t, exitDone, s.stop(t))
	code, stdout, _ := settee(t, "check", "--data", data)
	require.Equal(t, exitDone, code, stdout)
}

func TestDrainCutsWhatIsStuck(t *testing.T) {
	data := t.TempDir()
	s := startServing(t, "--data", data, "--admin", "me:secret", "--drain", "200ms")
	status, answer := ask(t, "me:secret", "PUT", s.couch+"/db", "")
	require.Equal(t, http.StatusCreated, status, answer)
	body, err := publishBody("stuck", "1.0.0", 100_000, 1)
	require.NoError(t, err)
	stuck := []*halfway{
		upload(t, "PUT", s.couch+"/db/doc/file", strings.Repeat("0123456789", 20_000)),
		upload(t, "PUT", s.npm+"/stuck", string(body)),
	}
	require.Equal(t, exitFailed, s.stop(t))
	require.Contains(t, s.stderr.String(), "drain npm: requests were still running after 200ms and were cut")
	require.Contains(t, s.stderr.String(), "drain couch: requests were still running after 200ms and were cut")
	for _, h := range stuck {
		h.wasCut(t)
	}
	code, stdout, _ := settee(t, "check", "--data", data)
	require.Equal(t, exitDone, code, stdout)
	require.Contains(t, stdout, " 0 attachments, 0 blobs, 0 versions: 0 problems")
}

// TestClosedTerminal ends as SIGTERM does, but where the server was told to stay, as by nohup.
func TestClosedTerminal(t *testing.T) {
	s := startServing(t, "--data", t.TempDir(), "--admin", "me:secret")
	require.NoError(t, s.cmd.Process.Signal(syscall.SIGHUP))
	require.Equal(t, exitDone, s.wait(t))

	s = startCommand(t, "sh", "-c", `trap "" HUP; exec settee serve --npm 127.0.0.1:0 --couch 127.0.0.1:0 --data data --admin me:secret`)
	require.NoError(t, s.cmd.Process.Signal(syscall.SIGHUP))
	for range 100 { // time enough to hear of it, were it not ignored
		status, answer := ask(t, "", "GET", s.npm+"/-/ping", "")
		require.Equal(t, http.StatusOK, status, answer)
	}
	require.Equal(t, exitDone, s.stop(t))
}

func TestSecondSignalKills(t *testing.T) {
	s := startServing(t, "--data", t.TempDir(), "--admin", "me:secret", "--drain", "1h")
	body, err := publishBody("stuck", "1.0.0", 100_000, 1)
	require.NoError(t, err)
	stuck := upload(t, "PUT", s.npm+"/stuck", string(body))
	s.signal(t)
	refusing(t, s.npm)
	s.signal(t)
	s.wait(t)
	status, ok := s.cmd.ProcessState.Sys().(syscall.WaitStatus)
	require.True(t, ok)
	require.True(t, status.Signaled() && status.Signal() == syscall.SIGTERM, "%v", s.cmd.ProcessState)
	stuck.wasCut(t)
}
