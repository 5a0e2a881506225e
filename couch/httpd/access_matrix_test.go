package httpd_test

import (
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"settee/couch/httpd"
)

const (
	notServerAdmin = "You are not a server admin."
	notMetrics     = "You are not a server admin or read-only metrics user"
	notSignedIn    = "You are not an authenticated user"
	notAuthorized  = "You are not authorized to access this db."
	notAllowed     = "You are not allowed to access this db."
	notDBAdmin     = "You are not a db or server admin."
	notKeeper      = "You are not a server or db admin."
)

// The callers of the matrix, by what they may.
const (
	anonymous = "-"
	stranger  = "matrix_stranger"
	observer  = "matrix_observer" // a stranger with the role _metrics
	insider   = "matrix_member"
	dbAdmin   = "matrix_dbadmin"
	anAdmin   = "" // the server's
)

var callers = []string{anonymous, stranger, observer, insider, dbAdmin, anAdmin}

// refusal is what CouchDB answers to a caller who may not do something: its own
// rules, by path and method, told independently of the table of routes. Status 0
// is no refusal.
func refusal(method, path, who string) (status int, reason string) {
	s := strings.Split(strings.Trim(path, "/"), "/")
	second := ""
	if len(s) > 1 {
		second = s[1]
	}
	reads := method == "GET" || method == "HEAD"
	switch {
	case who == anAdmin, s[0] == "", s[0] == "_up", s[0] == "_uuids", s[0] == "_session", s[0] == "favicon.ico":
		return 0, ""
	case s[0] == "_utils" && reads:
		return 0, ""
	case s[0] == "_replicate":
		if who == anonymous {
			return 401, notSignedIn
		}
		return 0, ""
	case s[0] == "_node" && len(s) > 2 && slices.Contains([]string{"_stats", "_system", "_prometheus"}, s[2]):
		if who == observer {
			return 0, ""
		}
		return 401, notMetrics
	case s[0][0] == '_':
		return 401, notServerAdmin
	case len(s) == 1 && (method == "PUT" || method == "DELETE"):
		return 401, notServerAdmin
	case second == "_purge", second == "_purged_infos_limit", second == "_sync_shards":
		return 401, notServerAdmin
	case who == anonymous:
		return 401, notAuthorized
	case who == stranger, who == observer:
		return 403, notAllowed
	case who == dbAdmin:
		return 0, ""
	case second == "_compact", second == "_view_cleanup":
		return 401, notKeeper
	case method == "PUT" && (second == "_security" || second == "_revs_limit"):
		return 403, notDBAdmin
	case second == "_design" && (method == "PUT" || method == "DELETE" || method == "POST" && len(s) == 3) && !strings.HasPrefix(strings.Join(append(s, "", "", ""), "/"), "matrix/_design/d/_"):
		return 403, notDBAdmin
	}
	return 0, ""
}

// concrete makes a path of a row's pattern.
func concrete(pattern string) string {
	values := map[string]string{
		"db": "matrix", "doc": "doc", "ddoc": "d", "local": "l", "att": "att", "view": "v", "node": "_local", "section": "matrix", "key": "k",
		"rest": "nothing", "partition": "p", "index": "i", "own": "blobs",
	}
	variable := regexp.MustCompile(`\{(\w+)(?::((?:[^{}]|\{[^}]*\})*))?\}`)
	return variable.ReplaceAllStringFunc(pattern, func(v string) string {
		m := variable.FindStringSubmatch(v)
		if m[1] == "verb" {
			return m[2]
		}
		return values[m[1]]
	})
}

