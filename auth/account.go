package auth

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"

	"settee/database"

	"github.com/go-kivik/kivik/v4"
)

// timeForm is how times stand in documents: as npm writes them.
const timeForm = "2006-01-02T15:04:05.000Z"

// Account is the public part of a user's document.
type Account struct {
	Name, Email string
	Rev         string
	Roles       []string
	Created     time.Time
	Updated     time.Time

	Profile
	EmailVerified bool
	Disabled      bool     // nobody signs in
	Service       bool     // it has tokens, and no password
	CIDR          []string // where it may be used from; none: everywhere
}

// account is a document of _users as parsed.
type account struct {
	rev, name, email string
	roles            []string
	created          string
	conflicted       bool  // there are several documents: which password counts?
	totp             *totp // the second factor; nil: there is none
	*standing              // nil of server admins, who are no documents
	credentials
}

var errConflicted = &Error{Kind: Unauthorized, Reason: "User document conflicts must be resolved before the document is used for authentication purposes."}

func parseAccount(doc object) (*account, error) {
	a := &account{
		rev: doc.text("_rev"), name: strings.TrimPrefix(doc.text("_id"), userPrefix), email: doc.text("email"),
		created: doc.text("created"), conflicted: doc.has("_conflicts"), totp: parseTOTP(doc), credentials: parseCredentials(doc), roles: []string{},
	}
	for _, role := range doc.roles() {
		if !systemRole(role) {
			a.roles = append(a.roles, role)
		}
	}
	var err error
	if a.standing, err = parseStanding(doc); err != nil {
		return nil, err
	}
	if a.standing.plain() {
		a.standing = usual
	}
	return a, nil
}

func (a *account) identity(handler string) Identity {
	return Identity{Name: a.name, Email: a.email, Roles: a.roles, Handler: handler, created: a.created}
}

// Account reads an account, or NotFound.
func (a *Auth) Account(ctx context.Context, name string) (Account, error) {
	who, err := a.account(ctx, name)
	if err != nil {
		return Account{}, err
	}
	if who == nobody {
		return Account{}, errNoUser
	}
	return who.shown(), nil
}

func (a *account) shown() Account {
	created, _ := time.Parse(time.RFC3339, a.created) // zero where another program made the account
	shown := Account{Name: a.name, Email: a.email, Rev: a.rev, Roles: a.roles, Created: created, Updated: created}
	if s := a.standing; s != nil {
		shown.Profile, shown.EmailVerified, shown.Disabled, shown.Service, shown.CIDR = s.Profile, s.verified, s.disabled, s.service, s.cidr
		if updated, err := time.Parse(time.RFC3339, s.updated); err == nil {
			shown.Updated = updated
		}
	}
	return shown
}

// ForgetAccounts makes the next look at an account read the store: who has written
// to _users need not wait for its feed.
func (a *Auth) ForgetAccounts() { a.users.clear() }

// Signup makes an account where everybody may, or answers ErrSignup, ErrInvitation or ErrNameTaken.
func (a *Auth) Signup(ctx context.Context, name, password, email string) (Identity, error) {
	switch {
	case a.o.Signup == SignupInvitation:
		return Identity{}, ErrInvitation
	case a.o.Signup != SignupOpen:
		return Identity{}, ErrSignup
	case a.o.VerifyEmail && email == "":
		return Identity{}, badRequest("Email is required: it must be confirmed before packages are published")
	}
	if err := a.checkAccount(name, password, email); err != nil {
		return Identity{}, err
	}
	if err := a.Newcomer(ctx, name); err != nil {
		return Identity{}, err
	}
	id, err := a.Register(ctx, name, password, email)
	if err == nil {
		a.askToVerify(name)
	}
	return id, err
}

// Register makes an account whatever the policy; of concurrent calls for one
// name exactly one succeeds.
func (a *Auth) Register(ctx context.Context, name, password, email string) (Identity, error) {
	return a.register(ctx, name, password, email, false)
}

