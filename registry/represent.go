package registry

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"maps"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/go-kivik/kivik/v4"

	"settee/database"
	"settee/views/packuments"
)

// form tells the representations of one packument apart.
type form struct {
	text
	coding coding
}

// text tells the texts of one packument apart; each is made once for all codings of it.
type text struct {
	full bool
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
	pieces   pieces    // of body, where it is large
	modified time.Time // zero: unknown
	header   http.Header
}

// rendering is a representation being made; all who want it wait for one.
type rendering struct {
	ready chan struct{}
	done  *representation
	err   error
}

// composing is a text for the renderings that wait for it. It goes with the last of them: hardly anybody asks for
// the plain text of a large packument, which is larger than all codings of it.
type composing struct {
	users int // guarded by entry.mu
	ready chan struct{}
	body  []byte
	err   error
}

// mostForms bounds the representations of one entry: the base comes from the
// request's Host, which anybody may invent.
const mostForms = 32

// represent finds or makes a representation of an entry whose package exists.
func (r *Registry) represent(ctx context.Context, e *entry, f form) (*representation, error) {
	e.mu.Lock()
	made := e.forms[f]
	if made == nil {
		made = &rendering{ready: make(chan struct{})}
		var gone int64
		if e.forms == nil || len(e.forms) >= mostForms {
			gone = e.clear()
		}
		e.forms[f] = made
		e.mu.Unlock()
		e.home.grow(e, -gone)
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

// clear drops the representations, and tells what they weighed. Who waits for one has it. e.mu is held.
func (e *entry) clear() (gone int64) {
	gone, e.formed = e.formed, 0
	e.forms = map[form]*rendering{}
	return gone
}

func (r *Registry) render(ctx context.Context, e *entry, f form, made *rendering) {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	defer close(made.ready)
	w := e.text(f.text, func() ([]byte, error) { return r.compose(ctx, e, f.text) })
	defer e.release(f.text, w)
	if made.err = w.err; made.err != nil {
		e.mu.Lock()
		defer e.mu.Unlock()
		delete(e.forms, f)
		return
	}
	made.done = newRepresentation(e.doc, f, w.body, e.inherited(f))
	e.keep(f, made)
}

// inherit takes over what a publish leaves as it was: the pieces of the representations of the entry
// before this one, or of those before that where nobody has asked for them since. It tells their weight.
func (e *entry) inherit(before *entry) (weight int64) {
	before.mu.Lock()
	defer before.mu.Unlock()
	e.pieces = maps.Clone(before.pieces)
	for f, made := range before.forms {
		select {
		case <-made.ready:
			if made.err == nil && made.done.pieces != nil {
				if e.pieces == nil {
					e.pieces = map[text]pieces{}
				}
				e.pieces[f.text] = made.done.pieces
			}
		default:
		}
	}
	for _, each := range e.pieces {
		weight += each.size()
	}
	return weight
}

// inherited gives what was inherited for a form, once.
func (e *entry) inherited(f form) pieces {
	if f.coding != gzipped {
		return nil
	}
	e.mu.Lock()
	known := e.pieces[f.text]
	delete(e.pieces, f.text)
	e.mu.Unlock()
	e.home.grow(e, -known.size())
	return known
}

// text finds or makes a text.
func (e *entry) text(t text, compose func() ([]byte, error)) *composing {
	e.mu.Lock()
	w := e.texts[t]
	if w != nil {
		w.users++
		e.mu.Unlock()
		<-w.ready
		return w
	}
	w = &composing{users: 1, ready: make(chan struct{})}
	if e.texts == nil {
		e.texts = map[text]*composing{}
	}
	e.texts[t] = w
	e.mu.Unlock()
	w.body, w.err = compose()
	close(w.ready)
	return w
}

func (e *entry) release(t text, w *composing) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if w.users--; w.users == 0 {
		delete(e.texts, t)
	}
}

// compose makes a text.
func (r *Registry) compose(ctx context.Context, e *entry, t text) ([]byte, error) {
	if t.full {
		return e.doc.full(t.base), nil
	}
	return r.abbreviated(ctx, e, t.base)
}

// keep adds a representation to what its entry weighs. Where that gets more than half of the cache, those made
// before it go, and not the whole entry, which costs most to make.
func (e *entry) keep(f form, made *rendering) {
	size := int64(len(made.done.body))
	grown := size
	e.mu.Lock()
	if e.forms[f] != made {
		e.mu.Unlock()
		return // it was let go meanwhile
	}
	if e.size+e.formed+size > e.home.limit/2 {
		grown -= e.clear()
		e.forms[f] = made
	}
	e.formed += size
	e.mu.Unlock()
	e.home.grow(e, grown)
}

func newRepresentation(doc *packument, f form, body []byte, known pieces) *representation {
	rep := new(representation)
	rep.body, rep.pieces = encoded(body, f.coding, known)
	sum := sha256.Sum256(rep.body)                                 // as it is sent: a large packument's text is four times that
	if len(doc.conflicts)+len(doc.closed) == 0 && !doc.altered() { // a merge is no later than what it is made of
		rep.modified = doc.modified()
	}
	rep.etag = `"` + base64.RawURLEncoding.EncodeToString(sum[:16]) + codings[f.coding].etag + `"`
	h := http.Header{
		"Vary": {"Accept, Accept-Encoding"}, "Cache-Control": {packumentCaching(doc)}, "Content-Type": {abbreviatedType},
		"Etag": {rep.etag}, "Content-Length": {strconv.Itoa(len(rep.body))},
	}
	if f.full {
		h.Set("Content-Type", fullType)
	}
	if f.coding != identity {
		h.Set("Content-Encoding", codings[f.coding].name)
	}
	if !rep.modified.IsZero() {
		h.Set("Last-Modified", rep.modified.UTC().Format(http.TimeFormat))
	}
	rep.header = h
	return rep
}

// notKept is for answers with a notice: npm prints those only of what it does not keep.
var notKept = []string{"private, no-store"}

// send answers with the representation, or that the client has it.
func (rep *representation) send(w http.ResponseWriter, q *request, now time.Time) {
	h := w.Header()
	for name, value := range rep.header {
		h[name] = value
	}
	if rep.modified.After(now) {
		delete(h, "Last-Modified") // of two changes in a second the later counts for the next: no answer tells what is to come
	}
	if len(h[noticeHeader]) > 0 {
		h["Cache-Control"] = notKept
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
	if len(e.doc.conflicts) == 0 && !e.doc.altered() {
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
		return e.doc.explained(short), nil
	}
	return nil, errNotFound // none of the versions is one
}

// row reads the package's row of the view; nil where it has none.
func (e *entry) row(ctx context.Context) (raw json.RawMessage, err error) {
	ctx, cancel := context.WithTimeout(ctx, indexPatience)
	defer cancel()
	rows := e.home.db.Query(ctx, packuments.Name, "abbreviated", kivik.Param("key", string(e.name)), database.Raw(&raw))
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

// rebased is an abbreviated packument with its links complete.
func rebased(raw []byte, name PackageName, base string) []byte {
	out := make([]byte, 0, len(raw)+len(raw)/16+1024)
	done := 0
	for link := range packuments.Links(raw) {
		at := cap(raw) - cap(link) // link is a part of raw
		out = appendLink(append(out, raw[done:at]...), link, name, base)
		done = at + len(link)
	}
	return append(out, raw[done:]...)
}

// appendRebased appends a version with its links complete.
func appendRebased(dst, manifest []byte, name PackageName, base string) []byte {
	done := 0
	packuments.DistLinks(packuments.Member(manifest, "dist"), func(link []byte) bool {
		at := cap(manifest) - cap(link) // link is a part of manifest
		dst = appendLink(append(dst, manifest[done:at]...), link, name, base)
		done = at + len(link)
		return true
	})
	return append(dst, manifest[done:]...)
}

// appendLink appends a complete link: stored ones are paths. A link to some other host, in a
// document that was replicated from there, becomes ours, as its tarball must.
func appendLink(dst, link []byte, name PackageName, base string) []byte {
	path := plain(link)
	if _, attested, found := strings.Cut(path, attestationsPath); found {
		path = attestationsPath + attested
	} else if !strings.HasPrefix(path, "/") {
		path = "/" + string(name) + "/-/" + path[strings.LastIndexByte(path, '/')+1:]
	}
	return appendQuoted(dst, base+path)
}
