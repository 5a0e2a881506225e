package registry

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"settee/auth"
)

const tokensPath = "/-/npm/v1/tokens"

func TestTokenForms(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	days := func(n int) time.Time { return now.Add(time.Duration(n) * 24 * time.Hour) }
	for body, want := range map[string]auth.Token{
		`{"password":"x","readonly":false,"cidr_whitelist":[]}`:            {Kind: auth.TokenClassic},
		`{"password":"x","readonly":true,"cidr_whitelist":["10.0.0.0/8"]}`: {Kind: auth.TokenClassic, ReadOnly: true, CIDR: []string{"10.0.0.0/8"}},
		`{"automation":true}`:                                                                                                             {Kind: auth.TokenAutomation},
		`{"name":"ci","packages":["b","a","b"]}`:                                                                                          {Kind: auth.TokenGranular, Name: "ci", Packages: []string{"a", "b"}, Permission: auth.ReadOnly, Expires: days(30)},
		`{"name":"ci","packages_all":true,"bypass_2fa":true,"expires":3}`:                                                                 {Kind: auth.TokenGranular, Name: "ci", PackagesAll: true, BypassTFA: true, Permission: auth.ReadOnly, Expires: days(3)},
		`{"name":"ci","packages":["*"],"packages_and_scopes_permission":"read-write","expires":90}`:                                       {Kind: auth.TokenGranular, Name: "ci", Packages: []string{}, PackagesAll: true, Permission: auth.ReadWrite, Expires: days(90)},
		`{"name":"ci","token_description":"d","scopes":["acme","@b"],"cidr":["192.0.2.1"]}`:                                               {Kind: auth.TokenGranular, Name: "ci", Description: "d", Scopes: []string{"@b", "@acme"}, CIDR: []string{"192.0.2.1"}, Permission: auth.ReadOnly, Expires: days(30)},
		`{"name":"ci","orgs":["@acme"],"orgs_permission":"read-write","expires":"2026-03-31"}`:                                            {Kind: auth.TokenGranular, Name: "ci", Orgs: []string{"acme"}, OrgsPermission: auth.ReadWrite, Expires: time.Date(2026, 3, 31, 0, 0, 0, 0, time.UTC)},
		`{"name":"ci","readonly":true,"packages_all":true,"packages_and_scopes_permission":"read-only","expires":"2030-01-01T00:00:00Z"}`: {Kind: auth.TokenGranular, Name: "ci", ReadOnly: true, PackagesAll: true, Permission: auth.ReadOnly, Expires: time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)},
		`{"name":"ci","packages":["a"],"packages_and_scopes_permission":"read-write-stage-only"}`:                                         {Kind: auth.TokenGranular, Name: "ci", Packages: []string{"a"}, Permission: auth.StageOnly, Expires: days(30)},
	} {
		var sent tokenRequest
		require.NoError(t, json.Unmarshal([]byte(body), &sent))
		got, err := sent.token(now)
		require.NoError(t, err, body)
		if len(got.Packages) == 0 && len(want.Packages) == 0 {
			got.Packages, want.Packages = nil, nil
		}
		require.Equal(t, want, got, body)
	}
	many := func(n int) string {
		raw, _ := json.Marshal(strings.Split(strings.TrimSuffix(strings.Repeat("p%d ", n), " "), " "))
		names := bytes.Split(raw, []byte("%d"))
		var out []byte
		for i, part := range names {
			out = append(out, part...)
			if i < n {
				out = fmt.Append(out, i)
			}
		}
		return string(out)
	}
	for body, want := range map[string]string{
		`{}`:                            "Token name is required",
		`{"name":null,"password":"x"}`:  "Token name is required",
		`{"name":7,"packages":["a"]}`:   "Token name is required",
		`{"name":"ci","packages":"a"}`:  "Packages must be an array",
		`{"name":"ci","packages":[7]}`:  "Packages must be an array",
		`{"name":"ci","packages":[""]}`: "Packages must be an array",
		`{"name":"ci","scopes":{}}`:     "Scopes must be an array",
		`{"name":"ci","orgs":"a"}`:      "Organizations must be an array",
		`{"name":"ci","cidr":7}`:        "CIDR ranges must be an array",
		`{"name":"ci","packages":["a"],"packages_and_scopes_permission":"all"}`: "Invalid packages_and_scopes_permission. Must be one of: no-access, read-only, read-write, read-write-stage-only",
		`{"name":"ci","orgs":["a"],"orgs_permission":"owner"}`:                  "Invalid orgs_permission. Must be one of: no-access, read-only, read-write",
		`{"name":"ci","orgs":["a"],"orgs_permission":"read-write-stage-only"}`:  "Invalid orgs_permission. Must be one of: no-access, read-only, read-write",
		`{"name":"ci"}`: "You must have at least one package / scope or organization added to this token.",
		`{"name":"ci","packages":[],"scopes":[],"orgs":[]}`:                                         "You must have at least one package / scope or organization added to this token.",
		`{"name":"ci","packages":["a"],"orgs_permission":"read-only"}`:                              "You must select at least one organization to grant access to organizations.",
		`{"name":"ci","orgs":["a"],"packages_and_scopes_permission":"read-write"}`:                  "You must select at least one package or scope to grant access to packages and scopes.",
		`{"name":"ci","packages":["a"],"packages_and_scopes_permission":"read-write","expires":91}`: "Read-write tokens cannot have expiration longer than 90 days",
		`{"name":"ci","orgs":["a"],"orgs_permission":"read-write","expires":"2026-12-31"}`:          "Read-write tokens cannot have expiration longer than 90 days",
		`{"name":"ci","packages":["a"],"expires":0}`:                                                "Invalid expires: it must be days, at least 1, or a date",
		`{"name":"ci","packages":["a"],"expires":1.5}`:                                              "Invalid expires: it must be days, at least 1, or a date",
		`{"name":"ci","packages":["a"],"expires":1e300}`:                                            "Invalid expires: it must be days, at least 1, or a date",
		`{"name":"ci","packages":["a"],"expires":"soon"}`:                                           "Invalid expires: it must be days, at least 1, or a date in the future",
		`{"name":"ci","packages":["a"],"expires":"2020-01-01"}`:                                     "Invalid expires: it must be days, at least 1, or a date in the future",
		`{"name":"ci","packages":["a"],"expires":"2099-01-01"}`:                                     "Invalid expires: it must be within ten years",
		`{"readonly":true,"cidr_whitelist":["10.0.0.0/33"]}`:                                        "CIDR whitelist contains invalid CIDR entry: 10.0.0.0/33",
		`{"name":"ci","packages":` + many(51) + `}`:                                                 "A token may be for at most 50 packages and scopes, and 50 organizations",
		`{"name":"` + strings.Repeat("x", 256) + `","packages":["a"]}`:                              "Token name and description must be at most 255 bytes long",
	} {
		var sent tokenRequest
		require.NoError(t, json.Unmarshal([]byte(body), &sent), body)
		_, err := sent.token(now)
		require.EqualError(t, err, want, body)
	}
}

