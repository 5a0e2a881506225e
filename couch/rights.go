package couch

import (
	"bytes"
	"encoding/json"
	"slices"
	"unicode/utf8"
)

// The refusals of those whom a _security object does not let in, and of objects that are none, in CouchDB's words.
var (
	errAnonymous   = &Error{Kind: Unauthorized, Reason: "You are not authorized to access this db."}
	errNoMember    = &Error{Kind: Forbidden, Reason: "You are not allowed to access this db."}
	errNoDBAdmin   = &Error{Kind: Forbidden, Reason: "You are not a db or server admin."}
	errNobodyAdmin = &Error{Kind: Unauthorized, Reason: "You are not a db or server admin."}

	errSecurityObject = &Error{Kind: BadRequest, Reason: "Security object must be a JSON object"}
	errSecurityJSON   = &Error{Kind: BadRequest, Reason: "invalid UTF-8 JSON"}
	errPeople         = &Error{Kind: BadRequest, Reason: "admins or members must be a JSON list of strings"}

	// ErrNotServerAdmin is the refusal of what only server admins may do.
	ErrNotServerAdmin = &Error{Kind: Unauthorized, Reason: "You are not a server admin."}
)

// Admin reports a server admin; nobody, the server itself, is one.
func (u *User) Admin() bool { return u == nil || slices.Contains(u.Roles, "_admin") }

// NotMember is the refusal of a user who is no member of a database.
func (u *User) NotMember() error {
	if u.Name == "" {
		return errAnonymous
	}
	return errNoMember
}

// NotDBAdmin is the refusal of a member who is no admin of a database.
func (u *User) NotDBAdmin() error {
	if u.Name == "" {
		return errNobodyAdmin
	}
	return errNoDBAdmin
}

// Rights are what a _security object says. Server admins have them all, whatever it says.
type Rights struct{ Admins, Members People }

// People are named one by one, or by their roles.
type People struct{ Names, Roles []string }

func (p People) empty() bool { return len(p.Names) == 0 && len(p.Roles) == 0 }

func (p People) has(name string, roles []string) bool {
	if name != "" && slices.Contains(p.Names, name) {
		return true
	}
	return slices.ContainsFunc(roles, func(r string) bool { return slices.Contains(p.Roles, r) })
}

// Admin reports whether someone is named an admin of the database.
func (r *Rights) Admin(name string, roles []string) bool { return r.Admins.has(name, roles) }

// Member reports whether someone may read and write: anyone where no members are named. Admins are
// members too, which their caller knows.
func (r *Rights) Member(name string, roles []string) bool {
	return r.Members.empty() || r.Members.has(name, roles)
}

// knownRights are those of one _security object.
type knownRights struct {
	of *Security
	Rights
}

// Rights are what the database's _security says, read once a change. They are shared: do not change them.
func (db *DB) Rights() (*Rights, error) {
	of := db.security.Load()
	if known := db.rights.Load(); known != nil && known.of == of {
		return &known.Rights, nil
	}
	r, err := ParseRights(*of)
	if err != nil {
		return nil, &Error{Kind: Internal, Reason: "The security object is damaged.", Err: err}
	}
	known := &knownRights{of, r}
	db.rights.Store(known)
	return &known.Rights, nil
}

// ParseRights reads a _security object, by exact names: "Admins" are no admins.
// readers are the members' old name, which counts where there are no members.
func ParseRights(raw Security) (r Rights, err error) {
	if len(raw) == 0 {
		return r, nil
	}
	if raw = bytes.TrimSpace(raw); len(raw) == 0 || raw[0] != '{' {
		return r, errSecurityObject
	}
	var object map[string]json.RawMessage
	if !utf8.Valid(raw) || json.Unmarshal(raw, &object) != nil {
		return r, errSecurityJSON
	}
	if r.Admins, err = parsePeople(object["admins"]); err != nil {
		return r, err
	}
	readers, err := parsePeople(object["readers"])
	if err != nil {
		return r, err
	}
	if members, named := object["members"]; named {
		r.Members, err = parsePeople(members)
		return r, err
	}
	r.Members = readers
	return r, nil
}

// parsePeople reads people; where nothing is said there are none.
func parsePeople(raw json.RawMessage) (p People, err error) {
	if raw == nil {
		return p, nil
	}
	var object map[string]json.RawMessage
	if json.Unmarshal(raw, &object) != nil || object == nil {
		return p, errPeople
	}
	for name, into := range map[string]*[]string{"names": &p.Names, "roles": &p.Roles} {
		if *into, err = parseNames(name, object[name]); err != nil {
			return p, err
		}
	}
	return p, nil
}

func parseNames(which string, raw json.RawMessage) ([]string, error) {
	if raw == nil {
		return nil, nil
	}
	var list []*string
	if json.Unmarshal(raw, &list) != nil || list == nil || slices.Contains(list, nil) {
		return nil, &Error{Kind: BadRequest, Reason: which + " must be a JSON list of strings"}
	}
	names := make([]string, len(list))
	for i, n := range list {
		names[i] = *n
	}
	return names, nil
}
