package auth

import (
	"context"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"settee/fixtures/engine"

	"github.com/stretchr/testify/require"
)

func TestSignup(t *testing.T) {
	ctx := context.Background()
	client := engine.Open(t).Client
	now := newClock()
	a := openAuth(t, client, testOptions(now))
	const good, mail = "correct horse", "ada@example.com"
	for _, c := range []struct {
		name, password, email string
		err                   error
	}{
		{"ada", good, mail, nil},
		{"ada", good, mail, ErrNameTaken},
		{"ada", "another password", "", ErrNameTaken},
		{"root", good, mail, ErrNameTaken},
		{"a", "b2k 8x$q", "", nil},
		{"\u0430da", good, mail, badRequest("Name may not contain non-url-safe chars")},  // Cyrillic
		{"ad\u0251", good, mail, badRequest("Name may not contain non-url-safe chars")},  // the IPA's alpha
		{"\uff41da", good, mail, badRequest("Name may not contain non-url-safe chars")},  // full width
		{"a\u200bda", good, mail, badRequest("Name may not contain non-url-safe chars")}, // of no width
		{"a\u0301da", good, mail, badRequest("Name may not contain non-url-safe chars")}, // an accent of its own
		{"ad\u0131", good, mail, badRequest("Name may not contain non-url-safe chars")},  // without its dot
		{"a-b_c.d0", "ß äöü€ 𝄞", "x@localhost", nil},
		{strings.Repeat("n", 214), good, mail, nil},
		{strings.Repeat("n", 215), good, mail, badRequest("Name length must be less than or equal to 214 characters long")},
		{"", good, mail, badRequest("Name is required")},
		{"a:b", good, mail, badRequest("Character `:` is not allowed in usernames.")},
		{"Ada", good, mail, badRequest("Name must be lowercase")},
		{"Ä", good, mail, badRequest("Name must be lowercase")},
		{"a b", good, mail, badRequest("Name may not contain non-url-safe chars")},
		{"a/b", good, mail, badRequest("Name may not contain non-url-safe chars")},
		{"../a", good, mail, badRequest("Name may not contain non-url-safe chars")},
		{"a\x00", good, mail, badRequest("Name may not contain non-url-safe chars")},
		{"a\xff", good, mail, badRequest("Name must be lowercase")},
		{".a", good, mail, badRequest(`Name may not start with "."`)},
		{"_a", good, mail, badRequest(`Name may not start with "_"`)},
		{"-", good, mail, badRequest(`Name may not start with "-"`)},
		{"new", "1234567", mail, badRequest("Password must be at least 8 characters long")},
		{"new", "€€€€", mail, badRequest("Password must be at least 8 characters long")},
		{"new", strings.Repeat("x", 257), mail, badRequest("Password must be at most 256 bytes long")},
		{"new", good, "ada", badRequest("Email must be an email address")},
		{"new", good, "@x", badRequest("Email must be an email address")},
		{"new", good, "a@", badRequest("Email must be an email address")},
		{"new", good, "a@b@c.d", badRequest("Email must be an email address")},
		{"new", good, "a@.d", badRequest("Email must be an email address")},
		{"new", good, "a b@c.d", badRequest("Email must be an email address")},
		{"new", good, "a@c.d\r\nBcc: x@y.z", badRequest("Email must be an email address")},
		{"new", good, strings.Repeat("a", 251) + "@c.d", badRequest("Email must be an email address")},
	} {
		id, err := a.Signup(ctx, c.name, c.password, c.email)
		if c.err != nil {
			require.Equal(t, c.err, err, "%q %q", c.name, c.email)
			require.Zero(t, id)
			continue
		}
		require.NoError(t, err, c.name)
		require.Equal(t, c.name, id.Name)
		again, err := a.Login(ctx, c.name, c.password)
		require.NoError(t, err)
		require.Equal(t, id, again)
		account, err := a.Account(ctx, c.name)
		require.NoError(t, err)
		require.NotEmpty(t, account.Rev)
		account.Rev = ""
		require.Equal(t, Account{Name: c.name, Email: c.email, Roles: []string{}, Created: now.Now(), Updated: now.Now()}, account)
	}
	_, err := a.Account(ctx, "new")
	require.ErrorIs(t, err, &Error{Kind: NotFound})
}

