package httpd

import (
	"errors"
	"net/http"
	"slices"
	"strings"

	"settee/couch"
)

// document is GET /{db}/{doc}.
func (c *call) document() error {
	id, err := c.docID()
	if err != nil {
		return err
	}
	if id.IsLocal() {
		return c.sendLocal(id)
	}
	if id.IsDesign() && c.vars["doc"] != "" {
		return c.redirectDesign(id)
	}
	p, err := c.docParams()
	if err != nil {
		return err
	}
	if p.Open {
		return c.openRevs(id, p)
	}
	if p.wantsBytes() && accepts(c.r.Header, "multipart/related") {
		return c.related(id, p)
	}
	d, err := c.db.Get(c.ctx(), id, p.read(p.Get))
	if err != nil {
		return err
	}
	return c.sendDocument(d)
}

// sendDocument answers with a document as JSON, in one piece unless attachments are in it.
func (c *call) sendDocument(d *couch.Document) error {
	if !hasMeta(d) && c.etag(etagOf(d.Rev)) {
		return nil
	}
	if !follows(d) {
		c.out = append(d.AppendJSON(c.out[:0]), '\n')
		c.send(http.StatusOK, c.out)
		return nil
	}
	out := c.stream()
	defer out.release()
	out.start("application/json")
	return out.send(func() error {
		out.buf = append(out.doc(out.buf, d), '\n')
		return nil
	})
}

// redirectDesign sends clients that escape the slash of a design document's id to its path.
func (c *call) redirectDesign(id couch.DocID) error {
	path := escapedPath(c.db.Name(), "_design", strings.TrimPrefix(string(id), "_design/"))
	if q := c.r.URL.RawQuery; q != "" {
		path += "?" + q
	}
	c.location(path)
	c.w.WriteHeader(http.StatusMovedPermanently)
	return nil
}

// hasMeta reports whether an answer holds more than the revision itself, so
// that its ETag would not tell when it changes.
func hasMeta(d *couch.Document) bool {
	return d.RevsInfo != nil || d.Conflicts != nil || d.DeletedConflicts != nil || d.LocalSeq != 0
}

// sorted puts what open_revs answers in CouchDB's order: revisions that are
// there, then those that are missing, each once, from the first generation on.
func sorted(revs []couch.OpenRev) []couch.OpenRev {
	slices.SortFunc(revs, func(a, b couch.OpenRev) int {
		switch {
		case (a.Doc == nil) == (b.Doc == nil):
			return a.Rev.Compare(b.Rev)
		case a.Doc == nil:
			return 1
		}
		return -1
	})
	return slices.CompactFunc(revs, func(a, b couch.OpenRev) bool { return a.Rev == b.Rev })
}

func etagOf(r couch.Rev) string {
	return string(append(appendRev([]byte{'"'}, r), '"'))
}

// isAbsent reports whether an error says that there is no such revision.
func isAbsent(err error) bool {
	return errors.Is(err, couch.ErrMissing) || errors.Is(err, couch.ErrDeleted)
}
