package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
)

// benchServer is where and as whom a benchmark asks.
type benchServer struct {
	address, host, path string // path: what the base URL has, without a slash at its end
	tls                 bool
	auth                string // a header line, or ""
}

func newBenchServer(u *url.URL, admin, token string) benchServer {
	s := benchServer{address: u.Host, host: u.Host, path: u.EscapedPath(), tls: u.Scheme == "https"}
	if u.Port() == "" {
		s.address = net.JoinHostPort(u.Hostname(), map[bool]string{false: "80", true: "443"}[s.tls])
	}
	if password, ok := u.User.Password(); ok && admin == "" {
		admin = u.User.Username() + ":" + password
	}
	switch {
	case token != "":
		s.auth = "Authorization: Bearer " + token + "\r\n"
	case admin != "":
		s.auth = "Authorization: Basic " + base64.StdEncoding.EncodeToString([]byte(admin)) + "\r\n"
	}
	return s
}

// benchConn is one kept connection. It writes prepared bytes and reads an answer's
// status and body; net/http would take as much of the machine as the server.
type benchConn struct {
	benchServer
	conn net.Conn
	r    *bufio.Reader
	head []byte
	stop func() bool
}

func (s benchServer) dial(ctx context.Context) (*benchConn, error) {
	var conn net.Conn
	var err error
	if s.tls {
		conn, err = (&tls.Dialer{}).DialContext(ctx, "tcp", s.address)
	} else {
		conn, err = (&net.Dialer{}).DialContext(ctx, "tcp", s.address)
	}
	if err != nil {
		return nil, err
	}
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	return &benchConn{benchServer: s, conn: conn, r: bufio.NewReaderSize(conn, 64<<10), stop: stop}, nil
}

func (c *benchConn) close() {
	c.stop()
	c.conn.Close()
}

// do sends a request and reads the whole answer. With keep the body is returned,
// else it is passed over. A status from 300 on is an error that shows the body.
func (c *benchConn) do(method, path, headers string, body []byte, keep bool) ([]byte, error) {
	h := append(c.head[:0], method...)
	h = append(h, ' ')
	h = append(h, c.path...)
	h = append(h, path...)
	h = append(h, " HTTP/1.1\r\nHost: "...)
	h = append(h, c.host...)
	h = append(h, "\r\n"...)
	h = append(h, c.auth...)
	h = append(h, headers...)
	if body != nil {
		h = append(h, "Content-Type: application/json\r\nContent-Length: "...)
		h = strconv.AppendInt(h, int64(len(body)), 10)
		h = append(h, "\r\n"...)
	}
	h = append(h, "\r\n"...)
	c.head = h
	buffers := net.Buffers{h, body}
	if _, err := buffers.WriteTo(c.conn); err != nil {
		return nil, fmt.Errorf("%s %s: %w", method, path, err)
	}
	status, answer, err := c.answer(keep)
	if err == nil && status >= 300 {
		err = &statusError{status, string(bytes.TrimSpace(answer[:min(len(answer), 300)]))}
	}
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w", method, path, err)
	}
	return answer, nil
}

// statusError is an answer that refuses.
type statusError struct {
	status int
	body   string
}

func (e *statusError) Error() string { return fmt.Sprintf("answer %d %s", e.status, e.body) }

// ignoreStatus is err, or nil where err is an answer of that status.
func ignoreStatus(err error, status int) error {
	if e, ok := errors.AsType[*statusError](err); ok && e.status == status {
		return nil
	}
	return err
}

// answer reads a status, the two headers that say where a body ends, and the body.
func (c *benchConn) answer(keep bool) (status int, body []byte, err error) {
	line, err := c.r.ReadSlice('\n')
	if err != nil {
		return 0, nil, err
	}
	if len(line) < 12 || !bytes.HasPrefix(line, []byte("HTTP/1.1 ")) {
		return 0, nil, fmt.Errorf("no HTTP/1.1 answer: %.40q", line)
	}
	if status, err = strconv.Atoi(string(line[9:12])); err != nil {
		return 0, nil, fmt.Errorf("no status: %.40q", line)
	}
	length, chunked := int64(-1), false
	for {
		if line, err = c.r.ReadSlice('\n'); err != nil {
			return 0, nil, err
		}
		line = bytes.TrimRight(line, "\r\n")
		if len(line) == 0 {
			break
		}
		name, value, _ := bytes.Cut(line, []byte(":"))
		switch {
		case bytes.EqualFold(name, []byte("Content-Length")):
			if length, err = strconv.ParseInt(string(bytes.TrimSpace(value)), 10, 64); err != nil {
				return 0, nil, err
			}
		case bytes.EqualFold(name, []byte("Transfer-Encoding")):
			chunked = true
		}
	}
	var to io.Writer = io.Discard
	var kept bytes.Buffer
	if keep || status >= 300 {
		to = &kept
	}
	switch {
	case chunked:
		err = c.chunks(to)
	case length >= 0:
		_, err = io.CopyN(to, c.r, length)
	case status != http.StatusNoContent:
		err = fmt.Errorf("an answer without a length")
	}
	return status, kept.Bytes(), err
}

func (c *benchConn) chunks(to io.Writer) error {
	for {
		line, err := c.r.ReadSlice('\n')
		if err != nil {
			return err
		}
		size, err := strconv.ParseInt(string(bytes.TrimSpace(line)), 16, 64)
		if err != nil || size < 0 {
			return fmt.Errorf("a broken chunk: %.40q", line)
		}
		if _, err := io.CopyN(to, c.r, size); err != nil {
			return err
		}
		if _, err := c.r.Discard(len("\r\n")); err != nil {
			return err
		}
		if size == 0 {
			return nil
		}
	}
}