// Every row of the table, by every caller: nothing is reachable that should not be,
// and nothing refused that should be.
func TestAccessConformance(t *testing.T) {
	base := open(t)
	must := func(request, body string, want int) {
		method, path, _ := strings.Cut(request, " ")
		got, _, answer := do(t, base, "", method, path, "", body)
		require.Equal(t, want, got, "%s: %s", request, answer)
	}
	for name, roles := range map[string]string{stranger: "", observer: `"_metrics"`, insider: `"insiders"`, dbAdmin: ""} {
		path := "/_users/org.couchdb.user:" + name
		must("PUT "+path, strings.Replace(accountDoc(name, ""), `"roles":[]`, `"roles":[`+roles+`]`, 1), 201)
		defer func() {
			_, _, doc := do(t, base, "", "GET", path, "", "")
			must("DELETE "+path+"?rev="+revOf(doc), "", 200)
		}()
	}
	setUp := func() {
		must("PUT /matrix", "", 201)
		must("PUT /matrix/_security", `{"admins":{"names":["`+dbAdmin+`"]},"members":{"roles":["insiders"]}}`, 200)
		must("PUT /matrix/doc", `{}`, 201)
		must("PUT /matrix/_design/d", `{"views":{"v":{"map":"function(d){emit(d._id)}"}}}`, 201)
	}
	do(t, base, "", "DELETE", "/matrix", "", "")
	setUp()
	defer do(t, base, "", "DELETE", "/matrix", "", "")
	cells, paths := 0, map[string][]string{}
	for _, line := range httpd.Routes() {
		fields := strings.Split(line, "\t")
		path := concrete(fields[1])
		require.NotContains(t, path, "{", line)
		paths[path] = append(paths[path], strings.Split(fields[0], ",")...)
	}
	check := func(method, path, who, override string) {
		sent, header := method, "Destination: copied\nReferer: "+base.Scheme+"://"+base.Host+"/"
		if override != "" {
			sent, header = "POST", header+"\nX-HTTP-Method-Override: "+method
		}
		user := who
		if who != anonymous && who != anAdmin {
			user += ":pass-word-1"
		}
		want, reason := refusal(method, path, who)
		send := "{}"
		if strings.HasSuffix(path, "_security") {
			send = "[]" // it would open the database
		}
		got, _, body := do(t, base, user, sent, path+query(path), header, send)
		cells++
		if *couchURL != "" && reason == notDBAdmin {
			require.GreaterOrEqual(t, got, 400, "%s %s as %q: %s", method, path, who, body) // it looks at revisions and forms first
			return
		}
		if want == 0 {
			require.NotContains(t, []int{401, 403}, got, "%s %s as %q: %s", method, path, who, body)
			return
		}
		require.Equal(t, want, got, "%s %s as %q: %s", method, path, who, body)
		if sent != http.MethodHead && method != http.MethodHead {
			require.Equal(t, problem(map[int]string{401: "unauthorized", 403: "forbidden"}[want], reason)+"\n", body, "%s %s as %q", method, path, who)
		}
	}
	for path, methods := range paths {
		for _, method := range methods {
			for _, who := range callers {
				if who == anAdmin && (*couchURL != "" || strings.HasSuffix(path, "/_restart")) {
					continue // others use that server; and ours would restart
				}
				if strings.HasSuffix(path, "_index") || strings.Contains(path, "_index/") {
					if method != "GET" && who == insider {
						continue // indexes are design documents, by another way; see mango's own tests
					}
				}
				check(method, path, who, "")
				if method != "POST" && method != "HEAD" && who != anAdmin {
					check(method, path, who, method)
				}
				if path == "/matrix" && who == anAdmin && method == "DELETE" {
					setUp()
				}
			}
		}
		if *couchURL != "" {
			continue
		}
		for _, method := range []string{"PATCH", "OPTIONS", "TRACE", "BREW"} {
			for _, who := range []string{anonymous, insider, anAdmin} {
				user := who
				if who == insider {
					user += ":pass-word-1"
				}
				got, _, body := do(t, base, user, method, path, "", "{}")
				require.Equal(t, 405, got, "%s %s as %q: %s", method, path, who, body)
			}
		}
	}
	require.Greater(t, cells, 1500)
}

// query makes feeds end.
func query(path string) string {
	if strings.HasSuffix(path, "_changes") || strings.HasSuffix(path, "_db_updates") {
		return "?timeout=1"
	}
	return ""
}