// What is stored is what CouchDB accepts, and the password is not in it.
func TestStoredAccount(t *testing.T) {
	ctx := context.Background()
	client := engine.Open(t).Client
	a := openAuth(t, client, testOptions(newClock()))
	_, err := a.Signup(ctx, "ada", "correct horse", "ada@example.com")
	require.NoError(t, err)
	doc, err := readObject(ctx, client.DB("_users"), "org.couchdb.user:ada")
	require.NoError(t, err)
	require.NoError(t, UserEdit{ID: userID("ada"), Doc: doc.marshal()}.Validate())
	require.NotContains(t, string(doc.marshal()), "correct horse")
	require.Len(t, doc.text("salt"), 32)
	require.Len(t, doc.text("derived_key"), 64)
	require.Equal(t, "2026-03-01T12:00:00.000Z", doc.text("created"))

	secret, err := a.IssueToken(ctx, "ada", Token{})
	require.NoError(t, err)
	doc, err = readObject(ctx, client.DB("tokens"), tokenKey(secret))
	require.NoError(t, err)
	require.NotContains(t, string(doc.marshal()), secret[9:])
}

func TestClosedSignup(t *testing.T) {
	ctx := context.Background()
	client := engine.Open(t).Client
	o := testOptions(newClock())
	o.Signup = SignupClosed
	a := openAuth(t, client, o)
	_, err := a.Signup(ctx, "ada", "correct horse", "")
	require.ErrorIs(t, err, ErrSignup)
	_, err = a.Register(ctx, "ada", "correct horse", "")
	require.NoError(t, err)
	o.Signup = "ajar"
	_, err = Open(ctx, client, o)
	require.ErrorContains(t, err, "ajar")
}

func TestConcurrentSignup(t *testing.T) {
	ctx := context.Background()
	client := engine.Open(t).Client
	servers := []*Auth{openAuth(t, client, testOptions(newClock())), openAuth(t, client, testOptions(newClock()))}
	var all sync.WaitGroup
	var won, lost, winner atomic.Int64
	passwords := []string{"pass the word on 0", "pass the word on 1", "pass the word on 2", "pass the word on 3", "pass the word on 4", "pass the word on 5", "pass the word on 6", "pass the word on 7"}
	for i, password := range passwords {
		all.Go(func() {
			_, err := servers[i%2].Signup(ctx, "ada", password, "")
			switch {
			case err == nil:
				won.Add(1)
				winner.Store(int64(i))
			case errors.Is(err, ErrNameTaken):
				lost.Add(1)
			}
		})
	}
	all.Wait()
	require.EqualValues(t, 1, won.Load())
	require.EqualValues(t, len(passwords)-1, lost.Load())
	for i, password := range passwords {
		for _, a := range servers {
			_, err := a.Login(ctx, "ada", password)
			require.Equal(t, int64(i) == winner.Load(), err == nil, password)
		}
	}
}

func TestSetPassword(t *testing.T) {
	ctx := context.Background()
	client := engine.Open(t).Client
	a := openAuth(t, client, testOptions(newClock()))
	ada, err := a.Signup(ctx, "ada", "correct horse", "")
	require.NoError(t, err)
	cookie := sessionOf(a, ada)
	secret, err := a.IssueToken(ctx, "ada", Token{})
	require.NoError(t, err)

	require.NoError(t, a.SetPassword(ctx, "ada", "battery staple"))
	_, err = a.Login(ctx, "ada", "correct horse")
	require.ErrorIs(t, err, ErrCredentials)
	_, err = a.Login(ctx, "ada", "battery staple")
	require.NoError(t, err)
	id, err := a.Authenticate(request("Cookie", "AuthSession="+cookie))
	require.NoError(t, err)
	require.True(t, id.Anonymous(), "a new password ends the sessions")
	_, err = a.Authenticate(bearer(secret))
	require.NoError(t, err, "tokens live on, as npm's do")

	require.ErrorIs(t, a.SetPassword(ctx, "bob", "battery staple"), errNoUser)
	require.ErrorIs(t, a.SetPassword(ctx, "root", "battery staple"), errNoUser)
	require.ErrorIs(t, a.SetPassword(ctx, "ada", "short"), &Error{Kind: BadRequest})
}

