package httpd

import (
	"net"
	"net/http"
	"slices"
	"strings"
)

// secrets are the headers that functions of design documents do not see.
var secrets = map[string]bool{"Authorization": true, "Cookie": true, "X-Auth-Couchdb-Token": true}

// jsonInQuery are the parameters that functions see as the JSON they are.
var jsonInQuery = map[string]bool{"startkey": true, "endkey": true, "key": true, "descending": true}

// appendRequest appends the request as functions of design documents see it,
// with CouchDB's members. body is a JSON text; nil stands for none.
func (c *call) appendRequest(dst, body []byte) ([]byte, error) {
	dst = append(dst, `{"info":`...)
	dst, err := c.appendInfo(dst, c.db)
	if err != nil {
		return nil, err
	}
	word := func(name, value string) {
		dst = append(append(append(dst, `,"`...), name...), `":`...)
		dst = appendString(dst, value)
	}
	word("uuid", c.s.store.NewUUID())
	dst = append(dst, `,"id":null`...)
	word("method", c.verb)
	for _, name := range []string{"requested_path", "path"} {
		dst = append(append(append(dst, `,"`...), name...), `":`...)
		if dst, err = c.appendPath(dst); err != nil {
			return nil, err
		}
	}
	word("raw_path", c.r.RequestURI)
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
	word("peer", host)
	dst = append(dst, `,"form":{},"cookie":{},"userCtx":{"db":`...)
	dst = appendString(dst, c.db.Name())
	dst = append(dst, `,"name":`...)
	dst = appendName(dst, c.user)
	dst = append(dst, `,"roles":`...)
	dst = appendStrings(dst, c.user.Roles)
	dst = append(dst, `},"secObj":`...)
	return append(append(dst, c.db.Security()...), '}'), nil
}

// appendPath appends the path's segments, unescaped.
func (c *call) appendPath(dst []byte) ([]byte, error) {
	var parts []string
	for one := range strings.SplitSeq(strings.Trim(c.r.URL.EscapedPath(), "/"), "/") {
		part, err := unescape(one)
		if err != nil {
			return nil, err
		}
		parts = append(parts, part)
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