func (a *Auth) register(ctx context.Context, name, password, email string, verified bool) (Identity, error) {
	if err := a.checkAccount(name, password, email); err != nil {
		return Identity{}, err
	}
	if err := a.nameIsFree(ctx, name); err != nil {
		return Identity{}, err
	}
	p, err := a.policy()
	if err != nil {
		return Identity{}, err
	}
	who := &account{name: name, email: email, roles: []string{}, created: a.o.Now().UTC().Format(timeForm)}
	err = a.hashing(ctx, func() (err error) {
		who.credentials, err = newCredentials(password, "", p)
		return err
	})
	if err != nil {
		return Identity{}, err
	}
	if verified {
		who.standing = &standing{verified: true}
	}
	defer a.users.forget(userID(name))
	rev, err := a.users.db.Put(ctx, userID(name), who.document())
	if kivik.HTTPStatus(err) == http.StatusNotFound { // somebody deleted the database
		if err = database.Private(ctx, a.client, usersDB); err == nil {
			rev, err = a.users.db.Put(ctx, userID(name), who.document())
		}
	}
	if kivik.HTTPStatus(err) == http.StatusConflict {
		return Identity{}, ErrNameTaken
	}
	if err != nil {
		return Identity{}, fmt.Errorf("auth: store an account: %w", err)
	}
	a.prover.remember(a.prover.proof(name, password, rev), true)
	return who.identity(handlerBasic), nil
}

// nameIsFree refuses what is taken before a hash is spent on it. A claimed scope
// takes the name too: its packages must not seem to be the newcomer's.
func (a *Auth) nameIsFree(ctx context.Context, name string) error {
	who, err := a.account(ctx, name)
	if err != nil {
		return err
	}
	org, err := a.orgs.doc(ctx, name)
	if err != nil {
		return fmt.Errorf("auth: read an organisation: %w", err)
	}
	left, err := a.nameWasLeft(ctx, name)
	if err != nil {
		return err
	}
	if who != nobody || org != nil || left {
		return ErrNameTaken
	}
	return nil
}

// Newcomer refuses a name that whoever is no server admin makes no account of: one that is taken, or left by an account that was deleted; an
// organisation's; that of a scope whose packages come from another registry.
func (a *Auth) Newcomer(ctx context.Context, name string) error {
	if err := a.nameIsFree(ctx, name); err != nil {
		return err
	}
	return a.notElsewhere(ctx, name)
}

// notElsewhere refuses the name of a scope whose packages come from another registry.
func (a *Auth) notElsewhere(ctx context.Context, name string) error {
	if a.o.Elsewhere == nil || wrongName(name) != "" { // no scope is called so
		return nil
	}
	elsewhere, err := a.o.Elsewhere(ctx, name)
	if err != nil {
		return fmt.Errorf("auth: ask whose a scope is: %w", err)
	}
	if elsewhere {
		return forbidden("The packages of @" + name + " come from another registry. Take another name, or ask an administrator of this one for it.")
	}
	return nil
}

func (a *account) document() json.RawMessage {
	doc := object{
		textMember("_id", userID(a.name)), textMember("name", a.name), textMember("type", "user"), jsonMember("roles", a.roles),
	}
	if a.email != "" {
		doc = append(doc, textMember("email", a.email))
	}
	if a.standing != nil && a.verified {
		doc = append(doc, jsonMember("email_verified", true))
	}
	return append(append(doc, textMember("created", a.created)), a.credentials.members()...).marshal()
}

// SetPassword changes a password.
func (a *Auth) SetPassword(ctx context.Context, name, password string) error {
	if err := a.checkPassword(name, password); err != nil {
		return err
	}
	p, err := a.policy()
	if err != nil {
		return err
	}
	return a.hashing(ctx, func() error { return a.storePassword(ctx, name, password, nil, p) })
}

var errNoUser = &Error{Kind: NotFound, Reason: "There is no user of this name."}

// storePassword writes the document of an account with a fresh hash. Given the
// account as it was read, it keeps the salt and leaves a document that has changed since.
func (a *Auth) storePassword(ctx context.Context, name, password string, read *account, p policy) error {
	if !plausibleName(name) || a.isFirstAdmin(name) {
		return errNoUser
	}
	doc, err := readObject(ctx, a.users.db, userID(name))
	if err != nil {
		return err
	}
	if doc == nil {
		return errNoUser
	}
	var salt string
	if read != nil {
		if doc.text("_rev") != read.rev {
			return nil
		}
		salt = read.salt
	}
	hashed, err := doc.setPassword(password, salt, p)
	if err != nil {
		return err
	}
	defer a.users.forget(userID(name))
	rev, err := a.users.db.Put(ctx, userID(name), hashed)
	if err != nil {
		return err
	}
	a.prover.remember(a.prover.proof(name, password, rev), true)
	return nil
}

// SignupOpen reports whether anybody may make an account.
func (a *Auth) SignupOpen() bool { return a.o.Signup == SignupOpen }
