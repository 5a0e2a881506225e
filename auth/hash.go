package auth

import (
	"context"
	"encoding/json"
	"slices"
)

// passwordMembers are replaced together: a left-over salt beside a new key would
// lock the account.
var passwordMembers = []string{
	"password", "password_scheme", "pbkdf2_prf", "salt", "iterations", "derived_key", "password_sha", "preserve_salt",
}

// HashPassword replaces the member "password" of a document of _users by
// CouchDB's hash members, in its place; all other members keep their bytes and
// their order. A document without a password, or with null, comes back as it is.
// The password must conform to password_regexp, and to nothing else, as in CouchDB.
// It takes a place among the password checks, and waits for one.
func (a *Auth) HashPassword(ctx context.Context, doc json.RawMessage) (hashed json.RawMessage, err error) {
	o, err := parseObject(doc)
	if err != nil {
		return nil, err
	}
	if !o.has("password") {
		return doc, nil
	}
	var password *string
	if !o.scan("password", &password) {
		return nil, forbidden("Password value must be a string.")
	}
	if password == nil {
		return doc, nil
	}
	if err := a.conform(*password); err != nil {
		return nil, err
	}
	p, err := a.policy()
	if err != nil {
		return nil, err
	}
	var salt string
	var keep bool
	if o.scan("preserve_salt", &keep); keep {
		salt = o.text("salt")
	}
	waited := a.hashing(ctx, func() error {
		hashed, err = o.setPassword(*password, salt, p)
		return err
	})
	return hashed, waited
}

// setPassword writes the hash members where "password" stands, else at the end.
func (o object) setPassword(password, salt string, p policy) (json.RawMessage, error) {
	c, err := newCredentials(password, salt, p)
	if err != nil {
		return nil, err
	}
	var out object
	placed := false
	for _, m := range o {
		if m.name == "password" && !placed {
			out = append(out, c.members()...)
			placed = true
		}
		if !slices.Contains(passwordMembers, m.name) {
			out = append(out, m)
		}
	}
	if !placed {
		out = append(out, c.members()...)
	}
	return out.marshal(), nil
}
