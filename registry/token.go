package registry

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"settee/auth"
	"settee/auth/audit"
)

const (
	// tokensPage is how many tokens are on a page where the client does not say: npm asks for
	// one page after the other until it has all.
	tokensPage = 1_000
	mostTokens = 10_000 // that a client may ask for at once
)

// errLimited refuses what would make more of a token than it was made for.
var errLimited = fail(http.StatusForbidden, "This token may not change the account: sign in, or use a token without limits.")

// account says whether who asks may manage their account.
func (q *request) account() error {
	switch {
	case q.who.Anonymous():
		return errWhoAreYou
	case q.who.Token.Limited():
		return errLimited
	}
	return nil
}

// serveTokens answers GET /-/npm/v1/tokens.
func (r *Registry) serveTokens(w http.ResponseWriter, q *request) error {
	if err := q.account(); err != nil {
		return err
	}
	user, err := r.tokensOf(q, q.URL.Query().Get("user"))
	if err != nil {
		return err
	}
	page, perPage := number0(q, "page", 0), number0(q, "perPage", tokensPage)
	if perPage < 1 || perPage > mostTokens || page > 1<<30/perPage {
		return invalid("invalid page: perPage must be between 1 and %d", mostTokens)
	}
	list, total, err := r.auth.Tokens(q.Context(), user, page*perPage, perPage)
	if err != nil {
		return err
	}
	objects := make([]map[string]any, len(list))
	for i := range list {
		objects[i] = tokenObject(&list[i])
	}
	urls := map[string]string{}
	at := func(page int) string { return fmt.Sprintf("/-/npm/v1/tokens?page=%d&perPage=%d", page, perPage) }
	if (page+1)*perPage < total {
		urls["next"] = at(page + 1)
	}
	if page > 0 {
		urls["prev"] = at(page - 1)
	}
	w.Header().Set("Cache-Control", "private, no-store")
	writeJSON(w, http.StatusOK, map[string]any{"objects": objects, "total": total, "urls": urls})
	return nil
}

// number0 is a parameter that is a number from 0 on; -1 where it is none.
func number0(q *request, name string, absent int) int {
	text := q.URL.Query().Get(name)
	if text == "" {
		return absent
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 0 {
		return -1
	}
	return n
}

// tokensOf is whose tokens a request is about: those of who asks, or, for a server admin, of a
// service account, which cannot sign in to ask.
func (r *Registry) tokensOf(q *request, named string) (string, error) {
	if named == "" || named == q.who.Name {
		return q.who.Name, nil
	}
	if !q.who.Admin() {
		return "", fail(http.StatusForbidden, "You may only manage your own tokens.")
	}
	account, err := r.auth.Account(q.Context(), named)
	if err != nil {
		return "", err
	}
	if !account.Service {
		return "", fail(http.StatusForbidden, "%s is no service account: it manages its own tokens.", named)
	}
	return named, nil
}

// shownToken is the beginning of a secret, by which people know it. npm puts dots behind.
func shownToken(t *auth.Token) string { return strings.TrimSuffix(t.Redacted, "…") }

// tokenObject is a token as npm's clients list it, of all their times.
func tokenObject(t *auth.Token) map[string]any {
	moment := func(at time.Time) any {
		if at.IsZero() {
			return nil
		}
		return at.UTC().Format(isoTime)
	}
	o := map[string]any{
		"key": t.ID(), "token": shownToken(t), "name": t.Name, "description": t.Description,
		"created": moment(t.Created), "updated": moment(t.Updated), "accessed": moment(t.Used), "expiry": moment(t.Expires), "revoked": nil,
		"readonly": t.ReadOnly, "automation": t.Kind == auth.TokenAutomation, "bypass_2fa": t.BypassTFA,
		"cidr": nil, "cidr_whitelist": nil, "permissions": nil, "scopes": nil,
	}
	if len(t.CIDR) > 0 {
		o["cidr"], o["cidr_whitelist"] = t.CIDR, t.CIDR
	}
	if t.Kind == auth.TokenGranular {
		o["permissions"], o["scopes"] = permissionsOf(t), scopesOf(t)
	}
	return o
}

type pair map[string]string

func permissionsOf(t *auth.Token) []pair {
	list := []pair{}
	for _, p := range []struct {
		name string
		is   auth.Permission
	}{{"package", t.Permission}, {"org", t.OrgsPermission}} {
		if p.is != "" && p.is != auth.NoAccess {
			list = append(list, pair{"name": p.name, "action": strings.TrimPrefix(strings.Replace(string(p.is), "read-write", "write", 1), "read-only")})
		}
	}
	for _, p := range list {
		if p["action"] == "" {
			p["action"] = "read"
		}
	}
	return list
}

func scopesOf(t *auth.Token) []pair {
	list := []pair{}
	add := func(kind string, names []string) {
		for _, name := range names {
			list = append(list, pair{"type": kind, "name": name})
		}
	}
	if t.PackagesAll {
		add("package", []string{"*"})
	}
	add("package", t.Packages)
	add("scope", t.Scopes)
	add("org", t.Orgs)
	return list
}

// serveTokenRevoke answers DELETE /-/npm/v1/tokens/token/:token.
func (r *Registry) serveTokenRevoke(w http.ResponseWriter, q *request) error {
	if err := q.account(); err != nil {
		return err
	}
	user, err := r.tokensOf(q, q.URL.Query().Get("user"))
	if err != nil {
		return err
	}
	if err := r.stepUp(q, auth.Privilege{Level: auth.LevelAccount}); err != nil {
		return err
	}
	revoked, err := r.auth.Revoke(q.Context(), user, q.param("token"))
	q.entry.On, q.entry.Details = user, map[string]string{"token": revoked.Redacted}
	r.audit(q, audit.TokenRevoke, err)
	if err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}
