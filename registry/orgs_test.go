package registry

import (
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"settee/auth"
	"settee/auth/audit"
	"settee/couch"
)

// acme makes the organisation acme: ann owns it, bob is a developer, cyd no member. It has the
// package @acme/open, and @acme/secret, restricted, both of ann.
func acme(h *house) (cyd string) {
	cyd = h.adduser("cyd")
	h.sends(h.root, "PUT", "/-/org/acme/user", dict{"user": "ann", "role": "owner"}, 201)
	h.sends(h.ann, "PUT", "/-/org/acme/user", dict{"user": "bob"}, 201)
	h.publish(h.ann, "@acme/open", "1.0.0")
	secret := publishing("@acme/secret", "1.0.0", sampleTarball(h.t, "@acme/secret", "1.0.0", 5))
	secret["access"] = "restricted"
	h.sends(h.ann, "PUT", "/@acme%2fsecret", secret, 201)
	return cyd
}

// sends requires a status.
func (h *house) sends(token, method, path string, body any, want int) reply {
	h.t.Helper()
	res := h.do(method, path, token, body)
	require.Equal(h.t, want, res.Status, "%s %s %v: %s", method, path, body, res.Body)
	if want >= 400 {
		require.NotEmpty(h.t, res.JSON()["error"])
	}
	return res
}

func TestOrganisations(t *testing.T) {
	h := open(t)
	cyd := h.adduser("cyd")
	const members = "/-/org/acme/user"
	h.sends(h.ann, "GET", members, nil, 404)
	h.sends(h.ann, "PUT", members, dict{"user": "ann", "role": "owner"}, 404)
	require.Contains(t, h.sends(h.root, "PUT", members, dict{"user": "ann"}, 404).JSON()["error"], "npm org set acme ann owner")
	made := h.sends(h.root, "PUT", members, dict{"user": "@ann", "role": "owner"}, 201)
	require.Equal(t, dict{"org": dict{"name": "acme", "size": 1.0}, "user": "ann", "role": "owner"}, made.JSON())
	for _, c := range []struct {
		token, method string
		body          any
		status        int
	}{
		{"", "GET", nil, 401}, {"", "PUT", dict{"user": "bob"}, 401}, {"", "DELETE", dict{"user": "ann"}, 401},
		{cyd, "GET", nil, 403}, {cyd, "PUT", dict{"user": "cyd", "role": "owner"}, 403}, {cyd, "DELETE", dict{"user": "ann"}, 403},
		{h.ann, "PUT", dict{"user": "nobody"}, 404}, {h.ann, "PUT", dict{"user": ""}, 404}, {h.ann, "PUT", dict{"user": "bob", "role": "none"}, 400},
		{h.ann, "PUT", dict{"user": "bob", "role": "king"}, 400}, {h.ann, "PUT", []byte("nonsense"), 400}, {h.ann, "DELETE", dict{"user": "bob"}, 404},
		{h.ann, "DELETE", dict{"user": "ann"}, 403}, {h.ann, "PUT", dict{"user": "ann", "role": "developer"}, 403},
		{h.ann, "PUT", dict{"user": "bob", "role": "developer"}, 201}, {h.bob, "PUT", dict{"user": "cyd"}, 403}, {h.bob, "GET", nil, 200},
		{h.root, "GET", nil, 200},
	} {
		h.sends(c.token, c.method, members, c.body, c.status)
	}
	require.Equal(t, dict{"ann": "owner", "bob": "developer"}, h.sends(h.bob, "GET", "/-/org/%40acme/user", nil, 200).JSON())
	h.sends(h.root, "PUT", "/-/org/bob/user", dict{"user": "ann", "role": "owner"}, 409) // an account's name
	h.sends(h.root, "PUT", "/-/org/ACME/user", dict{"user": "ann", "role": "owner"}, 400)
	h.sends("", "PUT", "/-/user/org.couchdb.user:acme", dict{"name": "acme", "password": "an open door"}, 409)

	h.publish(h.bob, "@acme/mine", "1.0.0")
	h.sends(h.bob, "DELETE", members, dict{"user": "bob"}, 204)
	require.Equal(t, dict{"ann": "owner"}, h.sends(h.ann, "GET", members, nil, 200).JSON())
	h.sends(h.bob, "PUT", "/@acme%2fmine", publishing("@acme/mine", "1.1.0", sampleTarball(t, "@acme/mine", "1.1.0", 5)), 403)
	owned := h.sends(h.ann, "GET", "/@acme%2fmine?write=true", nil, 200).JSON()
	h.sends(h.ann, "PUT", "/-/package/@acme%2fmine/owners", dict{"user": "ann"}, 200)
	h.sends(h.ann, "DELETE", "/-/package/@acme%2fmine/owners/bob", nil, 200)
	require.Contains(t, h.sends(h.ann, "PUT", "/-/package/@acme%2fmine/owners", dict{"user": "bob"}, 403).JSON()["error"], "npm org set acme bob")
	require.Len(t, owned["maintainers"], 1)
}

