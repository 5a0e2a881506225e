package auth

import (
	"context"
	"fmt"
	"net/http"
	"testing"

	"settee/fixtures/engine"

	"github.com/stretchr/testify/require"
)

func benchAuth(b *testing.B) (*Auth, map[string]*http.Request) {
	ctx := context.Background()
	o := Options{AdminName: "root", AdminPassword: "toor toor", Iterations: 10}
	a := openAuth(b, engine.Open(b).Client, o)
	ada, err := a.Signup(ctx, "ada", "correct horse", "ada@example.com")
	require.NoError(b, err)
	secret, err := a.IssueToken(ctx, "ada", Token{})
	require.NoError(b, err)
	return a, map[string]*http.Request{
		"token":  bearer(secret),
		"basic":  basic("ada", "correct horse"),
		"cookie": request("Cookie", "AuthSession="+sessionOf(a, ada)),
		"admin":  basic("root", "toor toor"),
	}
}

func BenchmarkAuthenticate(b *testing.B) {
	a, requests := benchAuth(b)
	for name, r := range requests {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if id, err := a.Authenticate(r); err != nil || id.Anonymous() {
					b.Fatal(err)
				}
			}
		})
	}
	for name, r := range map[string]*http.Request{
		"wrong-again": basic("ada", "wrong"), "unknown-token": bearer(newSecret()), "malformed-token": bearer("npm_x"), "nothing": request(),
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if id, _ := a.Authenticate(r); !id.Anonymous() {
					b.Fatal("signed in")
				}
			}
		})
	}
}

func BenchmarkAuthenticateParallel(b *testing.B) {
	a, requests := benchAuth(b)
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if _, err := a.Authenticate(requests["token"]); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// BenchmarkFirstLogin is what a password costs once: CouchDB's 600,000 rounds.
func BenchmarkFirstLogin(b *testing.B) {
	c, err := newCredentials("correct horse", "", policy{schemePBKDF2, prfSHA256, defaultIterations})
	require.NoError(b, err)
	for b.Loop() {
		if right, err := c.verify("correct horse"); err != nil || !right {
			b.Fatal(err)
		}
	}
}

// BenchmarkIdentify is the way of CouchDB's API, with nobody locked out and with
// somebody: then the lock of the failures is on the way.
func BenchmarkIdentify(b *testing.B) {
	a, requests := benchAuth(b)
	run := func(name string, r *http.Request) {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if id, err := a.Identify(r); err != nil || id.Anonymous() {
					b.Fatal(err)
				}
			}
		})
	}
	for name, r := range requests {
		run(name, r)
	}
	_, err := a.SignIn(request(), "eve", "wrong", "")
	require.ErrorIs(b, err, ErrCredentials)
	run("basic-while-someone-fails", requests["basic"])
}

// BenchmarkMay asks for rights as registries do: of a public package, of a restricted one in an organisation
// of a hundred members and a thousand packages, to write it by a team.
func BenchmarkMay(b *testing.B) {
	ctx := context.Background()
	a, _ := benchAuth(b)
	require.NoError(b, a.CreateOrg(ctx, Identity{Name: "root", Roles: []string{adminRole}}, "acme", "ada"))
	big(b, a, "acme", 100, 1000)
	ada, err := a.account(ctx, "ada")
	require.NoError(b, err)
	dev := Identity{Name: "user7", created: "then"}
	for _, c := range []struct {
		what string
		id   Identity
		act  Act
		pkg  Package
	}{
		{"public", Identity{}, Read, Package{Name: "@acme/p7", Exists: true}},
		{"restricted/owner", ada.identity(handlerToken), Read, Package{Name: "@acme/p7", Exists: true, Restricted: true}},
		{"restricted/developer", dev, Publish, Package{Name: "@acme/p7", Exists: true, Restricted: true, Maintainers: []string{"x"}}},
		{"unscoped", dev, Publish, Package{Name: "p7", Exists: true, Maintainers: []string{"x", "user7"}}},
	} {
		b.Run(c.what, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if err := a.May(ctx, c.id, c.act, c.pkg); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// big gives an organisation members, all of them developers, and packages of theirs.
func big(b *testing.B, a *Auth, org string, members, packages int) {
	o, err := a.Org(context.Background(), org)
	require.NoError(b, err)
	var docs []any
	add := func(id string, m ...member) {
		docs = append(docs, append(object{textMember("_id", id), textMember("of", o.claim)}, m...).marshal())
	}
	for i := range members {
		user := fmt.Sprintf("user%d", i)
		add(memberID(org, user), textMember("role", "developer"), textMember("account_created", "then"))
		add(teamMemberID(org, Developers, user), textMember("account_created", "then"))
	}
	for i := range packages {
		add(teamPackageID(org, Developers, fmt.Sprintf("@%s/p%d", org, i)), textMember("permissions", "read-write"))
	}
	_, err = a.orgs.db.BulkDocs(context.Background(), docs)
	require.NoError(b, err)
	a.orgs.forget(scopeID(org))
}

// BenchmarkReadOrg reads one from the store, as after each change of it.
func BenchmarkReadOrg(b *testing.B) {
	ctx := context.Background()
	a, _ := benchAuth(b)
	require.NoError(b, a.CreateOrg(ctx, Identity{Name: "root", Roles: []string{adminRole}}, "acme", "ada"))
	big(b, a, "acme", 100, 10_000)
	for b.Loop() {
		a.orgs.forget(scopeID("acme"))
		_, err := a.Org(ctx, "acme")
		require.NoError(b, err)
	}
}
