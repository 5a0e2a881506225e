package auth

import (
	"context"
	"fmt"
	"testing"
	"time"

	"settee/fixtures/engine"

	"github.com/stretchr/testify/require"
)

func TestTokensAreListed(t *testing.T) {
	ctx, now := context.Background(), newClock()
	client := engine.Open(t).Client
	a := openAuth(t, client, testOptions(now))
	for _, name := range []string{"ada", "grace"} {
		_, err := a.Signup(ctx, name, "correct horse", "")
		require.NoError(t, err)
	}
	granular := Token{
		Kind: TokenGranular, Name: "ci", Description: "of the build", CIDR: []string{"192.0.2.0/24"}, Expires: now.Now().Add(24 * time.Hour),
		Packages: []string{"left-hand"}, Scopes: []string{"@acme"}, PackagesAll: true, Permission: ReadWrite, Orgs: []string{"acme"}, OrgsPermission: ReadOnly, BypassTFA: true,
	}
	var secrets []string
	for _, token := range []Token{{}, granular, {Kind: TokenAutomation, ReadOnly: true}} {
		secret, err := a.IssueToken(ctx, "ada", token)
		require.NoError(t, err)
		secrets = append(secrets, secret)
		now.Pass(time.Second)
	}
	_, err := a.IssueToken(ctx, "grace", Token{})
	require.NoError(t, err)

	list, total, err := a.Tokens(ctx, "ada", 0, 10)
	require.NoError(t, err)
	require.Equal(t, 3, total)
	require.Len(t, list, 3)
	for i, secret := range secrets {
		require.Equal(t, tokenKey(secret), list[i].Key)
		require.Equal(t, redact(secret), list[i].Redacted)
		require.Zero(t, list[i].Used)
		mirrored, err := a.tokens.doc(ctx, tokenKey(secret))
		require.NoError(t, err)
		require.Equal(t, mirrored.Token, list[i], "the view tells what the document does")
	}
	require.Equal(t, granular.Packages, list[1].Packages)
	require.Regexp(t, "^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-a[0-9a-f]{3}-[0-9a-f]{12}$", list[1].ID())
	require.Equal(t, list[0].Key, list[0].ID())
	page, total, err := a.Tokens(ctx, "ada", 1, 1)
	require.NoError(t, err)
	require.Equal(t, 3, total)
	require.Equal(t, list[1:2], page)
	_, _, err = a.Tokens(ctx, "nobody", 0, 10)
	require.ErrorIs(t, err, errNoUser)

	// By secret, by key, by UUID; never somebody else's.
	revoke := func(user, given string) error { _, err := a.Revoke(ctx, user, given); return err }
	for _, wrong := range []string{"", "x", newSecret(), tokenKey("x"), "00000000-0000-8000-a000-000000000000", "_design/tokens", list[0].Key[:12], "used:" + list[0].Key + "@"} {
		require.ErrorIs(t, revoke("ada", wrong), errNoToken, wrong)
	}
	require.ErrorIs(t, revoke("grace", list[1].ID()), errNoToken)
	require.NoError(t, revoke("ada", secrets[0]))
	require.NoError(t, revoke("ada", list[1].ID()))
	require.NoError(t, revoke("ada", list[2].Key))
	_, total, err = a.Tokens(ctx, "ada", 0, 10)
	require.NoError(t, err)
	require.Zero(t, total)
	for _, secret := range secrets {
		_, err := a.Authenticate(bearer(secret))
		require.ErrorIs(t, err, ErrToken)
	}
}

// Long lists are kept, and never stale.
func TestManyTokens(t *testing.T) {
	ctx := context.Background()
	a := openAuth(t, engine.Open(t).Client, testOptions(newClock()))
	_, err := a.Signup(ctx, "ada", "correct horse", "")
	require.NoError(t, err)
	var secrets []string
	for range 2*usedRange + 5 {
		secret, err := a.IssueToken(ctx, "ada", Token{})
		require.NoError(t, err)
		secrets = append(secrets, secret)
	}
	seen := func(page int) map[string]bool {
		keys := map[string]bool{}
		for skip := 0; ; skip += page {
			list, total, err := a.Tokens(ctx, "ada", skip, page)
			require.NoError(t, err)
			require.Equal(t, len(secrets), total)
			for i := range list {
				keys[list[i].Key] = true
				list[i].Name = "changed by who asked"
			}
			if len(list) < page {
				return keys
			}
		}
	}
	require.Len(t, seen(50), len(secrets))
	require.NoError(t, a.RevokeToken(ctx, secrets[0]))
	secrets = secrets[1:]
	keys := seen(1000)
	require.Len(t, keys, len(secrets))
	_, err = a.Authenticate(bearer(secrets[3]))
	require.NoError(t, err)
	list, _, err := a.Tokens(ctx, "ada", 0, 1000)
	require.NoError(t, err)
	for i := range list {
		require.Empty(t, list[i].Name)
		require.Equal(t, list[i].Key != tokenKey(secrets[3]), list[i].Used.IsZero())
	}
	list, _, err = a.Tokens(ctx, "ada", 10_000, 10)
	require.NoError(t, err)
	require.Empty(t, list)
}