func TestTeams(t *testing.T) {
	h := open(t)
	cyd := acme(h)
	require.JSONEq(t, `["acme:developers"]`, string(h.sends(h.bob, "GET", "/-/org/acme/team?format=cli", nil, 200).Body))
	require.JSONEq(t, `["ann","bob"]`, string(h.sends(h.bob, "GET", "/-/team/acme/developers/user?format=cli", nil, 200).Body))
	require.Equal(t, dict{"@acme/open": "write", "@acme/secret": "write"}, h.sends(h.bob, "GET", "/-/team/acme/developers/package", nil, 200).JSON())
	for _, c := range []struct {
		token, method, path string
		body                any
		status              int
	}{
		{"", "GET", "/-/org/acme/team", nil, 401}, {cyd, "GET", "/-/org/acme/team", nil, 403}, {h.ann, "GET", "/-/org/nothing/team", nil, 404},
		{"", "PUT", "/-/org/acme/team", dict{"name": "docs"}, 401}, {h.bob, "PUT", "/-/org/acme/team", dict{"name": "docs"}, 403},
		{h.ann, "PUT", "/-/org/acme/team", dict{"name": "DOCS"}, 400}, {h.ann, "PUT", "/-/org/acme/team", dict{"name": "docs", "description": strings.Repeat("x", 1001)}, 400},
		{h.ann, "PUT", "/-/org/acme/team", dict{"name": "docs", "description": "who writes"}, 201},
		{h.ann, "PUT", "/-/org/acme/team", dict{"name": "docs"}, 409}, {h.ann, "PUT", "/-/org/acme/team", dict{"name": "developers"}, 409},
		{h.ann, "PUT", "/-/team/acme/docs/user", dict{"user": "cyd"}, 404}, {h.ann, "PUT", "/-/team/acme/none/user", dict{"user": "bob"}, 404},
		{h.bob, "PUT", "/-/team/acme/docs/user", dict{"user": "bob"}, 403}, {"", "PUT", "/-/team/acme/docs/user", dict{"user": "bob"}, 401},
		{h.ann, "PUT", "/-/team/acme/docs/user", dict{"user": "bob"}, 201}, {h.ann, "GET", "/-/team/acme/docs/user", nil, 200},
		{h.ann, "PUT", "/-/team/acme/docs/package", dict{"package": "@acme/open", "permissions": "all"}, 400},
		{h.ann, "PUT", "/-/team/acme/docs/package", dict{"package": "@acme/nothing", "permissions": "read-only"}, 404},
		{h.ann, "PUT", "/-/team/acme/docs/package", dict{"package": "../x", "permissions": "read-only"}, 404},
		{h.bob, "PUT", "/-/team/acme/docs/package", dict{"package": "@acme/open", "permissions": "read-only"}, 403},
		{cyd, "PUT", "/-/team/acme/docs/package", dict{"package": "@acme/secret", "permissions": "read-only"}, 404},
		{"", "PUT", "/-/team/acme/docs/package", dict{"package": "@acme/open", "permissions": "read-only"}, 401},
		{h.ann, "PUT", "/-/team/acme/docs/package", dict{"package": "@acme/secret", "permissions": "read-only"}, 201},
		{h.ann, "DELETE", "/-/team/acme/developers/package", dict{"package": "@acme/secret"}, 204},
		{h.ann, "DELETE", "/-/team/acme/developers/package", dict{"package": "@acme/secret"}, 404},
		{h.bob, "GET", "/@acme%2fsecret", nil, 200}, {h.bob, "PUT", "/-/package/@acme%2fsecret/dist-tags/next", "1.0.0", 403},
		{h.bob, "PUT", "/-/package/@acme%2fopen/dist-tags/next", "1.0.0", 201}, {h.bob, "POST", "/-/package/@acme%2fopen/access", dict{"access": "restricted"}, 403},
		{h.ann, "DELETE", "/-/team/acme/docs/user", dict{"user": "bob"}, 200}, {h.bob, "GET", "/@acme%2fsecret", nil, 404},
		{h.bob, "PUT", "/-/package/@acme%2fsecret/dist-tags/next", "1.0.0", 404},
		{h.ann, "DELETE", "/-/team/acme/developers", nil, 403}, {h.bob, "DELETE", "/-/team/acme/docs", nil, 403}, {"", "DELETE", "/-/team/acme/docs", nil, 401},
		{h.ann, "DELETE", "/-/team/acme/docs", nil, 200}, {h.ann, "GET", "/-/team/acme/docs/package", nil, 404},
	} {
		h.sends(c.token, c.method, c.path, c.body, c.status)
	}
	// A team writes, but does not change who reads.
	open := publishing("@acme/open", "1.1.0", sampleTarball(t, "@acme/open", "1.1.0", 5))
	open["access"] = "restricted"
	h.sends(h.bob, "PUT", "/@acme%2fopen", open, 403)
	open["access"] = "public"
	h.sends(h.bob, "PUT", "/@acme%2fopen", open, 201)
}

