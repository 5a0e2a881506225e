package auth

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"sync/atomic"
	"time"

	"github.com/go-kivik/kivik/v4"
)

// token is a document of tokens as parsed.
type token struct {
	Token
	from           []netip.Prefix // nil: everywhere
	accountCreated string         // of the account it was made for
	noted          atomic.Int64   // when its use was noted, Unix seconds
}

// parseToken refuses what it does not understand: a limit that cannot be read
// must not count as none.
func parseToken(doc object) (*token, error) {
	t := &token{}
	var created, updated, expires string
	for name, dst := range map[string]any{
		"_id": &t.Key, "user": &t.User, "name": &t.Name, "redacted": &t.Redacted, "readonly": &t.ReadOnly,
		"cidr": &t.CIDR, "created": &created, "updated": &updated, "expires": &expires, "account_created": &t.accountCreated,
		"kind": &t.Kind, "description": &t.Description, "packages": &t.Packages, "scopes": &t.Scopes, "orgs": &t.Orgs, "packages_all": &t.PackagesAll,
		"packages_and_scopes_permission": &t.Permission, "orgs_permission": &t.OrgsPermission, "bypass_2fa": &t.BypassTFA, "publisher": &t.Publisher,
	} {
		if doc.has(name) && !doc.scan(name, dst) {
			return nil, fmt.Errorf("%s is spoilt", name)
		}
	}
	t.Created, _ = time.Parse(time.RFC3339, created) // shown only
	t.Updated, _ = time.Parse(time.RFC3339, updated)
	var err error
	if expires != "" {
		if t.Expires, err = time.Parse(time.RFC3339, expires); err != nil {
			return nil, errors.New("expires is spoilt")
		}
	}
	if t.from, err = parsePrefixes(t.CIDR); err != nil {
		return nil, errors.New("cidr is spoilt")
	}
	return t, t.shape()
}

// shape refuses kinds and permissions that are none of ours.
func (t *Token) shape() error {
	switch t.Kind {
	case "", TokenClassic, TokenGranular, TokenAutomation:
	default:
		return fmt.Errorf("kind %q is not known", t.Kind)
	}
	for _, p := range []Permission{t.Permission, t.OrgsPermission} {
		if p != "" && p != NoAccess && permissionRights[p] == nothing {
			return fmt.Errorf("permission %q is not known", p)
		}
	}
	return nil
}

// parsePrefixes reads addresses and CIDR blocks of both families.
func parsePrefixes(list []string) ([]netip.Prefix, error) {
	var out []netip.Prefix
	for _, s := range list {
		p, err := netip.ParsePrefix(s)
		if addr, bare := netip.ParseAddr(s); bare == nil && addr.Zone() == "" {
			p, err = netip.PrefixFrom(addr, addr.BitLen()), nil
		}
		if err != nil {
			return nil, badRequest(fmt.Sprintf("%q is not an IP address range in CIDR form", s))
		}
		out = append(out, p)
	}
	return out, nil
}

func (t *token) allows(addr netip.Addr) bool {
	return len(t.from) == 0 || within(t.from, addr)
}

func (a *Auth) bearer(r *http.Request, secret string) (Identity, error) {
	if !wellFormed(secret) {
		return Identity{}, ErrToken
	}
	t, err := a.tokens.doc(r.Context(), tokenKey(secret))
	if err != nil {
		return Identity{}, fmt.Errorf("auth: read token %s: %w", redact(secret), err)
	}
	if t == nil || !t.Expires.IsZero() && !a.o.Now().Before(t.Expires) {
		return Identity{}, ErrToken
	}
	who, err := a.account(r.Context(), t.User)
	if err != nil {
		return Identity{}, err
	}
	// An account made anew under an old name does not inherit the old one's tokens.
	if who == nobody || who.created != t.accountCreated {
		return Identity{}, ErrToken
	}
	if len(t.from) > 0 && !t.allows(a.o.ClientAddr(r)) {
		return Identity{}, ErrAddress
	}
	if err := a.admits(who, r); err != nil {
		return Identity{}, err
	}
	id := who.identity(handlerToken)
	id.Token = &t.Token
	a.uses.note(t, a.o.Now(), r, a.o.ClientAddr)
	return id, nil
}

