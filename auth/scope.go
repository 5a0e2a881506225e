package auth

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/go-kivik/kivik/v4"
)

// scope is a document of orgs as parsed.
type scope struct{ owners []string }

func parseScope(doc object) (*scope, error) {
	var s scope
	doc.scan("owners", &s.owners)
	return &s, nil
}

func scopeID(name string) string { return "scope:" + strings.TrimPrefix(name, "@") }

// claims are the owners that the scope's document names.
func (a *Auth) claims(ctx context.Context, name string) ([]string, error) {
	s, err := a.scopes.doc(ctx, scopeID(name))
	if err != nil {
		return nil, fmt.Errorf("auth: read a scope: %w", err)
	}
	if s == nil {
		return nil, nil
	}
	return s.owners, nil
}

// ScopeOwners are who owns a scope (with its "@" or without): who claimed it, else
// the account of its name, else nobody. A claim counts more than a name, so that
// nobody takes over a scope by signing up under its name.
func (a *Auth) ScopeOwners(ctx context.Context, name string) ([]string, error) {
	owners, err := a.claims(ctx, name)
	if err != nil || len(owners) > 0 {
		return owners, err
	}
	name = strings.TrimPrefix(name, "@")
	who, err := a.account(ctx, name)
	if err != nil || who == nobody {
		return nil, err
	}
	return []string{name}, nil
}

// ClaimScope makes user the owner of a scope that nobody owns. It is no error when
// the scope is the user's already; when it is someone else's, Forbidden. Of
// concurrent claims exactly one succeeds, as a document is made but once.
func (a *Auth) ClaimScope(ctx context.Context, name, user string) error {
	name = strings.TrimPrefix(name, "@")
	if name == "" || user == "" {
		return badRequest("A scope and its owner must have names.")
	}
	owners, err := a.ScopeOwners(ctx, name)
	if err != nil {
		return err
	}
	if len(owners) == 0 {
		if owners, err = a.createScope(ctx, name, user); err != nil {
			return err
		}
	}
	if !slices.Contains(owners, user) {
		return forbidden("The scope @" + name + " belongs to someone else.")
	}
	return nil
}

// createScope makes the scope's document, or answers who was faster.
func (a *Auth) createScope(ctx context.Context, name, user string) (owners []string, err error) {
	owners = []string{user}
	doc := object{
		textMember("_id", scopeID(name)), textMember("type", "scope"), jsonMember("owners", owners),
		textMember("created", a.o.Now().UTC().Format(timeForm)),
	}
	_, err = a.scopes.db.Put(ctx, scopeID(name), doc.marshal())
	a.scopes.forget(scopeID(name))
	if kivik.HTTPStatus(err) == http.StatusConflict {
		return a.claims(ctx, name)
	}
	if err != nil {
		return nil, fmt.Errorf("auth: store a scope: %w", err)
	}
	return owners, nil
}