// A document of the server admin's name gives no way in and takes none away.
func TestDocumentOfTheAdminsName(t *testing.T) {
	ctx := context.Background()
	client := engine.Open(t).Client
	a := openAuth(t, client, testOptions(newClock()))
	doc, err := a.HashPassword(ctx, []byte(`{"_id":"org.couchdb.user:root","name":"root","type":"user","roles":["x"],"password":"usurper"}`))
	require.NoError(t, err)
	_, err = client.DB("_users").Put(ctx, "org.couchdb.user:root", doc)
	require.NoError(t, err)
	_, err = a.Login(ctx, "root", "usurper")
	require.ErrorIs(t, err, ErrCredentials)
	id, err := a.Login(ctx, "root", "toor toor")
	require.NoError(t, err)
	require.True(t, id.Admin())
}

// Without an admin in the options nobody is one.
func TestNoAdmin(t *testing.T) {
	client := engine.Open(t).Client
	a := openAuth(t, client, Options{Iterations: 10})
	for _, name := range []string{"", "_admin", "root"} {
		_, err := a.Login(context.Background(), name, "")
		require.ErrorIs(t, err, ErrCredentials)
	}
}

// Wrong passwords wait in a bounded line; those that were checked before do not.
func TestFloodOfPasswords(t *testing.T) {
	ctx := context.Background()
	client := engine.Open(t).Client
	a := openAuth(t, client, testOptions(newClock()))
	_, err := a.Signup(ctx, "ada", "correct horse", "")
	require.NoError(t, err)
	for range cap(a.gate) {
		a.gate <- struct{}{} // every place taken
	}
	ctx, leave := context.WithCancel(ctx)
	var line sync.WaitGroup
	for range waitingBound {
		line.Go(func() {
			_, err := a.Login(ctx, "ada", "wrong")
			require.ErrorIs(t, err, context.Canceled)
		})
	}
	require.Eventually(t, func() bool { return a.waiting.Load() == waitingBound }, 10*time.Second, time.Millisecond)
	_, err = a.Login(ctx, "ada", "wrong")
	require.ErrorIs(t, err, ErrBusy)
	_, err = a.Login(ctx, "ada", "correct horse")
	require.NoError(t, err)
	_, err = a.Login(ctx, "root", "toor toor")
	require.NoError(t, err)
	leave()
	line.Wait()
	require.Zero(t, a.waiting.Load())
	for range cap(a.gate) {
		<-a.gate
	}
	_, err = a.Login(context.Background(), "ada", "wrong")
	require.ErrorIs(t, err, ErrCredentials)
}

// Every way to be wrong does the same number of rounds.
func TestWrongPasswordsCostTheSame(t *testing.T) {
	a := &Auth{o: Options{Iterations: 600}, conf: configuration{nothingSet{}}}
	for name, who := range map[string]*account{
		"nobody":     nobody,
		"admin":      {credentials: credentials{salt: "x"}},
		"simple":     {credentials: credentials{scheme: schemeSimple, salt: "x", key: "y"}},
		"cheap":      {credentials: credentials{scheme: schemePBKDF2, prf: prfSHA256, iterations: 10, key: "y"}},
		"current":    {credentials: credentials{scheme: schemePBKDF2, prf: prfSHA256, iterations: 600, key: "y"}},
		"unreadable": {credentials: credentials{scheme: schemePBKDF2, prf: "md5", iterations: 10, salt: "x"}},
	} {
		rest := a.rest(who)
		require.Equal(t, 600, who.rounds()+rest.iterations, name)
		right, err := a.verify(who, "wrong")
		require.NoError(t, err)
		require.False(t, right)
	}
}
