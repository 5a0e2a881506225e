package web

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"settee/auth"
)

func TestSignIn(t *testing.T) {
	h := open(t)
	b := h.browser()
	b.get("").leads("account")
	b.get("account").leads("signin?for=account")
	b.get("sessions").leads("signin?for=sessions")
	b.get("signin").is(200, `<html lang="en">`, `<label for="name">`, `autocomplete="current-password"`, "Skip to the content")
	r := b.post("signin", "name", "ada", "password", "not-the-password", "for", "sessions").is(401, "Name or password is incorrect.", `aria-invalid="true"`, "<title>Problem:")
	require.Equal(t, "ada", r.field("name"))
	require.NotContains(t, r.Body, "not-the-password", "what was typed as a password comes back")
	require.Empty(t, r.Header["Set-Cookie"])
	r = b.post("signin", "name", "ada", "password", password, "for", "sessions").leads("sessions")
	require.Regexp(t, `^settee=[\w-]+\.[A-Z2-7]+; Path=/; HttpOnly; SameSite=Lax$`, r.Header.Get("Set-Cookie"))
	b.get("sessions").is(200, "this browser", "127.0.0.1", "Signed in as")
	b.get("signin?for=sessions").leads("sessions")
	b.post("signout").leads("signin?for=account")
	b.get("sessions").leads("signin?for=sessions")
}

func TestSignInWithSecondFactor(t *testing.T) {
	h := open(t)
	code, recovery := h.authenticates("ada")
	b := h.browser()
	r := b.post("signin", "name", "ada", "password", password, "for", "password").is(200, "One-time password", "one-time-code")
	require.Empty(t, r.Header["Set-Cookie"], "half a sign-in is none")
	ticket := r.field("ticket")
	b.post("signin/factor", "ticket", ticket, "code", "", "for", "password").is(401, "wrong, or was used")
	b.post("signin/factor", "ticket", ticket, "code", "000000", "for", "password").is(401, "wrong, or was used")
	used := code()
	b.post("signin/factor", "ticket", ticket, "code", used[:3]+" "+used[3:], "for", "password").leads("password")
	b.get("password").is(200)
	b.post("signin/factor", "ticket", ticket, "code", code()).is(401, "took too long")

	other := h.browser()
	ticket = other.post("signin", "name", "ada", "password", password).field("ticket")
	other.post("signin/factor", "ticket", ticket, "code", used).is(401, "was used already")
	other.post("signin/factor", "ticket", ticket, "code", recovery[0]).leads("account")
	ticket = other.post("signin", "name", "ada", "password", password).field("ticket")
	other.post("signin/factor", "ticket", ticket, "code", recovery[0]).is(401)
	h.Pass(5 * time.Minute)
	other.post("signin/factor", "ticket", ticket, "code", code()).is(401, "took too long")

	// A ticket of another kind is none of a sign-in, and none of one account another's.
	login, err := h.auth.IssueTicket(t.Context(), auth.Ticket{Kind: auth.TicketLogin, User: "ada"})
	require.NoError(t, err)
	other.post("signin/factor", "ticket", login, "code", code()).is(401, "took too long")
	eves := h.browser()
	eves.post("signin", "name", "eve", "password", password).leads("account")
	eves.get("account").is(200, "eve@example.com")
}

// A session that was there before a sign-in is worth nothing after it, and each sign-in has another.
func TestSessionFixation(t *testing.T) {
	h := open(t)
	eve, ada := h.browser().signIn("eve"), h.browser()
	planted := eve.cookie()
	ada.plant(planted)
	h.Pass(20 * time.Minute) // or she would be sent on as who she seems to be
	ada.post("signin", "name", "ada", "password", password).leads("account")
	require.NotEqual(t, planted, ada.cookie())
	ada.get("account").is(200, "ada@example.com")
	eve.get("account").leads("signin?for=account")
	first := ada.cookie()
	ada.post("signin", "name", "ada", "password", password).leads("account")
	require.NotEqual(t, first, ada.cookie())
	ada.plant(first)
	ada.get("account").leads("signin?for=account")
}

func TestFreshness(t *testing.T) {
	h := open(t)
	b := h.browser().signIn("ada")
	change := func() reply {
		return b.post("password", "old", password, "password", password+"!", "again", "nothing like it")
	}
	h.Pass(14 * time.Minute)
	b.get("password").is(200)
	h.Pass(10 * time.Minute)
	b.get("password").leads("signin?for=password")
	change().is(400, "not the same")
	b.get("account").is(200)
	h.Pass(10 * time.Minute)
	change().leads("signin?for=password")
	b.post("account", "email", "new@example.com").leads("signin?for=account")
	b.get("signin?for=password").is(200, "Confirm that it is you", "ada")
	b.post("signin", "name", "ada", "password", password, "for", "password").leads("password")
	change().is(400)
	h.Pass(8 * time.Hour)
	b.get("account").leads("signin?for=account")
}

func TestSignUp(t *testing.T) {
	h := open(t)
	b := h.browser()
	b.get("signin").is(200, "Make one")
	b.get("signup?for=tokens").is(200, `autocomplete="new-password"`)
	for _, c := range []struct{ name, email, password, again, problem, field string }{
		{"ada", "a@example.com", password, password, "already registered", "name"},
		{"Bob", "a@example.com", password, password, "lowercase", "name"},
		{"bоb", "a@example.com", password, password, "non-url-safe", "name"}, // Cyrillic о
		{"", "a@example.com", password, password, "Name is required", "name"},
		{"bob", "nowhere", password, password, "Email must be", "email"},
		{"bob", "", password, password, "e-mail address is needed", "email"},
		{"bob", "a@example.com", "short", "short", "Password must be", "password"},
		{"bob", "a@example.com", password, password + "x", "not the same", "again"},
	} {
		r := b.post("signup", "name", c.name, "email", c.email, "password", c.password, "again", c.again)
		require.GreaterOrEqual(t, r.Status, 400)
		require.Contains(t, r.Body, c.problem)
		require.Contains(t, r.Body, `id="`+c.field+`-error"`)
		require.Empty(t, r.Header["Set-Cookie"])
		require.NotContains(t, r.Body, c.password+`"`)
	}
	b.post("signup", "name", "bob", "email", "bob@example.com", "password", password, "again", password, "for", "sessions").leads("sessions")
	b.get("account").is(200, "bob@example.com")

	closed := open(t, func(_ *Options, a *auth.Options) { a.Signup = auth.SignupClosed })
	require.NotContains(t, closed.browser().get("signin").Body, "Make one")
	closed.browser().get("signup").is(403, "Registration is closed")
	closed.browser().post("signup", "name", "bob", "email", "b@example.com", "password", password, "again", password).is(403)
}
