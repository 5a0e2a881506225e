package auth

import (
	"slices"
	"time"
)

// adminRole is the role that may do all. Only the server admin has it; a
// document that claims it is not believed.
const adminRole = "_admin"

// Identity is who asks. The zero value is anonymous. Roles and Token are shared
// with the caches: do not change them.
type Identity struct {
	Name    string
	Email   string
	Roles   []string
	Handler string // "default" (Basic), "cookie", "token", "jwt", "proxy", "web"; "" when anonymous
	Token   *Token // when signed in by one
	Factor  bool   // the request brought the account's second factor

	created string // the account's: another account of that name has another
}

// The values of Identity.Handler.
const (
	handlerBasic  = "default"
	handlerCookie = "cookie"
	handlerToken  = "token"
	handlerJWT    = "jwt"
	handlerProxy  = "proxy"
	handlerWeb    = "web"
)

// Admin reports whether the identity is a server admin (role _admin).
func (i Identity) Admin() bool { return slices.Contains(i.Roles, adminRole) }

// Anonymous reports whether nobody signed in.
func (i Identity) Anonymous() bool { return i.Name == "" }

// ReadOnly reports whether the identity came by a token that may only read.
func (i Identity) ReadOnly() bool { return i.Token != nil && i.Token.ReadOnly }

// TokenKind says what a token is for.
type TokenKind string

// The kinds; a token without one is classic.
const (
	TokenClassic    TokenKind = "classic"    // may what its user may
	TokenGranular   TokenKind = "granular"   // may what it was made for
	TokenAutomation TokenKind = "automation" // classic, for machines, which have no second factor
)

// Token is what is known of a token; its secret is not.
type Token struct {
	Key  string // sha512 of the secret, hex: its document id in tokens
	Kind TokenKind
	User string
	Name string // what its owner calls it; may be empty

	Description string
	Redacted    string // "npm_abcd…"
	ReadOnly    bool
	CIDR        []string // addresses it may be used from; empty: all
	Created     time.Time
	Updated     time.Time
	Expires     time.Time // zero: never
	Used        time.Time // when it was used last, give or take an hour; only Tokens tells

	// What a granular token is for: packages by name and by scope ("@acme"), or all of its
	// user's, and what it may do with them; organisations, and what it may do with those.
	Packages, Scopes []string
	PackagesAll      bool
	Permission       Permission // packages_and_scopes_permission; "" is NoAccess
	Orgs             []string
	OrgsPermission   Permission
	BypassTFA        bool // it asks for no second factor

	Publisher *PublisherMark // who got it for an id-token, to publish and nothing else; nil: nobody did
}
