package registry

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"time"

	"settee/auth"
	"settee/auth/audit"
)

const (
	// usualExpiry is how long a granular token lives that does not say: long enough for a month's
	// release, short enough that a forgotten one is no danger for ever.
	usualExpiry = 30 * 24 * time.Hour
	mostWriting = 90 * 24 * time.Hour       // of a token that writes
	mostExpiry  = 10 * 365 * 24 * time.Hour // of any other
	mostNamed   = 50                        // packages and scopes, or organisations, of one token
	mostText    = 255                       // bytes of a name, or of what it is for
	mostCIDR    = 100
)

// tokenRequest is the body of POST /-/npm/v1/tokens by its members: npm 11.6 and later, npm before it
// and the published description of the API each send other ones.
type tokenRequest map[string]json.RawMessage

// serveTokenCreate answers POST /-/npm/v1/tokens.
func (r *Registry) serveTokenCreate(w http.ResponseWriter, q *request) error {
	if err := q.account(); err != nil {
		return err
	}
	var sent tokenRequest
	if err := readSmall(w, q, &sent); err != nil {
		return err
	}
	token, err := sent.token(r.o.Now())
	if err != nil {
		return err
	}
	user, err := r.tokensOf(q, sent.text("user"))
	if err != nil {
		return err
	}
	if err := r.password(q, sent.text("password")); err != nil {
		return err
	}
	if err := r.stepUp(q, auth.Privilege{Level: auth.LevelAccount}); err != nil {
		return err
	}
	secret, err := r.auth.IssueToken(q.Context(), user, token)
	q.entry.On, q.entry.Details = user, map[string]string{"kind": string(token.Kind), "name": token.Name}
	r.audit(q, audit.TokenCreate, err)
	if err != nil {
		return err
	}
	made, err := r.auth.TokenOf(q.Context(), secret)
	if err != nil {
		return err
	}
	answer := tokenObject(&made)
	answer["token"], answer["expires"] = secret, answer["expiry"]
	w.Header().Set("Cache-Control", "no-store")
	writeJSON(w, http.StatusCreated, answer)
	return nil
}

// errPassword says Basic, which makes npm say that the password was mistyped.
var errPassword = &Error{Status: http.StatusUnauthorized, Message: "Invalid password", Auth: `Basic realm="settee"`}

// password checks that who asks knows their password, too.
func (r *Registry) password(q *request, given string) error {
	err := r.auth.CheckPassword(q.Request, q.who.Name, given)
	if errors.Is(err, auth.ErrCredentials) {
		return errPassword
	}
	return err
}

func (s tokenRequest) has(name string) bool {
	raw, there := s[name]
	return there && string(raw) != "null"
}

// text is a member that is a string; "" where it is none.
func (s tokenRequest) text(names ...string) string {
	for _, name := range names {
		var text string
		if json.Unmarshal(s[name], &text) == nil && text != "" {
			return text
		}
	}
	return ""
}

func (s tokenRequest) flag(name string) bool {
	var set bool
	return json.Unmarshal(s[name], &set) == nil && set
}

// list is a member that is a list of strings.
func (s tokenRequest) list(name, called string) (list []string, err error) {
	if !s.has(name) {
		return nil, nil
	}
	if json.Unmarshal(s[name], &list) != nil {
		return nil, invalid("%s must be an array", called)
	}
	for i, one := range list {
		if list[i] = strings.TrimSpace(one); list[i] == "" || len(one) > mostText {
			return nil, invalid("%s must be an array", called)
		}
	}
	if len(list) == 0 {
		return nil, nil
	}
	slices.Sort(list)
	return slices.Compact(list), nil
}

// token is what is asked for: with "readonly" and without a name the classic one of npm before 11.6.
func (s tokenRequest) token(now time.Time) (auth.Token, error) {
	ranges := "cidr_whitelist"
	if !s.has(ranges) {
		ranges = "cidr"
	}
	cidr, err := s.list(ranges, "CIDR ranges")
	if err != nil {
		return auth.Token{}, err
	}
	if len(cidr) > mostCIDR {
		return auth.Token{}, invalid("A token may have at most %d CIDR ranges", mostCIDR)
	}
	t := auth.Token{Name: s.text("name"), Description: s.text("description", "token_description"), CIDR: cidr, ReadOnly: s.flag("readonly")}
	if len(t.Name) > mostText || len(t.Description) > mostText {
		return auth.Token{}, invalid("Token name and description must be at most %d bytes long", mostText)
	}
	for _, one := range cidr {
		if _, err := netip.ParsePrefix(one); err != nil {
			if _, err := netip.ParseAddr(one); err != nil {
				return auth.Token{}, invalid("CIDR whitelist contains invalid CIDR entry: %s", one)
			}
		}
	}
	if s.classic() {
		t.Kind = auth.TokenClassic
		if s.flag("automation") {
			t.Kind = auth.TokenAutomation
		}
		t.Expires, err = s.expires(now)
		return t, err
	}
	return s.granular(t, now)
}

