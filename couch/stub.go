package couch

import (
	"context"
	"io"
)

// This file lists the store's operations until each is written in a file of its own.



// Store is an open folder of databases.
type Store struct{}

// DB is one database of a store. Its methods are safe for concurrent use.
type DB struct{}

// Open opens or creates the store in dir.
func Open(dir string, o Options) (*Store, error) { panic("stub") }

// Close waits for running operations, ends all feeds and closes the store.
func (s *Store) Close() error { panic("stub") }

// UUID names this store for ever.
func (s *Store) UUID() string { panic("stub") }

// NewUUID returns a fresh id for a document (CouchDB's "sequential" algorithm).
func (s *Store) NewUUID() string { panic("stub") }

// SetValidator sets who is asked before a revision is stored. Call it before the store is used.
func (s *Store) SetValidator(v Validator) { panic("stub") }

// Create makes a database.
func (s *Store) Create(ctx context.Context, name string) (*DB, error) { panic("stub") }

// DB returns a database, or ErrNoDatabase. Handles stay valid; after Delete every method answers ErrNoDatabase.
func (s *Store) DB(name string) (*DB, error) { panic("stub") }

// Delete removes a database and all that belongs to it.
func (s *Store) Delete(ctx context.Context, name string) error { panic("stub") }

// Databases lists the names, ordered by bytes.
func (s *Store) Databases(ctx context.Context) ([]string, error) { panic("stub") }

// CheckReport is what Check found.
type CheckReport struct {
	Databases, Documents, Revisions, Attachments int64
	Problems                                     []string // empty: the store is whole
}

// Check proves the store: by-id, by-sequence, trees, bodies, counters, attachments agree.
// progress may be nil.
func (s *Store) Check(ctx context.Context, progress func(done, total int64)) (CheckReport, error) {
	panic("stub")
}



// Name is the database's name.
func (db *DB) Name() string { panic("stub") }

// FormatSeq is the sequence as clients see it: "N-token".
func (db *DB) FormatSeq(s Seq) string { panic("stub") }

// ParseSeq reads what clients send: "0", "now", N, "N-token", the same in JSON quotes.
func (db *DB) ParseSeq(s string) (Seq, error) { panic("stub") }

// Put stores one revision; see WriteOptions. doc.Attachments with Follows are read before the lock is taken.
func (db *DB) Put(ctx context.Context, doc *Document, o WriteOptions) (Rev, error) { panic("stub") }

// Bulk stores many revisions in one batch, a result for each in order.
func (db *DB) Bulk(ctx context.Context, docs []*Document, o WriteOptions) ([]WriteResult, error) {
	panic("stub")
}

// Get reads one revision; ErrMissing or ErrDeleted where there is none.
func (db *DB) Get(ctx context.Context, id DocID, o GetOptions) (*Document, error) { panic("stub") }

// OpenRevs reads the given revisions, or all leaves when revs is nil.
func (db *DB) OpenRevs(ctx context.Context, id DocID, revs []Rev, o GetOptions) ([]OpenRev, error) {
	panic("stub")
}

// RevsDiff answers what is missing; documents that lack nothing are left out.
func (db *DB) RevsDiff(ctx context.Context, qs []RevsQuery) ([]RevsAnswer, error) { panic("stub") }

// AttachmentReader is an attachment's stored bytes, to be closed.
type AttachmentReader struct {
	Attachment
	io.ReadSeekCloser
}

// Attachment opens an attachment of a revision (zero: the winner). ID and rev of the document are returned too.
func (db *DB) Attachment(ctx context.Context, id DocID, rev Rev, name string) (*AttachmentReader, Rev, error) {
	panic("stub")
}

// PutLocal stores a _local document (id with its "_local/" prefix); Rev of the document is "0-N".
func (db *DB) PutLocal(ctx context.Context, doc *Document) (Rev, error) { panic("stub") }

// GetLocal reads a _local document.
func (db *DB) GetLocal(ctx context.Context, id DocID) (*Document, error) { panic("stub") }

// DeleteLocal removes a _local document.
func (db *DB) DeleteLocal(ctx context.Context, id DocID) error { panic("stub") }

// LocalDocs lists _local documents like AllDocs.
func (db *DB) LocalDocs(ctx context.Context, o AllDocsOptions) (*DocRows, error) { panic("stub") }

// Changes is a snapshot's rows; read it to the end or Close it.
type Changes struct{}

// Changes reads the feed on a snapshot, up to the durable watermark.
func (db *DB) Changes(ctx context.Context, o ChangesOptions) (*Changes, error) { panic("stub") }

// Next moves to the next row; false at the end or on an error.
func (c *Changes) Next() bool { panic("stub") }

// Change is the current row, valid until the next call of Next.
func (c *Changes) Change() *Change { panic("stub") }

// LastSeq is the sequence of the last row read, or where the feed stands when there was none.
func (c *Changes) LastSeq() Seq { panic("stub") }

// Pending is how many rows of the snapshot follow the last one read.
func (c *Changes) Pending() int64 { panic("stub") }

// Err is what ended the iteration early.
func (c *Changes) Err() error { panic("stub") }

