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
	p, err := c.docParams()
	switch {
	case err != nil:
		return err
	case p.Open:
		return c.openRevs(id, p)
	case !p.Get.Rev.IsZero() && !p.Get.Latest:
		return couch.ErrMissing // it has no revisions to choose from
	}
	d, err := c.db.GetLocal(c.ctx(), id)
	if err != nil {
		return err
	}
	if p.Get.Revs {
		d.Revisions = []couch.Rev{d.Rev}
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
	if err := c.parent(d, c.query["new_edits"] == "false"); err != nil {
		return err
	}
	if d.Rev, err = c.db.PutLocal(c.ctx(), d); err != nil {
		return err
	}
	if c.batched() {
		return c.accepted(id)
	}
	c.location(escapedPath(c.db.Name(), string(id)))
	d.Attachments, d.Revisions = nil, nil
	status := http.StatusCreated
	if d.Deleted {
		status = http.StatusOK
	}
	return c.writtenLocal(status, d)
}

func (c *call) writtenLocal(status int, d *couch.Document) error {
	c.set("Etag", tagOf(append(d.AppendJSON(c.out[:0]), '\n')))
	return c.written(status, d.ID, d.Rev)
}

func (c *call) removeLocal(id couch.DocID) error {
	if _, err := c.namedRev(); err != nil {
		return err
	}
	if err := c.db.DeleteLocal(c.ctx(), id); err != nil {
		return err
	}
	return c.writtenLocal(http.StatusOK, &couch.Document{ID: id, Rev: couch.Rev{Pos: 0, ID: "0"}, Deleted: true, Body: []byte("{}")})
}

func (c *call) noLocalID() error { return badRequest("Invalid _local document id.") }

func (c *call) noLocalAttachments() error { return errLocalAtts }
