package web

import (
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"settee/auth"
	"settee/auth/mail"
	"settee/fixtures"
)

// mailing are the settings of a server that sends mail to a box.
func mailing(t *testing.T, box *fixtures.Postbox, signup auth.Signup) func(*Options, *auth.Options) {
	server, err := mail.ParseServer(box.URL)
	require.NoError(t, err)
	queue, err := mail.Open(mail.Options{Server: server, From: "npm@npm.test"})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, queue.Close()) })
	return func(_ *Options, a *auth.Options) { a.Mail, a.Site, a.Signup = noEnd{queue}, "https://npm.test", signup }
}

// noEnd takes the end from messages: the house has a clock of its own.
type noEnd struct{ auth.Post }

func (p noEnd) Send(m mail.Message) error {
	m.Until = time.Time{}
	return p.Post.Send(m)
}

// leadsTo is where a message leads to, behind Root.
func leadsTo(t *testing.T, l fixtures.Letter) (path, ticket string) {
	t.Helper()
	u, err := url.Parse(l.Link())
	require.NoError(t, err)
	require.Equal(t, "https://npm.test", u.Scheme+"://"+u.Host)
	path, ours := strings.CutPrefix(u.RequestURI(), Root)
	require.True(t, ours, l.Link())
	return path, u.Query().Get("ticket")
}

func TestConfirmAnAddress(t *testing.T) {
	box := fixtures.StartPostbox(t, fixtures.PostboxOptions{})
	h := open(t, mailing(t, box, auth.SignupOpen))
	b := h.browser()
	b.post("verify/send").leads("signin?for=account")
	b.signIn("ada").get("account").is(200, "is not confirmed", "verify/send")
	b.post("verify/send").leads("account")
	path, ticket := leadsTo(t, box.Wait(t, 1))
	for range 2 { // a program that reads mail opened it
		require.Equal(t, ticket, h.browser().get(path).is(200, "Confirm the address", "ada").field("ticket"))
	}
	h.browser().post("verify", "ticket", ticket).is(200, "is confirmed")
	h.browser().post("verify", "ticket", ticket).is(404, "used already")
	h.browser().get(path).is(404, "used already")
	h.browser().get("verify").is(404)
	require.NotContains(t, b.get("account").is(200, "Profile").Body, "is not confirmed")
	a, err := h.auth.Account(t.Context(), "ada")
	require.NoError(t, err)
	require.True(t, a.EmailVerified)
}

func TestForgottenPasswords(t *testing.T) {
	box := fixtures.StartPostbox(t, fixtures.PostboxOptions{})
	h := open(t, mailing(t, box, auth.SignupOpen))
	code, _ := h.authenticates("eve")
	there := h.browser().post("reset", "name", "ada").is(200, "on its way")
	require.Equal(t, there.Body, h.browser().post("reset", "name", "nobody").is(200).Body, "the answer tells nothing")
	h.browser().get("reset").is(200, "Send the link")
	path, ticket := leadsTo(t, box.Wait(t, 1))
	h.browser().get(path).is(200, "Choose a new password", "ada")
	b := h.browser()
	b.post("reset/password", "ticket", ticket, "password", "left-hand door", "again", "right-hand door").is(400, "not the same")
	b.post("reset/password", "ticket", ticket, "password", "password1", "again", "password1").is(400, "guessed first")
	b.post("reset/password", "ticket", ticket, "password", "left-hand door", "again", "left-hand door").leads("signin")
	b.post("reset/password", "ticket", ticket, "password", "left-hand door", "again", "left-hand door").is(404, "used already")
	b.post("signin", "name", "ada", "password", "left-hand door").leads("account")

	h.browser().post("reset", "name", "eve").is(200)
	path, ticket = leadsTo(t, box.Wait(t, 3)) // the second says that ada's password was changed
	h.browser().get(path).is(200, "Code")
	form := []string{"ticket", ticket, "password", "left-hand door", "again", "left-hand door", "code"}
	b.post("reset/password", form[:6]...).is(401, "one-time password")
	b.post("reset/password", append(form, "000000")...).is(401)
	b.post("reset/password", append(form, code())...).leads("signin")
	require.NotContains(t, h.logs.String(), ticket)

	h = open(t)
	h.browser().get("reset").is(403, "sends no mail")
	h.browser().post("reset", "name", "ada").is(403, "sends no mail")
}

func TestInvited(t *testing.T) {
	box := fixtures.StartPostbox(t, fixtures.PostboxOptions{})
	h := open(t, mailing(t, box, auth.SignupInvitation))
	h.browser().get("signup").is(403)
	_, err := h.auth.Invite(t.Context(), auth.Identity{Name: "root"}, "grace@example.com")
	require.NoError(t, err)
	path, ticket := leadsTo(t, box.Wait(t, 1))
	h.browser().get(path).is(200, "grace@example.com")
	b := h.browser()
	send := func(name, password, again string) reply {
		return b.post("invite", "ticket", ticket, "name", name, "password", password, "again", again)
	}
	send("ada", "left-hand door", "left-hand door").is(409, "already registered")
	send("Grace", "left-hand door", "left-hand door").is(400, "lowercase")
	send("grace", "password1", "password1").is(400, "guessed first")
	send("grace", "left-hand door", "right-hand door").is(400, "not the same")
	send("grace", "left-hand door", "left-hand door").leads("account")
	b.get("account").is(200, "grace")
	h.browser().post("invite", "ticket", ticket, "name", "mallory", "password", "left-hand door", "again", "left-hand door").is(404, "used already")
}
