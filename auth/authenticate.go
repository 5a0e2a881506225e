package auth

import (
	"encoding/base64"
	"net/http"
	"net/netip"
	"strings"

	"settee/auth/limit"
)

// Authenticate reads a request's credentials: Bearer, Basic or the AuthSession cookie.
// None gives the zero Identity and no error; wrong ones an *Error. What a client
// says in Authorization it says on purpose, so a cookie is not looked at then.
func (a *Auth) Authenticate(r *http.Request) (Identity, error) {
	id, err := a.authenticate(r)
	if err != nil {
		return Identity{}, err
	}
	return id, a.admit(r, id)
}

// admit counts a request of somebody: ErrTooMany when there were too many. Server admins are not counted, among
// whom regions are that fetch from each other.
func (a *Auth) admit(r *http.Request, id Identity) error {
	if a.o.Limiter == nil || id.Anonymous() || id.Admin() {
		return nil
	}
	token := ""
	if id.Token != nil {
		token = id.Token.Key
	}
	wait := a.o.Limiter.Identity(limit.ClassOf(r), a.o.ClientAddr(r), id.Name, token)
	if wait == 0 {
		return nil
	}
	refusal := limit.TooMany("your account", wait)
	return &Error{Kind: TooMany, Reason: refusal.Text, RetryAfter: refusal.RetryAfter()}
}

func (a *Auth) authenticate(r *http.Request) (Identity, error) {
	header := r.Header["Authorization"]
	if len(header) > 1 {
		return Identity{}, ErrHeader // which one would count?
	}
	if len(header) == 0 || header[0] == "" {
		return a.session(r)
	}
	scheme, rest, _ := strings.Cut(header[0], " ")
	rest = strings.TrimSpace(rest)
	switch {
	case strings.EqualFold(scheme, "bearer"):
		return a.bearer(r, rest)
	case strings.EqualFold(scheme, "basic"):
		return a.basic(r, rest)
	}
	return Identity{}, ErrHeader
}

func (a *Auth) basic(r *http.Request, encoded string) (Identity, error) {
	name, password, err := parseBasic(encoded)
	if err != nil || name == "" && password == "" {
		return Identity{}, err
	}
	code, err := codeOf(r)
	if err != nil {
		return Identity{}, err
	}
	return a.signIn(r.Context(), r, name, password, code, handlerBasic)
}

// parseBasic decodes name and password; both empty mean nobody. As in CouchDB that
// is what a value without a colon means, and "_:_", by which browsers log out.
func parseBasic(encoded string) (name, password string, err error) {
	plain, err := base64.RawStdEncoding.DecodeString(strings.TrimRight(encoded, "="))
	if err != nil {
		return "", "", ErrBase64
	}
	name, password, found := strings.Cut(string(plain), ":")
	if !found || name == "_" && password == "_" {
		return "", "", nil
	}
	return name, password, nil
}

func connectionAddr(r *http.Request) netip.Addr {
	at, _ := netip.ParseAddrPort(r.RemoteAddr) // the zero Addr is in no prefix
	return at.Addr()
}