func (s tokenRequest) classic() bool {
	if !s.has("readonly") && !s.has("automation") {
		return false
	}
	return !slices.ContainsFunc([]string{"packages", "packages_all", "scopes", "orgs", "packages_and_scopes_permission", "orgs_permission", "bypass_2fa"}, s.has)
}

// granular fills in what a token is for. The refusals are npm's.
func (s tokenRequest) granular(t auth.Token, now time.Time) (auth.Token, error) {
	t.Kind = auth.TokenGranular
	if t.Name == "" {
		return t, invalid("Token name is required")
	}
	for _, l := range []struct {
		into         *[]string
		name, called string
	}{{&t.Packages, "packages", "Packages"}, {&t.Scopes, "scopes", "Scopes"}, {&t.Orgs, "orgs", "Organizations"}} {
		var err error
		if *l.into, err = s.list(l.name, l.called); err != nil {
			return t, err
		}
	}
	t.PackagesAll = s.flag("packages_all") || slices.Contains(t.Packages, "*")
	t.Packages = slices.DeleteFunc(t.Packages, func(name string) bool { return name == "*" })
	for i, scope := range t.Scopes {
		t.Scopes[i] = "@" + strings.TrimPrefix(scope, "@")
	}
	for i, org := range t.Orgs {
		t.Orgs[i] = strings.TrimPrefix(org, "@")
	}
	t.BypassTFA = s.flag("bypass_2fa")
	return s.permitted(t, now)
}

// permitted fills in what a token may do, and until when.
func (s tokenRequest) permitted(t auth.Token, now time.Time) (auth.Token, error) {
	var err error
	packages := t.PackagesAll || len(t.Packages)+len(t.Scopes) > 0
	if t.Permission, err = s.permission("packages_and_scopes_permission", packages, auth.NoAccess, auth.ReadOnly, auth.ReadWrite, auth.StageOnly); err != nil {
		return t, err
	}
	if t.OrgsPermission, err = s.permission("orgs_permission", len(t.Orgs) > 0, auth.NoAccess, auth.ReadOnly, auth.ReadWrite); err != nil {
		return t, err
	}
	switch {
	case len(t.Packages)+len(t.Scopes) > mostNamed || len(t.Orgs) > mostNamed:
		return t, invalid("A token may be for at most %d packages and scopes, and %d organizations", mostNamed, mostNamed)
	case !packages && len(t.Orgs) == 0 && !grants(t.Permission) && !grants(t.OrgsPermission):
		return t, invalid("You must have at least one package / scope or organization added to this token.")
	case len(t.Orgs) == 0 && grants(t.OrgsPermission):
		return t, invalid("You must select at least one organization to grant access to organizations.")
	case !packages && grants(t.Permission):
		return t, invalid("You must select at least one package or scope to grant access to packages and scopes.")
	}
	if t.Expires, err = s.expires(now); err != nil {
		return t, err
	}
	if t.Expires.IsZero() {
		t.Expires = now.Add(usualExpiry)
	}
	writes := t.Permission == auth.ReadWrite || t.Permission == auth.StageOnly || t.OrgsPermission == auth.ReadWrite
	if writes && t.Expires.After(now.Add(mostWriting)) {
		return t, invalid("Read-write tokens cannot have expiration longer than 90 days")
	}
	return t, nil
}

func grants(p auth.Permission) bool { return p != "" && p != auth.NoAccess }

// permission is one of those that are known; where it is not said, to read what the token is for.
func (s tokenRequest) permission(name string, named bool, known ...auth.Permission) (auth.Permission, error) {
	if !s.has(name) {
		if named {
			return auth.ReadOnly, nil
		}
		return "", nil
	}
	p := auth.Permission(s.text(name))
	if !slices.Contains(known, p) {
		words := make([]string, len(known))
		for i, k := range known {
			words[i] = string(k)
		}
		return "", invalid("Invalid %s. Must be one of: %s", name, strings.Join(words, ", "))
	}
	return p, nil
}

// expires is the end that was asked for, in days or as a date; zero: none was.
func (s tokenRequest) expires(now time.Time) (time.Time, error) {
	name := "expires"
	if !s.has(name) {
		name = "expiry"
	}
	if !s.has(name) {
		return time.Time{}, nil
	}
	var at time.Time
	var days float64
	switch text := s.text(name); {
	case json.Unmarshal(s[name], &days) == nil:
		if days < 1 || days > mostExpiry.Hours()/24 || days != float64(int(days)) {
			return at, invalid("Invalid expires: it must be days, at least 1, or a date")
		}
		at = now.Add(time.Duration(days) * 24 * time.Hour)
	default:
		var err error
		if at, err = time.Parse(time.RFC3339, text); err != nil {
			at, err = time.Parse(time.DateOnly, text)
		}
		if err != nil || !at.After(now) {
			return time.Time{}, invalid("Invalid expires: it must be days, at least 1, or a date in the future")
		}
	}
	if at.After(now.Add(mostExpiry)) {
		return time.Time{}, invalid("Invalid expires: it must be within ten years")
	}
	return at, nil
}
