package httpd_test

import (
	"context"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"settee/auth"
	"settee/couch"
	"settee/couch/httpd"
)

func accountDoc(name, members string) string {
	return `{"_id":"org.couchdb.user:` + name + `","name":"` + name + `","type":"user","roles":[],"password":"pass-word-1"` + members + `}`
}

// as sends a request of an account and expects a status, and words where given.
func (h *house) as(t *testing.T, name, do_, body string, status int, words ...string) string {
	t.Helper()
	user := name
	if name != "" && name != "-" {
		user += ":pass-word-1"
	}
	method, path, _ := strings.Cut(do_, " ")
	got, _, answer := do(t, h.base, user, method, path, "", body)
	require.Equal(t, status, got, "%s as %q: %s", do_, name, answer)
	for _, w := range words {
		require.Contains(t, answer, w, "%s as %q", do_, name)
	}
	return answer
}

// Who signs up here gets no name that who signs up with npm does not: of a scope from elsewhere, of an organisation, of an account that is deleted.
func TestUsersNames(t *testing.T) {
	h := startWith(t, couch.Options{}, auth.Options{Elsewhere: func(_ context.Context, scope string) (bool, error) { return scope == "types", nil }}, httpd.Options{})
	h.must(t, "PUT /_node/_local/_config/couchdb/users_db_security_editable", `"true"`, 200)
	h.must(t, "PUT /_users/_security", `{"admins":{"names":["keeper"]}}`, 200)
	for _, name := range []string{"tom", "keeper", "gone"} {
		h.must(t, "POST /_users", accountDoc(name, ""), 201)
	}
	root := auth.Identity{Name: "admin", Roles: []string{"_admin"}}
	require.NoError(t, h.accounts.CreateOrg(t.Context(), root, "acme", "tom"))
	require.NoError(t, h.accounts.DeleteAccount(t.Context(), "gone"))

	h.as(t, "-", "PUT /_users/org.couchdb.user:types", accountDoc("types", ""), 403, "The packages of @types come from another registry.")
	h.as(t, "-", "POST /_users/_bulk_docs", `{"docs":[`+accountDoc("types", "")+`,`+accountDoc("ann", "")+`]}`, 201, `"id":"org.couchdb.user:types","error":"forbidden"`, `"ok":true,"id":"org.couchdb.user:ann"`)
	for _, name := range []string{"acme", "gone"} {
		h.as(t, "-", "POST /_users", accountDoc(name, ""), 409, "This name is already registered.")
	}
	h.as(t, "-", "POST /_users/_bulk_docs", `{"new_edits":false,"docs":[{"_id":"org.couchdb.user:tom","_rev":"9-f","name":"tom","type":"user","roles":[]}]}`, 201, `"error":"conflict"`)
	h.as(t, "tom", "GET /_users/org.couchdb.user:tom", "", 200, `"_rev":"1-`)
	h.as(t, "-", "POST /_users", accountDoc("Not A Scope", ""), 201)
	h.as(t, "keeper", "POST /_users", accountDoc("types", ""), 201)
}

func openUsers(t *testing.T) *house {
	h := start(t, httpd.Options{})
	h.must(t, "PUT /_node/_local/_config/couchdb/users_db_security_editable", `"true"`, 200)
	for _, name := range []string{"tom", "spike", "keeper"} {
		h.must(t, "POST /_users", accountDoc(name, ""), 201)
	}
	return h
}

// As CouchDB makes it, _users is for server admins.
func TestUsersClosed(t *testing.T) {
	h := start(t, httpd.Options{})
	h.must(t, "POST /_users", accountDoc("tom", ""), 201)
	require.JSONEq(t, `{"members":{"roles":["_admin"]},"admins":{"roles":["_admin"]}}`, h.must(t, "GET /_users/_security", "", 200))
	for _, path := range []string{"GET /_users", "GET /_users/org.couchdb.user:tom", "PUT /_users/org.couchdb.user:tom", "GET /_users/_security"} {
		h.as(t, "-", path, "{}", 401, "You are not authorized to access this db.")
		h.as(t, "tom", path, "{}", 403, "You are not allowed to access this db.")
	}
	for _, path := range []string{"GET /_users/_all_docs", "GET /_users/_changes", "PUT /_users", "DELETE /_users"} {
		h.as(t, "-", path, "", 401, "You are not a server admin.")
		h.as(t, "tom", path, "", 401, "You are not a server admin.")
	}
	h.as(t, "", "PUT /_users/_security", "{}", 403, "You can't edit the security object of the user database.")
}

