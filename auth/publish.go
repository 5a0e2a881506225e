package auth

import (
	"slices"
	"strings"
)

// MayPublish says whether id may write the package pkg. maintainers are the
// package's, none for a new one; scopeOwners what ScopeOwners answers for its
// scope. The whole of the rule, first line that fits:
//
//	nobody                                      401
//	a token that only reads                     403
//	the server admin                            may
//	a maintainer of the package                 may
//	an owner of the package's scope             may
//	nobody owns the scope, and it bears one's name   may
//	a new package, without a scope              may
//	a new package in a scope that nobody owns   may, and ClaimScope makes it one's own
//	else                                        403
func MayPublish(id Identity, pkg string, maintainers, scopeOwners []string) error {
	scope := Scope(pkg)
	unowned := len(scopeOwners) == 0
	switch {
	case id.Anonymous():
		return ErrAnonymous
	case id.ReadOnly():
		return forbidden("This token may only read; a token with write access is needed.")
	case id.Admin(), slices.Contains(maintainers, id.Name), scope != "" && slices.Contains(scopeOwners, id.Name):
		return nil
	case unowned && scope == id.Name:
		return nil
	case len(maintainers) == 0 && (scope == "" || unowned):
		return nil
	}
	return forbidden(`You do not have permission to publish "` + pkg + `". Are you logged in as the correct user?`)
}

// Scope is the scope of a package's name without its "@"; "" where there is none.
func Scope(pkg string) string {
	scope, _, found := strings.Cut(pkg, "/")
	if !found || !strings.HasPrefix(scope, "@") {
		return ""
	}
	return scope[1:]
}
