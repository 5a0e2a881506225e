package auth

import (
	"context"
	"fmt"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"settee/auth/mail"
	"settee/fixtures"
	"settee/fixtures/engine"
)

// openMailing opens an Auth whose messages go through a real SMTP server.
func openMailing(t *testing.T, now *fixtures.Clock, change func(*Options)) (*Auth, *fixtures.Postbox) {
	t.Helper()
	box := fixtures.StartPostbox(t, fixtures.PostboxOptions{})
	server, err := mail.ParseServer(box.URL)
	require.NoError(t, err)
	queue, err := mail.Open(mail.Options{Server: server, From: "npm@npm.test", Now: now.Now})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, queue.Close()) })
	o := testOptions(now)
	o.Mail, o.Site = queue, "https://npm.test"
	if change != nil {
		change(&o)
	}
	return openAuth(t, engine.Open(t).Client, o), box
}

// ticketIn is the secret in a message's link to a page.
func ticketIn(t *testing.T, l fixtures.Letter, page string) string {
	t.Helper()
	u, err := url.Parse(l.Link())
	require.NoError(t, err)
	require.Equal(t, "/-/web/"+page, u.Path)
	require.Equal(t, "npm.test", u.Host)
	return u.Query().Get("ticket")
}

// errandsDone waits until no message is asked for any more: the errands are one after another.
func errandsDone(t *testing.T, a *Auth) {
	t.Helper()
	done := make(chan struct{})
	require.Eventually(t, func() bool { return a.errands.add(func(context.Context) { close(done) }) == nil }, time.Minute, time.Millisecond)
	<-done
}

func TestAnAddressIsConfirmed(t *testing.T) {
	now := newClock()
	a, box := openMailing(t, now, func(o *Options) { o.VerifyEmail = true })
	ctx := context.Background()
	_, err := a.Signup(ctx, "ada", "correct horse", "")
	require.ErrorContains(t, err, "Email is required")
	id, err := a.Signup(ctx, "ada", "correct horse", "ada@example.com")
	require.NoError(t, err)
	require.ErrorIs(t, a.May(ctx, id, Publish, Package{Name: "left-hand"}), ErrUnverified)
	require.NoError(t, a.May(ctx, id, Read, Package{Name: "left-hand", Exists: true}))

	l := box.Wait(t, 1)
	require.Equal(t, "ada@example.com", l.To)
	first := ticketIn(t, l, "verify")
	name, err := a.VerifyEmail(ctx, first)
	require.NoError(t, err)
	require.Equal(t, "ada", name)
	_, err = a.VerifyEmail(ctx, first)
	require.ErrorIs(t, err, ErrTicket, "once")
	require.NoError(t, a.May(ctx, id, Publish, Package{Name: "left-hand"}))
	shown, err := a.Account(ctx, "ada")
	require.NoError(t, err)
	require.True(t, shown.EmailVerified)

	require.NoError(t, a.SetProfile(ctx, "ada", func(_ *Profile, email *string) { *email = "countess@example.com" }))
	require.ErrorIs(t, a.May(ctx, id, Publish, Package{Name: "left-hand"}), ErrUnverified, "another address begins anew")
	second := box.Wait(t, 2)
	require.Equal(t, "countess@example.com", second.To)
	require.NoError(t, a.SetProfile(ctx, "ada", func(_ *Profile, email *string) { *email = "lovelace@example.com" }))
	_, err = a.VerifyEmail(ctx, ticketIn(t, second, "verify"))
	require.ErrorIs(t, err, ErrTicket, "the link is for the address before")
	third := box.Wait(t, 3)
	now.Pass(verifyTime)
	_, err = a.VerifyEmail(ctx, ticketIn(t, third, "verify"))
	require.ErrorIs(t, err, ErrTicket, "expired")

	require.NoError(t, a.RegisterService(ctx, "robot"))
	robot, err := a.account(ctx, "robot")
	require.NoError(t, err)
	require.NoError(t, a.May(ctx, robot.identity(handlerToken), Publish, Package{Name: "other"}), "service accounts have no address")
	for _, wrong := range []string{"", "x", first, strings.Repeat("A", 1<<16)} {
		_, err = a.VerifyEmail(ctx, wrong)
		require.ErrorIs(t, err, ErrTicket)
	}
}

