package httpd

import (
	"net/http"

	"settee/couch"
)

// localID is the id of a _local path, with its prefix.
func (c *call) localID() (couch.DocID, error) {
	name, err := c.segment("local")
	return couch.DocID("_local/" + name), err
}

func (c *call) localDocument() error {
	id, err := c.localID()
	if err != nil {
		return err
	}
	return c.sendLocal(id)
}

func (c *call) putLocal() error {
	id, err := c.localID()
	if err != nil {
		return err
	}
	return c.storeLocal(id)
}

func (c *call) deleteLocal() error {
	id, err := c.localID()
	if err != nil {
		return err
	}
	return c.removeLocal(id)
}

func (c *call) copyLocal() error {
	id, err := c.localID()
	if err != nil {
		return err
	}
	return c.copyFrom(id)
}

// sendLocal answers with a _local document. Its revision counts edits and is
// not unique, so the ETag is of its bytes.
func (c *call) sendLocal(id couch.DocID) error {
	d, err := c.db.GetLocal(c.ctx(), id)
	if err != nil {
		return err
	}
	c.out = append(d.AppendJSON(c.out[:0]), '\n')
	if c.etag(tagOf(c.out)) {
		return nil
	}
	c.send(http.StatusOK, c.out)
	return nil
}

// storeLocal is PUT of a _local document. There is no conflict check.
func (c *call) storeLocal(id couch.DocID) error {
	raw, err := c.body()
	if err != nil {
		return err
	}
	d, err := c.parse(raw)
	if err != nil {
		return err
	}
	d.ID = id
	if err := c.parent(d, false); err != nil {
		return err
	}
	if d.Deleted {
		return c.removeLocal(id)
	}
	rev, err := c.db.PutLocal(c.ctx(), d)
	if err != nil {
		return err
	}
	c.location("/" + c.vars["db"] + escapedPath(string(id)))
	return c.stored(http.StatusCreated, id, rev)
}

func (c *call) removeLocal(id couch.DocID) error {
	if err := c.db.DeleteLocal(c.ctx(), id); err != nil {
		return err
	}
	return c.stored(http.StatusOK, id, couch.Rev{Pos: 0, ID: "0"})
}

func (c *call) noLocalID() error { return badRequest("Invalid _local document id.") }

func (c *call) noLocalAttachments() error { return errLocalAtts }
