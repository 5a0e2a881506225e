package httpd

import (
	"context"
	"slices"
	"strings"

	"settee/auth"
	"settee/couch"
)

// parseAccount reads a document of _users: a password in clear is replaced by
// its hash before anything keeps it.
func (c *call) parseAccount(raw []byte) (*couch.Document, error) {
	if _, err := couch.ParseDocument(raw); err != nil {
		return nil, err // the store's words for what is no document, before auth reads it
	}
	hashed, err := c.s.auth.HashPassword(c.ctx(), slices.Clone(raw))
	if err != nil {
		return nil, err
	}
	return couch.ParseDocument(hashed)
}

var errClearPassword = &couch.Error{Kind: couch.Forbidden, Reason: "Server cannot hash passwords at this time."}

// accounts is the validator of _users. Who writes is the caller of the API; nil is
// the server itself, who may store whatever is well formed.
type accounts struct{ auth Authenticator }

var _ couch.Selective = accounts{}

// Cares implements couch.Selective.
func (accounts) Cares(db *couch.DB, doc *couch.Document, _ *couch.User) bool {
	return natureOf(db.Name()) == users && !doc.ID.IsDesign()
}

// Validate implements couch.Validator. Only _users itself has the rules of CouchDB's
// _design/_auth, and ours of who may have a name; that others keep to their own account holds for all of the nature.
func (v accounts) Validate(ctx context.Context, db *couch.DB, doc, old *couch.Document, user *couch.User) error {
	by, dbAdmin, err := writerOf(db, user)
	if err != nil {
		return err
	}
	if !dbAdmin && by.Name != "" && !ownAccount(doc.ID, by.Name) {
		return couch.ErrMissing
	}
	if hasPassword(doc.Body) {
		return errClearPassword // whoever writes has it hashed before; no way may be forgotten
	}
	if db.Name() != usersDB {
		return nil
	}
	edit := auth.UserEdit{ID: string(doc.ID), Deleted: doc.Deleted, Doc: doc.Body, By: by, DBAdmin: dbAdmin}
	if old != nil && !old.Deleted {
		edit.Old = old.Body
	}
	if err := edit.Validate(); err != nil || edit.Old != nil || doc.Deleted || dbAdmin || by.Name != "" {
		return refused(err)
	}
	return refused(v.auth.Newcomer(ctx, strings.TrimPrefix(string(doc.ID), userPrefix))) // somebody signs up
}

// writerOf is who writes and whether as an admin of the database.
func writerOf(db *couch.DB, user *couch.User) (by auth.Identity, dbAdmin bool, err error) {
	if user == nil {
		return auth.Identity{Roles: []string{"_admin"}}, true, nil
	}
	by = auth.Identity{Name: user.Name, Roles: user.Roles}
	rights, err := db.Rights()
	return by, by.Admin() || err == nil && rights.Admin(by.Name, by.Roles), err
}

// refused makes the engine's error of auth's, as the engine's callers expect it.
func refused(err error) error {
	if err == nil {
		return nil
	}
	p := explain(err)
	return &couch.Error{Kind: couch.Kind(p.word), Reason: p.reason, Err: err}
}

// hasPassword reports whether a document holds a password in clear.
func hasPassword(body []byte) (has bool) {
	_ = members(body, func(key string, value []byte) error {
		has = key == "password" && string(value) != "null" || has && key != "password"
		return nil
	})
	return has
}
