package couch

import (
	"context"
	"io"
	"log/slog"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// Options are the effects and limits of a store. The zero value works.
type Options struct {
	FS     vfs.FS           // the file system; default: the real one
	Now    func() time.Time // default: time.Now
	Rand   io.Reader        // for uuids; default: crypto/rand
	Logger *slog.Logger     // default: discards
	Blobs  Blobs            // attachments over InlineLimit; nil keeps all in Pebble
	Fatal  func(error)      // told why the process must end; it does not return. Default: panics with the reason

	Compaction Policy // when databases compact themselves

	InlineLimit     int64 // attachment bytes kept in Pebble; default 64 KiB: one commit, and still cheap to compact
	CacheSize       int64 // bytes of block cache, taken as reads fill it; default 64 MiB, the page cache does the rest
	Reserve         int64 // bytes of the disk that are never used: with less free, writes are refused; default 64 MiB, at most a quarter of the disk
	MaxDocumentSize int64 // bytes of JSON; default CouchDB's 8,000,000; the registry's stores raise it

	currentLimit int // bytes of a body that is kept under the current key; default currentLimit; < 0: none is
	piecedFrom   int // bytes from which a body is cut in pieces, none of which is larger; default piecedFrom
}

// Blobs keeps attachments too large for Pebble, by content. tarballs.Blobs
// makes one of any tarball store. Implementations are safe for concurrent use.
type Blobs interface {
	// Write stores r and returns the sha512 and the length of what it read. When it
	// returns, the bytes are durable. Storing the same bytes twice keeps one copy.
	Write(ctx context.Context, r io.Reader) (digest [64]byte, size int64, err error)
	// Read returns length bytes from offset; length < 0 means to the end.
	// An unknown digest gives an error that is fs.ErrNotExist.
	Read(ctx context.Context, digest [64]byte, offset, length int64) (io.ReadCloser, error)
}

// A Validator is asked before a revision is stored, interactive or replicated,
// outside every lock of the store. The first error refuses the document.
// old is the revision that doc replaces, or nil; both have their attachments as stubs
// and the revisions that are known of them. An edit in conflict is refused before.
type Validator interface {
	Validate(ctx context.Context, db *DB, doc, old *Document, user *User) error
}

// User is who asks, as validation functions see it ("userCtx"). Nil stands for
// the server itself, which may do all.
type User struct {
	Name  string // "" is anonymous
	Roles []string
}

// Seq is a database's sequence number; the first update is 1.
type Seq uint64

// Security is a database's _security object, raw JSON.
type Security []byte

// WriteOptions are the options of Put and Bulk.
type WriteOptions struct {
	Replicated bool         // new_edits=false: graft the given revision, never conflict
	User       *User        // who writes, for validation
	Ready      func() error // asked when all is computed, before anything is stored: an error refuses; nil: nothing is waited for

	ahead bool       // look records up before the lock is taken
	none  *docRecord // what would be found, where it is known that there are none
}

func (o *WriteOptions) ready() error {
	if o.Ready == nil {
		return nil
	}
	return o.Ready()
}

// WriteResult is one row of Bulk. Err is an *Error.
type WriteResult struct {
	ID  DocID
	Rev Rev
	Err error
}

// GetOptions choose the revision and the members of a read. The zero value is
// the winner with attachment stubs.
type GetOptions struct {
	Rev              Rev // zero: the winner
	Latest           bool
	Revs             bool
	RevsInfo         bool
	Conflicts        bool
	DeletedConflicts bool
	LocalSeq         bool
	Attachments      bool  // with bytes in Data
	Follows          bool  // with Follows in their place: DB.Attachment reads them
	AttsSince        []Rev // either only where newer than the newest of these that the document has; nil: all
	AttEncodingInfo  bool  // with Encoding and Encoded of stored-compressed attachments
}

// OpenRev is one row of open_revs: the revision, or its absence.
type OpenRev struct {
	Rev Rev
	Doc *Document // nil: missing
}

// RevsQuery asks which of Revs a document lacks.
type RevsQuery struct {
	ID   DocID
	Revs []Rev
}

// RevsAnswer is what a document lacks and which of its leaves may be ancestors.
type RevsAnswer struct {
	ID        DocID
	Missing   []Rev
	Ancestors []Rev
}

// ChangesOptions choose the rows of Changes.
type ChangesOptions struct {
	Since       Seq
	Limit       int // < 0: all
	Descending  bool
	AllLeaves   bool // style=all_docs
	IncludeDocs bool
	Get         GetOptions // how documents are read with IncludeDocs

	// Held says of which revisions, winners without a rival, who reads has the documents already: they are not read, and Doc is nil.
	Held func(id DocID, rev Rev) bool

	// IDs and Designs say that only the rows of these documents, or of design
	// documents, are wanted. They are hints: the documents are looked up where that
	// costs less than going through all rows after Since, else all rows come.
	IDs     []DocID
	Designs bool
}

// Change is one row: the document's latest update.
type Change struct {
	Seq     Seq
	ID      DocID
	Revs    []Rev // the winner, or with AllLeaves every leaf, winner first
	Deleted bool
	Doc     *Document // with IncludeDocs

	branched bool // there are more leaves than the winner
}

// DocRow is one row of AllDocs.
type DocRow struct {
	ID      DocID
	Rev     Rev
	Deleted bool      // only for a key that was asked for by name
	Missing bool      // likewise
	Doc     *Document // with IncludeDocs, where not deleted
}

// AllDocsOptions choose the rows of AllDocs, ordered by the ids' bytes.
type AllDocsOptions struct {
	Start, End   *DocID // nil: open; swapped by the caller for Descending, as CouchDB's clients do
	ExclusiveEnd bool
	Descending   bool
	Skip, Limit  int // Limit < 0: all
	IncludeDocs  bool
	Get          GetOptions
}

// Info are the figures of a database.
type Info struct {
	Name           string
	Docs, Deleted  int64
	UpdateSeq      Seq
	PurgeSeq       Seq
	File           int64 // bytes on disk, estimated
	Active         int64 // bytes of live data, estimated
	External       int64 // bytes of JSON and attachments, uncompressed
	CompactRunning bool
	Created        time.Time
}
