package replicate

import (
	"bufio"
	"bytes"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
)

// mended is a transport that does what Kivik's driver for CouchDB leaves out of _changes, for those who read
// a feed through Peer.DB: a selector goes into the body, where CouchDB looks for it; and a continuous
// feed ends with an error, at whose regular end that driver would panic.
//
// And it escapes what that driver leaves as it is, or puts in the wrong place of the path.
type mended struct {
	next   http.RoundTripper
	prefix string // the server's path, escaped, without a slash at its end
}

func (m *mended) RoundTrip(req *http.Request) (*http.Response, error) {
	req = m.readdressed(req)
	if !strings.HasSuffix(req.URL.Path, "/_changes") {
		return m.next.RoundTrip(req)
	}
	query := req.URL.Query()
	if selector := query.Get("selector"); selector != "" {
		query.Del("selector")
		req = req.Clone(req.Context())
		req.URL.RawQuery = query.Encode()
		body := []byte(`{"selector":` + selector + `}`)
		if req.Body != nil {
			_ = req.Body.Close()
		}
		req.Method, req.Body, req.ContentLength = http.MethodPost, io.NopCloser(bytes.NewReader(body)), int64(len(body))
		req.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(body)), nil }
		req.Header.Set("Content-Type", "application/json")
		req.Header.Set("Content-Length", strconv.Itoa(len(body)))
	}
	resp, err := m.next.RoundTrip(req)
	if err == nil && resp.StatusCode == http.StatusOK && (query.Get("feed") == "continuous" || query.Get("feed") == "live") {
		resp.Body = newEndless(resp.Body)
	}
	return resp, err
}

// readdressed gives a request the path that was meant.
func (m *mended) readdressed(req *http.Request) *http.Request {
	path := req.URL.EscapedPath()
	if raw := req.URL.RawPath; raw != "" && !strings.HasPrefix(raw, m.prefix+"/") {
		path = m.prefix + raw
	}
	path = strings.ReplaceAll(path, "+", "%2B") // which CouchDB takes for a blank
	if path == req.URL.EscapedPath() {
		return req
	}
	req = req.Clone(req.Context())
	req.URL.RawPath = path
	req.URL.Path, _ = url.PathUnescape(path) // it was escaped a moment ago
	return req
}

// endless is the body of a continuous feed, whose last line (last_seq) is no row.
type endless struct {
	body  io.ReadCloser
	in    *bufio.Reader
	begun bool // within a line
}

func newEndless(body io.ReadCloser) *endless { return &endless{body: body, in: bufio.NewReader(body)} }

var lastLine = []byte(`{"last_seq"`)

func (e *endless) Read(p []byte) (int, error) {
	first, err := e.in.Peek(1)
	if err == nil && !e.begun && first[0] == '{' {
		if begin, _ := e.in.Peek(len(lastLine)); bytes.Equal(begin, lastLine) { // fewer at the end of a cut feed
			err = io.EOF
		}
	}
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	if err != nil {
		return 0, err
	}
	here, _ := e.in.Peek(min(len(p), e.in.Buffered())) // they are there
	if end := bytes.IndexByte(here, '\n'); end >= 0 {
		here = here[:end+1]
	}
	n := copy(p, here)
	e.begun = n > 0 && here[n-1] != '\n'
	_, _ = e.in.Discard(n)
	return n, nil
}

func (e *endless) Close() error { return e.body.Close() }
