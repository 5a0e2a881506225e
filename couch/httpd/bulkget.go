package httpd

import (
	"strings"

	"settee/couch"
)

// A wanted is one entry of _bulk_get.
type wanted struct {
	id    couch.DocID
	rev   string // as it was sent; "" asks for all leaves
	since []couch.Rev
	err   error // what is wrong with the entry
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
		return w, errBodyObject
	}
	err = members(raw, func(key string, value []byte) error {
		switch key {
		case "id":
			id, err := text(value)
			if err != nil {
				return &couch.Error{Kind: couch.IllegalDocID, Reason: "Document id must be a string"}
			}
			w.id = couch.DocID(id)
		case "rev":
			if w.rev, err = text(value); err != nil {
				w.err = errRev
			}
		case "atts_since":
			if w.since, w.err = parseRevs(value); w.err != nil {
				w.err = errRev
			}
		}
		return nil
	})
	if err == nil && w.id == "" {
		w.err = &couch.Error{Kind: couch.IllegalDocID, Reason: "Document id must not be empty"}
	}
	return w, err
}

// open reads what an entry wants, a row for each revision; where the entry or
// the read is wrong the error is a row too.
func (c *call) open(w wanted, p docParams, bytes bool) ([]couch.OpenRev, error) {
	if w.err != nil {
		return nil, w.err
	}
	var revs []couch.Rev
	if w.rev != "" {
		r, err := parseRev(w.rev)
		if err != nil {
			return nil, err
		}
		revs = []couch.Rev{r}
	}
	get := p.Get
	get.Attachments, get.AttsSince = bytes && (p.Bytes || w.since != nil), w.since
	get.AttEncodingInfo = !bytes || p.Encoding
	get.Revs = get.Revs || w.since != nil
	return c.db.OpenRevs(c.ctx(), w.id, revs, get)
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
	h := c.r.Header
	if names(h, "multipart/") && !names(h, "application/json") {
		return c.bulkGetMixed(list, p)
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
		out.buf = appendString(out.buf, w.id)
		out.buf = append(out.buf, `,"docs":[`...)
		revs, err := c.open(w, p, true)
		for j, r := range revs {
			if j > 0 {
				out.buf = append(out.buf, ',')
			}
			out.buf = appendOpened(out.buf, w, r, p)
		}
		if len(revs) == 0 {
			out.buf = appendUnopened(out.buf, w, err)
		}
		out.buf = append(out.buf, ']', '}')
		if out.spill() != nil {
			return nil
		}
	}
	out.buf = append(out.buf, "]}\n"...)
	return out.finish()
}

func appendOpened(dst []byte, w wanted, r couch.OpenRev, p docParams) []byte {
	if r.Doc == nil {
		w.rev = r.Rev.String()
		return appendUnopened(dst, w, couch.ErrMissing)
	}
	dst = append(dst, `{"ok":`...)
	return append(appendDoc(dst, openDoc(r.Doc, p), p.Encoding), '}')
}

// appendUnopened appends the row of what could not be read.
func appendUnopened(dst []byte, w wanted, err error) []byte {
	if err == nil {
		err = couch.ErrMissing
	}
	rev := w.rev
	if rev == "" {
		rev = "undefined" // CouchDB's own
	}
	p := explain(err)
	dst = append(dst, `{"error":{"id":`...)
	dst = appendString(dst, w.id)
	dst = append(dst, `,"rev":`...)
	dst = appendString(dst, rev)
	dst = append(dst, `,"error":`...)
	dst = appendString(dst, p.word)
	dst = append(dst, `,"reason":`...)
	return append(appendString(dst, p.reason), '}', '}')
}

func (c *call) bulkGetMixed(list []wanted, p docParams) error {
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
			c.writeWanted(&mixed, w, p)
		}
		return mixed.end()
	})
}

func (c *call) writeWanted(mixed *parts, w wanted, p docParams) {
	revs, err := c.open(w, p, false)
	if len(revs) == 0 {
		mixed.json(`application/json; error="true"`, appendUnopened(nil, w, err))
		return
	}
	p.Since = w.since
	for _, r := range revs {
		if r.Doc == nil {
			w.rev = r.Rev.String()
			mixed.json(`application/json; error="true"`, appendUnopened(nil, w, couch.ErrMissing))
			continue
		}
		c.mixedPart(mixed, r, p, "X-Doc-Id: "+string(w.id), "X-Rev-Id: "+r.Rev.String())
	}
}
