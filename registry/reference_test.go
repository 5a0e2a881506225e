package registry

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestEndpoints goes through the tables 1.1 to 1.5 of the notes on npm's API, row by row, in one life of two packages: what is sent, the
// status, and what clients take out of the answer. What needs another server beside it has tests of its own: hooks, audits with
// advisories, trusted publishers, staging, downloads.
func TestEndpoints(t *testing.T) {
	h := open(t, searching(t))
	tgz := sampleTarball(t, "p", "1.0.0", 50)
	scoped := publishing("@bob/n", "1.0.0", sampleTarball(t, "@bob/n", "1.0.0", 50))
	b, a, root := h.bob, h.ann, h.root
	for _, row := range []struct {
		token, method, path string
		body                any
		status              int
		has                 string // in the answer's text
	}{
		// 1.1 packages and tarballs
		{b, "PUT", "/p", publishing("p", "1.0.0", tgz), 201, `"success":true`},
		{b, "PUT", "/p", publishing("p", "1.0.0", tgz), 201, `"rev":"1-`},
		{b, "PUT", "/@bob%2fn", scoped, 201, `"ok":true`},
		{"", "GET", "/p", nil, 200, `"_attachments":{}`},
		{"", "HEAD", "/p", nil, 200, ""},
		{"", "GET", "/nothing", nil, 404, `"error":"Not found"`},
		{b, "GET", "/p?write=true", nil, 200, `"_rev":"1-`},
		{"", "GET", "/p/1.0.0", nil, 200, `"version":"1.0.0"`},
		{"", "GET", "/p/latest", nil, 200, `"version":"1.0.0"`},
		{"", "GET", "/p/%5E1.0.0", nil, 200, `"version":"1.0.0"`},
		{"", "GET", "/p/2.0.0", nil, 404, `"error":"version not found: 2.0.0"`},
		{"", "GET", "/p/-/p-1.0.0.tgz", nil, 200, string(tgz)},
		{"", "HEAD", "/p/-/p-1.0.0.tgz", nil, 200, ""},
		{"", "GET", "/p/-/p-2.0.0.tgz", nil, 404, `"error":"Not found`},
		{"", "GET", "/@bob%2fn/-/n-1.0.0.tgz", nil, 200, ""},
		{"", "GET", "/@bob/n/-/@bob/n-1.0.0.tgz", nil, 200, ""},
		{"", "GET", "/npm/public/registry/p/p/_attachments/p-1.0.0.tgz", nil, 200, string(tgz)},
		{"", "GET", "/p/-/jsonp/x", nil, 404, ""},
		{b, "PUT", "/p", dict{"_id": "p", "users": dict{"bob": true}}, 201, `"success":true`},
		{b, "PUT", "/p/-rev/1-0", dict{"_id": "p", "maintainers": []any{}}, 409, `"reason":"Document update conflict."`},
		{b, "DELETE", "/p/-rev/1-0", nil, 409, `"error":"conflict"`},
		{b, "DELETE", "/nothing/-rev/1-0", nil, 404, ""},
		{b, "DELETE", "/p/-/p-9.9.9.tgz/-rev/1-0", nil, 200, `"ok":true`},
		{b, "PUT", "/p/-/p-1.0.0.tgz/-rev/1-0", nil, 400, "unsupported"},
		{b, "PUT", "/p/stable", "1.0.0", 201, `"ok":true`},
		{b, "PUT", "/-/pnpr/v0/publish", dict{"packages": []any{}}, 404, ""},
		{b, "PUT", "/-/pnpm/v1/publish", dict{"packages": []any{}}, 404, ""},
		// 1.2 dist-tags
		{"", "GET", "/-/package/p/dist-tags", nil, 200, `"latest":"1.0.0"`},
		{b, "PUT", "/-/package/p/dist-tags/beta", "1.0.0", 201, `"ok":true`},
		{b, "POST", "/-/package/p/dist-tags/gamma", "1.0.0", 201, `"success":true`},
		{b, "PUT", "/-/package/p/dist-tags/1.x", "1.0.0", 400, "SemVer range"},
		{b, "PUT", "/-/package/p/dist-tags/beta", "9.0.0", 404, "version not found"},
		{b, "DELETE", "/-/package/p/dist-tags/beta", nil, 201, `"ok":true`},
		{b, "DELETE", "/-/package/p/dist-tags/latest", nil, 403, "latest"},
		{b, "DELETE", "/-/package/p/dist-tags/nothing", nil, 404, ""},
		{b, "PUT", "/-/package/p/dist-tags", dict{"old": "1.0.0"}, 400, "latest"},
		{b, "PUT", "/-/package/p/dist-tags", dict{"latest": "1.0.0"}, 201, `"ok":true`},
		{b, "POST", "/-/package/p/dist-tags", dict{"old": "1.0.0"}, 201, `"ok":true`},
		// 1.3 sessions, users, tokens, profile
		{"", "GET", "/-/ping", nil, 200, "{}"},
		{"", "GET", "/-/ping?write=true", nil, 200, "{}"},
		{"", "GET", "/-/ping/x", nil, 200, "{}"},
		{"npm_none", "GET", "/-/ping", nil, 401, ""},
		{b, "GET", "/-/whoami", nil, 200, `{"username":"bob"}`},
		{"", "GET", "/-/whoami", nil, 401, ""},
		{"", "POST", "/-/v1/login", dict{"create": true}, 200, `"doneUrl":"` + h.url},
		{"", "PUT", "/-/user/org.couchdb.user:bob", dict{"name": "bob", "password": "secret-bob"}, 201, `"token":"npm_`},
		{"", "PUT", "/-/user/org.couchdb.user:bob", dict{"name": "bob", "password": "wrong"}, 401, ""},
		{"", "PUT", "/-/user/org.couchdb.user:bob/-rev/1-x", dict{"name": "bob", "password": "secret-bob"}, 201, `"token":"npm_`},
		{"", "GET", "/-/user/org.couchdb.user:bob?write=true", nil, 200, `"name":"bob"`},
		{a, "GET", "/-/user/org.couchdb.user:bob", nil, 200, `"email":"bob@example.com"`},
		{a, "GET", "/-/user/org.couchdb.user:bob", nil, 200, `"_rev":"`},
		{"", "GET", "/-/user/org.couchdb.user:nobody", nil, 404, "user does not exist"},
		{"", "DELETE", "/-/user/token/npm_unknown", nil, 200, `"ok":true`},
		{b, "GET", "/-/npm/v1/user", nil, 200, `"tfa":`},
		{"", "GET", "/-/npm/v1/user", nil, 401, ""},
		{b, "POST", "/-/npm/v1/user", dict{"fullname": "Bob B", "github": "bob"}, 200, `"fullname":"Bob B"`},
		{b, "GET", "/-/npm/v1/tokens", nil, 200, `"urls":{`},
		{b, "POST", "/-/npm/v1/tokens", dict{"password": "secret-bob", "readonly": true, "cidr_whitelist": []any{}}, 201, `"token":"npm_`},
		{b, "DELETE", "/-/npm/v1/tokens/token/nothing", nil, 404, ""},
		{"", "PUT", "/-/npm/anon-metrics/v1/x", dict{}, 404, ""},
		// 1.4 access, organisations, teams
		{"", "GET", "/-/package/p/visibility", nil, 200, `{"public":true}`},
		{"", "GET", "/-/package/p/access", nil, 200, `"access":"public"`},
		{b, "GET", "/-/package/p/collaborators?format=cli", nil, 200, `{"bob":"write"}`},
		{b, "GET", "/-/package/p/collaborators?user=ann", nil, 200, `{}`},
		{b, "POST", "/-/package/@bob%2fn/access", dict{"access": "restricted"}, 200, `{}`},
		{b, "POST", "/-/package/p/access", dict{"access": "restricted"}, 400, "unscoped"},
		{b, "POST", "/-/package/p/access", dict{"publish_requires_tfa": false, "automation_token_overrides_tfa": false}, 200, `{}`},
		{b, "PUT", "/-/package/p/owners", dict{"user": "ann"}, 200, `"ok":true`},
		{b, "DELETE", "/-/package/p/owners/ann", nil, 200, `"ok":true`},
		{b, "GET", "/-/user/bob/package", nil, 200, `"p":"write"`},
		{b, "GET", "/-/-/package?format=cli", nil, 200, `"p":"write"`},
		{b, "GET", "/-/org/nobody/package", nil, 404, ""},
		{root, "PUT", "/-/org/acme/user", dict{"user": "bob", "role": "owner"}, 201, `"org":{"name":"acme","size":1}`},
		{b, "GET", "/-/org/acme/user", nil, 200, `{"bob":"owner"}`},
		{b, "PUT", "/-/org/acme/user", dict{"user": "ann", "role": "developer"}, 201, `"role":"developer"`},
		{b, "PUT", "/-/org/acme/team", dict{"name": "core", "description": "x"}, 201, `{"name":"core"}`},
		{b, "PUT", "/-/org/acme/team", dict{"name": "core"}, 409, ""},
		{b, "GET", "/-/org/acme/team?format=cli", nil, 200, `["acme:core","acme:developers"]`},
		{b, "PUT", "/-/team/acme/core/user", dict{"user": "ann"}, 201, `{}`},
		{b, "GET", "/-/team/acme/core/user?format=cli", nil, 200, `["ann"]`},
		{b, "PUT", "/@acme%2fx", publishing("@acme/x", "1.0.0", sampleTarball(t, "@acme/x", "1.0.0", 5)), 201, `"ok":true`},
		{b, "PUT", "/-/team/acme/core/package", dict{"package": "@acme/x", "permissions": "read-only"}, 201, `{}`},
		{b, "GET", "/-/team/acme/core/package?format=cli", nil, 200, `{"@acme/x":"read"}`},
		{b, "GET", "/-/org/acme/package", nil, 200, `"@acme/x":"write"`},
		{b, "DELETE", "/-/team/acme/core/package", dict{"package": "@acme/x"}, 204, ""},
		{b, "DELETE", "/-/team/acme/core/user", dict{"user": "ann"}, 200, "{}"},
		{b, "DELETE", "/-/team/acme/core", nil, 200, "{}"},
		{b, "DELETE", "/-/org/acme/user", dict{"user": "ann"}, 204, ""},
		// 1.5 stars, search, audit and the rest
		{"", "GET", "/-/_view/starredByUser?key=%22bob%22", nil, 200, `"value":"p"`},
		{"", "GET", "/-/_view/starredByUser?key=%22ann%22", nil, 200, `"rows":[]`},
		{a, "PUT", "/-/user/v1/star", dict{"name": "p", "package": "p"}, 200, `"ok":true`},
		{a, "GET", "/-/user/v1/star", nil, 200, `p`},
		{a, "DELETE", "/-/user/v1/star", dict{"name": "p", "package": "p"}, 200, `"ok":true`},
		{a, "GET", "/-/util/user/ann/stars", nil, 404, ""},
		{a, "PUT", "/-/user/package/p/star", nil, 404, ""},
		{"", "GET", "/-/v1/search?text=p&size=20&from=0&quality=0.65&popularity=0.98&maintenance=0.5", nil, 200, `"objects":[`},
		{"", "GET", "/-/all", nil, 200, `{"_updated":`},
		{"", "GET", "/-/all/since?stale=update_after&startkey=0", nil, 200, `{"_updated":`},
		{"", "POST", "/-/npm/v1/security/advisories/bulk", dict{"p": []any{"1.0.0"}}, 200, `{}`},
		{"", "POST", "/-/npm/v1/security/audits/quick", dict{"requires": dict{}, "dependencies": dict{}}, 200, `"actions":[]`},
		{"", "POST", "/-/npm/v1/security/audits", dict{"requires": dict{}, "dependencies": dict{}}, 200, `"muted":[]`},
		{"", "GET", "/-/npm/v1/attestations/p@1.0.0", nil, 404, ""},
		{"", "POST", "/-/npm/v1/oidc/token/exchange/package/p", nil, 401, "id-token"},
		{b, "GET", "/-/package/p/trust", nil, 200, `[]`},
		{b, "GET", "/-/stage?page=0&perPage=100", nil, 200, `"items":[]`},
		{"", "GET", "/npm", nil, 404, ""},
		{"", "GET", "/", nil, 200, `"db_name":"registry"`},
		{"", "GET", "/_changes?since=0&limit=1", nil, 200, `"last_seq":`},
		{"", "GET", "/_all_docs?startkey=%22p%22&limit=1", nil, 200, `"id":"p"`},
		{"", "GET", "/_session", nil, 200, `"ok":true`},
		{"", "GET", "/_design/app", nil, 501, `"error":"Not Implemented"`},
		{"", "GET", "/_users/org.couchdb.user:bob", nil, 501, `"reason":`},
		{"", "GET", "/downloads/point/last-week/p", nil, 404, ""}, // where nothing is counted
	} {
		res := h.do(row.method, row.path, row.token, row.body)
		what := row.method + " " + row.path
		require.Equal(t, row.status, res.Status, "%s: %s", what, res.Body)
		require.Contains(t, string(res.Body), row.has, what)
	}
	pnpm := h.do("GET", "/-/package/p/collaborators", b, nil, "User-Agent", "pnpm/11.0.0 npm/? node/v24 linux x64")
	require.Equal(t, `[{"email":"bob@example.com","permissions":"write","user":"bob","username":"bob"}]`, string(pnpm.Body))
	for _, old := range strings.Fields("starred-by-user/x starred-by-package/x by-user/a|b users user-by-email/x top rss rss/p scripts by-field fields needbuild _list/x _show/x _view/other") {
		for _, method := range []string{"GET", "PUT"} {
			res := h.do(method, "/-/"+old, "", nil)
			require.Equal(t, 501, res.Status, old)
			require.Equal(t, "Not Implemented", res.JSON()["error"])
			require.NotEmpty(t, res.JSON()["reason"])
		}
	}
}
