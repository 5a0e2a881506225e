package auth

import (
	"slices"
	"strings"
)

// Permission is what a granular token, or a team, may do with what it is for.
type Permission string

// The permissions, in npm's words.
const (
	NoAccess  Permission = "no-access"
	ReadOnly  Permission = "read-only"
	ReadWrite Permission = "read-write"
	StageOnly Permission = "read-write-stage-only" // of tokens: to read, and to stage
)

var permissionRights = map[Permission]right{ReadOnly: reads, StageOnly: stages, ReadWrite: writes}

// limited reports whether a token is for some packages or organisations only.
func (t *Token) limited() bool {
	return t.Kind == TokenGranular || t.PackagesAll || t.Permission != "" || t.OrgsPermission != "" || len(t.Packages)+len(t.Scopes)+len(t.Orgs) > 0
}

// Limited reports whether a token may less than its user; nil is none and may all.
func (t *Token) Limited() bool { return t != nil && (t.ReadOnly || t.limited()) }

// covers reports whether a limited token is for a package.
func (t *Token) covers(pkg string) bool {
	return t.PackagesAll || slices.Contains(t.Packages, pkg) || lists(t.Scopes, Scope(pkg))
}

// lists reports whether a list has the name of a scope, with "@" or without.
func lists(scopes []string, name string) bool {
	return name != "" && slices.ContainsFunc(scopes, func(s string) bool { return strings.TrimPrefix(s, "@") == name })
}

// limit is the most that a token leaves of a right to a package. What everybody may
// read it may read.
func (t *Token) limit(pkg Package) right {
	most := owns
	switch {
	case t == nil:
		return owns
	case t.limited():
		most = nothing
		if t.covers(pkg.Name) {
			most = permissionRights[t.Permission]
		}
		if most == writes {
			most = owns // it may all that its user may
		}
		if pkg.Exists {
			most = max(most, pkg.rightOfAll())
		}
	}
	if t.ReadOnly {
		most = min(most, reads)
	}
	return most
}

// orgLimit is the same of an organisation.
func (t *Token) orgLimit(org string) right {
	switch {
	case t == nil:
		return owns
	case t.limited() && !lists(t.Orgs, org):
		return nothing
	case t.ReadOnly:
		return reads
	case t.limited():
		return permissionRights[t.OrgsPermission]
	}
	return owns
}

func (t *Token) refusal(what string) error {
	if t.ReadOnly {
		return forbidden("This token may only read; a token with write access is needed.")
	}
	return forbidden("This token does not give write access to " + what + "; use one that does.")
}
