package limit

import (
	"net/http"
	"strings"
)

// Class is what a request costs.
type Class int

// The classes.
const (
	Read Class = iota
	Write
	Login
	classes
)

// Class of a request to either API, by its method and path.
func ClassOf(r *http.Request) Class {
	switch r.Method {
	case http.MethodGet, http.MethodHead, http.MethodOptions:
		return Read
	}
	path := r.URL.Path
	for strings.Contains(path, "//") { // both APIs forgive slashes that are too many
		path = strings.ReplaceAll(path, "//", "/")
	}
	for _, p := range logins {
		if strings.HasPrefix(path, p) && path != "/-/user/v1/star" {
			return Login
		}
	}
	if r.Method != http.MethodPost {
		return Write
	}
	if ours, npm := strings.CutPrefix(path, "/-/"); npm {
		if strings.HasPrefix(ours, "npm/v1/security/") {
			return Read
		}
		return Write
	}
	class := Write
	for segment := range strings.SplitSeq(path, "/") {
		switch {
		case segment == "_update" || segment == "_rewrite":
			return Write // whatever they are asked for by
		case len(segment) > 3 && segment[0] == '_' && questions[segment]:
			class = Read
		}
	}
	return class
}

// logins are where passwords and tokens are asked for and given.
var logins = []string{"/-/user/", "/-/v1/login", "/-/npm/v1/tokens", "/-/npm/v1/user", "/-/npm/v1/oidc/", "/-/web/", "/_session"}

// questions are what CouchDB answers to a POST without changing anything.
var questions = map[string]bool{
	"_all_docs": true, "_bulk_get": true, "_changes": true, "_dbs_info": true, "_design_docs": true, "_explain": true, "_find": true,
	"_list": true, "_local_docs": true, "_missing_revs": true, "_revs_diff": true, "_show": true, "_view": true,
}
