package httpd

import (
	"context"
	"errors"
	"net/url"

	"settee/couch"
	"settee/replicate"
)

// parseReplication reads a document of _replicator: it belongs to who writes it,
// unless it says whose it is already. That holds for revisions that have their names too, as in CouchDB.
func (c *call) parseReplication(raw []byte) (*couch.Document, error) {
	d, err := couch.ParseDocument(raw)
	if err != nil || d.Deleted {
		return d, err
	}
	id := d.ID
	if _, named := c.vars["doc"]; named {
		if id, err = c.docID(); err != nil {
			return nil, err
		}
	}
	_, design := c.vars["ddoc"]
	_, local := c.vars["local"]
	owner, says := replicationOwner(d.Body)
	if design || local || id.IsDesign() || id.IsLocal() {
		return d, nil
	}
	if says && !c.dbAdmin && owner != c.user.Name {
		return d, nil // which the validator refuses
	}
	if err := c.checkReplication(d.Body); err != nil || says && (owner != "" || !c.dbAdmin) {
		return d, err
	}
	dst := []byte{'{'}
	err = members(raw, func(key string, value []byte) error {
		if key == "owner" { // null, in its place
			value = appendName(nil, c.user)
		}
		dst = appendMember(dst, key, value)
		return nil
	})
	if err != nil {
		return nil, err
	}
	if !says {
		dst = appendMember(dst, "owner", appendName(nil, c.user))
	}
	return couch.ParseDocument(append(dst, '}'))
}

// checkReplication refuses what could never be replicated. What has failed already stays as it is.
func (c *call) checkReplication(body []byte) error {
	state := ""
	_ = members(body, func(key string, value []byte) error {
		if key == "_replication_state" {
			state, _ = text(value)
		}
		return nil
	})
	if replicate.State(state) == replicate.Failed {
		return nil
	}
	_, err := replicate.ParseRequest(body, c.s.replicatorSettings())
	if bad := (*replicate.RequestError)(nil); errors.As(err, &bad) {
		return &couch.Error{Kind: couch.Forbidden, Reason: bad.InDocument()}
	}
	return err
}

// replicationOwner is who made a document of _replicator; says tells nobody from nothing.
func replicationOwner(body []byte) (owner string, says bool) {
	_ = members(body, func(key string, value []byte) error {
		if key == "owner" {
			owner, _ = text(value)
			says = true
		}
		return nil
	})
	return owner, says
}

var errForeignReplication = &couch.Error{Kind: couch.Forbidden, Reason: "Can't update replication documents from other users."}

// replications is the validator of _replicator: who is no admin of it writes their
// own documents only, and to nobody else's name.
type replications struct{}

var _ couch.Selective = replications{}

// Cares implements couch.Selective.
func (replications) Cares(db *couch.DB, doc *couch.Document, _ *couch.User) bool {
	return natureOf(db.Name()) == replicators && !doc.ID.IsDesign()
}

// Validate implements couch.Validator.
func (replications) Validate(_ context.Context, db *couch.DB, doc, old *couch.Document, user *couch.User) error {
	by, dbAdmin, err := writerOf(db, user)
	if err != nil || dbAdmin {
		return err
	}
	if owner, _ := replicationOwner(doc.Body); !doc.Deleted && owner != by.Name {
		return errForeignReplication
	}
	if old == nil || old.Deleted {
		return nil
	}
	if owner, _ := replicationOwner(old.Body); owner != by.Name || by.Name == "" {
		return errForeignReplication
	}
	return nil
}

// withoutCredentials drops from a document of _replicator what signs it in at its ends.
func withoutCredentials(body []byte) ([]byte, error) {
	dst := []byte{'{'}
	err := members(body, func(key string, value []byte) error {
		if key == "source" || key == "target" {
			var err error
			if value, err = endpointWithoutCredentials(value); err != nil {
				return err
			}
		}
		dst = appendMember(dst, key, value)
		return nil
	})
	return append(dst, '}'), err
}

// endpointWithoutCredentials is a URL without its user, or an object without auth
// and headers.
func endpointWithoutCredentials(value []byte) ([]byte, error) {
	if !isObject(value) {
		address, err := text(value)
		if err != nil {
			return []byte("null"), nil // no address is understood, so none is shown
		}
		return appendString(nil, withoutUser(address)), nil
	}
	dst := []byte{'{'}
	err := members(value, func(key string, value []byte) error {
		switch key {
		case "auth", "headers":
			return nil
		case "url":
			var err error
			if value, err = endpointWithoutCredentials(value); err != nil {
				return err
			}
		}
		dst = appendMember(dst, key, value)
		return nil
	})
	return append(dst, '}'), err
}

// withoutUser is a URL without its user and password; what is no URL is not shown.
func withoutUser(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	u.User = nil
	return u.String()
}