func TestAccess(t *testing.T) {
	h := open(t)
	cyd := acme(h)
	const path = "/-/package/@acme%2fopen/access"
	for _, c := range []struct {
		token  string
		body   any
		status int
	}{
		{"", dict{"access": "restricted"}, 401}, {cyd, dict{"access": "restricted"}, 403}, {h.bob, dict{"publish_requires_tfa": true}, 403},
		{h.ann, dict{"access": "secret"}, 400}, {h.ann, dict{"access": "restricted"}, 200}, {cyd, dict{"access": "public"}, 404}, {h.ann, dict{}, 200},
	} {
		h.sends(c.token, "POST", path, c.body, c.status)
	}
	h.sends(cyd, "GET", "/@acme%2fopen", nil, 404)
	require.Equal(t, "restricted", h.sends(h.ann, "GET", path, nil, 200).JSON()["access"])
	require.Equal(t, dict{"public": false}, h.sends(h.ann, "GET", "/-/package/@acme%2fopen/visibility", nil, 200).JSON())
	h.sends(h.ann, "POST", path, dict{"access": "public"}, 200)
	h.sends(cyd, "GET", "/@acme%2fopen", nil, 200)
	h.publish(h.ann, "plain", "1.0.0")
	h.sends(h.ann, "POST", "/-/package/plain/access", dict{"access": "restricted"}, 400)
	h.sends(h.ann, "POST", "/-/package/nothing/access", dict{"access": "public"}, 404)

	asks := func(requires, overrides bool) {
		t.Helper()
		want := dict{"access": "public", "publish_requires_tfa": requires, "automation_token_overrides_tfa": overrides}
		require.Equal(t, want, h.sends(h.ann, "GET", path, nil, 200).JSON())
		doc, err := h.load(t.Context(), "@acme/open")
		require.NoError(t, err)
		f := facts("@acme/open", doc)
		require.Equal(t, []bool{requires, overrides}, []bool{f.RequiresTFA, f.AutomationOverrides})
	}
	asks(false, false)
	h.sends(h.ann, "POST", path, dict{"publish_requires_tfa": true, "automation_token_overrides_tfa": true}, 200)
	asks(true, true)
	h.sends(h.ann, "POST", path, dict{"publish_requires_tfa": false}, 403) // she has no second factor: nor has who took her token
	h.publish(h.root, "@acme/open", "1.0.1")
	h.sends(h.root, "POST", path, dict{"automation_token_overrides_tfa": false}, 200)
	asks(true, false)
	rev := h.sends(h.ann, "GET", "/@acme%2fopen?write=true", nil, 200).JSON()["_rev"].(string)
	require.NotContains(t, string(h.sends(h.ann, "GET", "/@acme%2fopen?write=true", nil, 200).Body), "tfa")
	h.sends(h.root, "DELETE", "/@acme%2fopen/-rev/"+rev, nil, 200)
	doc, err := h.load(t.Context(), "@acme/open")
	require.NoError(t, err)
	require.True(t, doc.tfa().requires, "a tombstone keeps it")
	require.Equal(t, dict{"access": "public"}, h.sends("", "GET", "/-/package/plain/access", nil, 200).JSON())
}

