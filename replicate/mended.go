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
// a feed through Peer.DB: a selector goes into the body, where CouchDB looks for it.
//
// And it escapes what that driver leaves as it is, or puts in the wrong place of the path; and gives
// answers an end that the driver reads whole.
type mended struct {
	next   http.RoundTripper
	prefix string // the server's path, escaped, without a slash at its end
	db     string // the database's path, not escaped, with one
}

// longestShort bounds what that driver reads of answers that are short at a well peer: a document of _local, which at
// CouchDB may have 8 MB, is the longest of them.
const longestShort = 16 << 20

// isShort reports an answer of that kind: of the database itself, of _local documents, of a commit, and errors.
func (m *mended) isShort(path string, status int) bool {
	below, inside := strings.CutPrefix(path, m.db)
	return status >= http.StatusBadRequest || path+"/" == m.db ||
		inside && (below == "" || below == "_ensure_full_commit" || strings.HasPrefix(below, "_local/"))
}

// bounded is a body that may be read so far.
type bounded struct {
	io.ReadCloser
	left int64
}

func (b *bounded) Read(p []byte) (int, error) {
	if b.left <= 0 {
		return 0, errTooLong
	}
	n, err := b.ReadCloser.Read(p[:min(int64(len(p)), b.left)])
	b.left -= int64(n)
	return n, err
}

func (m *mended) RoundTrip(req *http.Request) (*http.Response, error) {
	req = m.readdressed(req)
	resp, err := m.roundTrip(req)
	if err == nil && m.isShort(req.URL.Path, resp.StatusCode) {
		resp.Body = &bounded{resp.Body, longestShort}
	}
	return resp, err
}

func (m *mended) roundTrip(req *http.Request) (*http.Response, error) {
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
	return m.next.RoundTrip(req)
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

// unending is a transport for Kivik's driver alone, which would panic at the regular end of a continuous feed: for it
// such a feed ends with an error.
type unending struct{ next http.RoundTripper }

func (u unending) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := u.next.RoundTrip(req)
	if err != nil || resp.StatusCode != http.StatusOK || !strings.HasSuffix(req.URL.Path, "/_changes") {
		return resp, err
	}
	if feed := req.URL.Query().Get("feed"); feed == "continuous" || feed == "live" {
		resp.Body = newEndless(resp.Body)
	}
	return resp, nil
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
