package httpd

import (
	"errors"
	"io"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/klauspost/compress/gzip"
)

// body reads the request's whole body, decoded, up to MaxBody. The bytes are
// the call's and go with it.
func (c *call) body() ([]byte, error) {
	if c.r.ContentLength > c.policy.maxBody {
		return nil, errTooLarge
	}
	var in io.Reader = &bodyReader{c: c}
	switch coding := strings.ToLower(c.r.Header.Get("Content-Encoding")); coding {
	case "", "identity":
	case "gzip":
		z, err := gzip.NewReader(in)
		if err != nil {
			return nil, bodyError(err)
		}
		defer z.Close()
		in = z
	default:
		return nil, errEncoding
	}
	if n := c.r.ContentLength; int64(cap(c.in)) <= n && n <= 1<<20 {
		c.in = make([]byte, 0, n+1)
	}
	return c.readAll(in)
}

// readAll reads into the call's buffer. The buffer grows with what arrives, not
// with what a header promises.
func (c *call) readAll(in io.Reader) ([]byte, error) {
	buf := c.in[:0]
	for {
		if len(buf) == cap(buf) {
			buf = append(buf, 0)[:len(buf)]
		}
		n, err := in.Read(buf[len(buf):cap(buf)])
		buf = buf[:len(buf)+n]
		c.in = buf
		if int64(len(buf)) > c.policy.maxBody {
			return nil, errTooLarge
		}
		if err == io.EOF {
			return buf, nil
		}
		if err != nil {
			return nil, bodyError(err)
		}
	}
}

// bodyError says what went wrong with reading a request's body.
func bodyError(err error) error {
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		return errStalled
	case errors.Is(err, gzip.ErrHeader), errors.Is(err, gzip.ErrChecksum):
		return badRequest("The request body is not gzip.")
	}
	if is := explain(err); is.word != "unknown_error" {
		return err
	}
	return errTruncated
}

// A bodyReader reads the request's body with a deadline for each read, so that
// a client who stops sending loses the connection, whatever the body's length;
// and no more than a request may have.
type bodyReader struct {
	c    *call
	read int64
}

func (b *bodyReader) Read(p []byte) (int, error) {
	control := http.NewResponseController(b.c.w)
	armed := control.SetReadDeadline(time.Now().Add(b.c.s.o.Stall)) == nil
	n, err := b.c.r.Body.Read(p)
	if b.read += int64(n); b.read > b.c.policy.maxRequest {
		n, err = 0, errTooLarge
	}
	if armed && err != nil {
		// The server watches for the client's leaving with reads of its own: no deadline for those.
		_ = control.SetReadDeadline(time.Time{})
	}
	return n, err
}

// object reads a body that must be a JSON object.
func (c *call) object() ([]byte, error) {
	raw, err := c.body()
	switch {
	case err != nil:
		return nil, err
	case first(raw) == 0:
		return nil, errJSON
	case !isObject(raw):
		return nil, errBodyObject
	}
	return raw, nil
}
