package registry

import (
	"errors"
	"io"
	"net/http"
	"os"
	"time"
)

// patient is a request's body whose sender must not stall: each read has the same time, and all of them together
// a millisecond a byte more. Slow lines are faster than that; who opens connections to hold them is not.
type patient struct {
	io.ReadCloser
	control *http.ResponseController
	stall   time.Duration
	slowest time.Time // when the bytes so far must have come
}

func patiently(w http.ResponseWriter, body io.ReadCloser, stall time.Duration) io.ReadCloser {
	return &patient{body, http.NewResponseController(w), stall, time.Now().Add(stall)}
}

var errStalled = fail(http.StatusRequestTimeout, "The rest of the request did not arrive in time.")

// Read implements io.Reader.
func (p *patient) Read(b []byte) (int, error) {
	until := time.Now().Add(p.stall)
	if p.slowest.Before(until) {
		until = p.slowest
	}
	_ = p.control.SetReadDeadline(until) // a server that cannot has none to wait for
	n, err := p.ReadCloser.Read(b)
	p.slowest = p.slowest.Add(time.Duration(n) * time.Millisecond)
	if err != nil {
		_ = p.control.SetReadDeadline(time.Time{}) // what follows on the connection has its own
	}
	if errors.Is(err, os.ErrDeadlineExceeded) {
		err = errStalled
	}
	return n, err
}

// paced is an answer that its client must take: each piece of it has the same time. What fits the buffers of a
// connection needs none.
type paced struct {
	http.ResponseWriter
	stall time.Duration
	sent  int64
}

// piece is how much a client must take in the time of a stall.
const piece = 64 << 10

// Write implements http.ResponseWriter.
func (p *paced) Write(b []byte) (n int, err error) {
	for {
		part := b[n:min(n+piece, len(b))]
		if p.sent += int64(len(part)); p.sent > piece {
			p.until(time.Now().Add(p.stall))
		}
		m, err := p.ResponseWriter.Write(part)
		if n += m; err != nil || n == len(b) {
			return n, err
		}
	}
}

// end lets what follows on the connection have its own time.
func (p *paced) end() {
	if p.sent > piece {
		p.until(time.Time{})
	}
}

func (p *paced) until(t time.Time) {
	_ = http.NewResponseController(p.ResponseWriter).SetWriteDeadline(t) // a server that cannot has nobody who stalls
}

// Unwrap lets http.ResponseController flush.
func (p *paced) Unwrap() http.ResponseWriter { return p.ResponseWriter }
