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