// Other spellings of a path, a method or an id are no other way in.
func TestNoWayAround(t *testing.T) {
	h := openUsers(t)
	h.must(t, "PUT /_users/_security", `{"members":{"names":[]}}`, 200)
	h.must(t, "PUT /around", "", 201)
	h.must(t, "PUT /around/_security", `{"admins":{"names":["keeper"]}}`, 200)
	h.must(t, "PUT /around/doc", "{}", 201)
	for _, test := range []struct {
		do, header, send string
		status           int
		words            string
	}{
		{"PUT /around/_design/x", "", "{}", 403, notDBAdmin},
		{"PUT /around/_design%2Fx", "", "{}", 403, notDBAdmin},
		{"PUT /around/_design%2fx", "", "{}", 403, notDBAdmin},
		{"PUT /around/%5Fdesign%2Fx", "", "{}", 403, notDBAdmin},
		{"PUT /around/%5Fdesign/x", "", "{}", 400, "illegal_docid"}, // an attachment of a document _design
		{"PUT //around///_design//x/", "", "{}", 403, notDBAdmin},
		{"POST /around", "", `{"_id":"_design/x"}`, 403, notDBAdmin},
		{"POST /around", "", `{"\u005fid":"\u005fdesign/x"}`, 403, notDBAdmin},
		{"POST /around/_bulk_docs", "", `{"docs":[{"_id":"_design/x"}]}`, 201, `"error":"forbidden"`},
		{"POST /around/_bulk_docs", "", `{"new_edits":false,"docs":[{"_id":"_design/x","_rev":"1-a"}]}`, 201, `"error":"forbidden"`},
		{"COPY /around/doc", "Destination: _design/x", "", 403, notDBAdmin},
		{"COPY /around/doc", "Destination: _design%2Fx", "", 403, notDBAdmin},
		{"POST /around/_design/x", "X-HTTP-Method-Override: PUT", "{}", 403, notDBAdmin},
		{"PUT /around/_design/x/y", "", "z", 403, notDBAdmin},
		{"PUT /around/_design%2Fx/y", "", "z", 403, notDBAdmin},
		{"GET /%5Fall_dbs", "", "", 401, notServerAdmin},
		{"GET /%5Fnode/_local/_config", "", "", 401, notServerAdmin},
		{"GET //_all_dbs/", "", "", 401, notServerAdmin},
		{"GET /_node/_local%2F_config", "", "", 401, notServerAdmin},
		{"POST /_all_dbs", "X-HTTP-Method-Override: GET", "", 401, notServerAdmin},

		{"GET /%5Fusers/_all_docs", "", "", 401, notServerAdmin},
		{"GET /_users/%5Fall_docs", "", "", 404, ""},
		{"GET /_%75sers/org.couchdb.user:spike", "", "", 404, "missing"},
		{"GET /_users/org.couchdb.user%3Aspike", "", "", 404, "missing"},
		{"GET /_users/org.couchdb.user:spike?rev=1-a", "", "", 404, "missing"},
		{"GET /_users/_design%2Fx", "", "", 403, "Only administrators"},
		{"GET /_users/%5Fdesign/x", "", "", 404, "missing"}, // an attachment of a document _design
		{"GET /_users/_local%2Fx", "", "", 403, notDBAdmin},
		{"POST /_users/_changes?filter=_doc_ids", "", `{"doc_ids":["org.couchdb.user:spike"]}`, 401, notServerAdmin},
		{"GET /_users/_partition/org.couchdb.user/_all_docs", "", "", 403, notDBAdmin},
		{"COPY /_users/org.couchdb.user:tom", "Destination: org.couchdb.user:new", "", 404, "missing"},
		{"POST /_users", "", `{"_id":"_local/x"}`, 403, notDBAdmin},
		{"POST /_users/org.couchdb.user:tom", "Content-Type: multipart/form-data; boundary=xx\nReferer: http://elsewhere/", "--xx--", 400, ""},
	} {
		method, path, _ := strings.Cut(test.do, " ")
		got, _, body := do(t, h.base, "tom:pass-word-1", method, path, test.header, test.send)
		require.Equal(t, test.status, got, "%s: %s", test.do, body)
		require.Contains(t, body, test.words, test.do)
	}
	require.NotContains(t, h.must(t, "GET /around/_design_docs", "", 200), "_design/x")
}
