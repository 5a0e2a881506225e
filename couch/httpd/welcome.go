package httpd

import (
	"net/http"
	"strconv"
)

// maxUUIDs is CouchDB's default for [uuids] max_count.
const maxUUIDs = 1000

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

func (c *call) up() error {
	c.send(http.StatusOK, []byte(`{"status":"ok","seeds":{}}`+"\n"))
	return nil
}

func (c *call) membership() error {
	c.send(http.StatusOK, []byte(`{"all_nodes":["settee@127.0.0.1"],"cluster_nodes":["settee@127.0.0.1"]}`+"\n"))
	return nil
}

func (c *call) uuids() error {
	n := 1
	if v, ok := c.query["count"]; ok {
		var err error
		if n, err = strconv.Atoi(v); err != nil || n < 0 {
			return badRequest("count parameter must be a non-negative integer")
		}
	}
	if n > maxUUIDs {
		return badRequest("count parameter too large")
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
	h.Set("Cache-Control", "must-revalidate, no-cache")
	h.Set("Pragma", "no-cache")
	h.Set("Expires", "Fri, 01 Jan 1990 00:00:00 GMT")
	h.Set("Etag", tagOf(c.out))
	c.send(http.StatusOK, c.out)
	return nil
}
