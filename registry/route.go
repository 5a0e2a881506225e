package registry

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"settee/auth"
	"settee/auth/audit"
	"settee/pace"
)

// request is a request on its way through: what its path names and who asks.
type request struct {
	*http.Request
	pkg    PackageName
	who    auth.Identity
	out    pace.Writer // the answer
	head   http.Header // of it
	entry  audit.Entry // what the audit log is to say of it
	advice []string    // what who publishes is to be told once it is done
	params [3]param
	n      int
}

type param struct{ name, value string }

func (q *request) param(name string) string {
	for _, p := range q.params[:q.n] {
		if p.name == name {
			return p.value
		}
	}
	return ""
}

// handler answers a request, or returns the error that answers it.
type handler func(r *Registry, w http.ResponseWriter, q *request) error

// route is one row of the table. In a pattern :p and :file take a name with or
// without scope, in every encoding; other :params one segment, :rest all.
type route struct {
	method  string
	pattern string
	does    string
	asks    asks // what it asks a second factor for
	open    bool // who asks does not count: a token that has expired must not keep its owner from the next one
	answer  handler

	parts []string
}

// ServeHTTP answers the npm API.
func (r *Registry) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	w.Header()["X-Content-Type-Options"] = nosniff
	q, body := &request{Request: req, out: pace.Writer{ResponseWriter: w, Stall: r.o.Stall}, head: w.Header()}, req.Body
	w = &q.out
	defer q.out.End()
	if body != nil && body != http.NoBody {
		mine := *req // the server looks at its own when it decides how to hang up
		mine.Body = patiently(w, body, r.o.Stall)
		q.Request = &mine
	}
	err := r.answer(w, q)
	if err == nil {
		return
	}
	answer := asError(err)
	if answer.Status >= 500 && answer.Status != http.StatusNotImplemented { // which is what was meant
		r.log.Error("request failed", "method", req.Method, "path", req.URL.Path, "error", err)
	}
	if answer == errStalled {
		w.Header().Set("Connection", "close")
	} else {
		drain(w, body, req.ContentLength)
	}
	answer.write(w)
}

// nosniff keeps browsers from taking a tarball, or what a packument says, for a page.
var nosniff = []string{"nosniff"}

func (r *Registry) answer(w http.ResponseWriter, q *request) error {
	var room [8]string
	segments, err := split(room[:0], q.URL.EscapedPath())
	if err != nil {
		return err
	}
	if len(segments) > 1 && segments[0] == Database && ofDatabase[segments[1]] {
		segments = segments[1:] // as the database that a client named
	}
	found, err := find(q, segments)
	if err != nil {
		return err
	}
	if !found.open && len(q.Header["Authorization"]) > 0 {
		if q.who, err = r.authenticate(q.Request); err != nil {
			return err
		}
	}
	r.remind(w, q)
	if found.asks != nothingAsked && !q.who.Anonymous() {
		if err := r.stepUp(q, r.privilege(found.asks, q)); err != nil {
			return err
		}
	}
	return found.answer(r, w, q)
}

// authenticate reads the Authorization header. Cookies are for web pages: here
// they would let other sites write in their visitor's name.
func (r *Registry) authenticate(req *http.Request) (auth.Identity, error) {
	if len(req.Header["Cookie"]) > 0 {
		req = req.Clone(req.Context())
		req.Header.Del("Cookie")
	}
	return r.auth.Authenticate(req)
}

// find picks the route of a path.
func find(q *request, segments []string) (*route, error) {
	method := q.Method
	if method == http.MethodHead {
		method = http.MethodGet
	}
	var allowed []string
	for i := range table {
		t := &table[i]
		if !t.matches(q, segments) {
			continue
		}
		if t.method == method || t.method == "" {
			return t, nil
		}
		allowed = append(allowed, t.method)
	}
	if len(allowed) == 0 {
		return nil, errNotFound
	}
	slices.Sort(allowed)
	list := strings.Join(slices.Compact(allowed), ", ")
	return nil, &Error{Status: http.StatusMethodNotAllowed, Message: q.Method + " is not allowed here, but " + list, Allow: list}
}

// matches reports whether the segments fit, and takes their parameters.
func (t *route) matches(q *request, segments []string) bool {
	q.n, q.pkg = 0, ""
	at := 0
	for _, part := range t.parts {
		if part == ":rest" {
			return true
		}
		if at >= len(segments) {
			return false
		}
		value := segments[at]
		at++
		if part == "" || part[0] != ':' {
			if part != value {
				return false
			}
			continue
		}
		if part == ":p" || part == ":file" {
			if strings.HasPrefix(value, "@") && !strings.Contains(value, "/") && at < len(segments) {
				value += "/" + segments[at]
				at++
			}
		}
		if part == ":p" {
			if value == "-" || value == "" || value[0] == '_' && ofDatabase[value] {
				return false
			}
			q.pkg = PackageName(value)
			continue
		}
		q.params[q.n] = param{part[1:], value}
		q.n++
	}
	return at == len(segments)
}

// ofDatabase are the first segments of paths that a database has. No package begins with "_".
var ofDatabase = map[string]bool{"_changes": true, "_all_docs": true, "_session": true, "_design": true, "_users": true,
	"_bulk_docs": true, "_bulk_get": true, "_revs_diff": true, "_local": true, "_find": true}

// split cuts an escaped path at its slashes and unescapes what lies between. A
// slash at the end is forgiven, and so are slashes that are too many: clients join a registry's URL and a path with none
// to spare, or with two.
func split(into []string, escaped string) ([]string, error) {
	for segment := range strings.SplitSeq(escaped, "/") {
		if segment == "" {
			continue
		}
		plain, err := url.PathUnescape(segment)
		if err != nil {
			return nil, invalid("invalid path: %s", err)
		}
		into = append(into, plain)
	}
	return into, nil
}

// A refused body is read for a while, so that a client which writes before it
// reads sees the refusal and not a reset connection; but not for ever.
const (
	mostDrained  = 32 << 20
	drainingTime = 2 * time.Second
)

func drain(w http.ResponseWriter, body io.Reader, length int64) {
	if body == nil || body == http.NoBody {
		return
	}
	control := http.NewResponseController(w)
	if length <= mostDrained && control.SetReadDeadline(time.Now().Add(drainingTime)) == nil {
		if n, err := io.CopyN(io.Discard, body, mostDrained); n < mostDrained && errors.Is(err, io.EOF) {
			_ = control.SetReadDeadline(time.Time{})
			return
		}
	}
	w.Header().Set("Connection", "close")
}

// Routes prints the table, one route a line.
func Routes(w io.Writer) error {
	for _, t := range table {
		method := t.method
		if method == "" {
			method = "*"
		}
		if _, err := fmt.Fprintf(w, "%-6s %-50s %s\n", method, t.pattern, t.does); err != nil {
			return err
		}
	}
	return nil
}

// compiled splits the patterns.
func compiled(routes []route) []route {
	for i := range routes {
		routes[i].parts = strings.Split(strings.Trim(routes[i].pattern, "/"), "/")
		if routes[i].pattern == "/" {
			routes[i].parts = nil
		}
	}
	return routes
}