// Once _security lets them in, everybody has their own document and no other.
func TestUsersOpened(t *testing.T) {
	h := openUsers(t)
	h.must(t, "PUT /_users/_security", `{"admins":{"names":["keeper"]}}`, 200)
	h.must(t, "PUT /_users/_design/d", `{"views":{"v":{"map":"function(d){emit(d._id)}"}}}`, 201)
	const tom, spike = "/_users/org.couchdb.user:tom", "/_users/org.couchdb.user:spike"

	own := h.as(t, "tom", "GET "+tom, "", 200, `"derived_key":"`, `"salt":"`)
	for _, name := range []string{"-", "tom"} {
		for _, do := range []string{
			"GET " + spike, "HEAD " + spike, "DELETE " + spike, "COPY " + spike, "GET " + spike + "/att", "PUT " + spike + "/att",
			"GET " + spike + "?open_revs=all", "GET " + spike + "?attachments=true", "GET /_users/nothing", "DELETE " + spike + "?rev=1-a",
			"GET /_users/org.couchdb.user%3Aspike", "GET //_users//org.couchdb.user:spike/",
		} {
			h.as(t, name, do, "", 404)
		}
		for _, do := range []string{
			"GET /_users/_design/d", "GET /_users/_design%2Fd", "GET /_users/_design/d/_view/v", "GET /_users/_design/d/_info",
			"POST /_users/_design/d/_view/v", "GET /_users/_design/d/att",
		} {
			h.as(t, name, do, "{}", 403, "Only administrators can view design docs in the users database.")
		}
		refusal := map[string]int{"-": 401, "tom": 403}[name]
		for _, do := range []string{
			"GET /_users/_design_docs", "GET /_users/_local_docs", "POST /_users/_revs_diff", "POST /_users/_missing_revs", "GET /_users/_local/x",
			"PUT /_users/_local/x", "POST /_users/_find", "POST /_users/_explain", "GET /_users/_index", "GET /_users/_partition/org.couchdb.user",
			"GET /_users/_purged_infos", "GET /_users/_shards", "PUT /_users/_revs_limit", "PUT /_users/_security",
		} {
			h.as(t, name, do, "{}", refusal, "You are not a db or server admin.")
		}
		h.as(t, name, "GET /_users/_all_docs", "", 401)
		h.as(t, name, "POST /_users/_all_docs/queries", "{}", 401)
		h.as(t, name, "POST /_users/_changes", "{}", 401)
		h.as(t, name, "POST /_users/_purge", "{}", 401)
		h.as(t, name, "GET /_users", "", 200)
		h.as(t, name, "POST /_users/_bulk_get", `{"docs":[{"id":"org.couchdb.user:spike"},{"id":"_design/d"}]}`, 200, `"error":"not_found"`)
	}
	h.as(t, "-", "GET "+tom, "", 404)
	h.as(t, "tom", "POST /_users/_bulk_get", `{"docs":[{"id":"org.couchdb.user:tom"},{"id":"org.couchdb.user:spike"}]}`, 200,
		`{"ok":{"_id":"org.couchdb.user:tom"`, `"id":"org.couchdb.user:spike","docs":[{"error"`)
	h.as(t, "tom", "PUT /_users/_design/e", "{}", 403, "You are not a db or server admin.")

	// Writes.
	rev := revOf(own)
	h.as(t, "tom", "PUT "+spike, accountDoc("spike", ""), 404)
	h.as(t, "-", "PUT "+spike, accountDoc("spike", ""), 409)
	h.as(t, "-", "PUT "+spike, accountDoc("spike", `,"_rev":"`+revOf(h.must(t, "GET "+spike, "", 200))+`"`), 403, "You may only update your own user document.")
	h.as(t, "tom", "PUT "+tom, strings.Replace(own, `"roles":[]`, `"roles":["boss"]`, 1), 403, "Only _admin may edit roles")
	h.as(t, "tom", "PUT "+tom, strings.Replace(own, `"roles":[]`, `"roles":["_admin"]`, 1), 403)
	h.as(t, "tom", "PUT "+tom, strings.Replace(own, `"type":"user"`, `"type":"u"`, 1), 403, "doc.type must be user")
	h.as(t, "tom", "PUT "+tom+"/photo?rev="+rev, "x", 201)
	h.as(t, "tom", "GET "+tom+"/photo", "", 200, "x")
	own = h.as(t, "tom", "GET "+tom, "", 200)
	h.as(t, "tom", "PUT "+tom, strings.Replace(own, `{`, `{"password":"pass-word-2",`, 1), 201)
	status, _, _ := do(t, h.base, "tom:pass-word-1", "GET", tom, "", "")
	require.Equal(t, 401, status, "the password has changed")
	h.as(t, "-", "POST /_users", accountDoc("eve", ""), 201)
	h.as(t, "eve", "GET /_users/org.couchdb.user:eve", "", 200)
	h.as(t, "-", "POST /_users", accountDoc("mallory", `,"roles":["_admin"]`), 403, "Only _admin may set roles")
	h.as(t, "-", "PUT /_users/org.couchdb.user:mallory/x", "y", 404)
	h.as(t, "eve", "POST /_users/_bulk_docs", `{"docs":[`+accountDoc("eve2", "")+`,{"_id":"org.couchdb.user:tom","_rev":"1-a"},{"_id":"_local/x"}]}`, 201,
		`[{"id":"org.couchdb.user:eve2","error":"not_found"`, `{"id":"org.couchdb.user:tom","error":"`, `"error":"forbidden"`)
	h.as(t, "-", "POST /_users/_bulk_docs", `{"new_edits":false,"docs":[{"_id":"org.couchdb.user:spike","_rev":"9-f","name":"spike","type":"user","roles":["x"]}]}`, 201, `"error":"forbidden"`)
	h.as(t, "eve", "DELETE /_users/org.couchdb.user:eve?rev="+revOf(h.must(t, "GET /_users/org.couchdb.user:eve", "", 200)), "", 200)
	status, _, _ = do(t, h.base, "eve:pass-word-1", "GET", "/_session", "", "")
	require.Equal(t, 401, status, "the account is gone")
	h.as(t, "-", "POST /_users", accountDoc("eve", ""), 201) // a name that is free again

	// An admin of the database reads and edits all, but does not list.
	edited := h.as(t, "keeper", "GET "+spike, "", 200)
	h.as(t, "keeper", "PUT "+spike, strings.Replace(edited, `"roles":[]`, `"roles":["dev"]`, 1), 201)
	h.as(t, "keeper", "GET /_users/_design/d/_view/v", "", 200)
	h.as(t, "keeper", "GET /_users/_all_docs", "", 401)
	h.as(t, "keeper", "PUT "+spike, strings.Replace(h.as(t, "keeper", "GET "+spike, "", 200), `"dev"`, `"_dev"`, 1), 403, "No system roles (starting with underscore) in users db.")

	// Public fields are shown to those whom _security lets in, and only those.
	h.must(t, "PUT /_node/_local/_config/chttpd_auth/public_fields", `"name, type"`, 200)
	seen := h.as(t, "-", "GET "+spike, "", 200)
	require.Regexp(t, `^\{"_id":"org.couchdb.user:spike","_rev":"[^"]+","name":"spike","type":"user"\}\n$`, seen)
	require.Equal(t, seen, h.as(t, "eve", "GET "+spike+"?open_revs=all&revs=true", "", 200))
	h.must(t, "PUT /_node/_local/_config/chttpd_auth/public_fields", `"shoe"`, 200)
	h.as(t, "-", "GET "+spike, "", 404)
}

