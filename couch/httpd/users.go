package httpd

import (
	"net/http"
	"strings"

	"settee/couch"
)

// A nature is what a database is by the last part of its name; some have rules of
// their own.
type nature string

// The natures.
const (
	ordinary    nature = ""
	users       nature = "_users"
	replicators nature = "_replicator"
)

func natureOf(database string) nature {
	switch nature(database[strings.LastIndexByte(database, '/')+1:]) {
	case users:
		return users
	case replicators:
		return replicators
	}
	return ordinary
}

var (
	errUsersSecurity = &couch.Error{Kind: couch.Forbidden, Reason: "You can't edit the security object of the user database."}
	errUsersDesign   = &couch.Error{Kind: couch.Forbidden, Reason: "Only administrators can view design docs in the users database."}
)

// usersDB has the accounts that sign in.
const usersDB = "_users"

// userPrefix begins the ids of accounts.
const userPrefix = "org.couchdb.user:"

// ownAccount reports whether a document is the account of the one who asks.
func ownAccount(id couch.DocID, name string) bool {
	return name != "" && string(id) == userPrefix+name
}

// openToMembers are the rows of _users and _replicator that are not for their
// admins alone, besides those of one document. All others tell of other people's
// documents.
var openToMembers = map[string]bool{
	anyDB: true, anyDB + "/_bulk_docs": true, anyDB + "/_bulk_get": true, anyDB + "/_security": true,
	anyDB + "/_revs_limit": true, anyDB + "/_ensure_full_commit": true,
}

// listsAccounts are the rows of _users and _replicator that CouchDB keeps for server
// admins, whatever _security says.
var listsAccounts = map[string]bool{anyDB + "/_all_docs": true, anyDB + "/_all_docs/queries": true, anyDB + "/_changes": true}

// admitMember refuses what a member of _users or _replicator who is no admin of it
// may not call. It returns the handler: somebody else's document is shown in part.
func (c *call) admitMember(r *row, k nature) (func(*call) error, error) {
	switch r.Path {
	case plainDoc, anyDB + "/{doc}":
		return c.admitDocument(r, k)
	case anyDB + "/{doc}/{att:.+}":
		_, err := c.admitDocument(r, k)
		return r.handle, err
	}
	switch {
	case openToMembers[r.Path]:
		return r.handle, nil
	case k == users && strings.HasPrefix(r.Path, oneDesign) && (c.reads() || c.verb == http.MethodPost):
		return nil, errUsersDesign
	}
	return nil, c.writer().NotDBAdmin()
}

// admitDocument is the like for one document.
func (c *call) admitDocument(r *row, k nature) (func(*call) error, error) {
	id, err := c.docID()
	if err != nil {
		return nil, err
	}
	switch {
	case k == users && id.IsDesign() && c.reads():
		return nil, errUsersDesign
	case id.IsDesign() || id.IsLocal():
		return nil, c.writer().NotDBAdmin()
	case c.mayRead(id) == nil:
		return r.handle, nil
	case k == users && c.verb == http.MethodPut && c.user.Name == "" && r.Path != anyDB+"/{doc}/{att:.+}":
		return r.handle, nil // somebody signs up; the validator has the rest to say
	case k == replicators && c.verb == http.MethodPut:
		return r.handle, nil
	case c.reads() && r.Path != anyDB+"/{doc}/{att:.+}":
		return (*call).documentInPart, nil
	}
	return nil, couch.ErrMissing
}

func (c *call) reads() bool { return c.verb == http.MethodGet || c.verb == http.MethodHead }

// mayRead reports by its error whether the caller may see a whole document of _users
// or _replicator.
func (c *call) mayRead(id couch.DocID) error {
	k := natureOf(c.db.Name())
	if k == ordinary || c.dbAdmin || k == users && ownAccount(id, c.user.Name) {
		return nil
	}
	if k == replicators && c.user.Name != "" {
		d, err := c.db.Get(c.ctx(), id, couch.GetOptions{})
		if err == nil {
			if owner, _ := replicationOwner(d.Body); owner == c.user.Name {
				return nil
			}
		}
	}
	return couch.ErrMissing
}

// documentInPart is GET of somebody else's document: of an account the members that
// [chttpd_auth] public_fields names, of a replication all but its credentials.
func (c *call) documentInPart() error {
	id, err := c.docID()
	if err != nil {
		return err
	}
	d, err := c.db.Get(c.ctx(), id, couch.GetOptions{})
	if err != nil {
		return err
	}
	shown := *d
	shown.Attachments = nil
	if natureOf(c.db.Name()) == users {
		shown.Body, err = c.publicFields(d.Body)
	} else {
		shown.Body, err = withoutCredentials(d.Body)
	}
	if err != nil {
		return err
	}
	c.out = append(shown.AppendJSON(c.out[:0]), '\n')
	c.send(http.StatusOK, c.out)
	return nil
}

// publicFields keeps what everybody may see of an account; an account of which
// that is nothing is missing.
func (c *call) publicFields(body []byte) ([]byte, error) {
	public := map[string]bool{}
	for _, name := range c.s.list("chttpd_auth", "public_fields") {
		public[name] = true
	}
	dst := []byte{'{'}
	err := members(body, func(key string, value []byte) error {
		if public[key] {
			dst = appendMember(dst, key, value)
		}
		return nil
	})
	if err == nil && len(dst) == 1 {
		err = couch.ErrMissing
	}
	return append(dst, '}'), err
}

// appendMember appends a member to an object that is open.
func appendMember(dst []byte, key string, value []byte) []byte {
	if len(dst) > 1 {
		dst = append(dst, ',')
	}
	return append(append(appendString(dst, key), ':'), value...)
}
