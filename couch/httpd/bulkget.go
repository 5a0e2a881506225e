package httpd

import (
	"encoding/json"
	"strings"

	"settee/couch"
)

// A wanted is one entry of _bulk_get. The raw members are for its error row.
type wanted struct {
	id            couch.DocID
	rawID, rawRev json.RawMessage // nil: not there
	revs          []couch.Rev     // nil asks for all leaves
	since         []couch.Rev
	err           error // what is wrong with the entry
}

// foreignParams are parameters of single reads that make no sense here.
var foreignParams = []string{"rev", "open_revs", "atts_since", "new_edits", "w"}

func (c *call) wanted() ([]wanted, error) {
	for _, name := range foreignParams {
		if _, ok := c.query[name]; ok {
			return nil, badRequest(`"` + name + `" query parameter is not acceptable`)
		}
	}
	raw, err := c.object()
	if err != nil {
		return nil, err
	}
	var docs []byte
	err = members(raw, func(key string, value []byte) error {
		if key == "docs" {
			docs = value
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	if !isArray(docs) {
		return nil, badRequest("Missing JSON list of 'docs'.")
	}
	var list []wanted
	err = elements(docs, func(value []byte) error {
		w, err := readWanted(value)
		list = append(list, w)
		return err
	})
	return list, err
}

// readWanted reads {"id","rev","atts_since"}.
func readWanted(raw []byte) (w wanted, err error) {
	if !isObject(raw) {
		w.err = errWantedObject
		return w, nil
	}
	var since json.RawMessage
	empty := true
	err = members(raw, func(key string, value []byte) error {
		empty = false
		switch key {
		case "id":
			w.rawID = value
		case "rev":
			w.rawRev = value
		case "atts_since":
			since = value
		}
		return nil
	})
	switch {
	case err != nil:
		return w, err
	case empty:
		w.err = errWantedObject
	case w.rawID == nil:
		w.err, w.rawRev = badRequest("document id missed"), nil
	default:
		id, err := text(w.rawID)
		if err != nil {
			return w, &couch.Error{Kind: couch.IllegalDocID, Reason: "Document id must be a string"}
		}
		w.id = couch.DocID(id)
		w.err = w.readRevs(since)
	}
	return w, nil
}

// readRevs reads what an entry says of revisions.
func (w *wanted) readRevs(since json.RawMessage) error {
	if err := w.id.Check(); err != nil {
		w.rawRev = nil
		return err
	}
	if w.rawRev != nil {
		s, err := text(w.rawRev)
		if err != nil {
			return errRev
		}
		r, err := parseRev(s)
		if err != nil {
			return err
		}
		w.revs = []couch.Rev{r}
	}
	var err error
	switch {
	case since == nil:
	case !isArray(since):
		return badRequest("att_since value must be array of revs.")
	default:
		w.since, err = parseRevs(since)
	}
	return err
}

var errWantedObject = badRequest("document must be a JSON object")

// open reads what an entry wants, a row for each revision; where the entry or
// the read is wrong the error is a row too.
func (c *call) open(reading *couch.Opening, w wanted, get couch.GetOptions) ([]couch.OpenRev, error) {
	if w.err != nil {
		return nil, w.err
	}
	if err := c.mayRead(w.id); err != nil {
		return nil, err
	}
	return reading.Revs(c.ctx(), w.id, w.revs, get)
}

// bulkGet is POST /{db}/_bulk_get: as JSON, or as multipart/mixed where the
// client names that and not JSON.
func (c *call) bulkGet() error {
	list, err := c.wanted()
	if err != nil {
		return err
	}
	p, err := c.docParams()
	if err != nil {
		return err
	}
	p.Get = ofRevision(p.Get)
	reading := c.db.Opening()
	defer reading.Close()
	h := c.r.Header
	if names(h, "multipart/") && !names(h, "application/json") {
		return c.bulkGetMixed(reading, list, p)
	}
	out := c.stream()
	defer out.release()
	out.start("application/json")
	out.buf = append(out.buf, `{"results":[`...)
	for i, w := range list {
		if i > 0 {
			out.buf = append(out.buf, ',')
		}
		out.buf = append(out.buf, `{"id":`...)
		out.buf = appendRaw(out.buf, w.rawID)
		out.buf = append(out.buf, `,"docs":[`...)
		p.Since = w.since
		revs, err := c.open(reading, w, p.read(p.Get))
		for j, r := range revs {
			if j > 0 {
				out.buf = append(out.buf, ',')
			}
			out.opened(w, r)
		}
		if len(revs) == 0 {
			out.buf = append(appendUnopened(append(out.buf, `{"error":`...), w, err), '}')
		}
		out.buf = append(out.buf, ']', '}')
		if out.spill() != nil {
			break
		}
	}
	out.buf = append(out.buf, "]}\n"...)
	return out.finish()
}

// opened writes the row of a revision.
func (s *stream) opened(w wanted, r couch.OpenRev) {
	if r.Doc == nil {
		s.buf = append(appendUnopened(append(s.buf, `{"error":`...), w, couch.ErrMissing), '}')
		return
	}
	s.buf = append(s.buf, `{"ok":`...)
	s.buf = append(s.doc(s.buf, r.Doc), '}')
}

// appendUnopened appends what was wrong with an entry, its members in CouchDB's order.
func appendUnopened(dst []byte, w wanted, err error) []byte {
	if err == nil {
		err = couch.ErrMissing
	}
	dst = append(dst, `{"rev":`...)
	if w.err == nil && w.rawRev == nil {
		dst = append(dst, `"undefined"`...) // CouchDB's own
	} else {
		dst = appendRaw(dst, w.rawRev)
	}
	p := explain(err)
	dst = append(dst, `,"reason":`...)
	dst = appendString(dst, p.reason)
	dst = append(dst, `,"id":`...)
	dst = appendRaw(dst, w.rawID)
	dst = append(dst, `,"error":`...)
	return append(appendString(dst, p.word), '}')
}

// appendRaw appends a value of the request, null where there is none.
func appendRaw(dst []byte, raw json.RawMessage) []byte {
	if raw == nil {
		return append(dst, "null"...)
	}
	return append(dst, raw...)
}

func (c *call) bulkGetMixed(reading *couch.Opening, list []wanted, p docParams) error {
	out := c.stream()
	defer out.release()
	kind := "multipart/mixed"
	if strings.Contains(c.r.Header.Get("Accept"), "multipart/related") {
		kind = "multipart/related"
	}
	mixed := parts{w: out, boundary: newBoundary()}
	out.start(kind + `; boundary="` + mixed.boundary + `"`)
	return out.send(func() error {
		for _, w := range list {
			c.writeWanted(&mixed, reading, w, p)
		}
		return mixed.end()
	})
}

func (c *call) writeWanted(mixed *parts, reading *couch.Opening, w wanted, p docParams) {
	p.Since = w.since
	revs, err := c.open(reading, w, p.asStored(p.Get))
	if len(revs) == 0 {
		mixed.json(`application/json; error="true"`, appendUnopened(nil, w, err))
		return
	}
	for _, r := range revs {
		if r.Doc == nil {
			mixed.json(`application/json; error="true"`, appendUnopened(nil, w, couch.ErrMissing))
			continue
		}
		c.mixedPart(mixed, r, "X-Doc-Id: "+string(w.id), "X-Rev-Id: "+r.Rev.String())
	}
}
