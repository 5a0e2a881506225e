package httpd

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"golang.org/x/net/http/httpguts"

	"settee/couch"
	"settee/views"
)

// rewriteCount is the key of how often a request was rewritten, in its context.
type rewriteCount struct{}

// maxRewrites is CouchDB's bound on that.
const maxRewrites = 100

// rewrite is every method on /{db}/_design/{ddoc}/_rewrite/…: the request goes where the
// design document's rewrites, a list of rules or a function, send it, and begins anew there: who
// asks may do there what he may do.
func (c *call) rewrite() error {
	count, _ := c.ctx().Value(rewriteCount{}).(int)
	if int64(count) >= c.s.number("chttpd", "rewrite_limit", maxRewrites) {
		return badRequest("Exceeded rewrite recursion limit")
	}
	ddoc, err := c.segment("ddoc")
	if err != nil {
		return err
	}
	doc, err := c.s.views.Design(c.ctx(), c.db, ddoc)
	if err != nil {
		return err
	}
	switch rules := memberOf(doc.Body, "rewrites"); first(rules) {
	case '[':
		return c.rewriteByRules(rules, count)
	case '"':
		return c.rewriteByFunction(ddoc, count)
	}
	return errNoRewrite
}

var errNoRewrite = &statusError{http.StatusNotFound, "rewrite_error", "Invalid path."}

// memberOf is a member of an object, nil where it has none.
func memberOf(object []byte, wanted string) (found []byte) {
	_ = members(object, func(name string, value []byte) error {
		if name == wanted {
			found = value
		}
		return nil
	})
	return found
}

func (c *call) rewriteByRules(raw []byte, count int) error {
	secure, _ := c.s.setting("chttpd", "secure_rewrites")
	rules, err := parseRewriteRules(raw, secure != "false")
	if err != nil {
		return err
	}
	var path []string
	for part := range strings.SplitSeq(c.vars["rest"], "/") {
		if part, err = unescape(part); err != nil {
			return err
		}
		if part != "" {
			path = append(path, part)
		}
	}
	query, err := c.queryBindings()
	if err != nil {
		return err
	}
	verb := c.verb
	if verb == http.MethodHead {
		verb = http.MethodGet
	}
	for i := range rules {
		bound, rest, ok := rules[i].match(verb, path)
		if !ok {
			continue
		}
		r := c.r.Clone(context.WithValue(c.ctx(), rewriteCount{}, count+1))
		return c.goTo(r, rules[i].target(bound, rest, query))
	}
	return couch.ErrMissing
}

// goTo serves a request anew at a target, a path and its query relative to the design document.
func (c *call) goTo(r *http.Request, target string) error {
	path, query, _ := strings.Cut(target, "?")
	var parts []string
	for part := range strings.SplitSeq(escapedPath(c.db.Name(), "_design")+"/"+c.vars["ddoc"]+"/"+path, "/") {
		switch part {
		case "", ".":
		case "..":
			if len(parts) == 0 {
				return couch.ErrMissing
			}
			parts = parts[:len(parts)-1]
		default:
			parts = append(parts, part)
		}
	}
	r.RequestURI = "/" + strings.Join(parts, "/")
	if strings.Contains(target, "?") {
		r.RequestURI += "?" + query
	}
	u, err := url.ParseRequestURI(r.RequestURI)
	if err != nil {
		return errURLEncoding
	}
	r.URL = u
	c.s.ServeHTTP(c.answered.ResponseWriter, r)
	c.answered.status = http.StatusOK // the answer has been given
	return nil
}

