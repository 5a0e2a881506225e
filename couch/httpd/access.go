package httpd

import (
	"slices"
	"strings"

	"settee/couch"
)

// The refusals, in CouchDB's words.
var (
	errNoMetrics   = &couch.Error{Kind: couch.Unauthorized, Reason: "You are not a server admin or read-only metrics user"}
	errNoKeeper    = &couch.Error{Kind: couch.Unauthorized, Reason: "You are not a server or db admin."}
	errNotSignedIn = &couch.Error{Kind: couch.Unauthorized, Reason: "You are not an authenticated user"}
)

// admit refuses who may not call a row, opens the database that the path names and
// returns who answers: nearly always the row's handler.
func (c *call) admit(r *row) (func(*call) error, error) {
	c.toRecord(r)
	if err := c.admitToServer(r.Who); err != nil {
		return nil, err
	}
	if _, named := c.vars["db"]; !named {
		return r.handle, nil
	}
	name, err := c.segment("db")
	if err != nil {
		return nil, err
	}
	if name == usersDB && !c.reads() {
		c.answered.before = c.s.auth.ForgetAccounts // whoever has the answer signs in by what was written
	}
	if r.Who == admin {
		return r.handle, nil // handlers of databases' coming and going take the name themselves
	}
	c.dbAdmin = c.user.Admin()
	if !c.dbAdmin && hidden(name) {
		return nil, couch.ErrNotServerAdmin
	}
	if !c.dbAdmin && natureOf(name) != ordinary && listsAccounts[r.Path] {
		return nil, couch.ErrNotServerAdmin
	}
	if c.db, err = c.s.store.DB(name); err != nil {
		return nil, err
	}
	if c.dbAdmin {
		return r.handle, nil
	}
	rights, err := c.db.Rights()
	if err != nil {
		return nil, err
	}
	c.dbAdmin = rights.Admin(c.user.Name, c.user.Roles)
	if !c.dbAdmin && !rights.Member(c.user.Name, c.user.Roles) {
		return nil, c.writer().NotMember()
	}
	return c.admitToDatabase(r, natureOf(name))
}

// hidden reports a first segment that only server admins may name: CouchDB tells
// nobody else whether it is an endpoint.
func hidden(segment string) bool {
	return strings.HasPrefix(segment, "_") && natureOf(segment) == ordinary
}

// admitToServer refuses by what the server says of the caller.
func (c *call) admitToServer(who access) error {
	switch {
	case c.user.Admin():
	case who == admin, who == lister && !c.policy.openDBList:
		return couch.ErrNotServerAdmin
	case who == observer && !slices.Contains(c.user.Roles, "_metrics"):
		return errNoMetrics
	case who == signedIn && c.user.Name == "":
		return errNotSignedIn
	}
	return nil
}

// admitToDatabase refuses by what one who is let into the database, and is no server
// admin, may do there.
func (c *call) admitToDatabase(r *row, k nature) (func(*call) error, error) {
	switch {
	case c.dbAdmin:
	case r.Who == dbAdmin:
		return nil, c.writer().NotDBAdmin()
	case r.Who == keeper:
		return nil, errNoKeeper
	case k != ordinary:
		return c.admitMember(r, k)
	}
	return r.handle, nil
}

// mayWrite reports by its error whether the caller may write a document: design
// documents are for admins, and so is all that is not one's own in _users.
func (c *call) mayWrite(id couch.DocID) error {
	if c.dbAdmin || !id.IsDesign() && (!id.IsLocal() || natureOf(c.db.Name()) == ordinary) {
		return nil
	}
	return c.writer().NotDBAdmin()
}

// writer is the caller as validation functions see them.
func (c *call) writer() *couch.User {
	return &couch.User{Name: c.user.Name, Roles: c.user.Roles}
}
