package httpd

import (
	"errors"
	"net/http"
	"strconv"
)

// welcome is GET /: PouchDB asks for the member couchdb, replicators for uuid.
func (c *call) welcome() error {
	dst := append(c.out[:0], `{"couchdb":"Welcome","version":"`+CouchVersion+`","git_sha":`...)
	dst = appendString(dst, c.s.o.Version)
	dst = append(dst, `,"uuid":`...)
	dst = appendString(dst, c.s.store.UUID())
	dst = append(dst, `,"features":[],"vendor":{"name":"settee","version":`...)
	dst = appendString(dst, c.s.o.Version)
	c.out = append(dst, "}}\n"...)
	c.send(http.StatusOK, c.out)
	return nil
}

// outOfService are the values of couchdb/maintenance_mode that make a load
// balancer look elsewhere, by what /_up says then.
var outOfService = map[string]string{"true": "maintenance_mode", "nolb": "nolb"}

// up is GET /_up.
func (c *call) up() error {
	if status := outOfService[c.policy.maintenance]; status != "" {
		c.send(http.StatusNotFound, []byte(`{"status":"`+status+`"}`+"\n"))
		return nil
	}
	c.send(http.StatusOK, []byte(`{"status":"ok","seeds":{}}`+"\n"))
	return nil
}

func (c *call) membership() error {
	c.send(http.StatusOK, []byte(`{"all_nodes":["`+nodeName+`"],"cluster_nodes":["`+nodeName+`"]}`+"\n"))
	return nil
}

var (
	errUUIDCount = badRequest("count must be a positive integer")
	errUUIDsMany = badRequest("count parameter too large")
)

// uuids is GET /_uuids; 0 is taken too.
func (c *call) uuids() error {
	n := 1
	if v, ok := c.query["count"]; ok {
		var err error
		switch n, err = strconv.Atoi(v); {
		case errors.Is(err, strconv.ErrRange) && v[0] != '-':
			return errUUIDsMany
		case err != nil || n < 0:
			return errUUIDCount
		}
	}
	if n > c.policy.maxUUIDs {
		return errUUIDsMany
	}
	dst := append(c.out[:0], `{"uuids":[`...)
	for i := range n {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = appendString(dst, c.s.store.NewUUID())
	}
	c.out = append(dst, "]}\n"...)
	h := c.w.Header()
	h.Set("Cache-Control", "no-cache")
	h.Set("Pragma", "no-cache")
	h.Set("Expires", "Mon, 01 Jan 1990 00:00:00 GMT")
	if c.etag(tagOf(c.out)) {
		return nil
	}
	c.send(http.StatusOK, c.out)
	return nil
}
