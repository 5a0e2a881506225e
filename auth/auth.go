// Package auth keeps accounts, tokens and rights. It speaks Kivik only, so it
// works on either store.
package auth

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	"github.com/go-kivik/kivik/v4"
)

// Signup says who may make an account.
type Signup string

// The policies.
const (
	SignupOpen   Signup = "open"
	SignupClosed Signup = "closed"
)

// Options are the policies of an Auth.
type Options struct {
	AdminName, AdminPassword string // the server admin, who is no document
	Signup                   Signup // default open: a team's first minute must work
	Iterations               int    // PBKDF2 rounds of new passwords; default CouchDB's 600,000
	Secret                   []byte // signs session cookies; default random, so a restart ends sessions
	Now                      func() time.Time
	Logger                   *slog.Logger
}

// Auth answers who asks and what they may do. It is safe for concurrent use.
type Auth struct{}

// Open makes the databases _users and tokens where they are missing.
func Open(ctx context.Context, client *kivik.Client, o Options) (*Auth, error) { panic("stub") }

// Identity is who asks. The zero value is anonymous.
type Identity struct {
	Name    string
	Email   string
	Roles   []string
	Handler string // "default" (Basic), "cookie", "token"; "" when anonymous
	Token   *Token // when signed in by one
}

// Admin reports whether the identity is a server admin (role _admin).
func (i Identity) Admin() bool { panic("stub") }

// Token is what is known of a token; its secret is not.
type Token struct {
	Key      string // sha512 of the secret, hex: its document id in tokens
	User     string
	Redacted string // "npm_abcd…"
	ReadOnly bool
	CIDR     []string
	Created  time.Time
}

// Authenticate reads a request's credentials: Bearer, Basic or the AuthSession cookie.
// None gives the zero Identity and no error; wrong ones an *Error.
func (a *Auth) Authenticate(r *http.Request) (Identity, error) { panic("stub") }

// Login checks a name and a password.
func (a *Auth) Login(ctx context.Context, name, password string) (Identity, error) { panic("stub") }

// Cookie is a signed AuthSession cookie of CouchDB's form for id.
func (a *Auth) Cookie(id Identity) *http.Cookie { panic("stub") }

// ClearCookie ends a session in the browser.
func (a *Auth) ClearCookie() *http.Cookie { panic("stub") }

// Signup makes an account, or answers Exists.
func (a *Auth) Signup(ctx context.Context, name, password, email string) (Identity, error) {
	panic("stub")
}

// Account is the public part of a user's document.
type Account struct {
	Name, Email string
	Rev         string
	Roles       []string
	Created     time.Time
}

// Account reads an account, or NotFound.
func (a *Auth) Account(ctx context.Context, name string) (Account, error) { panic("stub") }

// IssueToken makes a token for a user and returns its secret ("npm_" and 36 characters), shown once.
func (a *Auth) IssueToken(ctx context.Context, user string, t Token) (secret string, err error) {
	panic("stub")
}

// RevokeToken ends a token given by its secret; an unknown one is no error.
func (a *Auth) RevokeToken(ctx context.Context, secret string) error { panic("stub") }

// Close stops the followers that keep the caches true.
func (a *Auth) Close() error { panic("stub") }
