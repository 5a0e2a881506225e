package auth

import (
	"bytes"
	"context"
	"log/slog"
	"maps"
	"net/http"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"settee/fixtures/engine"

	"github.com/stretchr/testify/require"
)

// fails waits for credentials to stop working, which they must by the feed alone.
func fails(t *testing.T, a *Auth, r *http.Request) {
	t.Helper()
	require.Eventually(t, func() bool { _, err := a.Authenticate(r); return err != nil }, 10*time.Second, time.Millisecond)
}

// What another server or a replication writes arrives by the feed.
func TestOtherServersWrites(t *testing.T) {
	ctx := context.Background()
	client := engine.Open(t).Client
	here, there := openAuth(t, client, testOptions(newClock())), openAuth(t, client, testOptions(newClock()))
	_, err := here.Login(ctx, "ada", "correct horse") // remembered as absent
	require.ErrorIs(t, err, ErrCredentials)
	_, err = there.Signup(ctx, "ada", "correct horse", "")
	require.NoError(t, err)
	require.Eventually(t, func() bool { _, err := here.Login(ctx, "ada", "correct horse"); return err == nil }, 10*time.Second, time.Millisecond)

	secret, err := there.IssueToken(ctx, "ada", Token{})
	require.NoError(t, err)
	require.Eventually(t, func() bool { _, err := here.Authenticate(bearer(secret)); return err == nil }, 10*time.Second, time.Millisecond)
	require.NoError(t, there.RevokeToken(ctx, secret))
	fails(t, here, bearer(secret))

	require.NoError(t, there.SetPassword(ctx, "ada", "battery staple"))
	fails(t, here, basic("ada", "correct horse"))

	_, err = here.Org(ctx, "acme")
	require.ErrorIs(t, err, ErrNoOrg)
	require.NoError(t, there.ClaimScope(ctx, "acme", "ada"))
	has := func(want map[string]Role) {
		t.Helper()
		require.Eventually(t, func() bool {
			o, err := here.Org(ctx, "acme")
			return err == nil && maps.Equal(o.Members(), want)
		}, 10*time.Second, time.Millisecond)
	}
	has(map[string]Role{"ada": RoleOwner})
	_, err = there.Signup(ctx, "bob", "correct horse", "")
	require.NoError(t, err)
	require.NoError(t, there.SetMember(ctx, rootID, "acme", "bob", RoleDeveloper))
	has(map[string]Role{"ada": RoleOwner, "bob": RoleDeveloper})
	require.NoError(t, there.RemoveMember(ctx, rootID, "acme", "bob"))
	has(map[string]Role{"ada": RoleOwner})
}

// While the feed stands, answers come from memory; cut, they do so for vouchTime
// and not longer; healed, they do so again, and nothing that happened is missed.
func TestStalenessIsBounded(t *testing.T) {
	ctx := context.Background()
	client, store := openMemory(t)
	now := newClock()
	a := openAuth(t, client, testOptions(now))
	secret, err := a.IssueToken(ctx, "root", Token{})
	require.NoError(t, err)
	stable(t, a, store, bearer(secret))

	db := store.db("tokens")
	db.with(func() { db.cut = status(http.StatusBadGateway); db.wake() })
	rev, err := client.DB("tokens").GetRev(ctx, tokenKey(secret))
	require.NoError(t, err)
	_, err = client.DB("tokens").Delete(ctx, tokenKey(secret), rev)
	require.NoError(t, err)
	_, err = a.Authenticate(bearer(secret))
	require.NoError(t, err, "within the bound")
	now.Pass(vouchTime)
	_, err = a.Authenticate(bearer(secret))
	require.ErrorIs(t, err, ErrToken, "past the bound")

	db.with(func() { db.cut = nil })
	fails(t, a, bearer(secret))
	fresh, err := a.IssueToken(ctx, "root", Token{})
	require.NoError(t, err)
	stable(t, a, store, bearer(fresh))
}

// stable waits until a request costs no read.
func stable(t *testing.T, a *Auth, store *memory, r *http.Request) {
	t.Helper()
	reads := func() (n int) {
		for _, name := range []string{usersDB, tokensDB, orgsDB} {
			db := store.db(name)
			db.with(func() { n += db.reads })
		}
		return n
	}
	require.Eventually(t, func() bool {
		before := reads()
		_, err := a.Authenticate(r)
		return err == nil && reads() == before
	}, 10*time.Second, time.Millisecond)
}