// rewriteByFunction asks the function of rewrites. It answers with a path, with an object of
// path, method, query, headers and body, or with the answer itself: code, headers and body.
func (c *call) rewriteByFunction(ddoc string, count int) error {
	f, err := c.s.views.Function(c.ctx(), c.db, ddoc, views.Rewrites, "")
	if err != nil {
		return err
	}
	var body, shown []byte
	if c.r.ContentLength != 0 {
		if body, err = c.body(); err != nil {
			return err
		}
		shown = appendString(nil, string(body))
	}
	req, err := c.appendTarget([]byte{'{'}, shown)
	if err != nil {
		return err
	}
	raw, err := f.Rewrite(c.appendWho(append(req, ',')))
	switch {
	case err != nil:
		return err
	case string(raw) == "null":
		return errNoRewrite
	case !isObject(raw):
		return badRule("bad rewrite")
	}
	t, err := parseRewriteTarget(raw)
	if err != nil {
		return err
	}
	if t.code != 0 {
		return c.respond(&response{status: t.code, headers: t.headers, body: []byte(t.body), bare: true})
	}
	if t.path == nil {
		return badRule("Rewrite result must produce a new path.")
	}
	r := c.r.Clone(context.WithValue(c.ctx(), rewriteCount{}, count+1))
	for name, values := range t.headers {
		r.Header[name] = values
	}
	if t.method != "" {
		r.Header.Del("X-Http-Method-Override")
	}
	if t.method != "" && (t.method != http.MethodGet || c.r.Method != http.MethodHead) {
		r.Method = t.method
	}
	switch {
	case t.hasBody:
		r.Body, r.ContentLength = io.NopCloser(strings.NewReader(t.body)), int64(len(t.body))
	case body != nil:
		r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	}
	if t.hasBody || body != nil {
		r.Header.Del("Content-Encoding") // what was read is decoded
	}
	query := c.r.URL.RawQuery
	if t.query != nil {
		query = *t.query
	}
	target := *t.path
	if query != "" {
		target += "?" + query
	}
	return c.goTo(r, target)
}

// rewriteTarget is what a function of rewrites answers.
type rewriteTarget struct {
	path    *string
	method  string
	query   *string
	headers http.Header
	body    string
	hasBody bool
	code    int // 0: it goes on elsewhere
}

// parseRewriteTarget reads it, with CouchDB's words for what is wrong; members that it
// does not know do not matter.
func parseRewriteTarget(raw []byte) (*rewriteTarget, error) {
	t := &rewriteTarget{headers: http.Header{}}
	err := members(raw, func(name string, value []byte) (err error) {
		switch name {
		case "path":
			var path string
			path, err = text(value)
			t.path = &path
		case "method":
			t.method, err = text(value)
			if err == nil && !httpguts.ValidHeaderFieldName(t.method) {
				err = errJSON
			}
		case "body":
			t.hasBody = true
			t.body, err = text(value)
		case "code":
			t.code, err = strconv.Atoi(string(value))
			if err == nil && (t.code < 200 || t.code >= 600) {
				err = errJSON
			}
		case "query":
			return t.setQuery(value)
		case "headers":
			return t.setHeaders(value)
		}
		if err != nil {
			return badRule("bad " + name)
		}
		return nil
	})
	return t, err
}

func (t *rewriteTarget) setQuery(raw json.RawMessage) error {
	query := ""
	if !isObject(raw) {
		return badRule("bad query")
	}
	err := texts(raw, func(name, value string) error {
		if query != "" {
			query += "&"
		}
		query += url.QueryEscape(name) + "=" + url.QueryEscape(value)
		return nil
	})
	t.query = &query
	return err
}

func (t *rewriteTarget) setHeaders(raw json.RawMessage) error {
	if !isObject(raw) {
		return badRule("bad headers")
	}
	return texts(raw, func(name, value string) error {
		if !httpguts.ValidHeaderFieldName(name) || !httpguts.ValidHeaderFieldValue(value) {
			return badRule("bad headers")
		}
		if !ofConnection[http.CanonicalHeaderKey(name)] {
			t.headers.Set(name, value)
		}
		return nil
	})
}

// texts calls f for the members of an object, which must be texts.
func texts(raw []byte, f func(name, value string) error) error {
	return members(raw, func(name string, value []byte) error {
		s, err := text(value)
		if err != nil {
			return badRule("object key/value must be strings <<\"" + name + "\">>=" + string(value))
		}
		return f(name, s)
	})
}
