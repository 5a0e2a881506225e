package auth

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"settee/fixtures"
	"settee/fixtures/engine"

	"github.com/go-kivik/kivik/v4"
	"github.com/stretchr/testify/require"
)

func browser(from string) *http.Request {
	r := request("User-Agent", "a browser \xff"+strings.Repeat("ü", clientLength))
	r.RemoteAddr = from + ":4711"
	return r
}

func TestSession(t *testing.T) {
	ctx, now := context.Background(), newClock()
	a := openAuth(t, engine.Open(t).Client, testOptions(now))
	for _, name := range []string{"ada", "adam"} {
		_, err := a.Register(ctx, name, "correct horse", "")
		require.NoError(t, err)
	}
	at := browser("192.0.2.7")
	first, err := a.OpenSession(at, "ada", false)
	require.NoError(t, err)
	now.Pass(time.Minute)
	second, err := a.OpenSession(at, "ada", false)
	require.NoError(t, err)
	other, err := a.OpenSession(at, "adam", false)
	require.NoError(t, err)
	require.NotEqual(t, first, second)
	_, err = a.OpenSession(at, "nobody", false)
	require.ErrorIs(t, err, errNoUser)

	s, id, err := a.Resume(at, first)
	require.NoError(t, err)
	require.Equal(t, "ada", id.Name)
	require.False(t, id.Factor)
	require.Equal(t, "192.0.2.7", s.Address)
	require.True(t, strings.HasPrefix(s.Client, "a browser \uFFFDü"), s.Client)
	require.LessOrEqual(t, len(s.Client), clientLength)
	require.True(t, s.Fresh)
	now.Pass(sessionFresh)
	s, _, err = a.Resume(at, first)
	require.NoError(t, err)
	require.False(t, s.Fresh)

	list, err := a.Sessions(ctx, "ada")
	require.NoError(t, err)
	require.Len(t, list, 2, "and not Adam's")
	require.Equal(t, s.ID, list[1].ID)
	require.Equal(t, now.Now(), list[1].Seen.UTC(), "touched by its use")

	for _, bad := range []string{"", ".", "x", "YWRh", "YWRh.", "YWRh.x", "!." + first, first + "x", "YWRhbQ" + first[4:], strings.Repeat("A", 2000) + ".x", "\x00.\xff"} {
		_, _, err := a.Resume(at, bad)
		require.ErrorIs(t, err, ErrSession, "%q", bad)
	}
	for _, bad := range []string{"", "x", "../" + s.ID, strings.Repeat("g", 64)} {
		require.NoError(t, a.EndSession(ctx, "ada", bad))
	}
	require.NoError(t, a.EndSession(ctx, "adam", s.ID), "it is not Adam's to end")
	_, _, err = a.Resume(at, first)
	require.NoError(t, err)
	for range 2 {
		require.NoError(t, a.EndSession(ctx, "ada", s.ID))
		_, _, err = a.Resume(at, first)
		require.ErrorIs(t, err, ErrSession)
	}
	third, err := a.OpenSession(at, "ada", false)
	require.NoError(t, err)
	s, _, err = a.Resume(at, third)
	require.NoError(t, err)
	require.NoError(t, a.EndSessions(ctx, "ada", s.ID))
	list, err = a.Sessions(ctx, "ada")
	require.NoError(t, err)
	require.Len(t, list, 1)
	_, _, err = a.Resume(at, second)
	require.ErrorIs(t, err, ErrSession)
	_, _, err = a.Resume(at, other)
	require.NoError(t, err)
}

