package upstream

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"strings"

	"settee/database"
	"settee/views/packuments"
)

// unkept is a document that the database takes no room for.
type unkept struct {
	doc  json.RawMessage
	rev  string // made of the text; no revision of a database begins so
	used uint64 // when, by Reader.uses
}

const unkeptRev = "0-"

// Document is what is held of a package; nil: nothing. rev is "" of a document of the database, which says itself what its revision is.
// The text is shared: nobody changes it.
func (r *Reader) Document(ctx context.Context, name string) (raw json.RawMessage, rev string, err error) {
	r.mu.Lock()
	if u := r.unkept[name]; u != nil {
		r.uses++
		u.used = r.uses
		r.mu.Unlock()
		return u.doc, u.rev, nil
	}
	r.mu.Unlock()
	raw, err = database.Text(ctx, r.db, name)
	return raw, "", err
}

// stored is what there is of a package: its text, and the revisions of the document in memory and in the database. The newer one, in memory, goes first.
func (r *Reader) stored(ctx context.Context, name string) (raw json.RawMessage, aside, rev string, err error) {
	raw, rev, err = read(ctx, r.db, name)
	r.mu.Lock()
	defer r.mu.Unlock()
	if u := r.unkept[name]; u != nil && err == nil {
		raw, aside = u.doc, u.rev
	}
	return raw, aside, rev, err
}

// aside puts a document that is too large for the database into memory, or, nil, takes it out, where was is still its revision there. What was used least
// makes room; one document is held, however large.
func (r *Reader) aside(name, was string, doc []byte) (done bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	rev := ""
	if u := r.unkept[name]; u != nil {
		rev = u.rev
	}
	if rev != was {
		return false
	}
	r.evict(name)
	if doc == nil {
		return true
	}
	for len(r.unkept) > 0 && r.unkeptBytes+int64(len(doc)) > r.o.MaxUnkept {
		oldest := ""
		for other, u := range r.unkept {
			if oldest == "" || u.used < r.unkept[oldest].used {
				oldest = other
			}
		}
		r.evict(oldest)
		delete(r.known, oldest) // the database may have an older one
	}
	sum := sha256.Sum256(doc)
	r.uses++
	r.unkept[name] = &unkept{doc, unkeptRev + hex.EncodeToString(sum[:16]), r.uses}
	r.unkeptBytes += int64(len(doc))
	return true
}

// evict takes a document out; mu is held.
func (r *Reader) evict(name string) {
	if u := r.unkept[name]; u != nil {
		delete(r.unkept, name)
		r.unkeptBytes -= int64(len(u.doc))
	}
}

// outdated reports whether memory has another document of a package than what is held, or lost what is held.
func (r *Reader) outdated(name string, held Held) (other, lost bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	u := r.unkept[name]
	return u != nil && u.rev != held.Rev, u == nil && strings.HasPrefix(held.Rev, unkeptRev)
}

// etagOf is what a registry is asked with next time.
func etagOf(doc []byte, from string) string {
	if m := parseMark(packuments.Member(doc, markName)); m.From == from {
		return m.ETag
	}
	return ""
}
