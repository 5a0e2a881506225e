package httpd

import (
	"net/http"
	"net/url"
	"strings"

	"settee/couch"
)

// challenge sets what a 401 asks of the client and returns the status: a
// browser, which says that it takes HTML and not that it takes JSON, is sent to
// where it can sign in.
func (c *call) challenge(p problem) int {
	h := c.w.Header()
	switch wanted := c.r.Header.Get("X-CouchDB-WWW-Authenticate"); {
	case wanted != "":
		h.Set("WWW-Authenticate", wanted)
	case c.policy.authenticate != "":
		h.Set("WWW-Authenticate", c.policy.authenticate)
	case p.word != string(couch.Unauthorized):
	case c.policy.requireUser:
		h.Set("WWW-Authenticate", `Basic realm="server"`)
	case !accepts(c.r.Header, "application/json") && accepts(c.r.Header, "text/html"):
		asked := "?return=" + url.QueryEscape(c.r.URL.Path) + "&reason=" + url.QueryEscape(p.reason)
		c.location(c.policy.redirect + strings.ReplaceAll(asked, "+", "%20"))
		return http.StatusFound
	}
	return p.status
}
