package httpd

import (
	"net/http"
	"strings"

	"settee/couch"
)

// copyDocument is COPY /{db}/{doc} to the id in Destination.
func (c *call) copyDocument() error {
	from, err := c.docID()
	if err != nil {
		return err
	}
	return c.copyFrom(from)
}

// copyFrom copies a document, a _local one too.
func (c *call) copyFrom(from couch.DocID) error {
	rev, err := c.namedRev()
	if err != nil {
		return err
	}
	to, over, err := destination(c.r.Header)
	if err != nil {
		return err
	}
	if err := to.Check(); err != nil {
		return err
	}
	if err := c.mayWrite(to); err != nil {
		return err
	}
	d, err := c.db.CopyOf(c.ctx(), from, rev)
	if err != nil {
		return err
	}
	d.ID, d.Rev = to, over
	if to.IsLocal() {
		rev, err = c.db.PutLocal(c.ctx(), d)
	} else {
		rev, err = c.db.Put(c.ctx(), d, couch.WriteOptions{User: c.writer()})
	}
	if err != nil {
		return err
	}
	c.location(escapedPath(c.db.Name(), string(to)))
	return c.stored(http.StatusCreated, to, rev)
}

// destination reads the header of COPY: "id" or "id?rev=1-abc", escaped.
func destination(h http.Header) (couch.DocID, couch.Rev, error) {
	to := h.Get("Destination")
	switch {
	case len(h.Values("Destination")) == 0:
		return "", couch.Rev{}, badRequest("Destination header is mandatory for COPY.")
	case strings.Contains(to, "://"), strings.HasPrefix(to, "/"):
		return "", couch.Rev{}, badRequest("Destination URL must be relative.")
	}
	path, params, over := strings.Cut(to, "?")
	id, err := unescape(path)
	if err != nil || !over {
		return couch.DocID(id), couch.Rev{}, err
	}
	_, value, _ := strings.Cut(params, "=")
	rev, err := parseRev(value)
	return couch.DocID(id), rev, err
}
