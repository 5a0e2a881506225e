package registry

import (
	"encoding/json"
	"net/http"
	"time"

	"settee/auth"
	"settee/auth/limit"
)

// visible finds a package that may be read by who asks. A restricted one does
// not exist for others.
func (r *Registry) visible(q *request) (*entry, error) {
	if !q.pkg.Storable() {
		return nil, errNotFound
	}
	e, err := r.cache.entry(q.Context(), q.pkg)
	if err != nil {
		return nil, err
	}
	if e.doc == nil {
		if e, err = r.beyond(q); err != nil {
			return nil, err
		}
	}
	if err := r.may(q.Context(), q.who, auth.Read, q.pkg, e.doc); err != nil {
		return nil, err
	}
	if !e.doc.published() {
		return nil, e.doc.gone()
	}
	return e, nil
}

// gone is the answer for a package that was unpublished.
func (p *packument) gone() error {
	return &Error{Status: http.StatusNotFound, Message: "Not found", more: map[string]json.RawMessage{
		"_id": quote(string(p.name)), "name": quote(string(p.name)), "time": p.top.of("time"),
	}}
}

// servePackument answers GET /:p.
func (r *Registry) servePackument(w http.ResponseWriter, q *request) error {
	if q.URL.RawQuery != "" && q.URL.Query().Get("write") == "true" {
		return r.serveForWrite(w, q)
	}
	e, err := r.visible(q)
	if err != nil {
		return err
	}
	c, err := q.coding(e.size > muchToEncode)
	if err != nil {
		return err
	}
	f := form{text{full: wantsFull(q.Header.Get("Accept")), base: r.base(q)}, c}
	rep, err := r.represent(q.Context(), e, f)
	if err != nil {
		return err
	}
	rep.send(w, q, r.o.Now())
	return nil
}

// serveForWrite answers GET /:p?write=true: the full packument as it is now,
// past every cache, to be edited and sent back.
func (r *Registry) serveForWrite(w http.ResponseWriter, q *request) error {
	if !q.pkg.Storable() {
		return errNotFound
	}
	doc, err := r.load(q.Context(), q.pkg)
	if err == nil && doc != nil && len(doc.conflicts) > 0 && r.may(q.Context(), q.who, auth.Publish, q.pkg, doc) == nil {
		if err = r.ResolvePackage(q.Context(), q.pkg); err == nil { // later it would have another revision than what is sent back
			doc, err = r.load(q.Context(), q.pkg)
		}
	}
	if err != nil {
		return err
	}
	if doc == nil {
		return errNotFound
	}
	if err := r.may(q.Context(), q.who, auth.Read, q.pkg, doc); err != nil {
		return err
	}
	if !doc.published() {
		return doc.gone()
	}
	c, err := q.coding(doc.bytes() > muchToEncode)
	if err != nil {
		return err
	}
	f := form{text{full: true, base: r.base(q)}, c}
	rep := newRepresentation(doc, f, doc.full(f.base), nil)
	rep.etag = `"` + doc.rev + codings[c].etag + `"`
	rep.header.Set("Etag", rep.etag)
	rep.header.Set("Cache-Control", "private, no-cache")
	rep.modified = time.Time{} // seconds are too coarse for who edits
	rep.header.Del("Last-Modified")
	r.notify(w, q, doc)
	rep.send(w, q, r.o.Now())
	return nil
}

// serveVersion answers GET /:p/:version, a dist-tag or a range in its place.
func (r *Registry) serveVersion(w http.ResponseWriter, q *request) error {
	e, err := r.visible(q)
	if err != nil {
		return err
	}
	manifest := e.doc.resolve(q.param("spec"))
	if manifest == nil {
		return e.doc.missing(q.param("spec"))
	}
	c, err := q.coding(false)
	if err != nil {
		return err
	}
	f := form{text{full: true, base: r.base(q)}, c}
	rep := newRepresentation(e.doc, f, appendRebased(make([]byte, 0, len(manifest)+64), manifest, q.pkg, f.base), nil)
	rep.send(w, q, r.o.Now())
	return nil
}

// coding is the one to answer in, by Accept-Encoding.
func (q *request) coding(large bool) (coding, error) {
	c, ok := negotiated(q.Header["Accept-Encoding"], large)
	if !ok {
		return c, fail(http.StatusNotAcceptable, "None of the accepted encodings is known here, but gzip, br, zstd and identity.")
	}
	return c, nil
}

// base is what tarball links begin with in the answer to a request.
func (r *Registry) base(q *request) string {
	if r.o.PublicURL != "" {
		return r.o.PublicURL
	}
	return limit.Base(q.Request)
}
