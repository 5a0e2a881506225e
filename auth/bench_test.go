package auth

import (
	"context"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"
)

func benchAuth(b *testing.B) (*Auth, map[string]*http.Request) {
	ctx := context.Background()
	o := Options{AdminName: "root", AdminPassword: "toor toor", Iterations: 10}
	a := openAuth(b, openClient(b), o)
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
