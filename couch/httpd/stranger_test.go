package httpd_test

import (
	"bufio"
	"context"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"settee/couch/httpd"
)

// Whatever somebody sends who is let into no database but has an account, nothing of
// a database is told and nothing changes in it; nor of other accounts, once _users is
// open.
func FuzzStranger(f *testing.F) {
	for _, steps := range scenarios {
		for _, s := range steps {
			f.Add(strings.Replace(s.do, "/db", "/secret", 1), s.header, s.send)
			f.Add(strings.Replace(s.do, "/db", "/_users", 1), s.header, s.send)
		}
	}
	for _, s := range [][3]string{
		{"GET /_users/org.couchdb.user:spike?open_revs=all", "", ""}, {"POST /_users/_bulk_get", "", `{"docs":[{"id":"org.couchdb.user:spike"}]}`},
		{"POST /_users/org.couchdb.user:spike", "Content-Type: multipart/form-data; boundary=x", "--x--"}, {"COPY /_users/org.couchdb.user:spike", "Destination: x", ""},
		{"GET /%73ecret/doc", "", ""}, {"POST /secret/doc", "X-HTTP-Method-Override: GET", ""}, {"GET /_node/_local/_config/admins", "", ""},
		{"GET /_dbs_info", "", ""}, {"GET /_users/_shards/org.couchdb.user:spike", "", ""}, {"GET /secret/_partition/a/_all_docs", "", ""},
		{"GET /secret/doc", "X-Auth-CouchDB-UserName: admin\nX-Auth-CouchDB-Roles: _admin", ""}, {"PUT /secret/_security", "", "{}"},
	} {
		f.Add(s[0], s[1], s[2])
	}
	h := start(f, httpd.Options{MaxBody: 1 << 20, MaxAttachment: 1 << 20})
	admin := func(t testing.TB, method, path, body string) string {
		r := httptest.NewRequest(method, path, strings.NewReader(body))
		r.Header.Set("Content-Type", "application/json")
		r.SetBasicAuth("admin", "secret")
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		require.Less(t, w.Code, 300, w.Body)
		return w.Body.String()
	}
	const canary = "c4n4ry"
	admin(f, "PUT", "/_node/_local/_config/couchdb/users_db_security_editable", `"true"`)
	admin(f, "PUT", "/_node/_local/_config/chttpd_auth_lockout/mode", `"off"`)
	admin(f, "POST", "/_users", accountDoc("tom", ""))
	admin(f, "POST", "/_users", accountDoc("spike", `,"note":"`+canary+`"`))
	admin(f, "PUT", "/_users/_design/d", `{"views":{"v":{"map":"function(d){emit('`+canary+`')}"}}}`)
	admin(f, "PUT", "/_users/_security", `{}`)
	admin(f, "PUT", "/secret", "")
	admin(f, "PUT", "/secret/doc", `{"note":"`+canary+`"}`)
	admin(f, "PUT", "/secret/_local/l", `{"note":"`+canary+`"}`)
	admin(f, "PUT", "/secret/_design/d", `{"views":{"v":{"map":"function(d){emit('`+canary+`')}"}}}`)
	state := func(t testing.TB) string {
		return admin(t, "GET", "/secret", "") + admin(t, "GET", "/secret/_security", "") + admin(t, "GET", "/_users/org.couchdb.user:spike", "") + admin(t, "GET", "/_users/_design_docs", "")
	}
	before := state(f)
	f.Fuzz(func(t *testing.T, line, header, body string) {
		if strings.ContainsAny(line, "\r\n") || strings.Contains(body+line+header, canary) {
			return
		}
		raw := line + " HTTP/1.1\r\nHost: x\r\nContent-Length: " + strconv.Itoa(len(body)) + "\r\n"
		for one := range strings.SplitSeq(header, "\n") {
			if one != "" {
				raw += one + "\r\n"
			}
		}
		for _, name := range []string{"", "tom"} {
			r, err := http.ReadRequest(bufio.NewReader(strings.NewReader(raw + "\r\n" + body)))
			if err != nil {
				return
			}
			r.Header.Del("Authorization")
			r.Header.Del("Cookie")
			if name != "" {
				r.SetBasicAuth(name, "pass-word-1")
			}
			if r.Method == "POST" && r.Header.Get("Content-Type") == "" {
				r.Header.Set("Content-Type", "application/json")
			}
			ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r.WithContext(ctx))
			cancel()
			require.NotContains(t, w.Body.String(), canary, "%s as %q", line, name)
		}
		require.Equal(t, before, state(t), "%s", line)
	})
}
