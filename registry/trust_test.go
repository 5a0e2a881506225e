package registry

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/require"

	"settee/auth"
	"settee/auth/audit"
	"settee/fixtures"
)

// building is a registry that believes id-tokens of a GitHub of the test's own.
func building(t testing.TB) (*house, *fixtures.Issuer) {
	issuer := fixtures.NewIssuer(t, "")
	return openTrusting(t, auth.OIDC{Audience: "npm:npm.example.com", Issuers: map[string]string{"github": issuer.URL}}), issuer
}

var forNPM = jwt.MapClaims{"aud": "npm:npm.example.com"}

func githubTrust(repository string, permissions ...string) []dict {
	return []dict{{"type": "github", "claims": dict{"repository": repository, "workflow_ref": dict{"file": "publish.yml"}}, "permissions": permissions}}
}

func TestTrust(t *testing.T) {
	h, _ := building(t)
	h.publish(h.bob, "p", "1.0.0")
	const path = "/-/package/p/trust"
	require.JSONEq(t, `[]`, string(h.do("GET", path, h.bob, nil).Body))
	for token, status := range map[string]int{"": 401, h.ann: 403} {
		require.Equal(t, status, h.do("GET", path, token, nil).Status)
		require.Equal(t, status, h.do("POST", path, token, githubTrust("bob/p", auth.MayPublish)).Status)
		require.Equal(t, status, h.do("DELETE", path+"/x", token, nil).Status)
	}
	require.Equal(t, 404, h.do("POST", "/-/package/none/trust", h.bob, githubTrust("bob/p", auth.MayPublish)).Status)

	made := h.do("POST", path, h.bob, githubTrust("bob/p", auth.MayPublish))
	require.Equal(t, 200, made.Status, "%s", made.Body)
	var list []dict
	require.NoError(t, json.Unmarshal(made.Body, &list))
	require.Len(t, list, 1)
	require.Equal(t, "bob/p", at(t, list[0], "claims", "repository"))
	require.Equal(t, "publish.yml", at(t, list[0], "claims", "workflow_ref", "file"))
	require.Equal(t, []any{"createPackage"}, list[0]["permissions"])
	require.Equal(t, 409, h.do("POST", path, h.bob, githubTrust("bob/p", auth.MayStage)).Status)
	require.JSONEq(t, string(made.Body), string(h.do("GET", path, h.bob, nil).Body))
	for _, bad := range []any{[]any{}, dict{}, "x", append(githubTrust("a/b"), githubTrust("c/d")...), githubTrust("bob"), githubTrust("bob/q", "all"), []dict{{"type": "gitlab"}}} {
		require.Equal(t, 400, h.do("POST", path, h.bob, bad).Status, "%v", bad)
	}
	require.Equal(t, 200, h.do("POST", path, h.bob, githubTrust("bob/q", auth.MayStage)[0]).Status, "not in a list")

	limited := h.token(h.bob, dict{"name": "ci", "packages": []string{"p"}, "packages_and_scopes_permission": "read-write", "password": "secret-bob"})
	require.Equal(t, 403, h.do("POST", path, limited, githubTrust("bob/more", auth.MayPublish)).Status, "a trust would outlive the token")

	id := list[0]["id"].(string)
	require.Equal(t, 404, h.do("DELETE", "/-/package/p/trust/none", h.bob, nil).Status)
	require.Equal(t, 204, h.do("DELETE", path+"/"+id, h.bob, nil).Status)
	require.Equal(t, 404, h.do("DELETE", path+"/"+id, h.bob, nil).Status)
	acts := map[audit.Act]int{}
	for _, e := range h.audits(audit.Filter{Package: "p"}) {
		acts[e.Act]++
	}
	require.Positive(t, acts[audit.PackageTrust])
	require.Positive(t, acts[audit.PackageDistrust])
}