func TestCollaborators(t *testing.T) {
	h := open(t)
	cyd := acme(h)
	h.adduser("dan")
	h.sends(h.ann, "PUT", "/-/org/acme/user", dict{"user": "dan"}, 201)
	h.sends(h.ann, "PUT", "/-/org/acme/team", dict{"name": "readers"}, 201)
	h.sends(h.ann, "PUT", "/-/team/acme/readers/user", dict{"user": "dan"}, 201)
	h.sends(h.ann, "DELETE", "/-/team/acme/developers/user", dict{"user": "dan"}, 200)
	h.sends(h.ann, "PUT", "/-/team/acme/readers/package", dict{"package": "@acme/secret", "permissions": "read-only"}, 201)
	const path = "/-/package/@acme%2fsecret/collaborators"
	require.Equal(t, dict{"ann": "write", "bob": "write", "dan": "read"}, h.sends(h.bob, "GET", path, nil, 200).JSON())
	require.Equal(t, dict{"dan": "read"}, h.sends(h.bob, "GET", path+"?user=dan&format=cli", nil, 200).JSON())
	h.sends(cyd, "GET", path, nil, 404)
	h.sends("", "GET", path, nil, 404)
	require.Equal(t, dict{"ann": "write"}, h.sends(cyd, "GET", "/-/package/@acme%2fopen/collaborators", nil, 200).JSON(), "who is in the organisation is for members")
	list := h.do("GET", path, h.bob, nil, "User-Agent", "pnpm/11.1.0 npm/? node/v24")
	require.Equal(t, 200, list.Status)
	require.JSONEq(t, `[{"user":"ann","username":"ann","email":"ann@example.com","permissions":"write"},{"user":"bob","username":"bob","email":"bob@example.com","permissions":"write"},
		{"user":"dan","username":"dan","email":"dan@example.com","permissions":"read"}]`, string(list.Body))
}

// TestNewScoped is who reads a new package whose publisher does not say.
func TestNewScoped(t *testing.T) {
	h := open(t, func(_ *couch.Options, o *Options) { o.NewScoped = "restricted" })
	h.publish(h.bob, "@bob/p", "1.0.0")
	h.publish(h.bob, "p", "1.0.0")
	open := publishing("@bob/open", "1.0.0", sampleTarball(t, "@bob/open", "1.0.0", 5))
	open["access"] = "public"
	h.sends(h.bob, "PUT", "/@bob%2fopen", open, 201)
	for path, status := range map[string]int{"/@bob%2fp": 404, "/p": 200, "/@bob%2fopen": 200} {
		h.sends(h.ann, "GET", path, nil, status)
		h.sends(h.bob, "GET", path, nil, 200)
	}
	h.sends(h.bob, "POST", "/-/package/@bob%2fp/access", dict{"access": "public"}, 200)
	h.publish(h.bob, "@bob/p", "1.1.0") // it stays as it is
	h.sends(h.ann, "GET", "/@bob%2fp", nil, 200)
}

