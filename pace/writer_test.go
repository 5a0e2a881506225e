package pace

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// TestWriter takes an answer in pieces, each late but in time, and asks again on the same connection long after.
func TestWriter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var ours, theirs = net.Pipe() // buffers nothing
		served := make(chan error, 8)
		server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			out := Writer{ResponseWriter: w, Stall: time.Minute}
			defer out.End()
			out.Header().Set("Content-Length", strconv.Itoa(10*piece))
			for part := range 4 {
				_, err := out.Write(make([]byte, []int{1, piece - 1, 9*piece - 5, 5}[part]))
				served <- err
				_ = http.NewResponseController(&out).Flush()
				if part == 2 && err == nil {
					time.Sleep(time.Hour) // as a feed does
				}
			}
		})}
		go func() { _ = server.Serve(&single{conn: ours, ended: make(chan struct{})}) }()
		in := bufio.NewReaderSize(theirs, 16)
		for range 2 {
			_, err := io.WriteString(theirs, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
			require.NoError(t, err)
			res, err := http.ReadResponse(in, nil)
			require.NoError(t, err)
			for range 10 {
				time.Sleep(50 * time.Second)
				_, err := io.CopyN(io.Discard, res.Body, piece)
				require.NoError(t, err)
			}
			for range 4 {
				require.NoError(t, <-served)
			}
			time.Sleep(time.Hour)
		}
		_, err := io.WriteString(theirs, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
		require.NoError(t, err)
		res, err := http.ReadResponse(in, nil)
		require.NoError(t, err)
		_, err = io.CopyN(io.Discard, res.Body, 3*piece)
		require.NoError(t, err)
		time.Sleep(2 * time.Minute)
		require.NoError(t, <-served)
		require.NoError(t, <-served)
		require.ErrorIs(t, <-served, os.ErrDeadlineExceeded)
		require.NoError(t, server.Close())
	})
}

// single is a listener of one connection.
type single struct {
	conn  net.Conn
	ended chan struct{}
}

// Accept implements net.Listener.
func (s *single) Accept() (net.Conn, error) {
	if conn := s.conn; conn != nil {
		s.conn = nil
		return conn, nil
	}
	<-s.ended
	return nil, net.ErrClosed
}

// Close implements net.Listener.
func (s *single) Close() error { close(s.ended); return nil }

// Addr implements net.Listener.
func (s *single) Addr() net.Addr { return &net.TCPAddr{} }
