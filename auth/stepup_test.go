package auth

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// as is who asks with a token of the account.
func (g *guardedAccount) as() Identity {
	id, err := g.Authenticate(bearer(g.token))
	require.NoError(g.t, err)
	require.False(g.t, id.Factor)
	return id
}

func TestStepUp(t *testing.T) {
	plain, bypassing := Token{}, Token{BypassTFA: true}
	forced, lenient := Privilege{RequiresTFA: true}, Privilege{RequiresTFA: true, AutomationOverrides: true}
	for _, c := range []struct {
		mode  Mode
		token Token
		why   Privilege
		want  error
	}{
		{AuthOnly, plain, Privilege{Level: LevelAccount}, ErrOTP},
		{AuthOnly, plain, Privilege{Level: LevelWrites}, nil},
		{AuthOnly, plain, Privilege{Level: LevelFree}, nil},
		{AuthOnly, plain, forced, ErrOTP},
		{AuthOnly, plain, lenient, ErrOTP},
		{AuthOnly, plain, Privilege{Level: LevelFree, RequiresTFA: true}, ErrOTP},
		{AuthOnly, bypassing, Privilege{Level: LevelAccount}, ErrOTP},
		{AuthOnly, bypassing, forced, ErrOTP},
		{AuthOnly, bypassing, lenient, nil},
		{AuthAndWrites, plain, Privilege{Level: LevelAccount}, ErrOTP},
		{AuthAndWrites, plain, Privilege{Level: LevelWrites}, ErrOTP},
		{AuthAndWrites, plain, Privilege{Level: LevelFree}, nil},
		{AuthAndWrites, plain, lenient, ErrOTP},
		{AuthAndWrites, bypassing, Privilege{Level: LevelAccount}, ErrOTP},
		{AuthAndWrites, bypassing, Privilege{Level: LevelWrites}, nil},
		{AuthAndWrites, bypassing, forced, ErrOTP},
		{AuthAndWrites, bypassing, lenient, nil},
		{"", plain, Privilege{Level: LevelAccount}, nil},
		{"", plain, Privilege{Level: LevelWrites}, nil},
		{"", plain, forced, errNeedsFactor},
		{"", plain, lenient, errNeedsFactor},
		{"", bypassing, forced, errNeedsFactor},
		{"", bypassing, lenient, nil},
	} {
		g := openFactor(t, AuthOnly)
		if c.mode == "" {
			require.NoError(t, g.DisableFactor(context.Background(), "ada"))
		} else {
			require.NoError(t, g.SetMode(context.Background(), "ada", c.mode))
		}
		id := g.as()
		id.Token = &c.token
		err := g.StepUp(request(), id, c.why)
		if c.want == nil {
			require.NoError(t, err, "%+v", c)
			continue
		}
		require.Equal(t, c.want, err, "%+v", c)
		if c.want == ErrOTP {
			require.Equal(t, ErrWrongOTP, g.StepUp(withOTP(request(), g.wrongCode()), id, c.why), "%+v", c)
			require.NoError(t, g.StepUp(withOTP(request(), g.code()), id, c.why), "%+v", c)
			require.NoError(t, g.StepUp(withOTP(request(), g.recovery[0]), id, c.why), "%+v", c)
			id.Factor = true
			require.NoError(t, g.StepUp(request(), id, c.why), "%+v", c)
		}
	}
}

func TestStepUpOfOthers(t *testing.T) {
	g := openFactor(t, AuthAndWrites)
	require.Equal(t, ErrAnonymous, g.StepUp(request(), Identity{}, Privilege{}))
	root, err := g.SignIn(request(), "root", "toor toor", "")
	require.NoError(t, err)
	require.NoError(t, g.StepUp(request(), root, Privilege{Level: LevelAccount, RequiresTFA: true}), "the first admin has no factor")
	require.Equal(t, ErrHeader, g.StepUp(withOTP(request(), "123456", g.code()), g.as(), Privilege{}), "which one would count?")
	for _, odd := range []string{"", " ", "12345", "1234567", "١٢٣٤٥٦", "+23456", "1e2345", strings.Repeat("0", 1<<20), "_design/x", "login:" + strings.Repeat("0", 64)} {
		err := g.StepUp(withOTP(request(), odd), g.as(), Privilege{})
		require.ErrorIs(t, err, &Error{Kind: Unauthorized}, "%.20q", odd)
	}
}

// One command sends several requests with one code; nobody else gets anything by it.
func TestCodesOfOneCommand(t *testing.T) {
	g := openFactor(t, AuthAndWrites)
	other, err := g.IssueToken(context.Background(), "ada", Token{})
	require.NoError(t, err)
	otherID, err := g.Authenticate(bearer(other))
	require.NoError(t, err)
	for _, code := range []string{g.code(), g.recovery[0]} {
		try := func(address string, id Identity, l Level) error {
			return g.StepUp(from(address, withOTP(request(), code)), id, Privilege{Level: l})
		}
		var wg sync.WaitGroup
		for range 8 { // the packages of a workspace, at once
			wg.Go(func() {
				if err := try("192.0.2.1", g.as(), LevelWrites); err != nil {
					t.Errorf("of one command: %v", err)
				}
			})
		}
		wg.Wait()
		require.NoError(t, try("192.0.2.1", g.as(), LevelWrites))
		require.Equal(t, ErrWrongOTP, try("192.0.2.2", g.as(), LevelWrites), "from elsewhere")
		require.Equal(t, ErrWrongOTP, try("192.0.2.1", otherID, LevelWrites), "by another token")
		require.Equal(t, ErrWrongOTP, try("192.0.2.1", g.as(), LevelAccount), "for more")
		_, err = g.SignIn(from("192.0.2.1", request()), "ada", "correct horse", code)
		require.Equal(t, ErrWrongOTP, err, "to sign in")
		g.now.Pass(repeatTime)
		require.Equal(t, ErrWrongOTP, try("192.0.2.1", g.as(), LevelWrites), "a minute later")
	}
}

