package web

import (
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/pquerna/otp"
	authenticator "github.com/pquerna/otp/totp"
	"github.com/stretchr/testify/require"

	"settee/auth"
)

func TestProfile(t *testing.T) {
	h := open(t)
	b := h.browser().signIn("ada")
	b.get("account").is(200, "ada@example.com")
	b.post("account", "email", "a@example.org", "fullname", `Ada <b>"Lovelace"`, "homepage", "javascript:alert(1)").is(200, "Your profile is saved.")
	a, err := h.auth.Account(t.Context(), "ada")
	require.NoError(t, err)
	require.Equal(t, "a@example.org", a.Email)
	require.Equal(t, `Ada <b>"Lovelace"`, a.FullName)
	b.post("account", "email", "nowhere", "fullname", "kept").is(400, "Email must be", `id="email-error"`, "kept")
	b.post("account", "email", "a@example.org", "fullname", strings.Repeat("x", 600)).is(400)
	root := h.browser()
	root.post("signin", "name", "root", "password", "secret-root").leads("account")
	root.get("account").is(200, "has no profile")
}

func TestPassword(t *testing.T) {
	h := open(t)
	b, other := h.browser().signIn("ada"), h.browser().signIn("ada")
	before := b.cookie()
	b.post("password", "old", "wrong", "password", "another-horse", "again", "another-horse").is(401, "This is not your password.")
	b.post("password", "old", password, "password", "short", "again", "short").is(400, "Password must be")
	b.post("password", "old", password, "password", "another-horse", "again", "another").is(400, "not the same")
	other.get("account").is(200)
	b.post("password", "old", password, "password", "another-horse", "again", "another-horse").is(200, "You have a new password")
	require.NotEqual(t, before, b.cookie())
	b.get("account").is(200)
	other.get("account").leads("signin?for=account")
	b.plant(before)
	b.get("account").leads("signin?for=account")
}

func TestSessions(t *testing.T) {
	h := open(t)
	b, other, third, eve := h.browser().signIn("ada"), h.browser().signIn("ada"), h.browser().signIn("ada"), h.browser().signIn("eve")
	sessions, err := h.auth.Sessions(t.Context(), "ada")
	require.NoError(t, err)
	require.Len(t, sessions, 3)
	eve.post("sessions/end", "id", sessions[0].ID).is(200)
	b.get("sessions").is(200)
	other.get("sessions").is(200)
	ids := regexp.MustCompile(`name="id" value="([0-9a-f]{64})"`).FindAllStringSubmatch(other.get("sessions").Body, -1)
	require.Len(t, ids, 3)
	own := h.sessionOf(other)
	b.post("sessions/end", "id", own).is(200, "The session has ended.")
	other.get("sessions").leads("signin?for=sessions")
	b.post("sessions/end-others").is(200, "All other sessions have ended.")
	third.get("sessions").leads("signin?for=sessions")
	eve.get("sessions").is(200)
	b.post("sessions/end", "id", h.sessionOf(b)).leads("signin?for=account")
	b.get("sessions").leads("signin?for=sessions")
}

// sessionOf is the id of a browser's session.
func (h *house) sessionOf(b *browser) string {
	r, err := http.NewRequest("GET", "/", nil)
	require.NoError(h.t, err)
	s, _, err := h.auth.Resume(r, b.cookie())
	require.NoError(h.t, err)
	return s.ID
}

func TestFactorPages(t *testing.T) {
	h := open(t)
	b := h.browser().signIn("ada")
	b.get("factor").is(200, "Set up an authenticator", "When it is asked for")
	b.post("factor/enrol", "mode", "sometimes").is(400, "invalid two-factor mode")
	r := b.post("factor/enrol", "mode", "auth-and-writes").is(200, "<svg", `role="img"`, "Or type this key")
	at := r.field("url")
	key, err := otp.NewKeyFromURL(at)
	require.NoError(t, err)
	code := func() string {
		h.Pass(30 * time.Second)
		c, err := authenticator.GenerateCode(key.Secret(), h.Now())
		require.NoError(t, err)
		return c
	}
	b.post("factor/confirm", "url", at, "code", "000000").is(400, "incorrect", "<svg", `id="code-error"`)
	b.post("factor/confirm", "url", "otpauth://totp/x?secret=<script>", "code", "000000").is(400)
	b.post("factor/confirm", "url", "https://evil.example", "code", "000000").is(400)
	r = b.post("factor/confirm", "url", at, "code", code()).is(200, "They are shown only now")
	codes := regexp.MustCompile(`[0-9a-f]{64}`).FindAllString(r.Body, -1)
	require.Len(t, codes, 5)
	require.NotContains(t, b.get("factor").is(200, "It is on: an authenticator", "5 are left").Body, codes[0])
	f, err := h.auth.Factor(t.Context(), "ada")
	require.NoError(t, err)
	require.Equal(t, auth.AuthAndWrites, f.Mode)

	b.post("factor/mode", "mode", "auth-only").is(200, "as you said")
	b.post("factor/mode", "mode", "disable").is(400)
	r = b.post("factor/recovery").is(200, "worth nothing any more")
	require.NotContains(t, r.Body, codes[0])
	ticket := h.browser().post("signin", "name", "ada", "password", password).field("ticket")
	h.browser().post("signin/factor", "ticket", ticket, "code", codes[0]).is(401)
	h.browser().post("signin/factor", "ticket", ticket, "code", regexp.MustCompile(`[0-9a-f]{64}`).FindString(r.Body)).leads("account")
	b.post("factor/key/remove", "id", "x").is(404)
	b.post("factor/disable").is(200, "no second factor any more", "Set up an authenticator")
	b.post("factor/mode", "mode", "auth-only").is(400, "not enabled")
	h.browser().signIn("ada")
}

