package httpd

import (
	"net/http"
	"time"

	"settee/couch"
)

// own is settee's own endpoints, which CouchDB has not.
func (c *call) own() error {
	name, err := c.segment("own")
	if err != nil {
		return err
	}
	h := c.s.o.Own[name]
	if h == nil {
		return couch.ErrNoDatabase // what CouchDB says of a path below a name that is no endpoint
	}
	w := &paced{c.w, http.NewResponseController(c.w), c.s.o.Stall}
	defer w.end()
	h.ServeHTTP(w, c.r)
	return nil
}

// A paced answer has a deadline for each piece, as a stream's have.
type paced struct {
	http.ResponseWriter
	control *http.ResponseController
	stall   time.Duration
}

// Write implements http.ResponseWriter.
func (p *paced) Write(b []byte) (n int, err error) {
	for len(b) > 0 && err == nil {
		_ = p.control.SetWriteDeadline(time.Now().Add(p.stall))
		var wrote int
		wrote, err = p.ResponseWriter.Write(b[:min(len(b), piece)])
		n, b = n+wrote, b[wrote:]
	}
	return n, err
}

// Unwrap lets http.ResponseController flush.
func (p *paced) Unwrap() http.ResponseWriter { return p.ResponseWriter }

func (p *paced) end() { _ = p.control.SetWriteDeadline(time.Time{}) }
