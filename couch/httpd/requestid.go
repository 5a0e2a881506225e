package httpd

import (
	"math/rand/v2"
	"net/http"
)

// requestID is the client's own name for the request where it gave a sane one,
// else ten hexadecimal digits. It joins log lines, so it need not be secret.
func requestID(r *http.Request) string {
	if given := r.Header.Get("X-Couch-Request-Id"); sane(given) {
		return given
	}
	const digits = "0123456789abcdef"
	var id [10]byte
	for i, n := 0, rand.Uint64(); i < len(id); i, n = i+1, n>>4 {
		id[i] = digits[n&15]
	}
	return string(id[:])
}

// sane is CouchDB's rule for ids that are echoed: [A-Za-z0-9_-]{1,36}.
func sane(id string) bool {
	if id == "" || len(id) > 36 {
		return false
	}
	for i := range len(id) {
		switch b := id[i]; {
		case b >= '0' && b <= '9', b >= 'a' && b <= 'z', b >= 'A' && b <= 'Z', b == '_', b == '-':
		default:
			return false
		}
	}
	return true
}
