package auth

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"settee/fixtures"
	"settee/fixtures/engine"

	"github.com/stretchr/testify/require"
)

// from sends a request from an address.
func from(address string, r *http.Request) *http.Request {
	r.RemoteAddr = netip.AddrPortFrom(netip.MustParseAddr(address), 1234).String()
	return r
}

func openLocking(t *testing.T) (*Auth, *fixtures.Clock, *memorySettings) {
	now, conf := newClock(), newSettings()
	o := testOptions(now)
	o.Settings = conf
	a := openAuth(t, engine.Open(t).Client, o)
	_, err := a.Signup(context.Background(), "ada", "correct horse", "")
	require.NoError(t, err)
	return a, now, conf
}

func TestLockout(t *testing.T) {
	a, now, conf := openLocking(t)
	try := func(address, name, password string, want error) {
		t.Helper()
		_, err := a.Authenticate(from(address, basic(name, password)))
		if want == nil {
			require.NoError(t, err)
			return
		}
		require.Equal(t, want, err)
	}
	fail := func(address, name string, times int) {
		t.Helper()
		for range times {
			try(address, name, "wrong", ErrCredentials)
		}
	}
	fail("192.0.2.1", "ada", 5)
	try("192.0.2.1", "ada", "wrong", ErrLocked)
	try("192.0.2.1", "ada", "correct horse", ErrLocked)
	try("::ffff:192.0.2.1", "ada", "correct horse", ErrLocked)
	try("192.0.2.2", "ada", "correct horse", nil)
	try("192.0.2.1", "root", "toor toor", nil)
	session := sessionOf(a, Identity{Name: "ada"})
	id, err := a.Authenticate(from("192.0.2.1", request("Cookie", "AuthSession="+session)))
	require.NoError(t, err)
	require.Equal(t, "ada", id.Name, "sessions go on")

	now.Pass(299 * time.Second)
	try("192.0.2.1", "ada", "correct horse", ErrLocked)
	now.Pass(time.Second)
	try("192.0.2.1", "ada", "correct horse", nil)
	fail("192.0.2.1", "ada", 4)
	try("192.0.2.1", "ada", "correct horse", nil)
	now.Pass(200 * time.Second)
	fail("192.0.2.1", "ada", 1)
	try("192.0.2.1", "ada", "correct horse", ErrLocked)
	now.Pass(100 * time.Second) // since the first of the five
	try("192.0.2.1", "ada", "correct horse", nil)
	require.Zero(t, a.lockouts.failing.Load()-1, "expired origins stay until the next failure")

	// A whole IPv6 network is one client; names that nobody has are counted too.
	fail("2001:db8::1", "nobody", 3)
	fail("2001:db8::2", "nobody", 2)
	try("2001:db8::3", "nobody", "wrong", ErrLocked)
	try("2001:db8:0:1::3", "nobody", "wrong", ErrCredentials)
	for range 5 {
		try("192.0.2.9", "root", "wrong", ErrCredentials)
	}
	try("192.0.2.9", "root", "toor toor", ErrLocked)

	// A new password begins anew.
	fail("192.0.2.3", "ada", 5)
	require.NoError(t, a.SetPassword(context.Background(), "ada", "battery staple"))
	try("192.0.2.3", "ada", "battery staple", nil)

	for _, mode := range []string{"off", "warn", "on"} {
		conf.set("chttpd_auth_lockout/mode", mode)
		fail("192.0.2.4", "ada", 8)
		try("192.0.2.4", "ada", "battery staple", nil)
	}
	conf.set("chttpd_auth_lockout/mode", "enforce")
	try("192.0.2.4", "ada", "battery staple", ErrLocked) // warn counted
	conf.set("chttpd_auth_lockout/threshold", "2", "chttpd_auth_lockout/max_lifetime", "1000")
	fail("192.0.2.5", "ada", 2)
	try("192.0.2.5", "ada", "battery staple", ErrLocked)
	now.Pass(time.Second)
	try("192.0.2.5", "ada", "battery staple", nil)

	_, err = a.Login(context.Background(), "ada", "wrong")
	require.ErrorIs(t, err, ErrCredentials)
}

// However many guesses come at once, five are looked at.
func TestLockoutUnderConcurrency(t *testing.T) {
	a, _, _ := openLocking(t)
	var looked, locked atomic.Int64
	var group sync.WaitGroup
	for i := range 200 {
		group.Go(func() {
			_, err := a.SignIn(from("192.0.2.1", request()), "ada", fmt.Sprint("guess ", i), "")
			switch {
			case errors.Is(err, ErrCredentials):
				looked.Add(1)
			case errors.Is(err, ErrLocked):
				locked.Add(1)
			default:
				t.Error(err)
			}
		})
	}
	group.Wait()
	require.EqualValues(t, 5, looked.Load())
	require.EqualValues(t, 195, locked.Load())
	require.Zero(t, a.waiting.Load())
}

// A client that sends many requests at once with a right password waits, and is let in.
func TestRightPasswordsAtOnce(t *testing.T) {
	a, _, _ := openLocking(t)
	a.prover = newProver() // as after a restart
	var group sync.WaitGroup
	for range 100 {
		group.Go(func() {
			_, err := a.SignIn(from("192.0.2.1", request()), "ada", "correct horse", "")
			if err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	require.Zero(t, a.lockouts.failing.Load())
	require.Empty(t, a.lockouts.mu.origins)
}

// What is remembered of failures is bounded, and goes with its time.
func TestLockoutMemory(t *testing.T) {
	l, now := newLockouts(), time.Unix(1000, 0)
	fail := func(i int, at time.Time) {
		f, _ := l.begin(origin{byte(i), byte(i >> 8)}, 5, at)
		require.NotNil(t, f)
		l.end(f, true, 5, at, time.Minute, 100)
	}
	for i := range 1000 {
		fail(i, now)
	}
	require.Len(t, l.mu.origins, 100)
	require.Equal(t, 100, l.mu.order.Len())
	require.NotNil(t, l.mu.origins[origin{999 & 255, 999 >> 8}], "the oldest go")
	fail(1, now.Add(time.Minute))
	require.Len(t, l.mu.origins, 1)
	require.EqualValues(t, 1, l.failing.Load())

	// An origin whose failures are dropped while another guess is checked.
	f, _ := l.begin(origin{1}, 5, now.Add(time.Minute))
	for i := range 200 {
		fail(2+i, now.Add(time.Minute))
	}
	require.Nil(t, f.place)
	require.NotNil(t, l.mu.origins[f.of])
	l.end(f, false, 5, now, time.Minute, 100)
	require.Nil(t, l.mu.origins[f.of])
}

// Who gives up waiting leaves the line.
func TestLockoutWaitEnds(t *testing.T) {
	a, _, conf := openLocking(t)
	conf.set("chttpd_auth_lockout/threshold", "1")
	for range cap(a.gate) {
		a.gate <- struct{}{}
	}
	var group sync.WaitGroup
	ctx, cancel := context.WithCancel(context.Background())
	for _, password := range []string{"one", "two"} { // one waits for a place, the other for its verdict
		group.Go(func() {
			_, err := a.SignIn(from("192.0.2.1", request()).WithContext(ctx), "ada", password, "")
			if !errors.Is(err, context.Canceled) {
				t.Error(err)
			}
		})
	}
	require.Eventually(t, func() bool { return a.waiting.Load() == 2 }, 10*time.Second, time.Millisecond)
	cancel()
	group.Wait()
	require.Zero(t, a.waiting.Load())
	require.Empty(t, a.lockouts.mu.origins)
	for range cap(a.gate) {
		<-a.gate
	}
}
