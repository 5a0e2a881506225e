package auth

import (
	"encoding/json"
	"slices"
)

// passwordMembers are replaced together: a left-over salt beside a new key would
// lock the account.
var passwordMembers = []string{
	"password", "password_scheme", "pbkdf2_prf", "salt", "iterations", "derived_key", "password_sha",
}

// HashPassword replaces the member "password" of a document of _users by
// CouchDB's hash members, in its place; all other members keep their bytes and
// their order. A document without a password, or with null, comes back as it is.
// Zero iterations are CouchDB's default.
func HashPassword(doc json.RawMessage, iterations int) (json.RawMessage, error) {
	o, err := parseObject(doc)
	if err != nil {
		return nil, err
	}
	var password *string
	at := slices.IndexFunc(o, func(m member) bool { return m.name == "password" })
	if at < 0 {
		return doc, nil
	}
	if !o.scan("password", &password) {
		return nil, &Error{Kind: Forbidden, Reason: "Password value must be a string."}
	}
	if password == nil {
		return doc, nil
	}
	return o.setPassword(*password, iterations)
}

// setPassword writes the hash members where "password" stands, else at the end.
func (o object) setPassword(password string, iterations int) (json.RawMessage, error) {
	c, err := newCredentials(password, iterations)
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
