package httpd

import (
	"net/http"
	"strings"

	"settee/couch"
)

// putDocument is PUT /{db}/{doc}, with JSON or with multipart/related.
func (c *call) putDocument() error {
	id, err := c.docID()
	if err != nil {
		return err
	}
	if id.IsLocal() {
		return c.storeLocal(id)
	}
	if err := c.mayDesign(id); err != nil {
		return err
	}
	if mediaType(c.r.Header) == "multipart/related" {
		return c.putRelated(id)
	}
	raw, err := c.body()
	if err != nil {
		return err
	}
	d, err := c.parse(raw)
	if err != nil {
		return err
	}
	return c.store(id, d)
}

// parse reads a document from a body.
func (c *call) parse(raw []byte) (*couch.Document, error) {
	if b := first(raw); b != 0 && b != '{' {
		if decode(raw, new(any)) == nil {
			return nil, errDocObject
		}
		return nil, errJSON
	}
	if c.db.Name() == usersDB {
		return c.parseAccount(raw)
	}
	return couch.ParseDocument(raw)
}

// store writes a document that the path names and answers.
func (c *call) store(id couch.DocID, d *couch.Document) error {
	d.ID = id
	o := couch.WriteOptions{User: c.writer(), Replicated: c.query["new_edits"] == "false"}
	if err := c.parent(d, o.Replicated); err != nil {
		return err
	}
	rev, err := c.db.Put(c.ctx(), d, o)
	if err != nil {
		return err
	}
	status := http.StatusCreated
	if d.Deleted {
		status = http.StatusOK
	}
	if _, design := c.vars["ddoc"]; design {
		c.location("/" + c.vars["db"] + "/_design/" + c.vars["ddoc"])
	} else {
		c.location("/" + c.vars["db"] + "/" + c.vars["doc"])
	}
	return c.stored(status, id, rev)
}

// stored answers a write with the ETag of what it made.
func (c *call) stored(status int, id couch.DocID, rev couch.Rev) error {
	if c.query["batch"] != "ok" {
		c.set("Etag", etagOf(rev))
	}
	return c.written(status, id, rev)
}

// written answers {"ok","id","rev"}; batch=ok has CouchDB's answer though the
// document is durable already.
func (c *call) written(status int, id couch.DocID, rev couch.Rev) error {
	dst := append(c.out[:0], `{"ok":true,"id":`...)
	dst = appendString(dst, id)
	if c.query["batch"] == "ok" {
		status = http.StatusAccepted
	} else {
		dst = append(dst, `,"rev":`...)
		dst = appendQuotedRev(dst, rev)
	}
	c.out = append(dst, "}\n"...)
	c.send(status, c.out)
	return nil
}

// parent sets the revision that a write names: in the body, the query or
// If-Match, which must agree.
func (c *call) parent(d *couch.Document, replicated bool) error {
	rev, err := c.namedRev()
	if err != nil {
		return err
	}
	switch {
	case rev.IsZero():
	case !d.Rev.IsZero() && d.Rev != rev:
		return errRevBody
	default:
		d.Rev = rev
	}
	if replicated && lacksRev(d) {
		return errNeedsRev
	}
	return nil
}

// namedRev is the revision of ?rev= or If-Match, zero where neither is there.
func (c *call) namedRev() (couch.Rev, error) {
	rev, err := c.query.rev("rev")
	if err != nil {
		return rev, err
	}
	match := strings.TrimSpace(c.r.Header.Get("If-Match"))
	if match == "" {
		return rev, nil
	}
	tagged, err := parseRev(strings.Trim(strings.TrimPrefix(match, "W/"), `"`))
	switch {
	case err != nil:
		return rev, err
	case !rev.IsZero() && rev != tagged:
		return rev, errRevEtag
	}
	return tagged, nil
}

// deleteDocument is DELETE /{db}/{doc}.
func (c *call) deleteDocument() error {
	id, err := c.docID()
	if err != nil {
		return err
	}
	if id.IsLocal() {
		return c.removeLocal(id)
	}
	if err := c.mayDesign(id); err != nil {
		return err
	}
	rev, err := c.namedRev()
	if err != nil {
		return err
	}
	if _, err := c.db.Get(c.ctx(), id, couch.GetOptions{}); err != nil {
		return err
	}
	if rev.IsZero() {
		return couch.ErrConflict
	}
	d, err := couch.ParseDocument([]byte(`{"_deleted":true}`))
	if err != nil {
		return err
	}
	d.ID, d.Rev = id, rev
	if rev, err = c.db.Put(c.ctx(), d, couch.WriteOptions{User: c.writer()}); err != nil {
		return err
	}
	return c.stored(http.StatusOK, id, rev)
}

// postDocument is POST /{db}: a document whose id the body or the server names.
func (c *call) postDocument() error {
	raw, err := c.body()
	if err != nil {
		return err
	}
	d, err := c.parse(raw)
	if err != nil {
		return err
	}
	if d.ID == "" {
		d.ID = couch.DocID(c.s.store.NewUUID())
	}
	if d.ID.IsLocal() {
		rev, err := c.db.PutLocal(c.ctx(), d)
		if err != nil {
			return err
		}
		return c.stored(http.StatusCreated, d.ID, rev)
	}
	if err := c.mayDesign(d.ID); err != nil {
		return err
	}
	rev, err := c.db.Put(c.ctx(), d, couch.WriteOptions{User: c.writer(), Replicated: c.query["new_edits"] == "false"})
	if err != nil {
		return err
	}
	c.location("/" + c.vars["db"] + docPath(d.ID))
	return c.written(http.StatusCreated, d.ID, rev) // a POST has no ETag
}

// docPath is a document's path below its database.
func docPath(id couch.DocID) string {
	if id.IsDesign() {
		return "/_design" + escapedPath(string(id[len("_design/"):]))
	}
	return escapedPath(string(id))
}
