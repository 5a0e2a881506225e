package auth

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"settee/fixtures/engine"

	"github.com/stretchr/testify/require"
)

// put writes members into an account's document, as an administrator does.
func put(t *testing.T, a *Auth, name string, members ...member) {
	t.Helper()
	ctx := context.Background()
	doc, err := readObject(ctx, a.users.db, userID(name))
	require.NoError(t, err)
	for _, m := range members {
		doc = append(doc.without(m.name), m)
	}
	_, err = a.users.db.Put(ctx, userID(name), doc.marshal())
	require.NoError(t, err)
	a.ForgetAccounts()
}

func TestProfile(t *testing.T) {
	ctx, now := context.Background(), newClock()
	a := openAuth(t, engine.Open(t).Client, testOptions(now))
	_, err := a.Signup(ctx, "ada", "correct horse", "ada@example.com")
	require.NoError(t, err)
	secret, err := a.IssueToken(ctx, "ada", Token{})
	require.NoError(t, err)
	put(t, a, "ada", jsonMember("email_verified", true), jsonMember("theirs", []int{1}))
	now.Pass(1e9)
	set := func(change func(*Profile, *string)) error { return a.SetProfile(ctx, "ada", change) }
	require.NoError(t, set(func(p *Profile, _ *string) { p.FullName, p.GitHub = "Ada Lovelace", "ada" }))
	account, err := a.Account(ctx, "ada")
	require.NoError(t, err)
	require.Equal(t, Profile{FullName: "Ada Lovelace", GitHub: "ada"}, account.Profile)
	require.True(t, account.EmailVerified)
	require.Equal(t, now.Now(), account.Updated.UTC())
	require.NoError(t, set(func(p *Profile, _ *string) {}), "nothing changes")
	again, err := a.Account(ctx, "ada")
	require.NoError(t, err)
	require.Equal(t, account.Rev, again.Rev)
	require.NoError(t, set(func(p *Profile, email *string) { p.GitHub, *email = "", "ada@example.org" }))
	account, err = a.Account(ctx, "ada")
	require.NoError(t, err)
	require.Equal(t, Profile{FullName: "Ada Lovelace"}, account.Profile)
	require.False(t, account.EmailVerified, "it is another address")
	for _, bad := range []func(*Profile, *string){
		func(_ *Profile, email *string) { *email = "" }, func(_ *Profile, email *string) { *email = "x" },
		func(p *Profile, _ *string) { p.Homepage = strings.Repeat("x", 513) }, func(p *Profile, _ *string) { p.Twitter = "a\x00" }, func(p *Profile, _ *string) { p.Freenode = "\xff" },
	} {
		require.ErrorIs(t, set(bad), &Error{Kind: BadRequest})
	}
	for _, name := range []string{"root", "nobody", "a:b"} {
		require.ErrorIs(t, a.SetProfile(ctx, name, func(p *Profile, _ *string) { p.GitHub = "x" }), errNoUser, name)
	}
	doc, err := readObject(ctx, a.users.db, userID("ada"))
	require.NoError(t, err)
	require.JSONEq(t, `[1]`, string(func() json.RawMessage { var raw json.RawMessage; doc.scan("theirs", &raw); return raw }()), "what others wrote stays")
	_, err = a.Authenticate(basic("ada", "correct horse"))
	require.NoError(t, err)
	_, err = a.Authenticate(bearer(secret))
	require.NoError(t, err)
}

// A disabled account is out by every door, one bound to addresses by all but those.
func TestStanding(t *testing.T) {
	ctx := context.Background()
	a := openAuth(t, engine.Open(t).Client, testOptions(newClock()))
	ada, err := a.Signup(ctx, "ada", "correct horse", "")
	require.NoError(t, err)
	secret, err := a.IssueToken(ctx, "ada", Token{})
	require.NoError(t, err)
	session := sessionOf(a, ada)
	doors := func(address string) (errs []error) {
		for _, r := range []*http.Request{basic("ada", "correct horse"), bearer(secret)} {
			_, err := a.Authenticate(from(address, r))
			errs = append(errs, err)
		}
		return errs
	}
	put(t, a, "ada", jsonMember("cidr_whitelist", []string{"192.0.2.0/24"}))
	require.Equal(t, []error{nil, nil}, doors("192.0.2.1"))
	require.Equal(t, []error{ErrAddress, ErrAddress}, doors("198.51.100.1"))
	id, err := a.Authenticate(from("198.51.100.1", request("Cookie", "AuthSession="+session)))
	require.NoError(t, err)
	require.True(t, id.Anonymous())
	put(t, a, "ada", jsonMember("cidr_whitelist", "everywhere"))
	for _, err := range doors("192.0.2.1") {
		require.Error(t, err, "spoilt")
	}
	put(t, a, "ada", jsonMember("cidr_whitelist", []string{}), textMember("disabled", "2026-03-01T12:00:00.000Z"))
	require.Equal(t, []error{ErrDisabled, ErrDisabled}, doors("192.0.2.1"))
	_, err = a.Authenticate(basic("ada", "wrong"))
	require.ErrorIs(t, err, ErrCredentials, "who does not know the password learns nothing")
	id, err = a.Authenticate(request("Cookie", "AuthSession="+session))
	require.NoError(t, err)
	require.True(t, id.Anonymous())

	require.NoError(t, a.RegisterService(ctx, "robot"))
	require.ErrorIs(t, a.RegisterService(ctx, "robot"), ErrNameTaken)
	require.ErrorIs(t, a.RegisterService(ctx, "Robot"), &Error{Kind: BadRequest})
	for _, password := range []string{"", "robot", "null"} {
		_, err = a.SignIn(request(), "robot", password, "")
		require.ErrorIs(t, err, ErrCredentials)
	}
	token, err := a.IssueToken(ctx, "robot", Token{})
	require.NoError(t, err)
	id, err = a.Authenticate(bearer(token))
	require.NoError(t, err)
	require.Equal(t, "robot", id.Name)
	require.NoError(t, a.SetPassword(ctx, "robot", "correct horse"))
	_, err = a.SignIn(request(), "robot", "correct horse", "")
	require.Equal(t, ErrService, err, "though somebody gave it a password")
}

