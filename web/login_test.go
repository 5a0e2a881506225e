package web

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"settee/auth"
)

// command begins npm login somewhere.
func (h *house) command(from string, create bool) (page, poll string) {
	r, err := http.NewRequest("POST", "/-/v1/login", nil)
	require.NoError(h.t, err)
	r.Header.Set("User-Agent", "npm/11.6.2 node/v24.1.0 linux x64 workspaces/false")
	r.RemoteAddr = from + ":4711"
	page, poll, err = h.auth.IssueLogin(r, create)
	require.NoError(h.t, err)
	return page, poll
}

func TestApprove(t *testing.T) {
	h := open(t)
	page, poll := h.command("127.0.0.1", false)
	b := h.browser()
	b.get("login/" + page).leads("signin?for=login/" + page)
	b.get("signin?for=login/"+page).is(200, "A command waits", "npm 11.6.2 (linux x64)", "127.0.0.1", "where this browser is, too")
	b.post("signin", "name", "ada", "password", password, "for", "login/"+page).leads("login/" + page)
	b.get("login/"+page).is(200, "Let npm 11.6.2 (linux x64) sign in?", "ada")
	_, token, err := h.auth.PollLogin(t.Context(), poll)
	require.NoError(t, err)
	require.Empty(t, token, "to look is not to approve")
	b.get("login/" + page + "/approve").is(404)
	b.post("login/"+page+"/approve").is(200, "goes on as ada")
	name, token, err := h.auth.PollLogin(t.Context(), poll)
	require.NoError(t, err)
	require.Equal(t, "ada", name)
	require.Regexp(t, "^npm_", token)
	b.get("login/"+page).is(404, "This link is over")
	h.browser().get("signin?for=login/"+page).is(404, "This link is over")
	b.post("login/"+page+"/approve").is(404, "This link is over")
	b.post("login/"+page+"/deny").is(404, "This link is over")
}

// Somebody sends a page's address to somebody else.
func TestPhishing(t *testing.T) {
	h := open(t)
	page, poll := h.command("203.0.113.66", false)
	b := h.browser().signIn("ada")
	b.get("login/"+page).is(200, "203.0.113.66", "not where this browser is", "If you have not started it yourself, deny it")
	b.post("login/"+page+"/deny").is(200, "was not signed in")
	_, _, err := h.auth.PollLogin(t.Context(), poll)
	require.ErrorIs(t, err, auth.ErrDenied)
}

func TestApproveNeedsASignInOfNow(t *testing.T) {
	h := open(t)
	b := h.browser().signIn("ada")
	h.Pass(45 * time.Minute)
	page, poll := h.command("127.0.0.1", true)
	b.get("login/" + page).leads("signin?for=login/" + page)
	b.post("login/" + page + "/approve").leads("signin?for=login/" + page)
	h.browser().post("login/" + page + "/approve").leads("signup?for=login/" + page)
	h.browser().get("login/" + page).leads("signup?for=login/" + page)
	_, token, err := h.auth.PollLogin(t.Context(), poll)
	require.NoError(t, err)
	require.Empty(t, token)
	h.browser().post("login/" + page + "/deny").is(200)
	_, _, err = h.auth.PollLogin(t.Context(), poll)
	require.ErrorIs(t, err, auth.ErrDenied)
}

func TestChallenge(t *testing.T) {
	h := open(t)
	code, _ := h.authenticates("ada")
	issue := func() string {
		secret, err := h.auth.IssueChallenge(t.Context(), auth.Challenge{User: "ada", Asks: "PUT /left-hand", Address: "127.0.0.1", Client: "npm/11.6.2"})
		require.NoError(t, err)
		return secret
	}
	b, secret := h.browser(), issue()
	passed := func() bool {
		c, err := h.auth.Challenge(t.Context(), secret)
		require.NoError(t, err)
		return c.Passed
	}
	b.get("challenge/"+secret).is(200, "PUT /left-hand", "ada", "npm 11.6.2", "One-time password")
	b.post("challenge/"+secret, "code", "000000").is(401, "wrong, or was used")
	b.post("challenge/"+secret, "code", "").is(401)
	require.False(t, passed())
	b.post("challenge/"+secret, "code", code()).is(200, "The command goes on")
	require.True(t, passed())
	b.get("challenge/"+secret).is(200, "The command goes on")
	secret = issue()
	h.authenticates("eve")
	h.Pass(5 * time.Minute)
	b.get("challenge/"+secret).is(404, "This link is over")
	b.get("challenge/x").is(404, "This link is over")
}

func TestProgram(t *testing.T) {
	for agent, name := range map[string]string{
		"": "a program without a name",
		"npm/11.6.2 node/v24.1.0 linux x64 workspaces/false ci/github-actions": "npm 11.6.2 (linux x64)",
		"pnpm/10.34.0 npm/? node/v24.1.0 linux x64":                            "pnpm 10.34.0 (linux x64)",
		"curl/8.5.0":                        "curl 8.5.0",
		"<script>alert(1)</script> a b c d": "<script>alert(1)< script>",
	} {
		require.Equal(t, name, program(agent))
	}
}
