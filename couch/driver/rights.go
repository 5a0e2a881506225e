package driver

import (
	"strings"

	"github.com/go-kivik/kivik/v4"

	"settee/couch"
	"settee/views"
)

// NewClientOf is NewClient in somebody's name: what is asked of it is refused as CouchDB refuses
// them, and validation functions see who writes. Databases that have rules of their own, which the HTTP API
// keeps (_users, _replicator and others whose last part begins with an underscore), are for server admins.
func NewClientOf(store *couch.Store, eng *views.Engine, user couch.User) (*kivik.Client, error) {
	return kivik.New(Name, "", wrapped{store, eng, &user})
}

// A right is what somebody needs to have in a database.
type right int

const (
	toRead   right = iota // and to write documents that are no design documents: members
	toDesign              // admins of the database
	toOwn                 // server admins
)

// database finds the database for somebody with a right in it.
func (d *db) database(r right) (*couch.DB, error) {
	if d.user.Admin() {
		return d.store.DB(d.name)
	}
	if r == toOwn || strings.HasPrefix(d.name[strings.LastIndexByte(d.name, '/')+1:], "_") {
		return nil, couch.ErrNotServerAdmin
	}
	c, err := d.store.DB(d.name)
	if err != nil {
		return nil, err
	}
	rights, err := c.Rights()
	if err != nil {
		return nil, err
	}
	switch admin := rights.Admin(d.user.Name, d.user.Roles); {
	case admin:
		return c, nil
	case !rights.Member(d.user.Name, d.user.Roles):
		return nil, d.user.NotMember()
	case r == toDesign:
		return nil, d.user.NotDBAdmin()
	}
	return c, nil
}

// mayWrite reports by its error whether a member may write a document.
func (d *db) mayWrite(id couch.DocID) error {
	if !id.IsDesign() || d.user.Admin() {
		return nil
	}
	_, err := d.database(toDesign)
	return err
}

// writes are the options of a write.
func (d *db) writes(replicated bool) couch.WriteOptions {
	return couch.WriteOptions{Replicated: replicated, User: d.user}
}

// designer is who changes design documents, as far as the indexes of searches know them.
func (d *db) designer() views.Designer {
	return views.Designer{User: d.user, Refusal: d.mayWrite("_design/")}
}