// A use is written once an hour, in no request's way, and outlives a restart.
func TestLastUse(t *testing.T) {
	ctx, now := context.Background(), newClock()
	client := engine.Open(t).Client
	o := testOptions(now)
	o.Region = "eu"
	a := openAuth(t, client, o)
	_, err := a.Signup(ctx, "ada", "correct horse", "")
	require.NoError(t, err)
	secret, err := a.IssueToken(ctx, "ada", Token{})
	require.NoError(t, err)
	written := func() string {
		doc, err := readObject(ctx, client.DB(tokensDB), "used:"+tokenKey(secret)+"@eu")
		require.NoError(t, err)
		return doc.text("at")
	}
	use := func() {
		_, err := a.Authenticate(from("192.0.2.7", bearer(secret)))
		require.NoError(t, err)
	}
	used := func(a *Auth) time.Time {
		list, _, err := a.Tokens(ctx, "ada", 0, 10)
		require.NoError(t, err)
		return list[0].Used.UTC()
	}
	use()
	first := now.Now()
	require.Empty(t, written())
	require.Equal(t, first, used(a), "it is shown before it is written")
	a.writeUses(ctx)
	require.Equal(t, first.Format(timeForm), written())
	now.Pass(59 * time.Minute)
	use()
	a.tokens.clear() // the mirror forgets, the document does not
	use()
	a.writeUses(ctx)
	require.Equal(t, first.Format(timeForm), written())
	now.Pass(time.Hour)
	use()
	require.NoError(t, a.Close())
	require.Equal(t, now.Now().Format(timeForm), written(), "the end writes")

	o.Region = "us"
	b := openAuth(t, client, o)
	require.Equal(t, now.Now(), used(b), "another region's counts")
	require.NoError(t, b.RevokeToken(ctx, secret))
	require.Empty(t, written(), "nothing is left of it")
}

// BenchmarkTokens lists 10,000 tokens of one user, each used once.
func BenchmarkTokens(b *testing.B) {
	ctx := context.Background()
	client := engine.Open(b).Client
	a := openAuth(b, client, Options{Iterations: 10})
	_, err := a.Signup(ctx, "ada", "correct horse", "")
	require.NoError(b, err)
	who, err := a.account(ctx, "ada")
	require.NoError(b, err)
	const n = 10_000
	var docs []any
	for i := range n {
		secret := newSecret()
		t := Token{Key: tokenKey(secret), User: "ada", Name: fmt.Sprint("ci-", i), Redacted: redact(secret), Created: time.Now(), Kind: TokenGranular, Packages: []string{"left-hand"}, Permission: ReadWrite}
		used := object{textMember("_id", usedPrefix+t.Key+"@"), textMember("type", "used"), textMember("user", "ada"), textMember("key", t.Key), textMember("at", time.Now().UTC().Format(timeForm))}
		docs = append(docs, t.document(who.created), used.marshal())
	}
	_, err = client.DB(tokensDB).BulkDocs(ctx, docs)
	require.NoError(b, err)
	_, _, err = a.Tokens(ctx, "ada", 0, 1) // builds the view
	require.NoError(b, err)
	for _, c := range []struct {
		page int
		kept bool
	}{{100, true}, {n, true}, {n, false}} {
		page := c.page
		b.Run(fmt.Sprintf("page=%d/kept=%v", page, c.kept), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if !c.kept {
					a.tokens.forget("what changed")
				}
				list, total, err := a.Tokens(ctx, "ada", 0, page)
				if err != nil || total != n || len(list) != page || list[0].Used.IsZero() {
					b.Fatal(err, total, len(list))
				}
			}
		})
	}
}
