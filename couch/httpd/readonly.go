package httpd

import (
	"context"
	"slices"

	"settee/couch"
)

// copies is the validator of databases that clients may only read.
type copies map[string]string

// Validate implements couch.Validator.
func (c copies) Validate(_ context.Context, db *couch.DB, _, _ *couch.Document, user *couch.User) error {
	if reason := c[db.Name()]; reason != "" && user != nil {
		return &couch.Error{Kind: couch.Forbidden, Reason: reason}
	}
	return nil
}

// kept is the validator of databases that only server admins write, though others may read them.
type kept map[string]string

var _ couch.Selective = kept{}

// Cares implements couch.Selective: what server admins write is not looked at.
func (k kept) Cares(db *couch.DB, _ *couch.Document, user *couch.User) bool {
	return user != nil && k[db.Name()] != "" && !slices.Contains(user.Roles, "_admin")
}

// Validate implements couch.Validator.
func (k kept) Validate(_ context.Context, db *couch.DB, _, _ *couch.Document, _ *couch.User) error {
	return &couch.Error{Kind: couch.Forbidden, Reason: k[db.Name()]}
}
