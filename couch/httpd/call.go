package httpd

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"time"

	"settee/auth"
	"settee/auth/audit"
	"settee/couch"
)

// A call is one request on its way through the server: who asks, which
// database, what the path and the query say. It is reused, so nothing may keep
// it, nor what its buffers hold, after the handler has returned.
type call struct {
	s       *Server
	w       http.ResponseWriter
	r       *http.Request
	verb    string            // the method, after an override
	vars    map[string]string // path segments, still escaped
	routed  bool              // vars is the router's, not the call's own to keep
	query   query
	user    auth.Identity
	db      *couch.DB
	dbAdmin bool    // the caller is an admin of db, or of the server
	policy  *policy // the settings as they were when the request came

	shard   *shard // stays with the call
	running int    // the row that counts the call as running, from 1; 0: none
	began   time.Time

	act      audit.Act // what the audit log is to have of it; "": nothing
	answered answered  // behind w
	values   []string  // the answer's headers, in one piece

	taken bool   // the request's body was read to its end
	in    []byte // the body, when it was read whole
	out   []byte // the answer, while it is made
}

// keepBuffer is the largest buffer worth keeping with a call: most bodies fit,
// and a thousand idle calls hold no more than 64 MB.
const keepBuffer = 64 << 10

func (c *call) begin(s *Server, w http.ResponseWriter, r *http.Request) {
	c.s, c.r, c.verb, c.policy, c.began = s, r, method(r), s.policy.Load(), time.Now()
	c.answered.ResponseWriter, c.answered.bodyTime, c.answered.call = w, noTime, c
	c.w = &c.answered
	if prefer := r.Header["Prefer"]; len(prefer) > 0 && strings.EqualFold(prefer[0], "return=minimal") {
		c.answered.minimal = c.policy.minimal
	}
}

func (c *call) reset() {
	in, out := c.in[:0], c.out[:0]
	if cap(in) > keepBuffer {
		in = nil
	}
	if cap(out) > keepBuffer {
		out = nil
	}
	vars := c.vars
	if c.routed {
		vars = nil
	}
	clear(vars)
	*c = call{in: in, out: out, vars: vars, shard: c.shard}
}

func (c *call) ctx() context.Context { return c.r.Context() }

// serve finds the row of the table and goes through what every row shares.
func (c *call) serve() error {
	if limit := c.policy.maxURI; limit > 0 && len(c.r.RequestURI) > limit {
		return errLongURI
	}
	tidyPath(c.r.URL)
	e := c.find()
	var row place
	if e != nil {
		row = e.rows[c.verb]
	}
	if row.row == nil || row.Who != signIn {
		if err := c.authenticate(); err != nil {
			return err
		}
	}
	if e == nil {
		if first, _, _ := strings.Cut(c.r.URL.Path[1:], "/"); hidden(first) && !c.user.Admin() {
			return couch.ErrNotServerAdmin
		}
		return couch.ErrMissing
	}
	if row.row == nil {
		c.w.Header()["Allow"] = []string{e.allow}
		return &methodError{allow: e.allow}
	}
	var err error
	if c.query, err = parseQuery(c.r.URL.RawQuery); err != nil {
		return err
	}
	handle, err := c.admit(row.row)
	if err != nil {
		return err
	}
	if row.Body == takesJSON && !isJSON(c.r.Header) {
		return errNotJSON
	}
	c.running = row.at + 1
	c.shard.begun(row.at)
	return handle(c)
}

// errNobody is the refusal where only those with credentials are served.
var errNobody = &couch.Error{Kind: couch.Unauthorized, Reason: "Authentication required."}

// authenticate finds out who asks, and refuses nobody where the settings do.
func (c *call) authenticate() error {
	user, err := c.s.auth.Identify(c.r)
	if err != nil {
		return err
	}
	c.user = user
	if renewed := c.s.auth.RenewCookie(c.r, user); renewed != "" {
		c.set("Set-Cookie", renewed)
	}
	if p := c.policy; (p.requireUser || p.requireUserUp) && user.Anonymous() {
		if up := c.r.URL.Path == "/_up"; up && p.requireUserUp || !up && p.requireUser {
			return errNobody
		}
	}
	return nil
}

// tidyPath drops empty segments: /db/ is /db and /db//doc is /db/doc, as
// CouchDB reads them.
func tidyPath(u *url.URL) {
	p := u.EscapedPath()
	if len(p) < 2 || (!strings.Contains(p, "//") && p[len(p)-1] != '/') {
		return
	}
	var b strings.Builder
	for segment := range strings.SplitSeq(p, "/") {
		if segment != "" {
			b.WriteByte('/')
			b.WriteString(segment)
		}
	}
	if b.Len() == 0 {
		b.WriteByte('/')
	}
	u.RawPath = b.String()
	if path, err := url.PathUnescape(u.RawPath); err == nil {
		u.Path = path // EscapedPath believes RawPath only where it agrees with Path
	}
}

// segment is a path variable, unescaped. A plus is a space.
func (c *call) segment(name string) (string, error) { return unescape(c.vars[name]) }

func unescape(s string) (string, error) {
	if !strings.ContainsAny(s, "%+") {
		return s, nil
	}
	u, err := url.QueryUnescape(s)
	if err != nil {
		return "", errURLEncoding
	}
	return u, nil
}

// docID is the document that the path names: {doc}, or {ddoc} of a design document.
func (c *call) docID() (couch.DocID, error) {
	name, prefix := "doc", ""
	if _, design := c.vars["ddoc"]; design {
		name, prefix = "ddoc", "_design/"
	}
	id, err := c.segment(name)
	return couch.DocID(prefix + id), err
}

// head reports whether only the headers are wanted.
func (c *call) head() bool { return c.r.Method == http.MethodHead }
