package auth

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/webauthn"

	"settee/auth/audit"
)

const (
	keyBound     = 20       // security keys of one account
	keyNameBound = 100      // bytes
	answerBound  = 64 << 10 // of a browser, in bytes
)

// SecurityKey is what is known of a key of WebAuthn: one that is plugged in, or of the
// device itself.
type SecurityKey struct {
	ID      string    `json:"id"`   // of the credential, base64url
	Name    string    `json:"name"` // what its owner calls it
	Created time.Time `json:"created"`
}

// securityKey is a key as it is kept.
type securityKey struct {
	SecurityKey
	Site       string              `json:"site"` // the host name that it was made for: it works for no other
	Credential webauthn.Credential `json:"credential"`
}

// The refusals of security keys.
var (
	ErrKey     = &Error{Kind: Unauthorized, Reason: "The security key was not accepted."}
	errSite    = badRequest("Security keys need a host name: open this page by the name of the server, not by an IP address.")
	errKeyName = badRequest("A security key needs a name of at most 100 bytes.")
	errKeys    = badRequest("An account can have 20 security keys: remove one first.")
	errNoKey   = &Error{Kind: NotFound, Reason: "There is no security key of this kind."}
)

// ceremony is the ticket between the two requests of a browser.
type ceremony struct {
	Origin    string               `json:"origin"`
	Registers bool                 `json:"registers,omitempty"`
	Session   webauthn.SessionData `json:"session"`
}

// keyUser is an account as WebAuthn sees it. Its handle says nothing about it, and is
// another one for an account made anew.
type keyUser struct {
	who  *account
	keys []webauthn.Credential
}

func (u keyUser) WebAuthnID() []byte {
	sum := sha256.Sum256([]byte(u.who.name + "\x00" + u.who.created))
	return sum[:]
}
func (u keyUser) WebAuthnName() string                       { return u.who.name }
func (u keyUser) WebAuthnDisplayName() string                { return u.who.name }
func (u keyUser) WebAuthnCredentials() []webauthn.Credential { return u.keys }

// party is us, at an origin ("https://npm.example.com"): where the pages are, by the public URL
// or by what the browser asked for. Its host is what keys are bound to. They prove that
// their owner is there, by a PIN or a finger: a key alone opens nothing.
func party(origin string) (*webauthn.WebAuthn, string, error) {
	u, err := url.Parse(origin)
	if err != nil || u.Hostname() == "" || u.Scheme != "https" && u.Scheme != "http" {
		return nil, "", errSite
	}
	if _, err := netip.ParseAddr(u.Hostname()); err == nil {
		return nil, "", errSite
	}
	site := strings.ToLower(u.Hostname())
	w, err := webauthn.New(&webauthn.Config{
		RPID: site, RPDisplayName: site, RPOrigins: []string{u.Scheme + "://" + strings.ToLower(u.Host)},
		AttestationPreference:  protocol.PreferNoAttestation,
		AuthenticatorSelection: protocol.AuthenticatorSelection{UserVerification: protocol.VerificationRequired, ResidentKey: protocol.ResidentKeyRequirementDiscouraged},
	})
	return w, site, err
}

// credentials are the keys that work for a site.
func (f *factor) credentials(site string) (list []webauthn.Credential) {
	for _, k := range f.keys {
		if k.Site == site {
			list = append(list, k.Credential)
		}
	}
	return list
}

// BeginKey begins to register a security key: options are for navigator.credentials.create,
// ticket is what FinishKey needs.
func (a *Auth) BeginKey(ctx context.Context, name, origin string) (options json.RawMessage, ticket string, err error) {
	return a.begin(ctx, name, origin, true)
}

// BeginAssertion begins to ask for one of an account's keys: options are for
// navigator.credentials.get. An account without a key for this host is NotFound.
func (a *Auth) BeginAssertion(ctx context.Context, name, origin string) (options json.RawMessage, ticket string, err error) {
	return a.begin(ctx, name, origin, false)
}

func (a *Auth) begin(ctx context.Context, name, origin string, registers bool) (options json.RawMessage, ticket string, err error) {
	who, err := a.who(ctx, name)
	if err != nil {
		return nil, "", err
	}
	f, err := a.factor(ctx, who)
	if err != nil {
		return nil, "", err
	}
	w, site, err := party(origin)
	if err != nil {
		return nil, "", err
	}
	user := keyUser{who, f.credentials(site)}
	var session *webauthn.SessionData
	var asked any
	switch {
	case registers && len(f.keys) >= keyBound:
		return nil, "", errKeys
	case registers:
		asked, session, err = w.BeginRegistration(user, webauthn.WithExclusions(webauthn.Credentials(user.keys).CredentialDescriptors()))
	case len(user.keys) == 0:
		return nil, "", errNoKey
	default:
		asked, session, err = w.BeginLogin(user)
	}
	if err != nil {
		return nil, "", err
	}
	if options, err = json.Marshal(asked); err != nil {
		return nil, "", err
	}
	data, err := json.Marshal(ceremony{origin, registers, *session})
	if err != nil {
		return nil, "", err
	}
	ticket, err = a.IssueTicket(ctx, Ticket{Kind: ticketKey, User: name, Data: data})
	return options, ticket, err
}

