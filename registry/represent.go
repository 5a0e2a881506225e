package registry

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/go-kivik/kivik/v4"

	"settee/views/packuments"
)

// form tells the representations of one packument apart.
type form struct {
	full bool
	gzip bool
	base string // what its tarball links begin with
}

// The media types of packuments.
const (
	fullType        = "application/json"
	abbreviatedType = "application/vnd.npm.install-v1+json"
)

// representation is a packument ready to be sent. Header values are kept as
// http.Header wants them.
type representation struct {
	body     []byte
	etag     string
	modified time.Time // zero: unknown
	header   http.Header
}

// rendering is a representation being made; all who want it wait for one.
type rendering struct {
	ready chan struct{}
	done  *representation
	err   error
}

// mostForms bounds the representations of one entry: the base comes from the
// request's Host, which anybody may invent.
const mostForms = 16

// represent finds or makes a representation of an entry whose package exists.
func (r *Registry) represent(ctx context.Context, e *entry, f form) (*representation, error) {
	e.mu.Lock()
	made := e.forms[f]
	if made == nil {
		made = &rendering{ready: make(chan struct{})}
		if e.forms == nil || len(e.forms) >= mostForms {
			e.forms = map[form]*rendering{} // who waits for an old one has it
		}
		e.forms[f] = made
		e.mu.Unlock()
		go r.render(context.WithoutCancel(ctx), e, f, made)
	} else {
		e.mu.Unlock()
	}
	select {
	case <-made.ready:
		return made.done, made.err
	default:
	}
	select {
	case <-made.ready:
		return made.done, made.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (r *Registry) render(ctx context.Context, e *entry, f form, made *rendering) {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	defer close(made.ready)
	var body []byte
	if f.full {
		body = e.doc.full(f.base)
	} else {
		body, made.err = r.abbreviated(ctx, e, f.base)
	}
	if made.err != nil {
		e.mu.Lock()
		delete(e.forms, f)
		e.mu.Unlock()
		return
	}
	made.done = newRepresentation(e.doc, f, body)
	e.home.grow(e, int64(len(made.done.body)))
}

func newRepresentation(doc *packument, f form, body []byte) *representation {
	sum := sha256.Sum256(body)
	rep := &representation{body: body}
	if len(doc.conflicts)+len(doc.closed) == 0 { // a merge is no later than what it is made of
		rep.modified = doc.modified()
	}
	tag := base64.RawURLEncoding.EncodeToString(sum[:16])
	h := http.Header{"Vary": {"Accept, Accept-Encoding"}, "Cache-Control": {packumentCaching(doc)}, "Content-Type": {abbreviatedType}}
	if f.full {
		h.Set("Content-Type", fullType)
	}
	if f.gzip {
		rep.body = deflated(body)
		tag += "-gz"
		h.Set("Content-Encoding", "gzip")
	}
	rep.etag = `"` + tag + `"`
	h.Set("Etag", rep.etag)
	h.Set("Content-Length", strconv.Itoa(len(rep.body)))
	if !rep.modified.IsZero() {
		h.Set("Last-Modified", rep.modified.UTC().Format(http.TimeFormat))
	}
	rep.header = h
	return rep
}

// send answers with the representation, or that the client has it.
func (rep *representation) send(w http.ResponseWriter, q *request) {
	h := w.Header()
	for name, value := range rep.header {
		h[name] = value
	}
	if unchanged(q.Request, rep.etag, rep.modified) {
		for _, name := range []string{"Content-Length", "Content-Type", "Content-Encoding"} {
			delete(h, name)
		}
		w.WriteHeader(http.StatusNotModified)
		return
	}
	if q.Method != http.MethodHead {
		_, _ = w.Write(rep.body) // the client is gone: nobody to tell
	}
}

// packumentCaching lets clients keep a packument but ask each time: a fresh
// publish is seen at once, and the answer is mostly 304.
func packumentCaching(doc *packument) string {
	if doc.restricted() {
		return "private, max-age=0, must-revalidate"
	}
	return "public, max-age=0"
}

// indexPatience is how long an installer waits for the database to bring its index up to date.
// The embedded engine is hardly ever that slow; JavaScript in CouchDB takes seconds after a version of a
// 20 MB packument, and all readers of the database wait for it.
const indexPatience = 2 * time.Second

// abbreviated is the package's row in the view abbreviated. Where it cannot be had, the view's
// twin says the same of the packument here: where that was merged of leaves in
// conflict, which no index has, and where the index fails or does not come.
func (r *Registry) abbreviated(ctx context.Context, e *entry, base string) ([]byte, error) {
	if len(e.doc.conflicts) == 0 {
		raw, err := e.row(ctx)
		switch {
		case err != nil:
			r.log.Warn("the view abbreviated does not answer", "package", string(e.name), "error", err)
		case raw == nil:
			return nil, errNotFound
		default:
			return rebased(raw, e.name, base), nil
		}
	}
	if short := packuments.Abbreviated(e.doc.full(base)); short != nil {
		return short, nil
	}
	return nil, errNotFound // none of the versions is one
}

// row reads the package's row of the view; nil where it has none.
func (e *entry) row(ctx context.Context) (raw json.RawMessage, err error) {
	ctx, cancel := context.WithTimeout(ctx, indexPatience)
	defer cancel()
	rows := e.home.db.Query(ctx, packuments.Name, "abbreviated", kivik.Param("key", string(e.name)), untouched{&raw})
	defer rows.Close()
	for rows.Next() {
		if raw != nil {
			continue
		}
		if err := rows.ScanValue(&raw); err != nil {
			return nil, err
		}
	}
	return raw, rows.Err()
}

// full is the full packument's text.
func (p *packument) full(base string) []byte {
	out := make([]byte, 0, 128+p.top.size()+p.versions.size()+len(p.versions)*len(base))
	out = appendQuoted(append(out, `{"_id":`...), string(p.name))
	out = appendQuoted(append(out, `,"_rev":`...), p.rev)
	for _, m := range p.top {
		if m.name == marksName {
			continue
		}
		out = append(appendQuoted(append(out, ','), m.name), ':')
		out = append(out, m.value...)
	}
	out = append(out, `,"versions":{`...)
	for i, m := range p.versions {
		if i > 0 {
			out = append(out, ',')
		}
		out = append(appendQuoted(out, m.name), ':')
		out = appendRebased(out, m.value, p.name, base)
	}
	return append(out, `},"_attachments":{}}`...)
}

// rebased is an abbreviated packument with its tarball links complete.
func rebased(raw []byte, name PackageName, base string) []byte {
	out := make([]byte, 0, len(raw)+len(raw)/16+1024)
	done := 0
	for link := range packuments.Tarballs(raw) {
		at := cap(raw) - cap(link) // link is a part of raw
		out = appendLink(append(out, raw[done:at]...), link, name, base)
		done = at + len(link)
	}
	return append(out, raw[done:]...)
}

// appendRebased appends a version with its tarball link complete.
func appendRebased(dst, manifest []byte, name PackageName, base string) []byte {
	link := packuments.Member(packuments.Member(manifest, "dist"), "tarball")
	if len(link) < 2 || link[0] != '"' {
		return append(dst, manifest...)
	}
	at := cap(manifest) - cap(link) // link is a part of manifest
	dst = appendLink(append(dst, manifest[:at]...), link, name, base)
	return append(dst, manifest[at+len(link):]...)
}

// appendLink appends a complete link: stored ones are paths. A link to some other host, in a
// document that was replicated from there, becomes ours, as its tarball must.
func appendLink(dst, link []byte, name PackageName, base string) []byte {
	path := plain(link)
	if !strings.HasPrefix(path, "/") {
		path = "/" + string(name) + "/-/" + path[strings.LastIndexByte(path, '/')+1:]
	}
	return appendQuoted(dst, base+path)
}