func TestAForgottenPassword(t *testing.T) {
	now := newClock()
	a, box := openMailing(t, now, nil)
	ctx := context.Background()
	id, err := a.Signup(ctx, "ada", "correct horse", "ada@example.com")
	require.NoError(t, err)
	token, err := a.IssueToken(ctx, "ada", Token{})
	require.NoError(t, err)
	session, err := a.OpenSession(request(), "ada", false)
	require.NoError(t, err)
	cookie := sessionOf(a, id)
	box.Wait(t, 1)
	require.NoError(t, a.RequestReset(request(), "ada"))
	secret := ticketIn(t, box.Wait(t, 2), "reset")

	name, factor, err := a.ResetOf(ctx, secret)
	require.NoError(t, err)
	require.Equal(t, "ada", name)
	require.False(t, factor)
	for _, weak := range []string{"short", "password1"} {
		_, err = a.ResetPassword(request(), secret, weak, "", false)
		require.ErrorIs(t, err, &Error{Kind: BadRequest}, "the link stays good")
	}
	_, err = a.ResetPassword(request(), secret, "battery staple", "", false)
	require.NoError(t, err)
	_, err = a.Login(ctx, "ada", "correct horse")
	require.ErrorIs(t, err, ErrCredentials)
	_, err = a.Login(ctx, "ada", "battery staple")
	require.NoError(t, err)
	_, _, err = a.Resume(request(), session)
	require.ErrorIs(t, err, ErrSession)
	who, err := a.Authenticate(request("Cookie", "AuthSession="+cookie))
	require.NoError(t, err)
	require.True(t, who.Anonymous())
	_, err = a.Authenticate(bearer(token))
	require.NoError(t, err, "tokens go on unless it is asked for")
	changed := box.Wait(t, 3)
	require.Contains(t, changed.Header.Get("Subject"), "was changed")
	require.NotContains(t, changed.Text, "ticket=")
	_, err = a.ResetPassword(request(), secret, "another staple", "", false)
	require.ErrorIs(t, err, ErrTicket, "once")

	require.NoError(t, a.RequestReset(request(), "ada"))
	secret = ticketIn(t, box.Wait(t, 4), "reset")
	_, err = a.ResetPassword(request(), secret, "third of staples", "", true)
	require.NoError(t, err)
	_, err = a.Authenticate(bearer(token))
	require.ErrorIs(t, err, ErrToken)

	require.NoError(t, a.RequestReset(request(), "ada"))
	old := ticketIn(t, box.Wait(t, 6), "reset")
	require.NoError(t, a.SetPassword(ctx, "ada", "fourth of staples"))
	_, _, err = a.ResetOf(ctx, old)
	require.ErrorIs(t, err, ErrTicket, "the password was changed since")
}

func TestALinkExpiresAndIsUsedOnce(t *testing.T) {
	now := newClock()
	a, box := openMailing(t, now, nil)
	ctx := context.Background()
	_, err := a.Signup(ctx, "ada", "correct horse", "ada@example.com")
	require.NoError(t, err)
	box.Wait(t, 1)
	require.NoError(t, a.RequestReset(request(), "ada"))
	secret := ticketIn(t, box.Wait(t, 2), "reset")
	var all sync.WaitGroup
	worked := make(chan string, 8)
	for _, password := range []string{"staple one!", "staple two!", "staple three!", "staple four!"} {
		all.Go(func() {
			if _, err := a.ResetPassword(request(), secret, password, "", false); err == nil {
				worked <- password
			}
		})
	}
	all.Wait()
	close(worked)
	require.Len(t, worked, 1)
	_, err = a.Login(ctx, "ada", <-worked)
	require.NoError(t, err)

	require.NoError(t, a.RequestReset(request(), "ada"))
	secret = ticketIn(t, box.Wait(t, 4), "reset")
	now.Pass(resetTime)
	_, _, err = a.ResetOf(ctx, secret)
	require.ErrorIs(t, err, ErrTicket)
}