func revOf(doc string) string {
	_, rest, _ := strings.Cut(doc, `"_rev":"`)
	rev, _, _ := strings.Cut(rest, `"`)
	return rev
}

// A document of _users that is not well formed is refused to admins too, by every way in.
func TestUsersAreValidated(t *testing.T) {
	h := start(t, httpd.Options{})
	h.must(t, "POST /_users", accountDoc("tom", ""), 201)
	const zoe = "/_users/org.couchdb.user:zoe"
	for reason, members := range map[string]string{
		"doc.type must be user":                                   `"type":"admin"`,
		"doc.name is required":                                    `"name":""`,
		"doc.roles must exist":                                    `"roles":null`,
		"doc.roles must be an array":                              `"roles":"dev"`,
		"doc.roles can only contain strings":                      `"roles":[1]`,
		"Doc ID must be of the form org.couchdb.user:name":        `"name":"other"`,
		"No system roles (starting with underscore) in users db.": `"roles":["_admin"]`,
		"Password scheme `rot13` not supported.":                  `"password_scheme":"rot13"`,
	} {
		body := `{"_id":"org.couchdb.user:zoe","name":"zoe","type":"user","roles":[],` + members + `}`
		h.as(t, "", "PUT "+zoe, body, 403, `"error":"forbidden"`, reason)
		h.as(t, "", "POST /_users", body, 403, reason)
		h.as(t, "", "POST /_users/_bulk_docs", `{"docs":[`+body+`]}`, 201, `"error":"forbidden"`, reason)
		h.as(t, "", "PUT "+zoe+"?new_edits=false", `{"_rev":"2-b",`+body[1:], 403, reason)
	}
	h.as(t, "", "PUT /_users/org.couchdb.user:a:b", `{"name":"a:b","type":"user","roles":[]}`, 403, "Character `:` is not allowed in usernames.")
	h.as(t, "", "PUT /_users/org.couchdb.user:_a", `{"name":"_a","type":"user","roles":[]}`, 403, "Username may not start with underscore.")
	h.as(t, "", "PUT "+zoe, accountDoc("zoe", `,"password":7`), 403, "Password value")
	status, _, body := do(t, h.base, "", "COPY", "/_users/org.couchdb.user:tom", "Destination: org.couchdb.user:tim", "")
	require.Equal(t, 403, status, body)
	h.as(t, "", "PUT "+zoe+"/att", "x", 403, "doc.type must be user")
	h.as(t, "", "PUT /_users/org.couchdb.user:Zo%C3%AB%20%F0%9F%A6%8A", `{"name":"Zoë 🦊","type":"user","roles":[],"password":"ключ"}`, 201)
	status, _, body = do(t, h.base, "Zoë 🦊:ключ", "GET", "/_session", "", "")
	require.Equal(t, 200, status, body)
	require.Contains(t, body, `"name":"Zoë 🦊"`)

	// _users goes and comes at an administrator's word, and accounts with it.
	h.as(t, "tom", "GET /_session", "", 200)
	h.must(t, "DELETE /_users", "", 200)
	h.as(t, "tom", "GET /_session", "", 401)
	h.must(t, "PUT /_users", "", 201)
	h.must(t, "POST /_users", accountDoc("tom", ""), 201)
	h.as(t, "tom", "GET /_session", "", 200)

	// A database whose last part is _users hashes and hides as well, but has no _design/_auth.
	h.must(t, "PUT /team%2F_users", "", 201)
	h.must(t, "PUT /team%2F_users/_security", "{}", 200)
	h.as(t, "", "PUT /team%2F_users/other", "{}", 201)
	h.as(t, "tom", "PUT /team%2F_users/org.couchdb.user:zoe", accountDoc("zoe", ""), 404)
	h.as(t, "", "PUT /team%2F_users/org.couchdb.user:zoe", accountDoc("zoe", ""), 201)
	require.NotContains(t, h.must(t, "GET /team%2F_users/org.couchdb.user:zoe", "", 200), "pass-word-1")
	h.as(t, "tom", "GET /team%2F_users/org.couchdb.user:zoe", "", 404)
}

