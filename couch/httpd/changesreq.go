package httpd

import (
	"net"
	"net/http"
	"slices"
	"strings"

	"settee/views"
)

// secrets are the headers that functions of design documents do not see.
var secrets = map[string]bool{"Authorization": true, "Cookie": true, "X-Auth-Couchdb-Token": true}

// jsonInQuery are the parameters that functions see as the JSON they are.
var jsonInQuery = map[string]bool{"startkey": true, "endkey": true, "key": true, "descending": true}

// asked is what of a request does not lie in the call: the document that the path
// names, the body as JSON and the form that it is.
type asked struct {
	id         *string
	body, form []byte
}

// appendRequest appends the request as functions of design documents see it,
// with CouchDB's members.
func (c *call) appendRequest(dst []byte, a asked) ([]byte, error) {
	dst = append(dst, `{"info":`...)
	dst, err := c.appendInfo(dst, c.db)
	if err != nil {
		return nil, err
	}
	dst = appendString(append(dst, `,"uuid":`...), c.s.store.NewUUID())
	dst = append(dst, `,"id":`...)
	if a.id == nil {
		dst = append(dst, "null"...)
	} else {
		dst = appendString(dst, *a.id)
	}
	dst, err = c.appendTarget(append(dst, ','), a.body)
	if err != nil {
		return nil, err
	}
	if a.form == nil {
		a.form = []byte("{}")
	}
	dst = append(append(dst, `,"form":`...), a.form...)
	return c.appendWho(append(dst, ',')), nil
}

// appendTarget appends what a request says itself.
func (c *call) appendTarget(dst, body []byte) ([]byte, error) {
	method := c.verb
	if method == http.MethodHead {
		method = http.MethodGet
	}
	dst = appendString(append(dst, `"method":`...), method)
	var err error
	// As in CouchDB the query stands at the end of the last segment.
	if dst, err = appendSegments(append(dst, `,"requested_path":`...), c.r.RequestURI); err != nil {
		return nil, err
	}
	if dst, err = appendSegments(append(dst, `,"path":`...), c.r.URL.EscapedPath()); err != nil {
		return nil, err
	}
	dst = appendString(append(dst, `,"raw_path":`...), c.r.RequestURI)
	if dst, err = c.appendQuery(append(dst, `,"query":`...)); err != nil {
		return nil, err
	}
	dst = appendHeaders(append(dst, `,"headers":`...), c.r)
	dst = append(dst, `,"body":`...)
	if body == nil {
		dst = append(dst, `"undefined"`...) // what CouchDB's functions see
	} else {
		dst = append(dst, body...)
	}
	host, _, err := net.SplitHostPort(c.r.RemoteAddr)
	if err != nil {
		host = c.r.RemoteAddr
	}
	return appendString(append(dst, `,"peer":`...), host), nil
}

// appendWho appends who asks, and closes the request. Cookies are kept from functions.
func (c *call) appendWho(dst []byte) []byte {
	dst = append(append(dst, `"cookie":{},"userCtx":`...), views.UserContext(c.db, c.writer())...)
	return append(append(append(dst, `,"secObj":`...), c.db.Security()...), '}')
}

// appendSegments appends a path's segments, unescaped.
func appendSegments(dst []byte, path string) ([]byte, error) {
	parts := []string{}
	for one := range strings.SplitSeq(path, "/") {
		part, err := unescape(one)
		if err != nil {
			return nil, err
		}
		if part != "" {
			parts = append(parts, part)
		}
	}
	return appendStrings(dst, parts), nil
}

func (c *call) appendQuery(dst []byte) ([]byte, error) {
	dst = append(dst, '{')
	for i, name := range sortedNames(c.query) {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(appendString(dst, name), ':')
		value := c.query[name]
		if !jsonInQuery[name] {
			dst = appendString(dst, value)
			continue
		}
		var v any
		if err := decode([]byte(value), &v); err != nil {
			return nil, err
		}
		dst = append(dst, value...)
	}
	return append(dst, '}'), nil
}

func appendHeaders(dst []byte, r *http.Request) []byte {
	dst = append(append(dst, `{"Host":`...), appendString(nil, r.Host)...)
	for _, name := range sortedNames(r.Header) {
		if secrets[name] {
			continue
		}
		dst = append(appendString(append(dst, ','), name), ':')
		dst = appendString(dst, strings.Join(r.Header[name], ", "))
	}
	return append(dst, '}')
}

// sortedNames are a map's keys in order, so that a function sees one order always.
func sortedNames[T any](m map[string]T) []string {
	names := make([]string, 0, len(m))
	for name := range m {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}
