package auth

import (
	"encoding/json"
	"slices"
	"strings"
)

// userPrefix begins the ids of accounts.
const userPrefix = "org.couchdb.user:"

func userID(name string) string { return userPrefix + name }

func forbidden(reason string) error { return &Error{Kind: Forbidden, Reason: reason} }

// ValidateUser checks the shape of a document of _users in CouchDB's words
// (its _design/_auth). A deletion is always well formed.
func ValidateUser(doc json.RawMessage) error {
	o, err := parseObject(doc)
	if err != nil {
		return err
	}
	if o.deleted() {
		return nil
	}
	for _, check := range []func(object) string{misshapen, badHash, badRoles, badName} {
		if reason := check(o); reason != "" {
			return forbidden(reason)
		}
	}
	return nil
}

func (o object) deleted() bool {
	var deleted bool
	o.scan("_deleted", &deleted)
	return deleted
}

func (o object) roles() []string {
	var roles []string
	o.scan("roles", &roles)
	return roles
}

func misshapen(o object) string {
	var roles any
	o.scan("roles", &roles)
	list, isList := roles.([]any)
	switch {
	case o.text("type") != "user":
		return "doc.type must be user"
	case o.text("name") == "":
		return "doc.name is required"
	case roles == nil || roles == false || roles == "" || roles == 0.0:
		return "doc.roles must exist"
	case !isList:
		return "doc.roles must be an array"
	case slices.ContainsFunc(list, func(v any) bool { _, ok := v.(string); return !ok }):
		return "doc.roles can only contain strings"
	case o.text("_id") != userID(o.text("name")):
		return "Doc ID must be of the form org.couchdb.user:name"
	}
	return ""
}

func badHash(o object) string {
	scheme := o.text("password_scheme")
	var iterations *float64
	var key *string
	switch {
	case o.text("password_sha") != "" && o.text("salt") == "":
		return "Users with password_sha must have a salt. See /_utils/script/couch.js for example code."
	case scheme != "" && scheme != schemeSimple && scheme != schemePBKDF2 && scheme != schemeSimplePBKDF2:
		return "Password scheme `" + scheme + "` not supported."
	case scheme == schemePBKDF2 && (!o.scan("iterations", &iterations) || iterations == nil):
		return "iterations must be a number."
	case scheme == schemePBKDF2 && (!o.scan("derived_key", &key) || key == nil):
		return "derived_key must be a string."
	}
	return ""
}

func badRoles(o object) string {
	if slices.ContainsFunc(o.roles(), systemRole) {
		return "No system roles (starting with underscore) in users db."
	}
	return ""
}

// systemRole reports a role that no document may give.
func systemRole(role string) bool { return strings.HasPrefix(role, "_") && role != "_metrics" }

func badName(o object) string {
	switch name := o.text("name"); {
	case strings.HasPrefix(name, "_"):
		return "Username may not start with underscore."
	case strings.Contains(name, ":"):
		return "Character `:` is not allowed in usernames."
	}
	return ""
}

// MayEditUser says whether id may replace the document old (nil: none) of _users
// by doc, in CouchDB's words. The shape is ValidateUser's matter.
func MayEditUser(id Identity, doc, old json.RawMessage) error {
	if id.Admin() {
		return nil
	}
	o, err := parseObject(doc)
	if err != nil {
		return err
	}
	if old == nil {
		return mayCreateUser(o)
	}
	before, err := parseObject(old)
	if err != nil {
		return err
	}
	own := !id.Anonymous() && id.Name == before.text("name")
	switch {
	case o.deleted() && !own:
		return forbidden("Only admins may delete other user docs.")
	case o.deleted():
		return nil
	case before.text("name") != o.text("name"):
		return forbidden("Usernames can not be changed.")
	case !own:
		return forbidden("You may only update your own user document.")
	case !sameRoles(before.roles(), o.roles()):
		return forbidden("Only _admin may edit roles")
	}
	return nil
}

func mayCreateUser(o object) error {
	switch {
	case o.deleted():
		return forbidden("Only admins may delete other user docs.")
	case len(o.roles()) > 0:
		return forbidden("Only _admin may set roles")
	}
	return nil
}

func sameRoles(a, b []string) bool {
	slices.Sort(a)
	slices.Sort(b)
	return slices.Equal(a, b)
}
