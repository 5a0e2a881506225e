package httpd

import (
	"net/http"
	"strconv"
	"time"
)

// Header values that are shared by all answers.
var (
	mustRevalidate  = []string{"must-revalidate"}
	contentTypeJSON = []string{"application/json"}
)

// set sets a header whose name is canonical. The values of one answer share an
// array, which the answer keeps and the call does not reuse.
func (c *call) set(name, value string) {
	if c.values == nil {
		c.values = make([]string, 0, 4)
	}
	n := len(c.values)
	c.values = append(c.values, value)
	c.w.Header()[name] = c.values[n : n+1 : n+1]
}

// slowWrite is the answer from which a write gets a deadline: a smaller one
// fits the socket's own buffer, so it cannot block the handler.
const slowWrite = 64 << 10

// send answers with a whole JSON body.
func (c *call) send(status int, body []byte) {
	h := c.w.Header()
	h["Content-Type"] = contentTypeJSON
	c.set("Content-Length", strconv.Itoa(len(body)))
	slow := len(body) >= slowWrite
	if slow {
		c.writeDeadline(time.Now().Add(c.s.o.Stall + time.Duration(len(body)>>10)*time.Millisecond))
	}
	c.w.WriteHeader(status)
	if !c.head() {
		_, _ = c.w.Write(body) // a client that is gone needs no answer
	}
	if slow {
		c.writeDeadline(time.Time{})
	}
}

// writeDeadline bounds the writes to come; servers without deadlines (tests) have none.
func (c *call) writeDeadline(t time.Time) { _ = http.NewResponseController(c.w).SetWriteDeadline(t) }

// ok answers {"ok":true}.
func (c *call) ok(status int) error {
	c.send(status, []byte("{\"ok\":true}\n"))
	return nil
}

// etag sets the header and reports whether the client has that version already,
// in which case it has been told so.
func (c *call) etag(tag string) (unchanged bool) {
	c.set("Etag", tag)
	if !matches(c.r.Header.Values("If-None-Match"), tag) {
		return false
	}
	c.w.WriteHeader(http.StatusNotModified)
	return true
}

// location sets the absolute Location of an escaped path, as a proxy's headers
// say that the client sees it.
func (c *call) location(path string) {
	h, names := c.r.Header, c.policy.forwarded
	scheme, host := "http", c.r.Host
	if c.r.TLS != nil || h.Get(names.ssl) == "on" || h.Get(names.proto) == "https" {
		scheme = "https"
	}
	if f := h.Get(names.host); f != "" {
		host = f
	}
	c.set("Location", scheme+"://"+host+path)
}
