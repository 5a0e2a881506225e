package couch

import "errors"

// inOrder notices documents that come in the order of their ids, as those of a bulk do, and of
// clients that count or take the server's ids: then bodies are beside each other too.
type inOrder struct {
	last   DocID
	run    int
	bodies *bodies // nil: not needed yet
}

// longRun is from how many ids in order on the next is likely to follow: of random ones a run
// of four is one in 24.
const longRun = 4

func (o *inOrder) next(id DocID) bool {
	if id > o.last {
		o.run++
	} else {
		o.run = 0
	}
	o.last = id
	return o.run >= longRun
}

// include adds the row's document. What is asked about other leaves costs nothing where the
// row says that there are none.
func (c *Changes) include() (err error) {
	if c.row.Doc = nil; !c.o.IncludeDocs {
		return nil
	}
	if c.o.Held != nil && !c.row.branched && c.o.Held(c.row.ID, c.row.Revs[0]) {
		return nil
	}
	o := c.o.Get
	if o.Rev = (Rev{}); !c.row.branched {
		o.Conflicts, o.DeletedConflicts, o.LocalSeq = false, false, false
	}
	if o.plain() {
		c.row.Doc, err = c.plainDoc()
	} else {
		c.row.Doc, err = c.Document(c.row.Revs[0], o)
	}
	if errors.Is(err, ErrMissing) || errors.Is(err, errNoBody) {
		return corrupt("the body of " + string(c.row.ID) + " is missing")
	}
	if err == nil && c.o.Get.LocalSeq {
		c.row.Doc.LocalSeq = c.row.Seq
	}
	return err
}

func (c *Changes) plainDoc() (*Document, error) {
	db, id, rev := c.snap.db, c.row.ID, c.row.Revs[0]
	if !c.ids.next(id) {
		return db.readRev(c.snap, id, rev)
	}
	if c.ids.bodies == nil {
		var err error
		if c.ids.bodies, err = db.bodies(c.snap); err != nil {
			return nil, err
		}
	}
	return c.ids.bodies.read(id, rev)
}