func TestSessionsEnd(t *testing.T) {
	ctx := context.Background()
	for name, end := range map[string]func(*testing.T, *Auth, *fixtures.Clock){
		"unused": func(_ *testing.T, _ *Auth, now *fixtures.Clock) { now.Pass(sessionIdle) },
		"used for long": func(t *testing.T, _ *Auth, now *fixtures.Clock) {
			now.Pass(sessionLife)
		},
		"another password": func(t *testing.T, a *Auth, _ *fixtures.Clock) {
			require.NoError(t, a.SetPassword(ctx, "ada", "battery staple"))
		},
		"an account made anew": func(t *testing.T, a *Auth, now *fixtures.Clock) {
			who, err := a.account(ctx, "ada")
			require.NoError(t, err)
			_, err = a.users.db.Delete(ctx, userID("ada"), who.rev)
			require.NoError(t, err)
			a.ForgetAccounts()
			now.Pass(time.Second)
			_, err = a.Register(ctx, "ada", "correct horse", "")
			require.NoError(t, err)
		},
	} {
		t.Run(name, func(t *testing.T) {
			now := newClock()
			a := openAuth(t, engine.Open(t).Client, testOptions(now))
			_, err := a.Register(ctx, "ada", "correct horse", "")
			require.NoError(t, err)
			secret, err := a.OpenSession(browser("::1"), "ada", false)
			require.NoError(t, err)
			_, _, err = a.Resume(browser("::1"), secret)
			require.NoError(t, err)
			end(t, a, now)
			_, _, err = a.Resume(browser("::1"), secret)
			require.ErrorIs(t, err, ErrSession)
			list, err := a.Sessions(ctx, "ada")
			require.NoError(t, err)
			require.Empty(t, list)
		})
	}
}

func TestSessionUsedForAWeek(t *testing.T) {
	now := newClock()
	a := openAuth(t, engine.Open(t).Client, testOptions(now))
	secret, err := a.OpenSession(browser("::1"), "root", false)
	require.NoError(t, err)
	for used := time.Duration(0); used < sessionLife; used += sessionIdle / 2 {
		_, id, err := a.Resume(browser("::1"), secret)
		require.NoError(t, err, "after %s", used)
		require.True(t, id.Admin())
		now.Pass(sessionIdle / 2)
	}
	_, _, err = a.Resume(browser("::1"), secret)
	require.ErrorIs(t, err, ErrSession)
}

// A region ends a session while another one still uses it: whichever revision wins, it is ended.
func TestSessionEndedInOneRegion(t *testing.T) {
	ctx, now := context.Background(), newClock()
	client := engine.Open(t).Client
	a := openAuth(t, client, testOptions(now))
	for i := range 8 {
		secret, err := a.OpenSession(browser("::1"), "root", false)
		require.NoError(t, err)
		s, _, err := a.Resume(browser("::1"), secret)
		require.NoError(t, err)
		var doc map[string]any
		require.NoError(t, client.DB(sessionsDB).Get(ctx, sessionID("root", s.ID)).ScanDoc(&doc))
		_, origin, _ := strings.Cut(s.rev, "-")
		doc["_revisions"] = map[string]any{"start": 2, "ids": []string{fmt.Sprintf("%032x", i<<60+i), origin}}
		doc["_rev"] = fmt.Sprintf("2-%032x", i<<60+i)
		doc["seen"] = now.Now().Add(time.Minute).Format(timeForm)
		require.NoError(t, a.EndSession(ctx, "root", s.ID))
		_, err = client.DB(sessionsDB).Put(ctx, sessionID("root", s.ID), doc, kivik.Param("new_edits", false))
		require.NoError(t, err)
		_, _, err = a.Resume(browser("::1"), secret)
		require.ErrorIs(t, err, ErrSession)
		list, err := a.Sessions(ctx, "root")
		require.NoError(t, err)
		require.Empty(t, list)
	}
}

func TestSessionNeedsTheFactor(t *testing.T) {
	a := openFactor(t, AuthOnly)
	_, err := a.OpenSession(browser("::1"), "ada", false)
	require.ErrorIs(t, err, ErrOTP)
	secret, err := a.OpenSession(browser("::1"), "ada", true)
	require.NoError(t, err)
	_, id, err := a.Resume(browser("::1"), secret)
	require.NoError(t, err)
	require.True(t, id.Factor)
	a.now.Pass(sessionFresh)
	_, id, err = a.Resume(browser("::1"), secret)
	require.NoError(t, err)
	require.False(t, id.Factor, "a sign-in of this morning is no factor for what is done now")
}
