package auth

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-kivik/kivik/v4"
	"github.com/stretchr/testify/require"
)

// These tests run in a bubble where time stands until all sleep, so an hour takes
// no time and every deadline of the follower is exact.

// settled has a token that is known, and feeds that wait.
func settled(t *testing.T) (*kivik.Client, *memory, *Auth, string) {
	client, store := openMemory(t)
	a := openAuth(t, client, Options{AdminName: "root", AdminPassword: "toor toor", Iterations: 10})
	secret, err := a.IssueToken(context.Background(), "root", Token{})
	require.NoError(t, err)
	time.Sleep(time.Second)
	_, err = a.Authenticate(bearer(secret))
	require.NoError(t, err)
	return client, store, a, secret
}

func TestIdleFeedKeepsVouching(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, store, a, secret := settled(t)
		db := store.db(tokensDB)
		reads := func() (n int) {
			db.with(func() { n = db.reads })
			return n
		}
		before := reads()
		for range 60 {
			time.Sleep(time.Minute)
			_, err := a.Authenticate(bearer(secret))
			require.NoError(t, err)
		}
		require.LessOrEqual(t, reads()-before, 2, "an hour's last use is written, nothing else read")
	})
}

// A connection that died without a word counts as dead a fifth of pollTime after
// the poll should have ended; what it kept back is found out by then, or by reading the store.
func TestDeadConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx := context.Background()
		client, store, a, secret := settled(t)
		db := store.db(tokensDB)
		db.with(func() { db.deaf = true; db.wake() })
		rev, err := client.DB(tokensDB).GetRev(ctx, tokenKey(secret))
		require.NoError(t, err)
		_, err = client.DB(tokensDB).Delete(ctx, tokenKey(secret), rev)
		require.NoError(t, err)
		synctest.Wait()
		_, err = a.Authenticate(bearer(secret))
		require.NoError(t, err, "not known yet")
		time.Sleep(vouchTime)
		_, err = a.Authenticate(bearer(secret))
		require.ErrorIs(t, err, ErrToken)

		db.with(func() { db.deaf = false })
		time.Sleep(2 * pollTime)
		_, known := a.tokens.known(tokenKey(secret))
		require.False(t, known, "the feed brought the deletion")
		other, err := a.IssueToken(ctx, "root", Token{})
		require.NoError(t, err)
		synctest.Wait() // the feed brings the new token, and what was known of it goes
		_, err = a.Authenticate(bearer(other))
		require.NoError(t, err)
		_, known = a.tokens.known(tokenKey(other))
		require.True(t, known, "answers come from memory again")
	})
}

// An administrator who deletes _users may make it again; until then there are no
// accounts, and a sign-up makes it too.
func TestUsersDeleted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx := context.Background()
		client, store, a, _ := settled(t)
		_, err := a.Signup(ctx, "ada", "correct horse", "")
		require.NoError(t, err)
		_, err = a.Login(ctx, "ada", "correct horse")
		require.NoError(t, err)
		db := store.db(usersDB)
		require.NoError(t, client.DestroyDB(ctx, usersDB))
		db.with(db.wake)
		synctest.Wait()
		_, err = a.Login(ctx, "ada", "correct horse")
		require.ErrorIs(t, err, ErrCredentials)
		time.Sleep(time.Minute)
		require.Nil(t, store.db(usersDB))
		require.NoError(t, client.CreateDB(ctx, usersDB))
		_, err = a.Signup(ctx, "ada", "battery staple", "")
		require.NoError(t, err)
		_, err = a.Login(ctx, "ada", "battery staple")
		require.NoError(t, err)

		require.NoError(t, client.DestroyDB(ctx, usersDB))
		_, err = a.Signup(ctx, "bob", "battery staple", "")
		require.NoError(t, err)
		require.NotNil(t, store.db(usersDB))
		time.Sleep(time.Minute)
		_, err = a.Login(ctx, "bob", "battery staple")
		require.NoError(t, err)
		before := store.db(usersDB).reads
		_, err = a.Login(ctx, "bob", "battery staple")
		require.NoError(t, err)
		require.Equal(t, before, store.db(usersDB).reads, "the feed vouches again")
	})
}
