package httpd

// rewritten is the key of what the context of a rewritten request holds.
type rewritten struct{}

// rewrites is what is known of a request that was rewritten.
type rewrites struct {
	from  string // the target that the client sent
	count int
}

// requested is the path and query that the client sent, before any rewrite. CouchDB's
// functions see the query at the end of the path.
func (c *call) requested() string {
	if was, ok := c.ctx().Value(rewritten{}).(*rewrites); ok {
		return was.from
	}
	return c.r.RequestURI
}
