package replicate

import (
	"context"
	"encoding/json"
	"io"
)

// An end is what a replication asks of one database. There are two: any kivik.DB, and one
// that Dial opened, whose protocol this package speaks itself.
//
// Functions that are given as yield are called while the answer comes in; an error of theirs ends the
// call and is returned. What they are given is theirs to keep, but for the parts of a document.
type end interface {
	// changes reads the feed once: to its end, which may be long after rows came where the feed is to wait.
	changes(ctx context.Context, f feed, yield func(change) error) (feedEnd, error)
	// diff asks which revisions are missing; documents that lack nothing are left out.
	diff(ctx context.Context, asked []change) ([]lack, error)
	// bulkGet reads revisions with their histories; attachments are stubs.
	bulkGet(ctx context.Context, refs []ref, yield func(document) error) error
	// openRevs reads a document's revisions with attachments newer than those of the revisions since.
	openRevs(ctx context.Context, id string, revs, since []string, yield func(document) error) error
	// bulkDocs stores revisions as they are and tells of those that were refused.
	bulkDocs(ctx context.Context, docs []json.RawMessage) ([]refusal, error)
	// put stores one revision as it is, the bytes of its attachments following.
	put(ctx context.Context, d document) error
}

// A feed is what to read of _changes.
type feed struct {
	since string
	waits bool // for something, if there is nothing: in one answer or row after row, as the end can
	limit int  // < 0: all
	o     *Options
	// A feed that goes on row after row calls idle when no more are at hand, and heard when something came, be it a heartbeat.
	idle  func() error
	heard func()
}

// style is which leaves a row names.
func (f feed) style() string {
	if f.o.WinningRevsOnly {
		return "main_only"
	}
	return "all_docs"
}

// feedEnd is what the end of a feed tells.
type feedEnd struct {
	last    string
	pending int64 // < 0: not told
}

// A change is a row of the feed.
type change struct {
	id, seq string
	revs    []string
}

// A lack is what the target lacks of a document, and which revisions it has that may come before those.
type lack struct {
	id                 string
	missing, ancestors []string
}

// A ref names one revision.
type ref struct{ id, rev string }

// A document is one revision as the source gives it, or why it does not.
type document struct {
	id, rev string
	json    json.RawMessage
	// parts are the attachments that follow, in the order in which the document names them; nil: none do.
	// They are read within the call that gave the document.
	parts func() (part, error) // io.EOF after the last
	err   error
}

// A part is the bytes of an attachment as they are stored: compressed where the document says so.
type part struct {
	name, contentType string
	size              int64 // < 0: not known
	io.Reader
}

// A refusal is a document that the target did not take.
type refusal struct {
	id, rev string
	err     error
}