// Close releases the snapshot.
func (c *Changes) Close() error { panic("stub") }

// WaitSeq returns when a sequence after since is durable; ErrNoDatabase when the
// database goes, ErrClosed when the store does, ctx.Err otherwise. It does not poll.
func (db *DB) WaitSeq(ctx context.Context, since Seq) error { panic("stub") }

// DocRows iterates like Changes.
type DocRows struct{}

// Next moves to the next row; false at the end or on an error.
func (r *DocRows) Next() bool { panic("stub") }

// Row is the current row, valid until the next call of Next.
func (r *DocRows) Row() *DocRow { panic("stub") }

// Total is the number of live documents; Offset the rows before the first one returned.
func (r *DocRows) Total() int64  { panic("stub") }
func (r *DocRows) Offset() int64 { panic("stub") }

// UpdateSeq is the sequence of the snapshot.
func (r *DocRows) UpdateSeq() Seq { panic("stub") }

// Err is what ended the iteration early.
func (r *DocRows) Err() error { panic("stub") }

// Close releases the snapshot.
func (r *DocRows) Close() error { panic("stub") }

// AllDocs lists documents by id.
func (db *DB) AllDocs(ctx context.Context, o AllDocsOptions) (*DocRows, error) { panic("stub") }

// AllDocsByID lists the named documents in the given order, missing and deleted ones too.
func (db *DB) AllDocsByID(ctx context.Context, ids []DocID, o AllDocsOptions) (*DocRows, error) {
	panic("stub")
}

// Info reads the database's figures.
func (db *DB) Info(ctx context.Context) (Info, error) { panic("stub") }

// RevsLimit is how many revisions a branch keeps.
func (db *DB) RevsLimit() int { panic("stub") }

// SetRevsLimit changes it.
func (db *DB) SetRevsLimit(ctx context.Context, n int) error { panic("stub") }

// Security reads the _security object.
func (db *DB) Security() Security { panic("stub") }

// SetSecurity replaces it.
func (db *DB) SetSecurity(ctx context.Context, s Security) error { panic("stub") }

// Compact removes bodies of revisions that are no leaves and attachments that no leaf uses, online.
func (db *DB) Compact(ctx context.Context) error { panic("stub") }

// Sync returns when everything written before is durable.
func (db *DB) Sync(ctx context.Context) error { panic("stub") }

// Space is an ordered key space beside a database, for indexes derived from it;
// it goes when the database goes.
type Space struct{}

// Space returns the space of that name (any bytes but NUL), empty when new.
func (db *DB) Space(name string) *Space { panic("stub") }

// Spaces lists the spaces that hold keys.
func (db *DB) Spaces(ctx context.Context) ([]string, error) { panic("stub") }

// Drop removes all keys of the space.
func (s *Space) Drop(ctx context.Context) error { panic("stub") }

// Snapshot returns a consistent view of the space, to be closed.
func (s *Space) Snapshot() (*SpaceSnapshot, error) { panic("stub") }

// SpaceSnapshot reads a space as it was at one moment.
type SpaceSnapshot struct{}

// Get returns a copy of the value; ErrMissing where there is none.
func (s *SpaceSnapshot) Get(key []byte) ([]byte, error) { panic("stub") }

// Iter iterates keys k with lower <= k < upper; nil bounds are open. Close it.
func (s *SpaceSnapshot) Iter(lower, upper []byte) (*SpaceIter, error) { panic("stub") }

// Close releases the snapshot.
func (s *SpaceSnapshot) Close() error { panic("stub") }

// SpaceIter moves both ways. Key and Value are valid until the next move.
type SpaceIter struct{}

// First, Last, Next, Prev and SeekGE, SeekLT move and report whether there is a key.
func (i *SpaceIter) First() bool            { panic("stub") }
func (i *SpaceIter) Last() bool             { panic("stub") }
func (i *SpaceIter) Next() bool             { panic("stub") }
func (i *SpaceIter) Prev() bool             { panic("stub") }
func (i *SpaceIter) SeekGE(key []byte) bool { panic("stub") }
func (i *SpaceIter) SeekLT(key []byte) bool { panic("stub") }
func (i *SpaceIter) Key() []byte            { panic("stub") }
func (i *SpaceIter) Value() ([]byte, error) { panic("stub") }
func (i *SpaceIter) Err() error             { panic("stub") }
func (i *SpaceIter) Close() error           { panic("stub") }

// Batch collects changes of a space, applied at once by Commit.
func (s *Space) Batch() *SpaceBatch { panic("stub") }

// SpaceBatch is not safe for concurrent use.
type SpaceBatch struct{}

func (b *SpaceBatch) Set(key, value []byte)           { panic("stub") }
func (b *SpaceBatch) Delete(key []byte)               { panic("stub") }
func (b *SpaceBatch) DeleteRange(lower, upper []byte) { panic("stub") }

// Size is the bytes collected so far.
func (b *SpaceBatch) Size() int { panic("stub") }

// Commit applies the batch. An index can be rebuilt, so it need not wait for the
// disk; a later durable write makes it durable too, in order.
func (b *SpaceBatch) Commit() error { panic("stub") }
