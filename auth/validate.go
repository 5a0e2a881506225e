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

// A UserEdit is a revision of a document of _users that somebody wants to store.
type UserEdit struct {
	ID      string
	Deleted bool
	Doc     json.RawMessage // an object
	Old     json.RawMessage // what it replaces; nil: nothing that is not deleted
	By      Identity
	DBAdmin bool // By is an admin of the database by its _security
}

// Validate checks a document of _users, in the words and the order of CouchDB's own
// _design/_auth: its shape, and whether By may store it. Whose document it is was
// asked before.
func (e UserEdit) Validate() error {
	old, err := parseOld(e.Old)
	if err != nil {
		return err
	}
	if e.By.Token != nil && !e.By.Admin() {
		return forbidden("Account documents are not changed by tokens: sign in with name and password.")
	}
	if e.Deleted {
		if e.By.Admin() || !e.By.Anonymous() && e.By.Name == old.text("name") {
			return nil
		}
		return forbidden("Only admins may delete other user docs.")
	}
	o, err := parseObject(e.Doc)
	if err != nil {
		return err
	}
	for _, check := range []func() string{
		func() string { return misshapen(e.ID, o) },
		func() string { return renamed(o, old) },
		func() string { return badHash(o) },
		func() string { return e.notYours(o, old) },
		func() string { return e.notForUsers(o, old) },
		func() string { return badRoles(o) },
		func() string { return badName(o) },
	} {
		if reason := check(); reason != "" {
			return forbidden(reason)
		}
	}
	return nil
}

func parseOld(raw json.RawMessage) (object, error) {
	if raw == nil {
		return nil, nil
	}
	return parseObject(raw)
}

func renamed(o, old object) string {
	if old != nil && old.text("name") != o.text("name") {
		return "Usernames can not be changed."
	}
	return ""
}

// notYours is what keeps one who is no admin from storing the document.
func (e UserEdit) notYours(o, old object) string {
	switch {
	case e.By.Admin() || e.DBAdmin:
	case old == nil && len(o.roles()) > 0:
		return "Only _admin may set roles"
	case old == nil:
	case e.By.Name != o.text("name"):
		return "You may only update your own user document."
	case !sameRoles(old.roles(), o.roles()):
		return "Only _admin may edit roles"
	}
	return ""
}

// administered are members that say what an account is worth, which its owner must not.
// "created" ties tokens and the second factor to it; a newcomer may bring one.
var administered = []string{"created", "email_verified", "disabled", "service", "cidr_whitelist"}

// notForUsers is ours, beside what CouchDB asks.
func (e UserEdit) notForUsers(o, old object) string {
	if e.By.Admin() || e.DBAdmin {
		return ""
	}
	moved := old.text("email") != o.text("email")
	for _, name := range administered {
		if name == "email_verified" && moved && !o.has(name) {
			continue // another address is not confirmed, and says so by leaving it out
		}
		if name == "email_verified" && moved {
			return "Only _admin may set " + name
		}
		if name == "created" && old == nil || o.has(name) == old.has(name) && (!o.has(name) || sameJSON(o, old, name)) {
			continue
		}
		return "Only _admin may set " + name
	}
	return ""
}

func (o object) roles() []string {
	var roles []string
	o.scan("roles", &roles)
	return roles
}

func misshapen(id string, o object) string {
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
	case id != userID(o.text("name")):
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
		return "Users with password_sha must have a salt.See /_utils/script/couch.js for example code."
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

func sameRoles(a, b []string) bool {
	slices.Sort(a)
	slices.Sort(b)
	return slices.Equal(a, b)
}

// sameJSON reports whether a member says the same in two objects.
func sameJSON(a, b object, name string) bool {
	var x, y any
	if !a.scan(name, &x) || !b.scan(name, &y) {
		return false
	}
	one, errOne := json.Marshal(x)
	two, errTwo := json.Marshal(y)
	return errOne == nil && errTwo == nil && string(one) == string(two)
}