func FuzzTokenRequest(f *testing.F) {
	f.Add([]byte(`{"name":"ci","packages":["a"],"scopes":["@b"],"orgs":["c"],"packages_and_scopes_permission":"read-write","orgs_permission":"read-only","expires":7,"cidr":["10.0.0.0/8"],"bypass_2fa":true}`))
	f.Add([]byte(`{"password":"x","readonly":true,"cidr_whitelist":null,"expires":"2026-04-01T00:00:00Z"}`))
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	f.Fuzz(func(t *testing.T, raw []byte) {
		var sent tokenRequest
		if json.Unmarshal(raw, &sent) != nil {
			return
		}
		token, err := sent.token(now)
		if err != nil {
			return
		}
		require.Contains(t, []auth.TokenKind{auth.TokenClassic, auth.TokenAutomation, auth.TokenGranular}, token.Kind)
		if token.Kind == auth.TokenGranular {
			require.True(t, token.Expires.After(now))
			require.True(t, token.PackagesAll || len(token.Packages)+len(token.Scopes)+len(token.Orgs) > 0)
			require.True(t, token.Permission != auth.ReadWrite || !token.Expires.After(now.Add(mostWriting)))
		}
		for _, one := range token.CIDR {
			_, errP := netip.ParsePrefix(one)
			_, errA := netip.ParseAddr(one)
			require.True(t, errP == nil || errA == nil)
		}
	})
}

