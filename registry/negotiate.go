package registry

import (
	"net/http"
	"strconv"
	"strings"
	"time"
)

// wantsFull is the rule which form an Accept asks for: the abbreviated one where
// its type is accepted, and no less than application/json; else the full one.
func wantsFull(accept string) bool {
	if !strings.Contains(accept, "install-v1") { // nearly all that want the full form
		if !strings.Contains(strings.ToLower(accept), "install-v1") {
			return true
		}
	}
	abbreviated, full := 0.0, 0.0
	for part := range strings.SplitSeq(accept, ",") {
		kind, q := quality(part)
		switch kind {
		case abbreviatedType:
			abbreviated = max(abbreviated, q)
		case fullType:
			full = max(full, q)
		}
	}
	return abbreviated == 0 || abbreviated < full
}

// wantsGzip reads Accept-Encoding.
func wantsGzip(accept string) bool {
	named, other := -1.0, -1.0
	for part := range strings.SplitSeq(accept, ",") {
		switch coding, q := quality(part); coding {
		case "gzip", "x-gzip":
			named = q
		case "*":
			other = q
		}
	}
	return named > 0 || named < 0 && other > 0
}

// quality splits "type;q=0.8" into the lower-case type and its weight.
func quality(part string) (kind string, q float64) {
	kind, params, _ := strings.Cut(part, ";")
	q = 1
	for param := range strings.SplitSeq(params, ";") {
		key, value, _ := strings.Cut(strings.TrimSpace(param), "=")
		if !strings.EqualFold(key, "q") {
			continue
		}
		n, err := strconv.ParseFloat(strings.TrimSpace(value), 64)
		if err != nil || n < 0 {
			n = 0
		}
		q = min(n, 1)
	}
	return strings.ToLower(strings.TrimSpace(kind)), q
}

// unchanged reports whether a client has the representation already, by its
// ETag (compared weakly) or, where it sends none, by its time.
func unchanged(r *http.Request, etag string, modified time.Time) bool {
	if sent := r.Header["If-None-Match"]; len(sent) > 0 {
		for _, list := range sent {
			for tag := range strings.SplitSeq(list, ",") {
				tag = strings.TrimPrefix(strings.TrimSpace(tag), "W/")
				if tag == etag || tag == "*" {
					return true
				}
			}
		}
		return false
	}
	sent := r.Header.Get("If-Modified-Since")
	if sent == "" || modified.IsZero() {
		return false
	}
	since, err := http.ParseTime(sent)
	return err == nil && !modified.Truncate(time.Second).After(since)
}
