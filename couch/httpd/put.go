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
	if err := c.mayWrite(id); err != nil {
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
	read := couch.ParseDocument
	switch natureOf(c.db.Name()) {
	case users:
		read = c.parseAccount
	case replicators:
		read = c.parseReplication
	}
	d, err := read(raw)
	if err == nil {
		err = c.boundAttachments(d)
	}
	if err == nil && int64(len(d.Body)) > c.s.store.MaxDocumentSize() {
		// Named as the body names it, and for a batch the answer to all of it: replicators
		// send such a batch again in halves.
		return nil, &couch.Error{Kind: couch.DocumentTooLarge, Reason: string(d.ID)}
	}
	return d, err
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
	if c.batched() {
		return c.accepted(id)
	}
	status := http.StatusCreated
	if d.Deleted {
		status = http.StatusOK
	}
	c.location(escapedPath(c.db.Name(), string(id)))
	return c.stored(status, id, rev)
}

// stored answers a write with the ETag of what it made.
func (c *call) stored(status int, id couch.DocID, rev couch.Rev) error {
	c.set("Etag", etagOf(rev))
	return c.written(status, id, rev)
}

// written answers {"ok","id","rev"}.
func (c *call) written(status int, id couch.DocID, rev couch.Rev) error {
	dst := append(c.out[:0], `{"ok":true,"id":`...)
	dst = appendString(dst, id)
	dst = append(dst, `,"rev":`...)
	dst = appendQuotedRev(dst, rev)
	c.out = append(dst, "}\n"...)
	c.send(status, c.out)
	return nil
}

// batched reports whether the client asks for batch mode, in which CouchDB
// answers before it writes. Here the document is durable all the same, and a
// conflict is told.
func (c *call) batched() bool { return c.query["batch"] == "ok" }

// accepted is the answer of batch mode.
func (c *call) accepted(id couch.DocID) error {
	c.out = append(appendString(append(c.out[:0], `{"ok":true,"id":`...), id), "}\n"...)
	c.send(http.StatusAccepted, c.out)
	return nil
}

// parent sets the revision that a write names: in the body, the query or
// If-Match, which must agree.
func (c *call) parent(d *couch.Document, replicated bool) error {
	rev, err := c.query.rev("rev")
	switch {
	case err != nil:
		return err
	case rev.IsZero():
	case !d.Rev.IsZero() && d.Rev != rev:
		return errRevBody
	default:
		d.Rev = rev
	}
	if d.Rev, err = c.matching(d.Rev); err != nil {
		return err
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
	return c.matching(rev)
}

// matching is the revision of If-Match, or rev where there is none.
func (c *call) matching(rev couch.Rev) (couch.Rev, error) {
	match := strings.TrimSpace(c.r.Header.Get("If-Match"))
	if match == "" {
		return rev, nil
	}
	tagged, err := parseRev(strings.Trim(match, `"`))
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
	if err := c.mayWrite(id); err != nil {
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
	if err := c.mayWrite(d.ID); err != nil {
		return err
	}
	rev, err := c.db.Put(c.ctx(), d, couch.WriteOptions{User: c.writer()})
	if err != nil {
		return err
	}
	if c.batched() {
		return c.accepted(d.ID)
	}
	c.location(escapedPath(c.db.Name(), string(d.ID)))
	return c.written(http.StatusCreated, d.ID, rev) // a POST has no ETag
}