func TestTrustedPublish(t *testing.T) {
	h, issuer := building(t)
	for _, name := range []string{"p", "@bob/q"} {
		h.publish(h.bob, name, "1.0.0")
		require.Equal(t, 200, h.do("POST", "/-/package/"+strings.Replace(name, "/", "%2f", 1)+"/trust", h.bob, githubTrust("bob/p", auth.MayPublish)).Status)
		path := "/-/npm/v1/oidc/token/exchange/package/" + strings.Replace(name, "/", "%2f", 1)
		idToken := issuer.Token(fixtures.GitHubJob("bob/p", "publish.yml", ""), forNPM)
		res := h.do("POST", path, idToken, nil)
		require.Equal(t, 201, res.Status, "%s", res.Body)
		require.Equal(t, "oidc", res.JSON()["token_type"])
		require.Contains(t, res.Header.Get("Npm-Notice"), "bob trusts this build of bob/p to publish "+name)
		require.Equal(t, "no-store", res.Header.Get("Cache-Control"))
		expires, err := time.Parse(time.RFC3339, res.JSON()["expires"].(string))
		require.NoError(t, err)
		require.WithinDuration(t, time.Now().Add(time.Hour), expires, time.Minute)
		require.Equal(t, 401, h.do("POST", path, idToken, nil).Status, "again")

		token := res.JSON()["token"].(string)
		h.publish(token, name, "1.0.1")
		by := at(t, h.do("GET", "/"+name, "", nil).JSON(), "versions", "1.0.1", "_npmUser").(dict)
		require.Equal(t, "bob", by["name"])
		require.Equal(t, "github", at(t, by, "trustedPublisher", "id"))
		require.Regexp(t, `^oidc:[0-9a-f-]{36}$`, at(t, by, "trustedPublisher", "oidcConfigId"))
		for method, path := range map[string]string{"PUT": "/-/package/" + name + "/dist-tags/next", "DELETE": "/-/package/" + name + "/dist-tags/latest", "POST": "/-/npm/v1/tokens"} {
			require.Contains(t, []int{401, 403}, h.do(method, path, token, "1.0.1").Status, path)
		}
		require.Equal(t, 403, h.do("PUT", "/other"+path[len(path)-1:], token, publishing("other"+path[len(path)-1:], "1.0.0", sampleTarball(t, "other"+path[len(path)-1:], "1.0.0", 10))).Status)
		res = h.do("GET", "/-/whoami", token, nil)
		require.Equal(t, "bob", res.JSON()["username"])
		require.Empty(t, res.Header.Get("npm-notice"), "its hour is no news")
	}
	for _, e := range h.audits(audit.Filter{Act: audit.TokenCreate}) {
		if e.Details["kind"] == "oidc" {
			require.Equal(t, "bob", e.By)
			require.Equal(t, "bob/p", e.Details["source"])
			return
		}
	}
	t.Fatal("no exchange is in the audit log")
}

func TestExchangeRefused(t *testing.T) {
	h, issuer := building(t)
	h.publish(h.bob, "p", "1.0.0")
	require.Equal(t, 200, h.do("POST", "/-/package/p/trust", h.bob, githubTrust("bob/p", auth.MayPublish)).Status)
	good := func() string { return issuer.Token(fixtures.GitHubJob("bob/p", "publish.yml", ""), forNPM) }
	for path, status := range map[string]int{"p": 401, "none": 401, "_x": 401} {
		res := h.do("POST", "/-/npm/v1/oidc/token/exchange/package/"+path, "", nil)
		require.Equal(t, status, res.Status)
		require.NotEmpty(t, res.JSON()["message"])
	}
	require.Equal(t, 404, h.do("POST", "/-/npm/v1/oidc/token/exchange/package/none", good(), nil).Status)
	require.Equal(t, 404, h.do("POST", "/-/npm/v1/oidc/token/exchange/package/_x", good(), nil).Status)
	require.Equal(t, 401, h.do("POST", "/-/npm/v1/oidc/token/exchange/package/p", "npm_1234", nil).Status)
	require.Equal(t, 401, h.do("POST", "/-/npm/v1/oidc/token/exchange/package/p", "", nil, "Authorization", "Basic "+good()).Status)
	other := issuer.Token(fixtures.GitHubJob("eve/p", "publish.yml", ""), forNPM)
	require.Equal(t, 404, h.do("POST", "/-/npm/v1/oidc/token/exchange/package/p", other, nil).Status)

	// Who trusts the build has lost the package.
	require.Equal(t, 2, h.do("PUT", "/-/package/p/owners", h.bob, dict{"user": "ann"}).Status/100)
	require.Equal(t, 2, h.do("DELETE", "/-/package/p/owners/bob", h.ann, nil).Status/100)
	require.Equal(t, 404, h.do("POST", "/-/npm/v1/oidc/token/exchange/package/p", good(), nil).Status)
}

func (h *house) audits(f audit.Filter) []audit.Entry {
	var list []audit.Entry
	for e, err := range audit.Query(context.Background(), h.client.DB(audit.Database), f) {
		require.NoError(h.t, err)
		list = append(list, e)
	}
	return list
}

// token makes a token, which must succeed.
func (h *house) token(as string, body dict) string {
	res := h.do("POST", "/-/npm/v1/tokens", as, body)
	require.Equal(h.t, 201, res.Status, "%s", res.Body)
	return res.JSON()["token"].(string)
}
