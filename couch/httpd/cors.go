package httpd

import (
	"net/http"
	"net/textproto"
	"slices"
	"strings"
)

// CouchDB's defaults of [cors].
var (
	corsMethods = []string{"CONNECT", "COPY", "DELETE", "GET", "HEAD", "OPTIONS", "POST", "PUT", "TRACE"}
	corsHeaders = []string{
		"accept", "accept-language", "authorization", "content-length", "content-range", "content-type", "destination", "expires",
		"if-match", "last-modified", "origin", "pragma", "x-couch-full-commit", "x-couch-id", "x-couch-persist",
		"x-couchdb-www-authenticate", "x-http-method-override", "x-requested-with", "x-couchdb-vhost-path",
	}
	corsExposed = []string{"accept-ranges", "etag", "server", "x-couch-request-id", "x-couch-update-newrev", "x-couchdb-body-time"}
)

// corsSimple are the headers that scripts may read anyway. CouchDB names those
// that an answer has, and content-type always and first.
var corsSimple = []string{"Cache-Control", "Content-Language", "Expires", "Last-Modified", "Pragma"}

// corsRules are [cors] and, by host, [cors:HOST].
type corsRules struct {
	any   *corsRule
	hosts map[string]*corsRule
}

type corsRule struct {
	all         bool // any origin
	origins     []string
	credentials bool
	methods     []string
	headers     []string // in lower case
	exposed     string
	maxAge      string
}

// canonical is a header's name as http.Header has it.
func canonical(name string) string { return textproto.CanonicalMIMEHeaderKey(name) }

func (s *Server) readCORS() *corsRules {
	if !s.flag("chttpd", "enable_cors") {
		return nil
	}
	rules := &corsRules{any: s.corsRule("cors"), hosts: map[string]*corsRule{}}
	for section := range s.store.Settings() {
		if host, ok := strings.CutPrefix(section, "cors:"); ok {
			rules.hosts[host] = s.corsRule(section)
		}
	}
	return rules
}

// corsRule reads a section; what a host's own does not say, [cors] does.
func (s *Server) corsRule(section string) *corsRule {
	text := func(key string) string {
		if v, set := s.setting(section, key); set {
			return v
		}
		return s.text("cors", key)
	}
	list := func(key string, fallback []string) []string {
		if v := splitList(text(key)); len(v) > 0 {
			return v
		}
		return fallback
	}
	r := &corsRule{
		origins: splitList(text("origins")), credentials: text("credentials") == "true", maxAge: text("max_age"),
		methods: list("methods", corsMethods), headers: lower(list("headers", corsHeaders)),
		exposed: strings.Join(lower(list("exposed_headers", corsExposed)), ", "),
	}
	r.all = slices.Contains(r.origins, "*")
	return r
}

func lower(list []string) []string {
	out := make([]string, len(list))
	for i, one := range list {
		out[i] = strings.ToLower(one)
	}
	return out
}

// of is the rule of a Host header, without its port.
func (rules *corsRules) of(host string) *corsRule {
	if host, _, _ = strings.Cut(host, ":"); len(rules.hosts) > 0 {
		if r := rules.hosts[host]; r != nil {
			return r
		}
	}
	return rules.any
}

// allows tells an origin whose scripts may ask. Case counts.
func (r *corsRule) allows(origin string) bool { return r.all || slices.Contains(r.origins, origin) }

// cors puts the headers of a request from another origin into the answer, and
// answers a preflight, which asks whether a script may send what it wants to.
func (c *call) cors() (answered bool) {
	origin, sent := c.r.Header["Origin"]
	if !sent {
		return false
	}
	rule := c.policy.cors.of(c.r.Host)
	if !rule.allows(origin[0]) {
		return false
	}
	h := c.w.Header()
	h["Access-Control-Allow-Origin"] = origin[:1:1]
	if rule.credentials && origin[0] != "*" {
		h["Access-Control-Allow-Credentials"] = []string{"true"}
	}
	if c.r.Method == http.MethodOptions && rule.preflight(c.r.Header, h) {
		c.w.WriteHeader(http.StatusNoContent)
		return true
	}
	c.answered.expose = rule.exposed
	return false
}

// preflight fills the answer, unless the script asks for too much: then the
// request is one like others, and the browser sees that it is refused.
func (r *corsRule) preflight(asked, h http.Header) bool {
	method := asked.Get("Access-Control-Request-Method")
	headers := asked.Get("Access-Control-Request-Headers")
	if !slices.Contains(r.methods, method) {
		return false
	}
	for _, one := range splitList(headers) {
		if !slices.Contains(r.headers, strings.ToLower(one)) {
			return false
		}
	}
	h.Set("Access-Control-Max-Age", r.maxAge)
	h.Set("Access-Control-Allow-Methods", strings.Join(r.methods, ", "))
	h.Set("Access-Control-Allow-Headers", headers)
	return true
}

// exposedHeaders is Access-Control-Expose-Headers of an answer with these headers.
func exposedHeaders(h http.Header, exposed string) string {
	list := "content-type"
	for _, name := range corsSimple {
		if _, has := h[name]; has {
			list += ", " + strings.ToLower(name)
		}
	}
	return list + ", " + exposed
}