// An account whose documents conflict signs nobody in until somebody decides.
func TestConflictedAccount(t *testing.T) {
	h := start(t, httpd.Options{})
	h.must(t, "POST /_users", accountDoc("tom", ""), 201)
	h.as(t, "tom", "GET /_session", "", 200)
	rival := `{"_id":"org.couchdb.user:tom","_rev":"1-0","name":"tom","type":"user","roles":[],"password":"pass-word-1"}`
	h.must(t, "POST /_users/_bulk_docs", `{"new_edits":false,"docs":[`+rival+`]}`, 201)
	require.Eventually(t, func() bool { return status(t, h.base, "tom:pass-word-1", "GET", "/_session") == 401 }, 10e9, 1e7)
	h.as(t, "tom", "GET /_session", "", 401, "User document conflicts must be resolved before the document is used for authentication purposes.")
	h.must(t, "PUT /_node/_local/_config/chttpd_auth/allow_conflicted_user_docs", `"true"`, 200)
	h.as(t, "tom", "GET /_session", "", 200)
	h.must(t, "DELETE /_node/_local/_config/chttpd_auth/allow_conflicted_user_docs", "", 200)
	h.must(t, "DELETE /_users/org.couchdb.user:tom?rev=1-0", "", 200)
	require.Eventually(t, func() bool { return status(t, h.base, "tom:pass-word-1", "GET", "/_session") == 200 }, 10e9, 1e7)
}

