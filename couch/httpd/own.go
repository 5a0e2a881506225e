package httpd

import (
	"settee/couch"
	"settee/pace"
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
	w := &pace.Writer{ResponseWriter: c.w, Stall: c.s.o.Stall}
	defer w.End()
	h.ServeHTTP(w, c.r)
	return nil
}
