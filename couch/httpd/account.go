package httpd

import (
	"slices"

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