// Of a replication somebody else reads all but what signs it in.
func TestReplicationsHideCredentials(t *testing.T) {
	h := openUsers(t)
	h.must(t, "PUT /_replicator", "", 201)
	h.must(t, "PUT /_replicator/_security", `{"admins":{"names":["keeper"]}}`, 200)
	h.must(t, "PUT /_replicator/r", `{"source":"https://bob:secret-1@host/db?x=a@b","target":{"url":"http://eve:secret-2@h/","headers":{"A":"secret-3"},"auth":{"basic":{"password":"secret-4"}},"x":1},"owner":"tom","n":1,"_replication_state":"failed"}`, 201)
	h.must(t, "PUT /_replicator/odd", `{"source":["secret-5"],"target":"http://u:secret-6/7@host/","owner":"tom","_replication_state":"failed"}`, 201)
	for _, name := range []string{"tom", "keeper", ""} {
		h.as(t, name, "GET /_replicator/r", "", 200, "secret-1", "secret-2", "secret-3", "secret-4")
	}
	for _, name := range []string{"spike", "-"} {
		for _, path := range []string{"r", "r?open_revs=all", "r?attachments=true", "odd"} {
			require.NotContains(t, h.as(t, name, "GET /_replicator/"+path, "", 200), "secret")
		}
		require.Contains(t, h.as(t, name, "GET /_replicator/r", "", 200),
			`"source":"https://host/db?x=a@b","target":{"url":"http://h/","x":1},"owner":"tom","n":1,"_replication_state":"failed"}`)
		h.as(t, name, "GET /_replicator/_all_docs", "", 401)
		h.as(t, name, "GET /_replicator/_changes", "", 401)
		require.NotContains(t, h.as(t, name, "POST /_replicator/_bulk_get", `{"docs":[{"id":"r"}]}`, 200), "secret")
		h.as(t, name, "DELETE /_replicator/r?rev=1-a", "", 404)
	}

	// Documents belong to who writes them. Those that have failed may say what they like.
	h.as(t, "spike", "PUT /_replicator/mine", `{"source":"a","target":"b","_replication_state":"failed"}`, 201)
	require.Contains(t, h.must(t, "GET /_replicator/mine", "", 200), `"source":"a","target":"b","_replication_state":"failed","owner":"spike"}`)
	mine := h.as(t, "spike", "GET /_replicator/mine", "", 200)
	h.as(t, "spike", "PUT /_replicator/mine", strings.Replace(mine, `"a"`, `"c"`, 1), 201)
	h.as(t, "spike", "POST /_replicator", `{"_id":"posted","_replication_state":"failed"}`, 201)
	h.as(t, "spike", "PUT /_replicator/forged", `{"owner":"tom"}`, 403, "Can't update replication documents from other users.")
	h.as(t, "spike", "PUT /_replicator/forged", `{"owner":null}`, 403, "Can't update replication documents from other users.")
	r := h.must(t, "GET /_replicator/r", "", 200)
	h.as(t, "spike", "PUT /_replicator/r", r, 403, "Can't update replication documents from other users.")
	h.as(t, "spike", "PUT /_replicator/r", strings.Replace(r, `"tom"`, `"spike"`, 1), 403, "Can't update replication documents from other users.")
	h.as(t, "spike", "POST /_replicator/_bulk_docs", `{"docs":[`+r+`,{"_id":"r","_rev":"`+revOf(r)+`","_deleted":true},{"_id":"bulk","_replication_state":"failed"}]}`, 201,
		`[{"id":"r","error":"forbidden"`, `{"ok":true,"id":"bulk"`)
	h.as(t, "-", "PUT /_replicator/nobodys", `{"_replication_state":"failed"}`, 201)
	h.as(t, "-", "PUT /_replicator/nobodys", h.must(t, "GET /_replicator/nobodys", "", 200), 403)
	h.must(t, "POST /_replicator/_bulk_docs", `{"new_edits":false,"docs":[{"_id":"grafted","_rev":"1-a","_replication_state":"failed"}]}`, 201)
	require.Contains(t, h.must(t, "GET /_replicator/grafted", "", 200), `"owner":"admin"`)
	h.must(t, "PUT /_replicator/_design/d", `{}`, 201)
	require.NotContains(t, h.must(t, "GET /_replicator/_design/d", "", 200), "owner")
	h.must(t, "PUT /_replicator/_local/l", `{}`, 201)
	require.NotContains(t, h.must(t, "GET /_replicator/_local/l", "", 200), "owner")
}
