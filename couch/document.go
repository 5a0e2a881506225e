package couch

import (
	"io"

	"settee/couch/revtree"
)

// Rev is a revision; see revtree.
type Rev = revtree.Rev

// DocID is a document's id, as the client spelt it after unescaping.
type DocID string

// IsDesign reports whether the id is a design document's.
func (id DocID) IsDesign() bool { return len(id) > 8 && id[:8] == "_design/" }

// IsLocal reports whether the id is a local document's.
func (id DocID) IsLocal() bool { return len(id) > 7 && id[:7] == "_local/" }

// Document is one revision of a document, on its way in or out.
//
// On the way in ParseDocument fills it. On the way out the members that
// GetOptions asked for are set; AppendJSON writes those that are.
type Document struct {
	ID      DocID
	Rev     Rev // on the way in: the parent in an edit, the revision itself with NewEdits false
	Deleted bool

	// Body is the JSON object without its underscore members, byte for byte as
	// the client sent them but without the white space between tokens. It is
	// shared with the store: do not change it.
	Body []byte

	Attachments []Attachment

	Revisions        []Rev // newest first, Revisions[0] == Rev; nil when not asked for or not sent
	RevsInfo         []RevInfo
	Conflicts        []Rev
	DeletedConflicts []Rev
	LocalSeq         Seq

	digest docDigest   // what the revision id is computed from; set by ParseDocument
	before *memory     // of what the document was before; set by Parse, as is
	now    *memory     // that of Body
	kept   []storedAtt // what the stubs of CopyOf stand for
}

// RevInfo is one row of _revs_info.
type RevInfo struct {
	Rev    Rev
	Status string // "available", "missing" or "deleted"
}

// Attachment is one attachment of a document.
type Attachment struct {
	Name        string
	ContentType string
	RevPos      uint64
	Digest      string // "md5-" and base64 of the stored bytes; on the way in what Body must have, where it is set
	Length      int64  // bytes before Encoding; on the way in < 0 where they are not known beforehand
	Encoding    string // "" or "gzip"
	Encoded     int64  // stored bytes where Encoding is set; on the way in as Length

	Stub    bool      // on the way in: keep the parent's; on the way out: no bytes here
	Data    []byte    // the bytes: on the way in decoded inline data, on the way out when asked for
	Follows bool      // on the way in: the bytes come from Body; out: announced for multipart
	Body    io.Reader // read once, to its end, where Follows
}