func TestTokenPages(t *testing.T) {
	h := open(t)
	b := h.browser().signIn("ada")
	b.get("tokens").is(200, "You have none.")
	form := func(change ...string) []string {
		return append([]string{"name", "ci", "packages", "left-hand @acme", "days", "5", "permission", "read-write", "bypass", "yes"}, change...)
	}
	for _, c := range [][3]string{
		{"name", "", "needs a name"}, {"packages", "", "at least one package"}, {"packages", strings.Repeat("a ", 51), "50 packages"}, {"days", "0", "1 to 90"}, {"days", "91", "1 to 90"}, {"days", "x", "1 to 90"}, {"cidr", "nowhere", "not an IP address range"},
	} {
		b.post("tokens", form(c[0], c[1])...).is(400, c[2], `id="`+c[0]+`-error"`)
	}
	r := b.post("tokens", form("cidr", "127.0.0.0/8")...).is(200, "It is shown only now")
	secret := regexp.MustCompile(`npm_[0-9A-Za-z]{36}`).FindString(r.Body)
	token, err := h.auth.TokenOf(t.Context(), secret)
	require.NoError(t, err)
	require.Equal(t, auth.TokenGranular, token.Kind)
	require.Equal(t, []string{"left-hand"}, token.Packages)
	require.Equal(t, []string{"@acme"}, token.Scopes)
	require.Equal(t, auth.ReadWrite, token.Permission)
	require.True(t, token.BypassTFA)
	require.Equal(t, h.Now().Add(5*24*time.Hour), token.Expires.UTC())
	require.NotContains(t, b.get("tokens").is(200, "left-hand, @acme (read-write)", "127.0.0.0/8").Body, secret)
	eve := h.browser().signIn("eve")
	eve.post("tokens/revoke", "id", token.ID()).is(404)
	_, err = h.auth.TokenOf(t.Context(), secret)
	require.NoError(t, err)
	b.post("tokens/revoke", "id", token.ID()).is(200, "The token is revoked.", "You have none.")
	_, err = h.auth.TokenOf(t.Context(), secret)
	require.Error(t, err)
}

func TestOrgPages(t *testing.T) {
	h := open(t)
	b, eve := h.browser().signIn("ada"), h.browser().signIn("eve")
	b.get("orgs").is(200, "You are in none.")
	b.post("orgs", "org", "Acme!").is(400, `id="org-error"`)
	b.post("orgs", "org", "eve").is(409)
	b.post("orgs", "org", "@acme").leads("orgs/acme")
	b.get("orgs").is(200, "@acme", "owner")
	b.get("orgs/acme").is(200, "developers", "Add the member")
	hidden := eve.get("orgs/acme").Status
	require.GreaterOrEqual(t, hidden, 400)
	require.Equal(t, hidden, eve.post("orgs/acme/member", "user", "eve", "role", "owner").Status)
	b.post("orgs/acme/member", "user", "nobody", "role", "developer").is(404, "no user of this name")
	b.post("orgs/acme/member", "user", "eve", "role", "king").is(400, "invalid role")
	b.post("orgs/acme/member", "user", "eve", "role", "developer").is(200, "has this role now")
	eve.get("orgs/acme").is(200, "Your role: <strong>developer")
	require.NotContains(t, eve.get("orgs/acme").Body, "Add the member")
	eve.post("orgs/acme/member", "user", "eve", "role", "owner").is(403)
	b.post("orgs/acme/team", "team", "docs", "description", "writes <i>").is(200, "The team is made.", "docs")
	b.post("orgs/acme/team-add", "team", "docs", "user", "eve").is(200, "in the team")
	org, err := h.auth.Org(t.Context(), "acme")
	require.NoError(t, err)
	require.Equal(t, []string{"eve"}, org.In(org.Teams["docs"]))
	b.post("orgs/acme/team-drop", "team", "docs", "user", "eve").is(200, "out of the team")
	b.post("orgs/acme/team-remove", "team", "docs").is(200, "no more")
	b.post("orgs/acme/remove", "user", "eve").is(200, "The member is out.")
	require.Equal(t, hidden, eve.get("orgs/acme").Status)
	b.post("orgs/acme/explode").is(404)
	b.post("orgs/nothing/member", "user", "eve", "role", "owner").is(404)
	b.get("orgs/nothing").is(404)
}
