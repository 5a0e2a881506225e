package web

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/webauthn"
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"

	"settee/auth"
	"settee/fixtures"
)

// tab is a page of a real browser.
type tab struct {
	*house
	ctx    context.Context
	at     string
	prefix string // of its screenshots
	taken  int
}

// chromium is the browser at the pages, under the name localhost: security keys take no address.
func (h *house) chromium(prefix string) *tab {
	c := &tab{house: h, ctx: fixtures.Chromium(h.t), prefix: prefix, at: strings.Replace(h.url, "127.0.0.1", "localhost", 1) + Root}
	return c
}

// run does what a person does.
func (c *tab) run(actions ...chromedp.Action[chromedp.Void]) *tab {
	c.t.Helper()
	require.NoError(c.t, chromedp.Do(c.ctx, actions...))
	return c
}

// see is what an action finds.
func see[T any](c *tab, action chromedp.Action[T]) T {
	c.t.Helper()
	found, err := chromedp.Run(c.ctx, action)
	require.NoError(c.t, err)
	return found
}

// call is a command of the browser's protocol as an action.
func call[P, R any](command cdp.Command[P, R], params P) chromedp.Action[chromedp.Void] {
	return chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		_, err := cdp.Call(ctx, t, command, params)
		return err
	})
}

// open looks at a page.
func (c *tab) open(path string) *tab {
	c.t.Helper()
	return c.run(chromedp.Navigate(c.at + path))
}

// send fills fields, given as name, value, …, and clicks a button; the next page is there then.
func (c *tab) send(button string, form ...string) *tab {
	c.t.Helper()
	for i := 0; i < len(form); i += 2 {
		c.run(chromedp.SetValue(chromedp.CSS(`input[name="`+form[i]+`"]:not([type=hidden])`), form[i+1]))
	}
	_, err := chromedp.RunResponse(c.ctx, chromedp.Click(chromedp.Search(`//button[normalize-space()="`+button+`"]`)))
	require.NoError(c.t, err)
	return c
}

// shows requires words on the page, takes its picture, and requires that it fits its window.
func (c *tab) shows(words ...string) *tab {
	c.t.Helper()
	text := see(c, chromedp.Text(chromedp.CSS("body")))
	title := see(c, chromedp.Title())
	wide := see(c, chromedp.Evaluate[bool](`document.documentElement.scrollWidth > window.innerWidth`))
	shot := see(c, chromedp.FullScreenshot(100))
	c.taken++
	name := fmt.Sprintf("%s-%02d-%s.png", c.prefix, c.taken, regexp.MustCompile(`[^a-z]+`).ReplaceAllString(strings.ToLower(title), "-"))
	require.NoError(c.t, os.WriteFile(filepath.Join(c.t.(*testing.T).ArtifactDir(), name), shot, 0o666))
	for _, w := range words {
		require.Contains(c.t, text, w)
	}
	require.False(c.t, wide, "%s is wider than its window", title)
	return c
}

// tour looks at every page once.
func (c *tab) tour() {
	code, _ := c.authenticates("ada")
	page, poll := c.command("127.0.0.1", false)
	c.open("signup").shows("Make an account").send("Make the account", "name", "Ada", "email", "a@example.com", "password", "short", "again", "short").shows("Name must be lowercase")
	c.open("login/"+page).shows("A command waits", "npm 11.6.2")
	c.send("Sign in", "name", "ada", "password", "not-hers").shows("Name or password is incorrect")
	c.send("Sign in", "name", "ada", "password", password).shows("One-time password")
	c.send("Go on", "code", "000000").shows("This code is wrong")
	c.send("Go on", "code", code()).shows("Let npm 11.6.2 (linux x64) sign in?")
	c.send("Let it sign in").shows("goes on as ada")
	name, _, err := c.auth.PollLogin(c.ctx, poll)
	require.NoError(c.t, err)
	require.Equal(c.t, "ada", name)
	page, _ = c.command("203.0.113.66", false)
	c.open("login/" + page).shows("deny it").send("Deny").shows("was not signed in")

	c.open("account").shows("Profile").send("Save", "fullname", "Ada Lovelace").shows("Your profile is saved.")
	c.open("password").shows("New password")
	c.open("factor").shows("an authenticator").send("Set up another authenticator").shows("Show this to your authenticator")
	c.open("factor").send("Make new recovery codes").shows("They are shown only now")
	c.open("tokens").shows("Your tokens", "Make a token").send("Make the token", "name", "CI of left-hand", "packages", "left-hand @acme").shows("It is shown only now")
	c.open("orgs").shows("You are in none").send("Make it", "org", "acme").shows("@acme", "developers")
	c.send("Make the team", "team", "docs", "description", "Writes what others read").shows("The team is made.")
	c.open("sessions").shows("this browser", "Chrome on Linux")
	c.open("nothing").shows("No such page")
	secret, err := c.auth.IssueChallenge(c.ctx, auth.Challenge{User: "ada", Asks: "PUT /left-hand", Address: "127.0.0.1", Client: "npm/11.6.2"})
	require.NoError(c.t, err)
	c.open("challenge/"+secret).shows("PUT /left-hand").send("Let it go on", "code", code()).shows("The command goes on")
	c.open("account").send("Sign out").shows("Sign in")
}

func TestPagesInChromium(t *testing.T) {
	for name, actions := range map[string][]chromedp.Action[chromedp.Void]{
		"desktop":            {chromedp.EmulateViewport(1000, 800)},
		"dark":               {chromedp.EmulateViewport(1000, 800), call(emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: "dark"}}})},
		"narrow":             {chromedp.EmulateViewport(320, 640)},
		"without-javascript": {chromedp.EmulateViewport(600, 800), call(emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true})},
	} {
		t.Run(name, func(t *testing.T) {
			open(t).chromium(name).run(actions...).tour()
		})
	}
}

// A security key, as the browser pretends to have one: added, used to sign in and for a command.
func TestSecurityKeyInChromium(t *testing.T) {
	h := open(t)
	c := h.chromium("key")
	c.run(call(webauthn.Enable, webauthn.EnableParams{}), call(webauthn.AddVirtualAuthenticator, webauthn.AddVirtualAuthenticatorParams{Options: &webauthn.VirtualAuthenticatorOptions{
		Protocol: webauthn.AuthenticatorProtocolCtap2, Transport: webauthn.AuthenticatorTransportUsb,
		HasUserVerification: true, IsUserVerified: true, AutomaticPresenceSimulation: true,
	}}))
	c.open("factor").send("Sign in", "name", "ada", "password", password).shows("Add a security key")
	c.send("Add a security key", "name", "blue one").shows("The security key is yours now.", "They are shown only now")
	c.open("factor").shows("1 security key", "blue one")
	f, err := h.auth.Factor(t.Context(), "ada")
	require.NoError(t, err)
	require.Len(t, f.Keys, 1)
	c.send("Sign out")
	c.send("Sign in", "name", "ada", "password", password).shows("By security key")
	c.send("Use a security key").shows("Signed in as ada", "Profile")

	secret, err := h.auth.IssueChallenge(t.Context(), auth.Challenge{User: "ada", Asks: "PUT /left-hand", Address: "127.0.0.1", Client: "npm/11.6.2"})
	require.NoError(t, err)
	c.open("challenge/" + secret).shows("PUT /left-hand").send("Use a security key").shows("The command goes on")
	passed, err := h.auth.Challenge(t.Context(), secret)
	require.NoError(t, err)
	require.True(t, passed.Passed)
	c.open("factor").send("Remove").shows("The security key is removed.")
}