// resume redeems the ticket of a ceremony, whatever comes of it.
func (a *Auth) resume(ctx context.Context, name, ticket string, registers bool, answer []byte) (ceremony, *account, error) {
	if len(answer) > answerBound {
		return ceremony{}, nil, ErrKey
	}
	t, err := a.RedeemTicket(ctx, ticketKey, ticket)
	if err != nil {
		return ceremony{}, nil, err
	}
	var c ceremony
	if t.User != name || json.Unmarshal(t.Data, &c) != nil || c.Registers != registers {
		return ceremony{}, nil, ErrTicket
	}
	who, err := a.who(ctx, name)
	return c, who, err
}

// FinishKey keeps the key that a browser made, under a name. With the first key of an
// account without a factor the factor is enabled, in that mode, and the recovery codes come
// back, which are shown once.
func (a *Auth) FinishKey(ctx context.Context, name, ticket, keyName string, mode Mode, answer []byte) (recovery []string, err error) {
	if keyName = strings.TrimSpace(keyName); keyName == "" || len(keyName) > keyNameBound || !utf8.ValidString(keyName) {
		return nil, errKeyName
	}
	if mode != AuthOnly && mode != AuthAndWrites {
		return nil, errMode
	}
	c, who, err := a.resume(ctx, name, ticket, true, answer)
	if err != nil {
		return nil, err
	}
	w, site, err := party(c.Origin)
	if err != nil {
		return nil, err
	}
	parsed, err := protocol.ParseCredentialCreationResponseBytes(answer)
	if err != nil {
		return nil, ErrKey
	}
	made, err := w.CreateCredential(keyUser{who: who}, c.Session, parsed)
	if err != nil {
		return nil, ErrKey
	}
	made.Attestation = webauthn.CredentialAttestation{} // nobody reads it
	key := securityKey{SecurityKey{base64.RawURLEncoding.EncodeToString(made.ID), keyName, a.o.Now().UTC()}, site, *made}
	err = a.changeFactor(ctx, who, func(f *factor) error {
		recovery = nil
		switch {
		case slices.ContainsFunc(f.keys, func(k securityKey) bool { return k.ID == key.ID }):
			return ErrKey
		case len(f.keys) >= keyBound:
			return errKeys
		case !f.active():
			f.mode = mode
			recovery, f.recovery = newRecovery()
		}
		f.keys = append(f.keys, key)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return recovery, nil
}

// FinishAssertion checks what a browser had a key sign: nil, or ErrKey. A key whose count
// does not grow may have been copied, and is refused.
func (a *Auth) FinishAssertion(r *http.Request, name, ticket string, answer []byte) error {
	ctx := r.Context()
	c, who, err := a.resume(ctx, name, ticket, false, answer)
	if err != nil {
		return err
	}
	w, site, err := party(c.Origin)
	if err != nil {
		return err
	}
	parsed, err := protocol.ParseCredentialRequestResponseBytes(answer)
	if err != nil {
		return ErrKey
	}
	err = a.changeFactor(ctx, who, func(f *factor) error {
		used, err := w.ValidateLogin(keyUser{who, f.credentials(site)}, c.Session, parsed)
		if err != nil || used.Authenticator.CloneWarning {
			return ErrKey
		}
		at := slices.IndexFunc(f.keys, func(k securityKey) bool { return bytes.Equal(k.Credential.ID, used.ID) })
		f.keys[at].Credential.Authenticator.SignCount, f.keys[at].Credential.Flags = used.Authenticator.SignCount, used.Flags
		return nil
	})
	if errors.Is(err, ErrKey) {
		a.recordFailure(r, who, audit.FactorFailed, ErrKey)
	}
	if err == nil {
		a.codes.welcome(a.near(who, a.o.ClientAddr(r)))
	}
	return err
}

// RemoveKey ends a security key. With the last of an account without an authenticator the
// factor ends.
func (a *Auth) RemoveKey(ctx context.Context, name, id string) error {
	return a.amendFactor(ctx, name, func(f *factor) error {
		at := slices.IndexFunc(f.keys, func(k securityKey) bool { return k.ID == id })
		if at < 0 {
			return errNoKey
		}
		f.keys = slices.Delete(f.keys, at, at+1)
		return nil
	})
}