// By Basic the password is no way around the factor; with a code it is one sign-in a command.
func TestBasicWithFactor(t *testing.T) {
	g := openFactor(t, AuthOnly)
	for _, identify := range []func() error{
		func() error { _, err := g.Authenticate(basic("ada", "correct horse")); return err },
		func() error { _, err := g.Identify(basic("ada", "correct horse")); return err },
	} {
		require.Equal(t, ErrOTP, identify())
	}
	r := withOTP(basic("ada", "correct horse"), g.code())
	for range 3 {
		id, err := g.Authenticate(r)
		require.NoError(t, err)
		require.True(t, id.Factor)
		require.NoError(t, g.StepUp(r, id, Privilege{Level: LevelAccount}))
	}
	_, err := g.Authenticate(from("198.51.100.7", r))
	require.Equal(t, ErrWrongOTP, err)
	_, err = g.Authenticate(withOTP(basic("ada", "correct horse"), "1", "2"))
	require.Equal(t, ErrHeader, err)
}

// Whoever has the password guesses five times from an address, whatever else happens;
// the owner elsewhere does not notice.
func TestWrongCodesByThousands(t *testing.T) {
	g := openFactor(t, AuthOnly)
	try := func(address, code string) error {
		_, err := g.SignIn(from(address, request()), "ada", "correct horse", code)
		return err
	}
	require.NoError(t, try("192.0.2.1", g.code()), "the owner's address is known")
	g.next()
	verdicts := map[error]int{}
	for range 2000 {
		verdicts[try("198.51.100.1", g.wrongCode())]++
	}
	require.Equal(t, map[error]int{ErrWrongOTP: nearGuesses, ErrGuesses: 2000 - nearGuesses}, verdicts)
	require.Equal(t, ErrGuesses, try("198.51.100.1", g.code()), "a right one comes too late")
	require.NoError(t, try("192.0.2.1", g.code()))
	g.next()

	// From everywhere at once.
	verdicts = map[error]int{}
	var wg sync.WaitGroup
	var mu sync.Mutex
	wrong := g.wrongCode()
	for i := range 2000 {
		wg.Go(func() {
			err := try(fmt.Sprintf("10.1.%d.%d", i/200, i%200), wrong)
			mu.Lock()
			defer mu.Unlock()
			verdicts[err]++
		})
	}
	wg.Wait()
	require.LessOrEqual(t, verdicts[ErrWrongOTP], farGuesses)
	require.Zero(t, verdicts[nil])
	require.Equal(t, ErrGuesses, try("10.9.9.9", g.code()))
	require.NoError(t, try("192.0.2.1", g.code()), "the owner is at home")
	require.NoError(t, try("10.9.9.9", g.recovery[0]), "or has a code that cannot be guessed")
	g.next()
	require.NoError(t, try("10.9.9.9", g.code()), "and is known there then")
	g.now.Pass(farLifetime)
	require.NoError(t, try("10.8.8.8", g.code()))
}

func TestChallenges(t *testing.T) {
	ctx := context.Background()
	g := openFactor(t, AuthAndWrites)
	issue := func(user string) string {
		secret, err := g.IssueChallenge(ctx, Challenge{User: user, Asks: "publish left-hand", Address: "192.0.2.1", Passed: true})
		require.NoError(t, err)
		return secret
	}
	try := func(secret string, l Level) error {
		return g.StepUp(withOTP(request(), secret), g.as(), Privilege{Level: l})
	}
	secret := issue("ada")
	require.Equal(t, ErrWrongOTP, try(secret, LevelAccount), "not passed yet")
	c, err := g.Challenge(ctx, secret)
	require.NoError(t, err)
	require.Equal(t, Challenge{User: "ada", Asks: "publish left-hand", Address: "192.0.2.1"}, c)
	require.ErrorIs(t, g.PassChallenge(ctx, secret, "eve"), ErrTicket)
	require.NoError(t, g.PassChallenge(ctx, secret, "ada"))
	require.NoError(t, try(secret, LevelAccount))
	require.Equal(t, ErrWrongOTP, try(secret, LevelAccount), "once")

	others := issue("eve")
	require.NoError(t, g.PassChallenge(ctx, others, "eve"))
	require.Equal(t, ErrWrongOTP, try(others, LevelAccount))
	late := issue("ada")
	require.NoError(t, g.PassChallenge(ctx, late, "ada"))
	g.now.Pass(ticketTime)
	require.Equal(t, ErrWrongOTP, try(late, LevelAccount))
	require.ErrorIs(t, g.PassChallenge(ctx, late, "ada"), ErrTicket)

	login, err := g.IssueTicket(ctx, Ticket{Kind: TicketLogin, User: "ada", Data: []byte(`{"passed":true}`)})
	require.NoError(t, err)
	require.Equal(t, ErrWrongOTP, try(login, LevelAccount), "a ticket of another kind")
}