// What an account is worth its owner does not write into its document, nor a token anything.
func TestOwnDocument(t *testing.T) {
	old := `{"_id":"org.couchdb.user:ada","name":"ada","type":"user","roles":[],"created":"2026-03-01T12:00:00.000Z","disabled":"x"`
	by := Identity{Name: "ada"}
	edit := func(id Identity, doc string) error {
		return UserEdit{ID: userID("ada"), Doc: json.RawMessage(doc), Old: json.RawMessage(old + "}"), By: id}.Validate()
	}
	require.NoError(t, edit(by, old+`,"fullname":"Ada"}`))
	for _, doc := range []string{
		old + `,"email_verified":true}`, old + `,"service":true}`, old + `,"cidr_whitelist":[]}`, strings.Replace(old, `"x"`, `"y"`, 1) + "}",
		strings.Replace(old, "2026", "2025", 1) + "}", `{"_id":"org.couchdb.user:ada","name":"ada","type":"user","roles":[],"created":"2026-03-01T12:00:00.000Z"}`,
		`{"_id":"org.couchdb.user:ada","name":"ada","type":"user","roles":[],"disabled":"x"}`,
	} {
		require.ErrorIs(t, edit(by, doc), &Error{Kind: Forbidden}, doc)
		require.NoError(t, edit(rootID, doc), doc)
	}
	byToken := Identity{Name: "ada", Token: &Token{}}
	require.ErrorIs(t, edit(byToken, old+"}"), &Error{Kind: Forbidden})
	require.ErrorIs(t, UserEdit{Deleted: true, Old: json.RawMessage(old + "}"), By: byToken}.Validate(), &Error{Kind: Forbidden})
	fresh := func(more string) error {
		return UserEdit{ID: userID("eve"), Doc: json.RawMessage(`{"name":"eve","type":"user","roles":[]` + more + `}`)}.Validate()
	}
	require.NoError(t, fresh(`,"created":"2026-03-01T12:00:00.000Z"`))
	require.ErrorIs(t, fresh(`,"email_verified":true`), &Error{Kind: Forbidden})
	require.ErrorIs(t, fresh(`,"service":true`), &Error{Kind: Forbidden})
}

// At CouchDB's API a token is what its user is, but no more than it was made for.
func TestTokensAtCouchDB(t *testing.T) {
	g := openFactor(t, AuthAndWrites)
	ctx := context.Background()
	issue := func(token Token) func(method, code string) error {
		secret, err := g.IssueToken(ctx, "ada", token)
		require.NoError(t, err)
		return func(method, code string) error {
			r := bearer(secret)
			r.Method = method
			if code != "" {
				r = withOTP(r, code)
			}
			_, err := g.Identify(r)
			return err
		}
	}
	classic, reader := issue(Token{}), issue(Token{ReadOnly: true})
	granular := issue(Token{Kind: TokenGranular, PackagesAll: true, Permission: ReadWrite})
	require.NoError(t, classic("GET", ""))
	require.Equal(t, ErrOTP, classic("PUT", ""))
	require.NoError(t, classic("PUT", g.code()))
	require.NoError(t, reader("HEAD", ""))
	require.ErrorIs(t, reader("POST", ""), &Error{Kind: Forbidden})
	require.ErrorIs(t, granular("GET", ""), &Error{Kind: Forbidden})
	require.NoError(t, g.SetMode(ctx, "ada", AuthOnly))
	require.NoError(t, classic("PUT", ""))
}
