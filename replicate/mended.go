package replicate

import (
	"bufio"
	"bytes"
	"io"
	"net/http"
	"strconv"
	"strings"
)

// mended is a transport that does what Kivik's driver for CouchDB leaves out of _changes, for those who read
// a feed through Peer.DB: a selector goes into the body, where CouchDB looks for it; and a continuous
// feed ends with an error, at whose regular end that driver would panic.
type mended struct{ next http.RoundTripper }

func (m *mended) RoundTrip(req *http.Request) (*http.Response, error) {
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
		resp.Body = &endless{body: resp.Body, in: bufio.NewReader(resp.Body)}
	}
	return resp, err
}

// endless is the body of a continuous feed, whose last line (last_seq) is no row.
type endless struct {
	body  io.ReadCloser
	in    *bufio.Reader
	begun bool // within a line
}

var lastLine = []byte(`{"last_seq"`)

func (e *endless) Read(p []byte) (int, error) {
	first, err := e.in.Peek(1)
	if err == nil && !e.begun && first[0] == '{' {
		var begin []byte
		if begin, err = e.in.Peek(len(lastLine)); bytes.Equal(begin, lastLine) {
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
