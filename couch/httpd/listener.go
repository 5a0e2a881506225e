package httpd

import (
	"bytes"
	"net"
	"net/http"
	"strconv"
	"strings"

	"settee/couch"
)

// Listener makes connections that answer in CouchDB's words also what net/http
// refuses before there is a request: a path with a bad escape, headers that are
// too long, what is no HTTP. net/http writes such an answer in one piece, of a
// form that no handler's has; it is put into JSON here. All else passes.
func Listener(l net.Listener) net.Listener { return listener{l} }

type listener struct{ net.Listener }

// Accept implements net.Listener.
func (l listener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if tcp, ok := c.(*net.TCPConn); ok && err == nil {
		return &conn{TCPConn: tcp}, nil
	}
	return c, err
}

// A conn is a TCP connection; net/http finds all of its methods.
type conn struct {
	*net.TCPConn
	last []byte // what was read last, in net/http's buffer
}

// Read implements net.Conn.
func (c *conn) Read(p []byte) (int, error) {
	n, err := c.TCPConn.Read(p)
	c.last = p[:n]
	return n, err
}

// Write implements net.Conn.
func (c *conn) Write(p []byte) (int, error) {
	status, text, refused := refusal(p)
	if !refused {
		return c.TCPConn.Write(p)
	}
	if _, err := c.TCPConn.Write(appendRefusal(nil, refusalReason(status, text, c.last))); err != nil {
		return 0, err
	}
	return len(p), nil
}

const (
	statusLine = "HTTP/1.1 "
	// plainRefusal follows the status line where net/http answers by itself.
	plainRefusal = "\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\n"
)

// refusal reads net/http's own answer: its status, and what it says after "400 Bad Request: ".
func refusal(p []byte) (status int, text string, ok bool) {
	if len(p) <= len(statusLine) || p[len(statusLine)] < '4' || !bytes.HasPrefix(p, []byte(statusLine)) {
		return 0, "", false
	}
	end := bytes.Index(p, []byte("\r\n"))
	if end < len(statusLine)+3 || !bytes.HasPrefix(p[end:], []byte(plainRefusal)) {
		return 0, "", false
	}
	status, err := strconv.Atoi(string(p[len(statusLine) : len(statusLine)+3]))
	_, text, _ = strings.Cut(string(p[len(statusLine)+3:end]), ": ")
	return status, text, err == nil
}

// refusalReason is why a request was refused, as far as can be told.
func refusalReason(status int, text string, last []byte) problem {
	p := problem{status: status, word: string(couch.BadRequest), reason: text}
	switch {
	case status == http.StatusRequestHeaderFieldsTooLarge:
		p.word, p.reason = string(couch.RequestTooLarge), "the request headers are too large"
	case status == http.StatusNotImplemented:
		p.word, p.reason = string(couch.NotImplemented), "This transfer encoding is not supported."
	case text != "":
	case badEscape(last):
		p.reason = errURLEncoding.Reason
	default:
		p.reason = "The request could not be read as HTTP."
	}
	return p
}

// badEscape reports whether the last request line in what was read has a percent
// sign without two hexadecimal digits in its target.
func badEscape(read []byte) bool {
	bad := false
	for line := range bytes.Lines(read) {
		if fields := bytes.Fields(line); len(fields) == 3 && bytes.HasPrefix(fields[2], []byte("HTTP/")) {
			path, _, _ := bytes.Cut(fields[1], []byte("?"))
			_, err := unescape(string(path))
			bad = err != nil
		}
	}
	return bad
}

func appendRefusal(dst []byte, p problem) []byte {
	body := appendProblem(nil, p)
	dst = append(dst, statusLine...)
	dst = strconv.AppendInt(dst, int64(p.status), 10)
	dst = append(append(dst, ' '), http.StatusText(p.status)...)
	dst = append(dst, "\r\nCache-Control: must-revalidate\r\nConnection: close\r\nContent-Length: "...)
	dst = strconv.AppendInt(dst, int64(len(body)), 10)
	dst = append(dst, "\r\nContent-Type: application/json\r\nServer: CouchDB/"+CouchVersion+" (settee)\r\n\r\n"...)
	return append(dst, body...)
}