// A database that is deleted and made anew under the feet has no tokens any more.
func TestDatabaseMadeAnew(t *testing.T) {
	ctx := context.Background()
	client, store := openMemory(t)
	a := openAuth(t, client, testOptions(newClock()))
	secret, err := a.IssueToken(ctx, "root", Token{})
	require.NoError(t, err)
	stable(t, a, store, bearer(secret))
	db := store.db("tokens")
	require.NoError(t, client.DestroyDB(ctx, "tokens"))
	db.with(db.wake)
	fails(t, a, bearer(secret))
	require.Eventually(t, func() bool { return store.db("tokens") != nil }, 10*time.Second, time.Millisecond)
	fresh, err := a.IssueToken(ctx, "root", Token{})
	require.NoError(t, err)
	stable(t, a, store, bearer(fresh))
}

// A read that began before a change and ended after it is not kept.
func TestSlowReadIsNotKept(t *testing.T) {
	client := engine.Open(t).Client
	a := openAuth(t, client, testOptions(newClock()))
	a.tokens.mu.RLock()
	before := a.tokens.mu.forgotten
	a.tokens.mu.RUnlock()
	a.tokens.forget("x")
	a.tokens.keep("x", &token{}, before)
	_, known := a.tokens.known("x")
	require.False(t, known)
}

// Requests and changes at once: an answer is never older than a write that was
// acknowledged before it was asked for.
func TestRevocationIsImmediateHere(t *testing.T) {
	ctx := context.Background()
	client := engine.Open(t).Client
	a := openAuth(t, client, testOptions(newClock()))
	for range 50 {
		secret, err := a.IssueToken(ctx, "root", Token{})
		require.NoError(t, err)
		var revoked atomic.Bool
		var readers sync.WaitGroup
		for range 4 {
			readers.Go(func() {
				for {
					late := revoked.Load()
					_, err := a.Authenticate(bearer(secret))
					if err != nil {
						require.ErrorIs(t, err, ErrToken)
						return
					}
					require.False(t, late, "signed in by a revoked token")
				}
			})
		}
		require.NoError(t, a.RevokeToken(ctx, secret))
		revoked.Store(true)
		readers.Wait()
	}
}

func TestMirrorIsBounded(t *testing.T) {
	full := map[int]bool{}
	for i := range 100 {
		makeRoom(full, 10)
		full[i] = true
		require.LessOrEqual(t, len(full), 10)
		require.True(t, full[i])
	}
}

func TestStoreFailures(t *testing.T) {
	ctx := context.Background()
	client, store := openMemory(t)
	var log bytes.Buffer
	o := testOptions(newClock())
	o.Logger = slog.New(slog.NewTextHandler(&log, nil))
	a := openAuth(t, client, o)
	_, err := a.Signup(ctx, "ada", "correct horse", "")
	require.NoError(t, err)
	for _, name := range []string{usersDB, tokensDB, orgsDB} {
		db := store.db(name)
		db.with(func() { db.refuse = status(http.StatusServiceUnavailable) })
	}
	_, err = a.Signup(ctx, "bob", "correct horse", "")
	require.ErrorIs(t, err, status(http.StatusServiceUnavailable))
	_, err = a.IssueToken(ctx, "ada", Token{})
	require.ErrorIs(t, err, status(http.StatusServiceUnavailable))
	require.ErrorIs(t, a.ClaimScope(ctx, "acme", "ada"), status(http.StatusServiceUnavailable))
	require.ErrorIs(t, a.SetPassword(ctx, "ada", "battery staple"), status(http.StatusServiceUnavailable))
	_, err = a.Login(ctx, "ada", "correct horse")
	require.NoError(t, err, "nothing changed")
	require.NotContains(t, log.String(), "horse")
}

func TestCloseLeavesNothingRunning(t *testing.T) {
	ctx := context.Background()
	client := engine.Open(t).Client
	before := runtime.NumGoroutine()
	for range 5 {
		a, err := Open(ctx, client, testOptions(newClock()))
		require.NoError(t, err)
		_, err = a.Login(ctx, "root", "toor toor")
		require.NoError(t, err)
		require.NoError(t, a.Close())
		require.NoError(t, a.Close(), "twice")
	}
	for end := time.Now().Add(10 * time.Second); runtime.NumGoroutine() > before && time.Now().Before(end); {
		time.Sleep(time.Millisecond) // Kivik's iterators end a moment after they are closed
	}
	require.LessOrEqual(t, runtime.NumGoroutine(), before)
}

// Open's context bounds the opening only.
func TestOpenContext(t *testing.T) {
	client := engine.Open(t).Client
	ctx, cancel := context.WithCancel(context.Background())
	a, err := Open(ctx, client, testOptions(newClock()))
	require.NoError(t, err)
	cancel()
	there := openAuth(t, client, testOptions(newClock()))
	secret, err := there.IssueToken(context.Background(), "root", Token{})
	require.NoError(t, err)
	_, err = a.Authenticate(bearer(secret))
	require.NoError(t, err)
	require.NoError(t, there.RevokeToken(context.Background(), secret))
	fails(t, a, bearer(secret))
	require.NoError(t, a.Close())
}