// TestInvisible asks everything that names packages: who may not read one hears nothing of it, nor
// of how many there are, and of one that is not there the same.
func TestInvisible(t *testing.T) {
	h := open(t, searching(t))
	cyd := acme(h)
	star := h.sends(h.ann, "GET", "/@acme%2fsecret?write=true", nil, 200).JSON()
	h.sends(h.ann, "PUT", "/@acme%2fsecret", dict{"_id": "@acme/secret", "_rev": star["_rev"], "users": dict{"ann": true}}, 201)
	h.sends(h.ann, "PUT", "/-/user/v1/star", dict{"name": "@acme/open", "package": "@acme/open"}, 200)
	h.sends(h.ann, "PUT", "/-/package/@acme%2fsecret/owners", dict{"user": "bob"}, 200)
	h.found()
	for _, who := range []string{"", cyd} {
		for _, path := range []string{"/P", "/P?write=true", "/P/1.0.0", "/P/latest", "/P/-/secret-1.0.0.tgz", "/-/package/P/dist-tags", "/-/package/P/visibility", "/-/package/P/access", "/-/package/P/collaborators"} {
			at := func(name string) reply {
				return h.do("GET", strings.ReplaceAll(path, "P", name), who, nil, "Accept", abbreviatedAccept)
			}
			got, absent := at("@acme%2fsecret"), at("@acme%2fabsent")
			require.Equal(t, 404, got.Status, path)
			require.Equal(t, string(absent.Body), string(got.Body), path)
			for _, header := range []string{"Cache-Control", "Etag", "Vary", "Content-Type", "Npm-Notice"} {
				require.Equal(t, absent.Header[header], got.Header[header], path)
			}
		}
		for _, query := range []string{"text=@acme", "text=%40acme%2fsec", "text=secret&size=0", "text=@acme&size=0", "text=maintainer:ann", "text=maintainer:bob&size=0", "text=scope:acme", "text=keywords:sample&size=1"} {
			found := h.sends(who, "GET", "/-/v1/search?"+query, nil, 200)
			require.NotContains(t, string(found.Body), "secret", query)
			require.LessOrEqual(t, found.JSON()["total"], 1.0, query)
		}
		for _, path := range []string{"/-/_view/starredByUser?key=" + url.QueryEscape(`"ann"`), "/-/user/ann/stars"} {
			found := string(h.sends(who, "GET", path, nil, 200).Body)
			require.NotContains(t, found, "secret", path)
			require.Contains(t, found, "@acme/open", path)
		}
	}
	for _, path := range []string{"/-/org/acme/package", "/-/user/ann/package", "/-/user/bob/package"} {
		h.sends("", "GET", path, nil, 401)
		require.NotContains(t, string(h.sends(cyd, "GET", path, nil, 200).Body), "secret", path)
		require.Contains(t, string(h.sends(h.bob, "GET", path, nil, 200).Body), `"@acme/secret":"write"`, path)
	}
	for _, c := range []struct {
		method, path string
		body         any
	}{
		{"PUT", "/-/package/P/dist-tags/next", "1.0.0"}, {"DELETE", "/-/package/P/dist-tags/next", nil}, {"POST", "/-/package/P/dist-tags", dict{"next": "1.0.0"}},
		{"POST", "/-/package/P/access", dict{"access": "public"}}, {"PUT", "/-/package/P/owners", dict{"user": "cyd"}}, {"DELETE", "/-/package/P/owners/ann", nil},
		{"DELETE", "/P/-rev/1-0", nil}, {"DELETE", "/P/-/secret-1.0.0.tgz/-rev/1-0", nil}, {"PUT", "/P", dict{"users": dict{"cyd": true}}},
		{"PUT", "/P/-rev/1-0", dict{"maintainers": []dict{{"name": "cyd"}}}}, {"PUT", "/P/next", "1.0.0"},
		{"PUT", "/P", publishing("@acme/secret", "2.0.0", sampleTarball(t, "@acme/secret", "2.0.0", 5))},
	} {
		ask := func(name string) reply { return h.do(c.method, strings.ReplaceAll(c.path, "P", name), cyd, c.body) }
		got, absent := ask("@acme%2fsecret"), ask("@acme%2fabsent")
		require.Equal(t, absent.Status, got.Status, "%s %s", c.method, c.path)
		require.Equal(t, strings.ReplaceAll(string(absent.Body), "absent", "secret"), string(got.Body), "%s %s", c.method, c.path)
	}
	h.sends(h.bob, "GET", "/@acme%2fsecret", nil, 200)
	// An unpublished one is as invisible.
	rev := h.sends(h.ann, "GET", "/@acme%2fsecret?write=true", nil, 200).JSON()["_rev"].(string)
	h.sends(h.ann, "DELETE", "/@acme%2fsecret/-rev/"+rev, nil, 200)
	require.Equal(t, string(h.sends(cyd, "GET", "/@acme%2fabsent", nil, 404).Body), string(h.sends(cyd, "GET", "/@acme%2fsecret", nil, 404).Body))
	require.Contains(t, string(h.sends(h.ann, "GET", "/@acme%2fsecret", nil, 404).Body), "unpublished")
}