// Who asks learns nothing of accounts, and floods nobody.
func TestResetsForEverybody(t *testing.T) {
	now := newClock()
	a, box := openMailing(t, now, nil)
	ctx := context.Background()
	for name, email := range map[string]string{"ada": "ada@example.com", "bob": "", "eve": "ada@example.com"} {
		_, err := a.Register(ctx, name, "correct horse", email)
		require.NoError(t, err)
	}
	require.NoError(t, a.RegisterService(ctx, "robot"))
	for _, name := range []string{"nobody", "bob", "robot", "root", "", "a:b", "\x00", "Ada", "\u0430da", strings.Repeat("x", 10_000), "ada\r\nBcc: eve@example.com"} {
		require.NoError(t, a.RequestReset(request(), name), "%q", name)
	}
	errandsDone(t, a)
	require.Empty(t, box.Letters())
	asked := 0
	for i := range 2000 { // from everywhere
		r := request()
		r.RemoteAddr = fmt.Sprintf("10.0.%d.%d:99", i/250, i%250)
		if err := a.RequestReset(r, "ada"); err != nil {
			require.ErrorIs(t, err, ErrBusy)
			errandsDone(t, a)
			continue
		}
		asked++
	}
	require.Greater(t, asked, 500)
	far := request()
	far.RemoteAddr = "192.0.2.9:1234"
	require.NoError(t, a.RequestReset(far, "eve"))
	errandsDone(t, a)
	box.Wait(t, perAccount.N)
	require.Len(t, box.Letters(), perAccount.N, "neither the account nor the mailbox gets more, by another account either")

	for range perAsker.N - 1 {
		require.NoError(t, a.RequestReset(far, "nobody"))
		errandsDone(t, a)
	}
	err := a.RequestReset(far, "nobody")
	require.ErrorIs(t, err, ErrTooMany)
	require.Equal(t, err, a.RequestReset(far, "ada"))
}

func TestARecoveryTakesTheSecondFactor(t *testing.T) {
	now := newClock()
	a, box := openMailing(t, now, nil)
	ctx := context.Background()
	_, err := a.Register(ctx, "ada", "correct horse", "ada@example.com")
	require.NoError(t, err)
	g := &guardedAccount{t: t, now: now, Auth: a}
	g.enrol(AuthOnly)
	require.NoError(t, a.RequestReset(request(), "ada"))
	secret := ticketIn(t, box.Wait(t, 1), "reset")
	_, factor, err := a.ResetOf(ctx, secret)
	require.NoError(t, err)
	require.True(t, factor)
	_, err = a.ResetPassword(request(), secret, "battery staple", "", false)
	require.ErrorIs(t, err, ErrOTP)
	_, err = a.ResetPassword(request(), secret, "battery staple", "000000", false)
	require.Error(t, err)
	_, err = a.ResetPassword(request(), secret, "battery staple", g.recovery[0], false)
	require.NoError(t, err)
}

func TestInvitations(t *testing.T) {
	now := newClock()
	a, box := openMailing(t, now, func(o *Options) { o.Signup = SignupInvitation })
	ctx := context.Background()
	_, err := a.Signup(ctx, "ada", "correct horse", "ada@example.com")
	require.ErrorIs(t, err, ErrInvitation)
	for _, address := range []string{"", "ada", "ada@example.com\r\nBcc: eve@example.com", "Ada <ada@example.com>"} {
		_, err := a.Invite(ctx, Identity{Name: "root"}, address)
		require.ErrorIs(t, err, &Error{Kind: BadRequest}, "%q", address)
	}
	link, err := a.Invite(ctx, Identity{Name: "root"}, "ada@example.com")
	require.NoError(t, err)
	l := box.Wait(t, 1)
	require.Equal(t, link, l.Link())
	require.Contains(t, l.Text, "root invites you")
	secret := ticketIn(t, l, "invite")
	i, err := a.Invitation(ctx, secret)
	require.NoError(t, err)
	require.Equal(t, "ada@example.com", i.Email)
	_, err = a.Register(ctx, "taken", "correct horse", "")
	require.NoError(t, err)
	for name, kind := range map[string]Kind{"taken": Exists, "Ada": BadRequest, "": BadRequest, "\u0430da": BadRequest} {
		_, err = a.SignupInvited(ctx, secret, name, "correct horse")
		require.ErrorIs(t, err, &Error{Kind: kind}, "the invitation stays good")
	}
	id, err := a.SignupInvited(ctx, secret, "ada", "correct horse")
	require.NoError(t, err)
	require.Equal(t, "ada@example.com", id.Email)
	shown, err := a.Account(ctx, "ada")
	require.NoError(t, err)
	require.True(t, shown.EmailVerified)
	_, err = a.SignupInvited(ctx, secret, "eve", "correct horse")
	require.ErrorIs(t, err, ErrTicket)

	link, err = a.Invite(ctx, Identity{}, "bob@example.com")
	require.NoError(t, err)
	now.Pass(inviteTime)
	_, secret, _ = strings.Cut(link, "ticket=")
	_, err = a.SignupInvited(ctx, secret, "bob", "correct horse")
	require.ErrorIs(t, err, ErrTicket)
}

