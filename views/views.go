// Package views builds and queries the indexes of design documents.
package views

import (
	"context"
	"encoding/json"

	"settee/couch"
)

// Engine builds and queries views of one store. It is safe for concurrent use.
type Engine struct{}

// Options are the limits of an engine. The zero value works.
type Options struct{}

// New makes the engine of a store and registers itself as the store's validator,
// so that design documents are compiled before they are stored.
func New(store *couch.Store, o Options) *Engine { panic("stub") }

// Close stops running builds and waits for them.
func (e *Engine) Close() error { panic("stub") }

// Update is how fresh an answer must be.
type Update string

// The values of update=.
const (
	UpdateTrue  Update = "" // build first
	UpdateFalse Update = "false"
	UpdateLazy  Update = "lazy" // answer, then build
)

// Query are the options of one view read. Keys are raw JSON; nil is absent.
type Query struct {
	Key, StartKey, EndKey      json.RawMessage
	Keys                       []json.RawMessage
	StartKeyDocID, EndKeyDocID string
	ExclusiveEnd               bool
	Descending                 bool
	Skip, Limit                int // Limit < 0: all
	NoReduce                   bool
	Group                      bool
	GroupLevel                 int // 0: unset
	IncludeDocs                bool
	Get                        couch.GetOptions
	Update                     Update
}

// Row is one row of an answer. Reduce rows have no ID. Error is set where the
// row's value could not be computed.
type Row struct {
	ID     couch.DocID
	Key    json.RawMessage // "null" for an ungrouped reduce
	Value  json.RawMessage
	Doc    *couch.Document // with IncludeDocs; nil: null
	Error  string
	Reason string
}

// Rows iterates an answer on a snapshot; read it to the end or Close it.
type Rows struct{}

// Query reads a view. Errors are *couch.Error.
func (e *Engine) Query(ctx context.Context, db *couch.DB, ddoc, view string, q Query) (*Rows, error) {
	panic("stub")
}

// Next moves to the next row; false at the end or on an error.
func (r *Rows) Next() bool { panic("stub") }

// Row is the current row, valid until the next call of Next.
func (r *Rows) Row() *Row { panic("stub") }

// Reduced reports whether rows are reductions: then there is no total and no offset.
func (r *Rows) Reduced() bool { panic("stub") }

// Total is the number of rows of the whole view; Offset the rows before the first one.
func (r *Rows) Total() int64  { panic("stub") }
func (r *Rows) Offset() int64 { panic("stub") }

// UpdateSeq is the sequence that the index has reached.
func (r *Rows) UpdateSeq() couch.Seq { panic("stub") }

// Err is what ended the iteration early.
func (r *Rows) Err() error { panic("stub") }

// Close releases the snapshot.
func (r *Rows) Close() error { panic("stub") }

// Info are the figures of a design document's index (_info).
type Info struct {
	Signature              string
	Language               string
	UpdateSeq              couch.Seq
	Pending                int64
	UpdaterRunning         bool
	CompactRunning         bool
	File, Active, External int64
}

// Info describes the index of a design document (name without "_design/").
func (e *Engine) Info(ctx context.Context, db *couch.DB, ddoc string) (Info, error) { panic("stub") }

// Cleanup removes indexes that no design document of db names any more.
func (e *Engine) Cleanup(ctx context.Context, db *couch.DB) error { panic("stub") }
