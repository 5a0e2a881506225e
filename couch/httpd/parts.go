package httpd

import (
	"crypto/rand"
	"encoding/hex"
	"io"
	"strings"
)

// newBoundary is as long as CouchDB's.
func newBoundary() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // it never fails
	return hex.EncodeToString(b[:])
}

// parts writes a multipart body as CouchDB frames it: nothing after the last
// boundary, so that what is nested has no line end of its own. The length of
// what it writes depends on lengths alone. The first error stays.
type parts struct {
	w        io.Writer
	boundary string
	begun    bool
	err      error
}

// oneLine keeps what clients may have put into a type or a name out of the headers' framing.
var oneLine = strings.NewReplacer("\r", " ", "\n", " ")

// begin writes what stands before a part's body.
func (p *parts) begin(headers ...string) {
	lead := "\r\n--"
	if !p.begun {
		lead = lead[2:]
	}
	p.begun = true
	p.write(lead + p.boundary)
	for _, h := range headers {
		p.write("\r\n" + oneLine.Replace(h))
	}
	p.write("\r\n\r\n")
}

// json writes a whole part.
func (p *parts) json(contentType string, body []byte) {
	p.begin("Content-Type: " + contentType)
	if p.err == nil {
		_, p.err = p.w.Write(body)
	}
}

// end writes the last boundary; without a part there is only that.
func (p *parts) end() error {
	if !p.begun {
		p.write("--" + p.boundary + "--")
	} else {
		p.write("\r\n--" + p.boundary + "--")
	}
	return p.err
}

func (p *parts) write(s string) {
	if p.err == nil {
		_, p.err = io.WriteString(p.w, s)
	}
}

// A counter is the length of what is written to it.
type counter int64

func (n *counter) Write(p []byte) (int, error) {
	*n += counter(len(p))
	return len(p), nil
}