func TestAnAccountEnds(t *testing.T) {
	a := openAuth(t, engine.Open(t).Client, testOptions(newClock()))
	ctx := context.Background()
	id, err := a.Signup(ctx, "ada", "correct horse", "ada@example.com")
	require.NoError(t, err)
	token, err := a.IssueToken(ctx, "ada", Token{})
	require.NoError(t, err)
	session, err := a.OpenSession(request(), "ada", false)
	require.NoError(t, err)
	cookie := sessionOf(a, id)
	dead := func() {
		t.Helper()
		_, err := a.SignIn(request(), "ada", "correct horse", "")
		require.ErrorIs(t, err, &Error{Kind: Unauthorized})
		_, err = a.Authenticate(bearer(token))
		require.ErrorIs(t, err, &Error{Kind: Unauthorized})
		_, err = a.Identify(bearer(token))
		require.ErrorIs(t, err, &Error{Kind: Unauthorized})
		who, err := a.Authenticate(request("Cookie", "AuthSession="+cookie))
		require.NoError(t, err)
		require.True(t, who.Anonymous())
		_, _, err = a.Resume(request(), session)
		require.ErrorIs(t, err, ErrSession)
	}
	require.NoError(t, a.DisableAccount(ctx, "ada"))
	require.NoError(t, a.DisableAccount(ctx, "ada"))
	dead()
	require.NoError(t, a.EnableAccount(ctx, "ada"))
	_, err = a.Authenticate(bearer(token))
	require.NoError(t, err)
	_, _, err = a.Resume(request(), session)
	require.NoError(t, err)

	require.NoError(t, a.DeleteAccount(ctx, "ada"))
	dead()
	list, err := a.RevokeTokens(ctx, "ada")
	require.NoError(t, err)
	require.Zero(t, list, "they are cleaned up")
	require.NoError(t, a.DeleteAccount(ctx, "ada"), "again, as after a failure half-way")
	_, err = a.Signup(ctx, "ada", "correct horse", "")
	require.ErrorIs(t, err, ErrNameTaken, "packages name ada")
	require.ErrorIs(t, a.RegisterService(ctx, "ada"), ErrNameTaken)
	require.NoError(t, a.FreeName(ctx, "ada"))
	_, err = a.Signup(ctx, "ada", "correct horse", "")
	require.NoError(t, err)
	_, err = a.Authenticate(bearer(token))
	require.ErrorIs(t, err, ErrToken)
	for _, name := range []string{"nobody", "root", "", "a:b"} {
		require.ErrorIs(t, a.DeleteAccount(ctx, name), errNoUser, "%q", name)
		require.ErrorIs(t, a.DisableAccount(ctx, name), errNoUser, "%q", name)
		require.ErrorIs(t, a.EnableAccount(ctx, name), errNoUser, "%q", name)
	}
	var names []string
	for account, err := range a.Accounts(ctx) {
		require.NoError(t, err)
		names = append(names, account.Name)
	}
	require.Equal(t, []string{"ada"}, names)
}

// Who changes the address through CouchDB's API does not keep that it was confirmed.
func TestAnotherAddressIsNotConfirmed(t *testing.T) {
	const head = `{"_id":"org.couchdb.user:ada","name":"ada","type":"user","roles":[],"email":`
	old := head + `"ada@example.com","email_verified":true}`
	for doc, refused := range map[string]bool{
		old: false, head + `"eve@example.com","email_verified":true}`: true, head + `"eve@example.com"}`: false, head + `"ada@example.com"}`: true,
	} {
		err := UserEdit{ID: "org.couchdb.user:ada", Doc: []byte(doc), Old: []byte(old), By: Identity{Name: "ada"}}.Validate()
		require.Equal(t, refused, err != nil, doc)
	}
}
