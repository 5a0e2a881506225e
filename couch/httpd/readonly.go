package httpd

import (
	"context"

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
