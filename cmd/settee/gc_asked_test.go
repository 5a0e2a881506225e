package main

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"net/url"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"settee/registry"
)

// answering is a client of a server that takes a request and then does as f does with the connection; the test ends after it.
func answering(t *testing.T, f func(net.Conn)) *http.Client {
	var served sync.WaitGroup
	t.Cleanup(served.Wait)
	return &http.Client{Transport: &http.Transport{DialContext: func(context.Context, string, string) (net.Conn, error) {
		near, far := net.Pipe()
		served.Go(func() {
			defer far.Close() //nolint:errcheck // a pipe
			if _, err := http.ReadRequest(bufio.NewReader(far)); err == nil {
				f(far)
			}
		})
		return near, nil
	}}}
}

// TestGCGivesUpASilentServer asks servers that say nothing, nothing more, or no whole line; and one that is slow, but tells how far it
// is. In a bubble, where time stands until all sleep.
func TestGCGivesUpASilentServer(t *testing.T) {
	const head = "HTTP/1.1 200 OK\r\nContent-Type: application/x-ndjson\r\n\r\n"
	say := func(c net.Conn, text string) bool { _, err := io.WriteString(c, text); return err == nil }
	hangs := func(c net.Conn) { _, _ = c.Read(make([]byte, 1)) } // until the client hangs up
	for name, test := range map[string]struct {
		server func(net.Conn)
		err    string
		waited time.Duration
	}{
		"accepts and is silent": {hangs, "--server http://npm.example:4873 has said nothing for 1m0s: see whether", silence},
		"answers and is silent": {func(c net.Conn) { say(c, head); hangs(c) }, "has said nothing for 1m0s", silence},
		"stops sweeping": {func(c net.Conn) {
			say(c, head+`{"done":1,"total":9}`+"\n")
			time.Sleep(silence - time.Second)
			say(c, `{"done":2,"total":9}`+"\n")
			hangs(c)
		}, "has said nothing for 1m0s", 2*silence - time.Second},
		"drips": {func(c net.Conn) {
			for ok := say(c, head); ok; ok = say(c, " ") {
				time.Sleep(time.Second)
			}
		}, "has said nothing for 1m0s", silence},
		"hangs up": {func(c net.Conn) { say(c, head+`{"done":1,"total":9}`+"\n") }, "the server's answer ended early", 0},
		"sweeps for an hour": {func(c net.Conn) {
			say(c, head)
			for range 60 {
				time.Sleep(silence - time.Second)
				say(c, `{"done":1,"total":9}`+"\n")
			}
			say(c, `{"looked":3,"deleted":2,"bytes":1}`+"\n")
		}, "", 60 * (silence - time.Second)},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				at, err := url.Parse("http://admin:secret@npm.example:4873/")
				require.NoError(t, err)
				client := answering(t, test.server)
				defer client.CloseIdleConnections()
				began := time.Now()
				s, err := askSweep(t.Context(), client, at, nil, func(_, _ int64) {})
				require.Equal(t, test.waited, time.Since(began), "%v", err)
				if test.err == "" {
					require.NoError(t, err)
					require.Equal(t, registry.Swept{Looked: 3, Deleted: 2, Bytes: 1}, s)
					return
				}
				require.ErrorContains(t, err, test.err)
				require.NotContains(t, err.Error(), "secret")
			})
		})
	}
}

// TestGCEndsWhenItIsTold cancels while a server is silent.
func TestGCEndsWhenItIsTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		at := &url.URL{Scheme: "http", Host: "npm.example", User: url.UserPassword("admin", "secret")}
		client := answering(t, func(c net.Conn) { _, _ = c.Read(make([]byte, 1)) })
		_, err := askSweep(ctx, client, at, nil, func(_, _ int64) {})
		require.ErrorIs(t, err, context.DeadlineExceeded)
	})
}