// TestGranularToken has the registry ask what a token is for.
func TestGranularToken(t *testing.T) {
	h := open(t)
	acme(h)
	h.publish(h.ann, "plain", "1.0.0")
	limited := auth.Identity{Name: "ann", Token: &auth.Token{Kind: auth.TokenGranular, Packages: []string{"plain"}, Permission: auth.ReadWrite}}
	for _, c := range []struct {
		act  auth.Act
		name PackageName
		kind auth.Kind
	}{
		{auth.Publish, "plain", ""}, {auth.Own, "plain", ""}, {auth.Read, "@acme/open", ""}, {auth.Tag, "@acme/open", auth.Forbidden},
		{auth.Read, "@acme/secret", auth.NotFound}, {auth.Publish, "fresh", auth.Forbidden}, {auth.Star, "@acme/open", auth.Forbidden},
	} {
		doc, err := h.load(t.Context(), c.name)
		require.NoError(t, err)
		err = h.may(t.Context(), limited, c.act, c.name, doc)
		if c.kind == "" {
			require.NoError(t, err, "%v %s", c.act, c.name)
			continue
		}
		require.ErrorIs(t, err, &auth.Error{Kind: c.kind}, "%v %s", c.act, c.name)
	}
}

func TestStarsOfPnpm(t *testing.T) {
	h := open(t)
	cyd := acme(h)
	h.sends("", "PUT", "/-/user/v1/star", dict{"package": "@acme/open"}, 401)
	h.sends("", "GET", "/-/user/v1/star", nil, 401)
	h.sends(cyd, "PUT", "/-/user/v1/star", dict{"name": "@acme/secret", "package": "@acme/secret"}, 404)
	h.sends(cyd, "PUT", "/-/user/v1/star", dict{"package": "nothing"}, 404)
	for range 2 {
		h.sends(cyd, "PUT", "/-/user/v1/star", dict{"name": "@acme/open", "package": "@acme/open"}, 200)
	}
	require.JSONEq(t, `["@acme/open"]`, string(h.sends(cyd, "GET", "/-/user/v1/star", nil, 200).Body))
	h.sends(cyd, "DELETE", "/-/user/v1/star", dict{"name": "@acme/open", "package": "@acme/open"}, 200)
	require.JSONEq(t, `[]`, string(h.sends(cyd, "GET", "/-/user/cyd/stars", nil, 200).Body))
}

// TestOrgsAreRecorded has the audit log tell who did what to an organisation, and who tried.
func TestOrgsAreRecorded(t *testing.T) {
	h := open(t)
	cyd := acme(h)
	h.sends(cyd, "PUT", "/-/org/acme/user", dict{"user": "cyd", "role": "owner"}, 403)
	h.sends(h.ann, "PUT", "/-/org/acme/team", dict{"name": "docs"}, 201)
	h.sends(h.ann, "PUT", "/-/team/acme/docs/user", dict{"user": "bob"}, 201)
	h.sends(h.ann, "PUT", "/-/team/acme/docs/package", dict{"package": "@acme/open", "permissions": "read-only"}, 201)
	h.sends(h.bob, "DELETE", "/-/team/acme/docs/package", dict{"package": "@acme/open"}, 403)
	h.sends(h.ann, "DELETE", "/-/team/acme/docs/user", dict{"user": "bob"}, 200)
	h.sends(h.ann, "DELETE", "/-/team/acme/docs", nil, 200)
	h.sends(h.ann, "POST", "/-/package/@acme%2fopen/access", dict{"access": "restricted"}, 200)
	h.sends(h.ann, "PUT", "/-/package/@acme%2fopen/owners", dict{"user": "bob"}, 200)
	h.sends(h.ann, "DELETE", "/-/org/acme/user", dict{"user": "bob"}, 204)
	var list []string
	for _, line := range h.recorded(audit.Filter{}) {
		if !strings.HasPrefix(line, "log") && !strings.HasPrefix(line, "signup") && !strings.HasPrefix(line, "package.publish") {
			list = append(list, line)
		}
	}
	require.Equal(t, []string{
		"org.create root on acme", "org.member ann on acme", "org.member cyd on acme!", "team.create ann on acme:docs", "team.member ann on acme:docs",
		"team.package ann @acme/open@ on acme:docs", "team.package bob @acme/open@ on acme:docs!", "team.remove ann on acme:docs", "team.delete ann on acme:docs",
		"package.access ann @acme/open@", "package.owner ann @acme/open@", "org.remove ann on acme",
	}, list)
}
