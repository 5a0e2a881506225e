package auth

import (
	"context"
	"fmt"
	"net/http"
	"net/netip"
	"slices"
	"unicode"
	"unicode/utf8"

	"github.com/go-kivik/kivik/v4"
)

// Profile is what an account tells of its owner, each in their own words; "" is nothing.
type Profile struct {
	FullName, Homepage, GitHub, Twitter, Freenode string
}

// profileMembers are the names of its parts in documents, which are npm's.
func (p *Profile) members() map[string]*string {
	return map[string]*string{"fullname": &p.FullName, "homepage": &p.Homepage, "github": &p.GitHub, "twitter": &p.Twitter, "freenode": &p.Freenode}
}

// standing is what is rare of an account, and hardly ever read.
type standing struct {
	Profile
	verified bool           // mail to the address arrived
	updated  string         // when the profile was changed last
	disabled bool           // nobody signs in, its tokens and sessions are dead
	service  bool           // it has tokens, and no password
	cidr     []string       // where it may be used from; none: everywhere
	from     []netip.Prefix // the same
}

// plain reports whether there is nothing to keep.
func (s *standing) plain() bool {
	return s.Profile == Profile{} && !s.verified && s.updated == "" && !s.disabled && !s.service && len(s.cidr) == 0
}

// usual is the standing of nearly all accounts.
var usual = &standing{}

// parseStanding refuses what it does not understand: a limit that cannot be read must
// not count as none.
func parseStanding(doc object) (*standing, error) {
	s := &standing{updated: doc.text("updated"), disabled: doc.has("disabled")} // whatever it says: a time, mostly
	for name, into := range s.members() {
		*into = doc.text(name)
	}
	doc.scan("email_verified", &s.verified)
	if doc.has("service") && !doc.scan("service", &s.service) {
		return nil, fmt.Errorf("account %q: service is spoilt", doc.text("_id"))
	}
	if doc.has("cidr_whitelist") {
		var err error
		if !doc.scan("cidr_whitelist", &s.cidr) {
			return nil, fmt.Errorf("account %q: cidr_whitelist is spoilt", doc.text("_id"))
		}
		if s.from, err = parsePrefixes(s.cidr); err != nil {
			return nil, fmt.Errorf("account %q: %w", doc.text("_id"), err)
		}
	}
	return s, nil
}

// The refusals of a standing.
var (
	ErrDisabled = &Error{Kind: Unauthorized, Reason: "This account is disabled; ask an administrator."}
	ErrService  = &Error{Kind: Unauthorized, Reason: "This is a service account: it signs in by its tokens."}
)

// admits says whether an account may be used, and from there; r is nil of who has no request.
func (a *Auth) admits(who *account, r *http.Request) error {
	switch s := who.standing; {
	case s == nil || s == usual:
		return nil
	case s.disabled:
		return ErrDisabled
	case len(s.from) > 0 && r != nil && !within(s.from, a.o.ClientAddr(r)):
		return ErrAddress
	}
	return nil
}

func within(list []netip.Prefix, addr netip.Addr) bool {
	addr = addr.Unmap().WithZone("")
	return slices.ContainsFunc(list, func(p netip.Prefix) bool { return p.Contains(addr) })
}

const profileLength = 512 // bytes of a part of a profile

// SetProfile changes the profile and the address of an account. An address that is new is
// not verified.
func (a *Auth) SetProfile(ctx context.Context, name string, change func(p *Profile, email *string)) error {
	moved := false
	err := a.changeAccount(ctx, name, func(doc object) (object, error) {
		next, err := a.profiled(doc, change)
		moved = next != nil && next.text("email") != doc.text("email")
		return next, err
	})
	if err == nil && moved {
		a.askToVerify(name)
	}
	return err
}

// changeAccount writes the document of an account, again where it changed in between; nil from
// change leaves it.
func (a *Auth) changeAccount(ctx context.Context, name string, change func(object) (object, error)) error {
	if a.isFirstAdmin(name) || !plausibleName(name) {
		return errNoUser
	}
	defer a.users.forget(userID(name))
	for range redeemTries {
		doc, err := readObject(ctx, a.users.db, userID(name))
		if err != nil {
			return fmt.Errorf("auth: read an account: %w", err)
		}
		if doc == nil {
			return errNoUser
		}
		next, err := change(doc)
		if err != nil || next == nil {
			return err
		}
		if _, err = a.users.db.Put(ctx, userID(name), next.marshal()); err == nil {
			return nil
		}
		if kivik.HTTPStatus(err) != http.StatusConflict {
			return fmt.Errorf("auth: store an account: %w", err)
		}
	}
	return ErrBusy
}

// profiled is a document with another profile; nil where nothing changed.
func (a *Auth) profiled(doc object, change func(p *Profile, email *string)) (object, error) {
	was := Profile{}
	for name, into := range was.members() {
		*into = doc.text(name)
	}
	is, email := was, doc.text("email")
	change(&is, &email)
	if is == was && email == doc.text("email") {
		return nil, nil
	}
	for name, value := range is.members() {
		if bad := func(r rune) bool { return unicode.IsControl(r) }; !utf8.ValidString(*value) || len(*value) > profileLength || slices.ContainsFunc([]rune(*value), bad) {
			return nil, badRequest(fmt.Sprintf("%s must be at most %d bytes of plain text", name, profileLength))
		}
		doc = doc.with(name, *value)
	}
	if email != doc.text("email") {
		if email == "" || !validEmail(email) {
			return nil, badRequest("Email must be an email address")
		}
		doc = doc.with("email", email).without("email_verified")
	}
	return doc.with("updated", a.o.Now().UTC().Format(timeForm)), nil
}

// RegisterService makes a service account, which has tokens and no password.
func (a *Auth) RegisterService(ctx context.Context, name string) error {
	if reason := wrongName(name); reason != "" {
		return badRequest(reason)
	}
	if err := a.nameIsFree(ctx, name); err != nil {
		return err
	}
	doc := object{
		textMember("_id", userID(name)), textMember("name", name), textMember("type", "user"), jsonMember("roles", []string{}),
		jsonMember("service", true), textMember("created", a.o.Now().UTC().Format(timeForm)),
	}
	defer a.users.forget(userID(name))
	_, err := a.users.db.Put(ctx, userID(name), doc.marshal())
	if kivik.HTTPStatus(err) == http.StatusConflict {
		return ErrNameTaken
	}
	if err != nil {
		return fmt.Errorf("auth: store an account: %w", err)
	}
	return nil
}
