package views

import (
	"settee/couch"
	"settee/views/js"
)

// programKey names a compiled design document: revisions never change, so it is never stale.
type programKey struct {
	database, token string
	id              couch.DocID
	rev             couch.Rev
}

// keptPrograms bounds the compiled design documents that are kept: each may hold a few
// interpreters of some 100 kB. Open feeds keep theirs in any case.
const keptPrograms = 64

// program is a design document's functions, ready to be called by their paths.
// Databases share none: what a function leaves in its interpreter stays with its database.
func (e *Engine) program(db *couch.DB, doc *couch.Document) (*js.Program, error) {
	key := programKey{db.Name(), db.FormatSeq(0), doc.ID, doc.Rev}
	e.mu.Lock()
	p := e.programs[key]
	e.mu.Unlock()
	if p != nil {
		return p, nil
	}
	body := doc.AppendJSON(nil)
	if language, err := member(body, "language"); err == nil && text(language) != javascript {
		return nil, &couch.Error{Kind: couch.UnknownLanguage, Reason: text(language)}
	}
	p, err := js.Compile(js.Source{Design: body}, js.Limits{Time: e.options.Timeout, Log: e.logOf(db)})
	if err != nil {
		return nil, notCompiled(err)
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	for old := range e.programs {
		if len(e.programs) < keptPrograms {
			break
		}
		delete(e.programs, old)
	}
	e.programs[key] = p
	return p, nil
}