func TestTokens(t *testing.T) {
	h := open(t)
	require.Equal(t, 401, h.do("GET", tokensPath, "", nil).Status)
	require.Equal(t, 401, h.do("POST", tokensPath, "", dict{}).Status)
	before := h.do("GET", tokensPath, h.bob, nil).JSON()
	require.EqualValues(t, 1, before["total"])
	require.Equal(t, dict{}, before["urls"])

	wrong := h.do("POST", tokensPath, h.bob, dict{"password": "not-bob's", "readonly": true, "cidr_whitelist": []any{}})
	require.Equal(t, 401, wrong.Status)
	require.Equal(t, "Invalid password", wrong.JSON()["error"])
	require.Equal(t, `Basic realm="settee"`, wrong.Header.Get("WWW-Authenticate"))

	res := h.do("POST", tokensPath, h.bob, dict{"password": "secret-bob", "readonly": true, "cidr_whitelist": []any{"127.0.0.0/8"}})
	require.Equal(t, 201, res.Status, "%s", res.Body)
	classic := res.JSON()
	require.Regexp(t, "^npm_[0-9A-Za-z]{36}$", classic["token"])
	require.Regexp(t, "^[0-9a-f]{128}$", classic["key"])
	require.Equal(t, []any{"127.0.0.0/8"}, classic["cidr_whitelist"])
	require.Equal(t, true, classic["readonly"])
	require.Equal(t, "no-store", res.Header.Get("Cache-Control"))
	h.clock.Pass(time.Second)

	res = h.do("POST", tokensPath, h.bob, dict{"name": "ci", "password": "secret-bob", "packages": []any{"left-hand"}, "scopes": []any{"@acme"}, "packages_and_scopes_permission": "read-write", "expires": 5, "bypass_2fa": true})
	require.Equal(t, 201, res.Status, "%s", res.Body)
	granular := res.JSON()
	require.Regexp(t, "^[0-9a-f-]{36}$", granular["key"])
	require.Equal(t, granular["expiry"], granular["expires"])
	require.Equal(t, []any{map[string]any{"name": "package", "action": "write"}}, granular["permissions"])
	require.Equal(t, []any{map[string]any{"type": "package", "name": "left-hand"}, map[string]any{"type": "scope", "name": "@acme"}}, granular["scopes"])

	list := h.do("GET", tokensPath, h.bob, nil).JSON()
	require.EqualValues(t, 3, list["total"])
	objects := list["objects"].([]any) // in their order but for those of one millisecond
	at := slices.IndexFunc(objects, func(o any) bool { return o.(map[string]any)["key"] == granular["key"] })
	require.Positive(t, at)
	last := objects[at].(map[string]any)
	require.Equal(t, granular["token"].(string)[:8], last["token"], "npm compares what is revoked with its beginning")
	require.NotContains(t, string(h.do("GET", tokensPath, h.bob, nil).Body), classic["token"].(string)[:12])
	var names []any
	for at := tokensPath + "?perPage=2"; at != ""; {
		page := h.do("GET", at, h.bob, nil).JSON()
		names = append(names, page["objects"].([]any)...)
		at, _ = page["urls"].(map[string]any)["next"].(string)
	}
	require.Equal(t, list["objects"], any(names))
	for _, bad := range []string{"perPage=0", "perPage=x", "page=-1&perPage=-1", "perPage=10001", "page=99999999999999999999", "page=1000000000"} {
		require.Equal(t, 400, h.do("GET", tokensPath+"?"+bad, h.bob, nil).Status, bad)
	}

	// What it was made for is what it may: not to make more of itself.
	for _, token := range []string{classic["token"].(string), granular["token"].(string)} {
		require.Equal(t, 200, h.do("GET", "/-/whoami", token, nil).Status)
		require.Equal(t, 403, h.do("POST", tokensPath, token, dict{"password": "secret-bob", "readonly": false}).Status)
		require.Equal(t, 403, h.do("POST", "/-/npm/v1/user", token, dict{"email": "eve@example.com"}).Status)
		require.Equal(t, 403, h.do("DELETE", tokensPath+"/token/"+classic["key"].(string), token, nil).Status)
	}
	require.Contains(t, h.do("GET", "/-/whoami", granular["token"].(string), nil).Header.Get("npm-notice"), `Your token "ci" expires in 5 days`)
	require.Empty(t, h.do("GET", "/-/whoami", h.bob, nil).Header.Get("npm-notice"))

	require.Equal(t, 404, h.do("DELETE", tokensPath+"/token/"+granular["key"].(string), h.ann, nil).Status)
	require.Equal(t, 404, h.do("DELETE", tokensPath+"/token/npm_", h.bob, nil).Status)
	require.Equal(t, 204, h.do("DELETE", tokensPath+"/token/"+granular["key"].(string), h.bob, nil).Status)
	require.Equal(t, 204, h.do("DELETE", tokensPath+"/token/"+classic["token"].(string), h.bob, nil).Status)
	require.Equal(t, 404, h.do("DELETE", tokensPath+"/token/"+classic["key"].(string), h.bob, nil).Status)
	require.Equal(t, 401, h.do("GET", "/-/whoami", classic["token"].(string), nil).Status)
}

// A server admin makes, lists and ends the tokens of service accounts, and of nobody else.
func TestServiceAccounts(t *testing.T) {
	h := open(t)
	require.NoError(t, h.auth.RegisterService(context.Background(), "robot"))
	require.Equal(t, 401, h.do("PUT", "/-/user/org.couchdb.user:robot", "", dict{"name": "robot", "password": "", "email": "r@example.com"}).Status)
	make := func(user string) reply {
		return h.do("POST", tokensPath, h.root, dict{"user": user, "password": "secret-root", "name": "ci", "packages_all": true, "packages_and_scopes_permission": "read-write"})
	}
	require.Equal(t, 403, make("bob").Status)
	require.Equal(t, 404, make("nobody").Status)
	res := make("robot")
	require.Equal(t, 201, res.Status, "%s", res.Body)
	token := res.JSON()["token"].(string)
	require.Equal(t, "robot", h.do("GET", "/-/whoami", token, nil).JSON()["username"])
	h.publish(token, "made-by-robot", "1.0.0")
	require.EqualValues(t, 1, h.do("GET", tokensPath+"?user=robot", h.root, nil).JSON()["total"])
	require.Equal(t, 403, h.do("GET", tokensPath+"?user=robot", h.bob, nil).Status)
	require.Equal(t, 403, h.do("DELETE", tokensPath+"/token/"+token+"?user=robot", h.bob, nil).Status)
	require.Equal(t, 204, h.do("DELETE", tokensPath+"/token/"+token+"?user=robot", h.root, nil).Status)
}