// IssueToken makes a token for a user and returns its secret ("npm_" and 36
// characters), shown once. Key, User, Redacted and the times but Expires are set here.
func (a *Auth) IssueToken(ctx context.Context, user string, t Token) (secret string, err error) {
	if _, err := parsePrefixes(t.CIDR); err != nil {
		return "", err
	}
	if err := t.shape(); err != nil {
		return "", badRequest("invalid token: " + err.Error())
	}
	who, err := a.account(ctx, user)
	if err != nil {
		return "", err
	}
	if who == nobody {
		return "", errNoUser
	}
	secret = newSecret()
	t.Key, t.User, t.Redacted, t.Created = tokenKey(secret), user, redact(secret), a.o.Now()
	defer a.tokens.forget(t.Key)
	if _, err := a.tokens.db.Put(ctx, t.Key, t.document(who.created)); err != nil {
		return "", fmt.Errorf("auth: store a token: %w", err)
	}
	return secret, nil
}

func (t Token) document(accountCreated string) any {
	created := t.Created.UTC().Format(timeForm)
	doc := object{
		textMember("_id", t.Key), textMember("type", "token"), textMember("kind", string(cmp.Or(t.Kind, TokenClassic))), textMember("user", t.User),
		textMember("account_created", accountCreated), textMember("redacted", t.Redacted), jsonMember("readonly", t.ReadOnly),
		textMember("created", created), textMember("updated", created),
	}
	set := func(there bool, name string, value any) {
		if there {
			doc = append(doc, jsonMember(name, value))
		}
	}
	set(t.Name != "", "name", t.Name)
	set(t.Description != "", "description", t.Description)
	set(len(t.CIDR) > 0, "cidr", t.CIDR)
	set(!t.Expires.IsZero(), "expires", t.Expires.UTC().Format(timeForm))
	set(len(t.Packages) > 0, "packages", t.Packages)
	set(len(t.Scopes) > 0, "scopes", t.Scopes)
	set(t.PackagesAll, "packages_all", true)
	set(t.Permission != "", "packages_and_scopes_permission", t.Permission)
	set(len(t.Orgs) > 0, "orgs", t.Orgs)
	set(t.OrgsPermission != "", "orgs_permission", t.OrgsPermission)
	set(t.BypassTFA, "bypass_2fa", true)
	set(t.Publisher != nil, "publisher", t.Publisher)
	return doc.marshal()
}

// RevokeToken ends a token given by its secret; an unknown one is no error.
func (a *Auth) RevokeToken(ctx context.Context, secret string) error {
	if !wellFormed(secret) {
		return nil
	}
	return a.RevokeKey(ctx, tokenKey(secret))
}

// RevokeKey ends a token given by its Key; an unknown one is no error. Whose it
// is the caller has asked before.
func (a *Auth) RevokeKey(ctx context.Context, key string) error {
	if !fullKey(key) {
		return nil
	}
	defer a.tokens.forget(key)
	for {
		doc, err := readObject(ctx, a.tokens.db, key)
		if err != nil || doc == nil {
			return err
		}
		_, err = a.tokens.db.Delete(ctx, key, doc.text("_rev"))
		if err == nil {
			a.forgetUses(ctx, key)
			return nil
		}
		if status := kivik.HTTPStatus(err); status != http.StatusConflict && status != http.StatusNotFound {
			return err
		}
	}
}

// bypasses reports whether a token stands for a second factor where it publishes.
func (t *Token) bypasses() bool { return t.BypassTFA || t.Kind == TokenAutomation }
