package httpd_test

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"settee/auth"
	"settee/auth/audit"
	"settee/couch/httpd"
)

// TestRecord holds what of the API is told to the audit log, and that no secret is.
func TestRecord(t *testing.T) {
	var mu sync.Mutex
	var list []string
	h := start(t, httpd.Options{Record: func(r *http.Request, who auth.Identity, e audit.Entry) {
		mu.Lock()
		defer mu.Unlock()
		require.True(t, e.Act.Known())
		require.NotContains(t, fmt.Sprint(e), "hunter2")
		list = append(list, strings.TrimRight(fmt.Sprintf("%s %s %s %v %s", who.Name, e.Act, e.On, e.OK, e.Note), " "))
	}})
	told := func(user, method, path, body string, want ...string) {
		t.Helper()
		_, _, answer := do(t, h.base, user, method, path, "Content-Type: application/json", body)
		mu.Lock()
		defer mu.Unlock()
		require.Equal(t, want, list, answer)
		list = nil
	}
	const eve = `{"_id":"org.couchdb.user:eve","name":"eve","type":"user","roles":[],"password":"hunter2"}`
	told("", "PUT", "/_users", "")
	told("-", "PUT", "/_users/org.couchdb.user:eve", eve)
	told("", "PUT", "/_users/org.couchdb.user:eve", eve, "admin user.write eve true")
	told("", "PUT", "/db", "")
	told("", "GET", "/db", "")
	told("", "PUT", "/db/doc", `{}`)
	told("", "PUT", "/db/_security", `{"members":{"names":["eve"]}}`, "admin database.security db true")
	told("eve:hunter2", "PUT", "/db/_security", `{}`, "eve database.security db false Forbidden")
	told("", "PUT", "/_node/_local/_config/admins/bob", `"hunter2"`, "admin server.config admins/bob true")
	told("bob:hunter2", "DELETE", "/_node/_local/_config/admins/bob", "", "bob server.config admins/bob true")
	told("eve:hunter2", "PUT", "/_node/_local/_config/admins/eve", `"hunter2"`, "eve server.config admins/eve false Unauthorized")
	told("", "POST", "/db/_purge", `{"doc":["1-967a00dff5e02add41819138abb3284d"]}`, "admin database.purge db true")
	told("", "POST", "/_users/_bulk_docs", `{"docs":[{"_id":"org.couchdb.user:pat","name":"pat","type":"user","roles":[],"password":"hunter2"}]}`, "admin user.write  true")
	told("-", "POST", "/_session", `{"name":"eve","password":"hunter2"}`, "eve login  true")
	told("-", "POST", "/_session", `{"name":"eve","password":"hunter3"}`)
	told("eve:hunter2", "DELETE", "/_session", "", "eve logout  true")
	told("-", "DELETE", "/_session", "")
	told("", "POST", "/_users/_find", `{"selector":{}}`)
	told("", "DELETE", "/db", "", "admin database.delete db true")
	told("", "DELETE", "/db", "")
	told("eve:hunter2", "DELETE", "/_users", "", "eve database.delete _users false Unauthorized")
	told("-", "DELETE", "/_users", "")
}
