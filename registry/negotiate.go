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

// coding is a content coding. The zero one leaves a body as it is.
type coding uint8

const (
	identity coding = iota
	gzipped
	brotlied
	zstandard
)

// codings are the codings as HTTP names them, and what tells their ETags apart. The deflate of
// HTTP is not among them: clients never agreed on what it is.
var codings = [...]struct{ name, etag string }{
	identity:  {"identity", ""},
	gzipped:   {"gzip", "-gz"},
	brotlied:  {"br", "-br"},
	zstandard: {"zstd", "-zst"},
}

func codingNamed(name string) (coding, bool) {
	for c := range codings {
		if codings[c].name == name {
			return coding(c), true
		}
	}
	return gzipped, name == "x-gzip"
}

// Which of several codings that a client likes alike is taken: the smallest first, as a body is
// made once and sent often. Of a large one gzip: all processors work at it, and only at what a publish changed.
var (
	byPreference      = [...]coding{zstandard, brotlied, gzipped, identity}
	byPreferenceLarge = [...]coding{gzipped, zstandard, brotlied, identity}
)

// unnamed is the weight of identity where a client does not speak of it: any coding that it named is better.
const unnamed = 0.0001

// negotiated reads Accept-Encoding: the coding that is liked best, or false where even identity is refused. Who
// accepts whatever there is ("*") is taken to mean the coding that everybody knows.
func negotiated(accept []string, large bool) (coding, bool) {
	if len(accept) == 0 {
		return identity, true
	}
	weights, others := [len(codings)]float64{-1, -1, -1, -1}, -1.0
	for _, list := range accept {
		for part := range strings.SplitSeq(list, ",") {
			name, q := quality(part)
			if name == "*" {
				others = q
			} else if c, known := codingNamed(name); known {
				weights[c] = q
			}
		}
	}
	if weights[gzipped] < 0 {
		weights[gzipped] = others
	}
	if weights[identity] < 0 {
		weights[identity] = unnamed
		if others >= 0 {
			weights[identity] = others
		}
	}
	order := &byPreference
	if large {
		order = &byPreferenceLarge
	}
	best := identity
	for i := len(order) - 1; i >= 0; i-- {
		if c := order[i]; weights[c] >= weights[best] {
			best = c
		}
	}
	return best, weights[best] > 0
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
