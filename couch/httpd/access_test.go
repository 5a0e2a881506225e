package httpd_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"settee/couch/httpd"
)

// Who may do what: a status for each of five callers, anonymous, stranger,
// member, admin of the database and server admin.
func TestAccess(t *testing.T) {
	h := start(t, httpd.Options{})
	h.must(t, "PUT /access", "", 201)
	account := func(name, roles string) string {
		return `{"_id":"org.couchdb.user:` + name + `","name":"` + name + `","type":"user","roles":[` + roles + `],"password":"pass-word-1"}`
	}
	for _, doc := range []string{account("stranger", ""), account("mname", ""), account("mrole", `"readers"`), account("aname", ""), account("arole", `"owners"`)} {
		h.must(t, "POST /_users", doc, 201)
	}
	h.must(t, "PUT /access/_security", `{"admins":{"names":["aname"],"roles":["owners"]},"members":{"names":["mname"],"roles":["readers"]}}`, 200)
	h.must(t, "PUT /access/doc", `{}`, 201)

	callers := [][]string{{"-"}, {"stranger"}, {"mname", "mrole"}, {"aname", "arole"}, {""}}
	tests := []struct {
		do, send string
		want     [5]int
	}{
		{"GET /access", "", [5]int{401, 403, 200, 200, 200}},
		{"GET /access/doc", "", [5]int{401, 403, 200, 200, 200}},
		{"HEAD /access/doc", "", [5]int{401, 403, 200, 200, 200}},
		{"PUT /access/doc", "{}", [5]int{401, 403, 409, 409, 409}},
		{"DELETE /access/doc", "", [5]int{401, 403, 409, 409, 409}},
		{"GET /access/_all_docs", "", [5]int{401, 403, 200, 200, 200}},
		{"GET /access/_changes", "", [5]int{401, 403, 200, 200, 200}},
		{"POST /access/_bulk_docs", `{"docs":[]}`, [5]int{401, 403, 201, 201, 201}},
		{"POST /access/_revs_diff", `{}`, [5]int{401, 403, 200, 200, 200}},
		{"PUT /access/_local/l", `{}`, [5]int{401, 403, 201, 201, 201}},
		{"GET /access/_security", "", [5]int{401, 403, 200, 200, 200}},
		{"PUT /access/_security", "[]", [5]int{401, 403, 403, 400, 400}},
		{"PUT /access/_revs_limit", "0", [5]int{401, 403, 403, 400, 400}},
		{"POST /access/_compact", "", [5]int{401, 403, 401, 202, 202}},
		{"POST /access/_view_cleanup", "", [5]int{401, 403, 401, 202, 202}},
		{"PUT /access/_design/d?rev=1-a", "{}", [5]int{401, 403, 403, 409, 409}},
		{"DELETE /access/_design/d?rev=1-a", "", [5]int{401, 403, 403, 404, 404}},
		{"PUT /access/_design/d/att?rev=1-a", "x", [5]int{401, 403, 403, 409, 409}},
		{"POST /access", `{"_id":"_design/d","_rev":"1-a"}`, [5]int{401, 403, 403, 409, 409}},
		{"PUT /access", "", [5]int{401, 401, 401, 401, 412}},
		{"DELETE /nosuch", "", [5]int{401, 401, 401, 401, 404}},
		{"GET /_all_dbs", "", [5]int{401, 401, 401, 401, 200}},
		{"GET /_users/_all_docs", "", [5]int{401, 401, 401, 401, 200}},
		{"GET /_users/org.couchdb.user:aname", "", [5]int{401, 403, 403, 403, 200}},
		{"GET /_session", "", [5]int{200, 200, 200, 200, 200}},
		{"GET /_up", "", [5]int{200, 200, 200, 200, 200}},
	}
	for _, test := range tests {
		for i, group := range callers {
			for _, who := range group {
				user := who
				if who != "" && who != "-" {
					user += ":pass-word-1"
				}
				method, path, _ := strings.Cut(test.do, " ")
				status, _, body := do(t, h.base, user, method, path, "", test.send)
				require.Equal(t, test.want[i], status, "%s as %q: %s", test.do, who, body)
			}
		}
	}

	// A design document in a batch is refused to a member, alone among its neighbours.
	_, _, body := do(t, h.base, "mname:pass-word-1", "POST", "/access/_bulk_docs", "", `{"docs":[{"_id":"_design/e"},{"_id":"fine"}]}`)
	require.Regexp(t, `^\[\{"id":"_design/e","error":"forbidden","reason":"[^"]+"\},\{"ok":true,"id":"fine","rev":"1-`, body)
}

// No way into _users keeps a password in clear, and each makes one that signs in.
func TestUsersAreHashed(t *testing.T) {
	h := start(t, httpd.Options{})
	account := func(name string) string {
		return `{"_id":"org.couchdb.user:` + name + `","name":"` + name + `","type":"user","roles":[],"password":"plain-` + name + `"}`
	}
	h.must(t, "PUT /_users/org.couchdb.user:put", account("put"), 201)
	h.must(t, "POST /_users", account("post"), 201)
	h.must(t, "POST /_users/_bulk_docs", `{"docs":[`+account("bulk1")+`,`+account("bulk2")+`]}`, 201)
	h.must(t, "POST /_users/_bulk_docs", `{"new_edits":false,"docs":[{"_rev":"1-abc",`+account("graft")[1:]+`]}`, 201)
	status, _, body := do(t, h.base, "", "PUT", "/_users/org.couchdb.user:related", `Content-Type: multipart/related; boundary="xx"`,
		"--xx\r\nContent-Type: application/json\r\n\r\n"+account("related")+"\r\n--xx--")
	require.Equal(t, 201, status, body)
	for _, name := range []string{"put", "post", "bulk1", "bulk2", "graft", "related"} {
		doc := h.must(t, "GET /_users/org.couchdb.user:"+name, "", 200)
		require.NotContains(t, doc, "plain-", name)
		require.Contains(t, doc, `"derived_key":"`, name)
		status, _, body := do(t, h.base, name+":plain-"+name, "GET", "/_session", "", "")
		require.Equal(t, 200, status, "%s: %s", name, body)
		require.Contains(t, body, `"name":"`+name+`"`)
	}
	require.NotContains(t, h.must(t, "GET /_users/_changes?include_docs=true", "", 200), "plain-")
}
