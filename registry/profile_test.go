package registry

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/pquerna/otp"
	authenticator "github.com/pquerna/otp/totp"
	"github.com/stretchr/testify/require"

	"settee/auth"
)

const profilePath = "/-/npm/v1/user"

// authenticates enables a second factor as npm does, and gives the codes of its authenticator, each
// once, and the recovery codes.
func (h *house) authenticates(token, password, mode string) (next func() string, recovery []any) {
	res := h.do("POST", profilePath, token, dict{"tfa": dict{"password": password, "mode": mode}})
	require.Equal(h.t, 200, res.Status, "%s", res.Body)
	key, err := otp.NewKeyFromURL(res.JSON()["tfa"].(string))
	require.NoError(h.t, err)
	require.Equal(h.t, map[string]any{"mode": mode, "pending": true}, h.do("GET", profilePath, token, nil).JSON()["tfa"])
	var last int64
	next = func() string { // a code is taken a step early and a step late: there are three, the oldest of which may be about to end
		now := time.Now().Unix()
		step := max(now/30-1, last+1)
		if step < now/30 && now%30 >= 20 {
			step = now / 30
		}
		time.Sleep(time.Until(time.Unix((step-1)*30, 0)))
		last = step
		code, err := authenticator.GenerateCode(key.Secret(), time.Unix(step*30, 0))
		require.NoError(h.t, err)
		return code
	}
	require.Equal(h.t, 400, h.do("POST", profilePath, token, dict{"tfa": []any{"12345"}}).Status)
	res = h.do("POST", profilePath, token, dict{"tfa": []any{next()}})
	require.Equal(h.t, 200, res.Status, "%s", res.Body)
	require.Equal(h.t, map[string]any{"mode": mode, "pending": false}, h.do("GET", profilePath, token, nil).JSON()["tfa"])
	return next, res.JSON()["tfa"].([]any)
}

// needsCode requires the challenge that makes npm ask for a code.
func (h *house) needsCode(res reply) {
	h.t.Helper()
	require.Equal(h.t, 401, res.Status, "%s", res.Body)
	require.Equal(h.t, "OTP", res.Header.Get("WWW-Authenticate"))
	require.Contains(h.t, res.JSON()["error"], "This operation requires a one-time password.")
}

func TestProfile(t *testing.T) {
	h := open(t)
	require.Equal(t, 401, h.do("POST", profilePath, "", dict{"email": "eve@example.com"}).Status)
	res := h.do("POST", profilePath, h.bob, dict{"email": "bob@example.org", "fullname": "Bob B.", "homepage": nil, "github": "bob", "twitter": nil, "freenode": nil})
	require.Equal(t, 200, res.Status, "%s", res.Body)
	profile := h.do("GET", profilePath, h.bob, nil).JSON()
	shown := dict{"name": "bob", "email": "bob@example.org", "email_verified": false, "fullname": "Bob B.", "github": "bob", "homepage": "", "tfa": false, "cidr_whitelist": nil}
	for name, want := range shown {
		require.Equal(t, want, profile[name], name)
	}
	for _, bad := range []dict{
		{"email": "nowhere"}, {"email": nil}, {"fullname": strings.Repeat("x", 513)}, {"github": "a\nb"}, {"homepage": 7},
		{"tfa": dict{"mode": "always", "password": "secret-bob"}}, {"tfa": dict{}}, {"tfa": []any{}}, {"tfa": []any{"1", "2"}}, {"tfa": 7}, {"tfa": []any{"123456"}},
		{"password": dict{"old": "secret-bob", "new": "short"}},
	} {
		require.Equal(t, 400, h.do("POST", profilePath, h.bob, bad).Status, "%v", bad)
	}
	require.Equal(t, profile, h.do("GET", profilePath, h.bob, nil).JSON(), "nothing of that was kept")

	wrong := h.do("POST", profilePath, h.bob, dict{"password": dict{"old": "wrong", "new": "another-secret"}})
	require.Equal(t, 401, wrong.Status)
	require.Equal(t, `Basic realm="settee"`, wrong.Header.Get("WWW-Authenticate"), "npm says that it was mistyped")
	require.Equal(t, 200, h.do("POST", profilePath, h.bob, dict{"password": dict{"old": "secret-bob", "new": "another-secret"}, "fullname": "Bob"}).Status)
	h.login("bob", "another-secret")
	require.Equal(t, 401, h.do("PUT", "/-/user/org.couchdb.user:bob", "", dict{"name": "bob", "password": "secret-bob"}).Status)
	require.Equal(t, "Bob", h.do("GET", profilePath, h.bob, nil).JSON()["fullname"], "tokens go on")
}

