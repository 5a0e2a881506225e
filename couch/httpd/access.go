package httpd

import (
	"encoding/json"
	"slices"

	"settee/couch"
)

// The refusals, in CouchDB's words.
var (
	errNotServerAdmin = &couch.Error{Kind: couch.Unauthorized, Reason: "You are not a server admin."}
	errNoMetrics      = &couch.Error{Kind: couch.Unauthorized, Reason: "You are not a server admin or read-only metrics user"}
	errAnonymous      = &couch.Error{Kind: couch.Unauthorized, Reason: "You are not authorized to access this db."}
	errNoMember       = &couch.Error{Kind: couch.Forbidden, Reason: "You are not allowed to access this db."}
	errNoDBAdmin      = &couch.Error{Kind: couch.Forbidden, Reason: "You are not a db or server admin."}
	errNoDBAdminAnon  = &couch.Error{Kind: couch.Unauthorized, Reason: "You are not a db or server admin."}
	errUsersSecurity  = &couch.Error{Kind: couch.Forbidden, Reason: "You can't edit the security object of the user database."}
)

// usersDB holds accounts; its members' rights are not open to anyone but admins.
const usersDB = "_users"

// security is a _security object.
type security struct {
	Admins  people `json:"admins"`
	Members people `json:"members"`
	Readers people `json:"readers"` // the members' old name
}

type people struct {
	Names []string `json:"names"`
	Roles []string `json:"roles"`
}

func (p people) empty() bool { return len(p.Names) == 0 && len(p.Roles) == 0 }

func (p people) has(name string, roles []string) bool {
	if name != "" && slices.Contains(p.Names, name) {
		return true
	}
	return slices.ContainsFunc(roles, func(r string) bool { return slices.Contains(p.Roles, r) })
}

// admit refuses who may not call a row and opens the database that the path names.
func (c *call) admit(who access) error {
	_, named := c.vars["db"]
	if who == admin && !c.user.Admin() {
		return errNotServerAdmin
	}
	if who == observer && !c.user.Admin() && !slices.Contains(c.user.Roles, "_metrics") {
		return errNoMetrics
	}
	if !named || who == admin {
		return nil // handlers of databases' coming and going take the name themselves
	}
	name, err := c.segment("db")
	if err != nil {
		return err
	}
	if c.db, err = c.s.store.DB(name); err != nil {
		return err
	}
	switch {
	case c.user.Admin():
		return nil
	case name == usersDB:
		return c.stranger()
	}
	sec, err := parseSecurity(c.db.Security())
	if err != nil {
		return err
	}
	isAdmin := sec.Admins.has(c.user.Name, c.user.Roles)
	if !isAdmin && !sec.member(c.user.Name, c.user.Roles) {
		return c.stranger()
	}
	if who == dbAdmin && !isAdmin {
		return c.noDBAdmin()
	}
	return nil
}

func parseSecurity(raw couch.Security) (security, error) {
	var sec security
	if len(raw) == 0 {
		return sec, nil
	}
	if err := json.Unmarshal(raw, &sec); err != nil {
		return sec, &couch.Error{Kind: couch.Internal, Reason: "The security object is damaged.", Err: err}
	}
	return sec, nil
}

// member reports whether someone may read and write: anyone where no members are named.
func (s security) member(name string, roles []string) bool {
	return (s.Members.empty() && s.Readers.empty()) || s.Members.has(name, roles) || s.Readers.has(name, roles)
}

// stranger is the refusal of one who is no member.
func (c *call) stranger() error {
	if c.user.Name == "" {
		return errAnonymous
	}
	return errNoMember
}

// noDBAdmin is the refusal of a member who is no admin of the database.
func (c *call) noDBAdmin() error {
	if c.user.Name == "" {
		return errNoDBAdminAnon
	}
	return errNoDBAdmin
}

// mayDesign reports by its error whether the caller may write a document:
// design documents are for admins.
func (c *call) mayDesign(id couch.DocID) error {
	if !id.IsDesign() || c.user.Admin() {
		return nil
	}
	sec, err := parseSecurity(c.db.Security())
	if err != nil {
		return err
	}
	if sec.Admins.has(c.user.Name, c.user.Roles) {
		return nil
	}
	return c.noDBAdmin()
}

// writer is the caller as validation functions see them.
func (c *call) writer() *couch.User {
	return &couch.User{Name: c.user.Name, Roles: c.user.Roles}
}

// checkSecurity checks a _security object that a client sends.
func checkSecurity(raw []byte) error {
	var sec security
	if !isObject(raw) {
		return badRequest("Security object must be a JSON object")
	}
	if err := json.Unmarshal(raw, &sec); err != nil {
		return badRequest("admins and members must hold names and roles, each a JSON list of strings")
	}
	return nil
}
