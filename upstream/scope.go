package upstream

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/go-kivik/kivik/v4"

	"settee/views/packuments"
)

// scopeTime is how long who wants a scope waits for the registry that may have it: as long as a reader does, for one moment in years.
const scopeTime = patience

// Keeps reports whether a package of a scope was read through and is kept. A scope has no @ here.
func (r *Reader) Keeps(ctx context.Context, scope string) (bool, error) {
	rows := r.db.AllDocs(ctx, kivik.Params(map[string]any{"startkey": "@" + scope + "/", "endkey": "@" + scope + "/\ufff0", "limit": 1}))
	found := rows.Next()
	if err := errors.Join(rows.Err(), rows.Close()); err != nil {
		return false, fmt.Errorf("upstream: look for packages of a scope: %w", err)
	}
	return found, nil
}

// HasScope reports whether a registry has packages of a scope: that of a target of the very scope does, the one that is asked for its names says so by
// its search (text=scope:NAME), within 3 s. One that does not answer, or has no search that finds scopes, has none as far as can be told. The scope must be none
// of ours; nobody is asked for one that the rules refuse.
func (r *Reader) HasScope(ctx context.Context, scope string) bool {
	if r.Claims("@" + scope) {
		return true
	}
	if !r.ServesScope(scope) || circling(ctx, r.o.self) {
		return false
	}
	m := r.remote("@" + scope + "/-")
	objects, err := r.find(ctx, m, &m.scopes, "scope:"+scope, scopeTime)
	if err != nil {
		r.o.Logger.Warn("nobody can tell whether the upstream registry has a scope: whoever asks for it gets it", "scope", scope, "error", err)
	}
	return slices.ContainsFunc(objects, func(raw json.RawMessage) bool {
		name := packuments.Text(packuments.Member(packuments.Member(raw, "package"), "name"))
		return strings.HasPrefix(strings.ToLower(name), "@"+scope+"/")
	})
}

// ServesScope reports whether a registry is asked for packages of a scope.
func (r *Reader) ServesScope(scope string) bool {
	return r.Claims("@"+scope) || r.remote("@"+scope+"/-") != nil && r.o.Rules.scope("@"+scope+"/")
}

// scope reports whether some names that begin so, with @scope/, may be asked for.
func (r Rules) scope(prefix string) bool {
	all := func(p Pattern) bool { return !p.Ranged() && p.Fits(prefix+"-") }
	some := func(p Pattern) bool { return p.Fits(prefix+"-") || strings.HasPrefix(p.name, prefix) }
	return !slices.ContainsFunc(r.Deny, all) && (len(r.Allow) == 0 || slices.ContainsFunc(r.Allow, some))
}