func TestTwoFactorOfNpm(t *testing.T) {
	h := open(t)
	require.Equal(t, 401, h.do("POST", profilePath, h.bob, dict{"tfa": dict{"password": "wrong", "mode": "auth-only"}}).Status)
	next, recovery := h.authenticates(h.bob, "secret-bob", "auth-only")
	require.Len(t, recovery, 5)
	h.publish(h.bob, "left-hand", "1.0.0") // auth-only

	login := func(headers ...string) reply {
		return h.do("PUT", "/-/user/org.couchdb.user:bob", "", dict{"name": "bob", "password": "secret-bob"}, headers...)
	}
	h.needsCode(login())
	h.needsCode(login("npm-otp", "000000x"))
	code := next()
	require.Equal(t, 201, login("npm-otp", code[:3]+" "+code[3:]).Status)
	h.needsCode(login("npm-otp", code))
	require.Equal(t, 201, login("npm-otp", recovery[0].(string)).Status)
	h.needsCode(login("npm-otp", recovery[0].(string)))

	create := dict{"password": "secret-bob", "readonly": false, "cidr_whitelist": []any{}}
	h.needsCode(h.do("POST", tokensPath, h.bob, create))
	res := h.do("POST", tokensPath, h.bob, create, "npm-otp", next())
	require.Equal(t, 201, res.Status, "%s", res.Body)
	key := res.JSON()["key"].(string)
	h.needsCode(h.do("DELETE", tokensPath+"/token/"+key, h.bob, nil))
	require.Equal(t, 204, h.do("DELETE", tokensPath+"/token/"+key, h.bob, nil, "npm-otp", recovery[1].(string)).Status)
	h.needsCode(h.do("POST", profilePath, h.bob, dict{"fullname": "Eve"}))
	h.needsCode(h.do("POST", profilePath, h.bob, dict{"password": dict{"old": "secret-bob", "new": "another-secret"}}))
	h.needsCode(h.do("POST", profilePath, h.bob, dict{"tfa": dict{"password": "secret-bob", "mode": "disable"}}))

	// The mode changes without a new authenticator.
	mode := dict{"tfa": dict{"password": "secret-bob", "mode": "auth-and-writes"}}
	h.needsCode(h.do("POST", profilePath, h.bob, mode))
	res = h.do("POST", profilePath, h.bob, mode, "npm-otp", recovery[2].(string))
	require.Equal(t, map[string]any{"mode": "auth-and-writes", "pending": false}, res.JSON()["tfa"])
	off := h.do("POST", profilePath, h.bob, dict{"tfa": dict{"password": "secret-bob", "mode": "disable"}}, "npm-otp", recovery[3].(string))
	require.Equal(t, 200, off.Status, "%s", off.Body)
	require.Equal(t, false, off.JSON()["tfa"])
	require.Equal(t, 201, login().Status)
}

