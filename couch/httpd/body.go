package httpd

import (
	"errors"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/klauspost/compress/gzip"

	"settee/couch"
)

// errGzip is CouchDB's word for a body that does not unpack.
var errGzip = badRequest("Request body is not properly gzipped.")

// body reads the request's whole body, decoded, up to the policy's maxBody. The
// bytes are the call's and go with it.
func (c *call) body() ([]byte, error) {
	if c.r.ContentLength > c.policy.maxBody {
		return nil, errTooLarge
	}
	in := &bodyReader{c: c}
	defer in.tellTime()
	switch coding := strings.ToLower(c.r.Header.Get("Content-Encoding")); coding {
	case "", "identity":
	case "gzip":
		return c.gunzip(in)
	default:
		return nil, &couch.Error{Kind: couch.BadContentType, Reason: coding + " is not a supported content encoding."}
	}
	if n := c.r.ContentLength; int64(cap(c.in)) <= n && n <= 1<<20 {
		c.in = make([]byte, 0, n+1)
	}
	return c.readAll(in)
}

func (c *call) gunzip(in io.Reader) ([]byte, error) {
	z, err := gzip.NewReader(in)
	if err != nil {
		if err = bodyError(err); errors.Is(err, errTruncated) {
			err = errGzip
		}
		return nil, err
	}
	defer z.Close()
	raw, err := c.readAll(z)
	if errors.Is(err, errTruncated) {
		err = errGzip
	}
	return raw, err
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
		return errGzip
	}
	if is := explain(err); is.word != "unknown_error" {
		return err
	}
	return errTruncated
}

// slowest is how many bytes a second a body must bring on the whole, after the
// first Stall: less than any line has, and more than a client sends that only
// means to keep its connection.
const slowest = 64

// A bodyReader reads the request's body with a deadline for each read, so that
// a client who stops sending, or hardly sends, loses the connection, whatever the
// body's length; and no more than a request may have.
type bodyReader struct {
	c     *call
	read  int64
	began time.Time
}

func (b *bodyReader) Read(p []byte) (int, error) {
	control := http.NewResponseController(b.c.w)
	armed := control.SetReadDeadline(b.deadline(time.Now())) == nil
	n, err := b.c.r.Body.Read(p)
	if b.read += int64(n); b.read > b.c.policy.maxRequest {
		n, err = 0, errTooLarge
	}
	if err == io.EOF {
		b.c.taken = true
		if armed {
			// The server watches for the client's leaving with reads of its own: no deadline for those.
			_ = control.SetReadDeadline(time.Time{})
		}
	}
	return n, err
}

// tellTime sets the milliseconds that the body took, where it took any.
func (b *bodyReader) tellTime() {
	if b.began.IsZero() {
		return
	}
	if took := time.Since(b.began).Milliseconds(); took > 0 {
		b.c.answered.bodyTime = []string{strconv.FormatInt(took, 10)}
	}
}

func (b *bodyReader) deadline(now time.Time) time.Time {
	if b.began.IsZero() {
		b.began = now
	}
	stall := b.c.s.o.Stall
	whole := b.began.Add(stall + time.Duration(b.read)*(time.Second/slowest))
	if next := now.Add(stall); next.Before(whole) {
		return next
	}
	return whole
}

// leftover is how much of a body that nobody wanted is read all the same, for
// the sake of clients who write all before they read; net/http has the same number.
const leftover = 256 << 10

// settleBody reads what is left of the body before an answer begins. net/http
// would do it too, but without a deadline: a client that stalls would keep the
// connection for good. Where more is left, or it does not come, the connection
// ends with the answer.
func (c *call) settleBody() {
	if c.taken {
		return
	}
	if c.r.Header.Get("Expect") == "" {
		if _, err := io.CopyN(io.Discard, &bodyReader{c: c}, leftover); err == io.EOF {
			return
		}
	}
	c.w.Header()["Connection"] = []string{"close"}
}

// object reads a body that must be a JSON object.
func (c *call) object() ([]byte, error) {
	raw, err := c.body()
	switch {
	case err != nil:
		return nil, err
	case first(raw) == 0:
		return nil, errJSON
	case isObject(raw):
		return raw, nil
	case decode(raw, new(any)) != nil:
		return nil, errJSON
	}
	return nil, errBodyObject
}