// Every write of a package, an organisation or a team asks whose factor is for writes; stars and
// dist-tags but latest do not, and nothing was stored when it was asked.
func TestWritesAskForACode(t *testing.T) {
	h := open(t)
	h.publish(h.bob, "left-hand", "1.0.0")
	require.Less(t, h.do("PUT", "/-/user/v1/star", h.bob, dict{"package": "left-hand"}).Status, 300)
	_, recovery := h.authenticates(h.bob, "secret-bob", "auth-and-writes")
	packument := h.do("GET", "/left-hand?write=true", h.bob, nil).JSON()
	rev := packument["_rev"].(string)
	before, blobs := h.documents(), h.stored()
	tgz := sampleTarball(t, "left-hand", "1.0.1", 200)
	for _, c := range []struct {
		method, path string
		body         any
	}{
		{"PUT", "/left-hand", publishing("left-hand", "1.0.1", tgz)},
		{"PUT", "/new-one", publishing("new-one", "1.0.0", sampleTarball(t, "new-one", "1.0.0", 300))},
		{"PUT", "/left-hand", packument},
		{"PUT", "/left-hand/-rev/" + rev, dict{"_id": "left-hand", "_rev": rev, "maintainers": []any{dict{"name": "ann"}}}},
		{"PUT", "/left-hand/-rev/" + rev, packument},
		{"DELETE", "/left-hand/-rev/" + rev, nil},
		{"PUT", "/-/package/left-hand/dist-tags/latest", "1.0.0"},
		{"DELETE", "/-/package/left-hand/dist-tags/latest", nil},
		{"POST", "/-/package/left-hand/dist-tags", dict{"latest": "1.0.0"}},
		{"PUT", "/-/package/left-hand/dist-tags", dict{"latest": "1.0.0"}},
		{"POST", "/-/package/left-hand/access", dict{"access": "restricted"}},
		{"PUT", "/-/package/left-hand/owners", dict{"user": "ann"}},
		{"DELETE", "/-/package/left-hand/owners/ann", nil},
		{"PUT", "/-/org/acme/user", dict{"user": "ann", "role": "owner"}},
		{"DELETE", "/-/org/acme/user", dict{"user": "ann"}},
		{"PUT", "/-/org/acme/team", dict{"name": "docs"}},
		{"DELETE", "/-/team/acme/docs", nil},
		{"PUT", "/-/team/acme/docs/user", dict{"user": "ann"}},
		{"DELETE", "/-/team/acme/docs/user", dict{"user": "ann"}},
		{"PUT", "/-/team/acme/docs/package", dict{"package": "left-hand", "permissions": "read-write"}},
		{"DELETE", "/-/team/acme/docs/package", dict{"package": "left-hand"}},
	} {
		h.needsCode(h.do(c.method, c.path, h.bob, c.body))
		h.needsCode(h.do(c.method, c.path, h.bob, c.body, "npm-otp", "not a code"))
	}
	require.Equal(t, []int{before, blobs}, []int{h.documents(), h.stored()})
	require.Equal(t, rev, h.do("GET", "/left-hand?write=true", h.bob, nil).JSON()["_rev"])

	require.Equal(t, 201, h.do("PUT", "/-/package/left-hand/dist-tags/next", h.bob, "1.0.0").Status)
	require.Less(t, h.do("DELETE", "/-/user/v1/star", h.bob, dict{"package": "left-hand"}).Status, 300)
	res := h.do("PUT", "/left-hand", h.bob, publishing("left-hand", "1.0.1", tgz), "npm-otp", recovery[0].(string))
	require.Equal(t, 201, res.Status, "%s", res.Body)
	// The next package of the same command; then it is gone.
	require.Equal(t, 201, h.do("PUT", "/new-one", h.bob, publishing("new-one", "1.0.0", sampleTarball(t, "new-one", "1.0.0", 300)), "npm-otp", recovery[0].(string)).Status)
	h.needsCode(h.do("POST", profilePath, h.bob, dict{"fullname": "Eve"}, "npm-otp", recovery[0].(string)))

	// Automation.
	bypass, err := h.auth.IssueToken(context.Background(), "bob", auth.Token{Kind: auth.TokenGranular, PackagesAll: true, Permission: auth.ReadWrite, BypassTFA: true})
	require.NoError(t, err)
	h.publish(bypass, "left-hand", "1.0.2")
	access := func(requires, overrides bool) {
		res := h.do("POST", "/-/package/left-hand/access", h.root, dict{"publish_requires_tfa": requires, "automation_token_overrides_tfa": overrides})
		require.Equal(t, 200, res.Status, "%s", res.Body)
	}
	access(true, false)
	h.needsCode(h.do("PUT", "/left-hand", bypass, publishing("left-hand", "1.0.3", sampleTarball(t, "left-hand", "1.0.3", 100))))
	h.needsCode(h.do("PUT", "/-/package/left-hand/dist-tags/next", h.bob, "1.0.0"))
	access(true, true)
	h.publish(bypass, "left-hand", "1.0.3")
}

// What a package asks for is no way to find out that it is there.
func TestRequirementsOfInvisiblePackages(t *testing.T) {
	h := open(t)
	acme(h)
	eve := h.adduser("eve")
	require.Equal(t, 200, h.do("POST", "/-/package/@acme%2fopen/access", h.root, dict{"access": "restricted", "publish_requires_tfa": true}).Status)
	for _, c := range [][2]string{{"PUT", "/dist-tags/latest"}, {"DELETE", "/dist-tags/latest"}, {"PUT", "/owners"}} {
		var answers []string
		for _, name := range []string{"@acme%2fopen", "@acme%2fnothing"} {
			res := h.do(c[0], "/-/package/"+name+c[1], eve, dict{"user": "eve"})
			answers = append(answers, strings.ReplaceAll(http.StatusText(res.Status)+string(res.Body), "nothing", "open"))
		}
		require.Equal(t, answers[1], answers[0], "%v", c)
	}
}

// Where there are pages, a client that waits for them is told where.
func TestWebChallenge(t *testing.T) {
	h := open(t)
	h.authenticates(h.bob, "secret-bob", "auth-and-writes")
	body := publishing("left-hand", "1.0.0", sampleTarball(t, "left-hand", "1.0.0", 100))
	res := h.do("PUT", "/left-hand", h.bob, body, "npm-auth-type", "web")
	h.needsCode(res)
	page, _ := strings.CutPrefix(res.JSON()["authUrl"].(string), h.url+"/-/web/challenge/")
	poll, ok := strings.CutPrefix(res.JSON()["doneUrl"].(string), h.url)
	require.True(t, ok, "%s", res.Body)
	for _, method := range []string{"HEAD", "GET"} {
		done := h.do(method, poll, "npm_expired", nil)
		require.Equal(t, 202, done.Status)
		require.Equal(t, "1", done.Header.Get("Retry-After"))
	}
	h.needsCode(h.do("PUT", "/left-hand", h.bob, body, "npm-otp", page))
	require.ErrorIs(t, h.auth.PassChallenge(t.Context(), page, "ann"), auth.ErrTicket)
	require.NoError(t, h.auth.PassChallenge(t.Context(), page, "bob"))
	for range 2 { // an answer that got lost is asked for again
		require.Equal(t, dict{"token": page}, h.do("GET", poll, "", nil).JSON())
	}
	require.Equal(t, 201, h.do("PUT", "/left-hand", h.bob, body, "npm-otp", page).Status)
	require.Equal(t, 404, h.do("GET", poll, "", nil).Status)
	res = h.do("PUT", "/left-hand", h.bob, body)
	h.needsCode(res)
	require.NotContains(t, res.JSON(), "authUrl")
	res = h.do("PUT", "/-/user/org.couchdb.user:bob", "", dict{"name": "bob", "password": "secret-bob"}, "npm-auth-type", "web")
	h.needsCode(res)
	require.Contains(t, res.JSON()["authUrl"], h.url+"/-/web/challenge/")
}
