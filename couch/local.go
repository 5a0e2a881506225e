package couch

import (
	"context"
	"encoding/binary"
	"strconv"
	"strings"

	"github.com/cockroachdb/pebble/v2"
)

const localPrefix = "_local/"

func (db *DB) localKey(id DocID) []byte {
	return db.prefix(kindLocal).key(strings.TrimPrefix(string(id), localPrefix))
}

var errLocalID = &Error{Kind: BadRequest, Reason: "Invalid _local document id."}

// local puts a _local document into the batch: its revision counts up from the
// one that was given, nothing is compared, and attachments are dropped, as in CouchDB.
func (l *landing) local(e *edit) error {
	if e.doc.Deleted {
		e.path = []Rev{localRev(0)}
		return wrapBatch(l.batch.Delete(l.db.localKey(e.id), nil))
	}
	if err := e.doc.ensureTerms(); err != nil {
		return err
	}
	given := uint64(0)
	if rev := e.doc.Rev; !rev.IsZero() {
		var err error
		if given, err = strconv.ParseUint(rev.ID, 10, 63); err != nil || rev.Pos != 0 {
			return errRev
		}
	}
	e.path = []Rev{localRev(given + 1)}
	value := binary.AppendUvarint(make([]byte, 0, len(e.doc.Body)+8), given+1)
	set(l.batch, l.db.localKey(e.id), append(value, e.doc.Body...))
	return nil
}

func wrapBatch(err error) error {
	if err != nil {
		return &Error{Kind: Internal, Reason: "The batch could not be written.", Err: err}
	}
	return nil
}

func localRev(n uint64) Rev { return Rev{ID: strconv.FormatUint(n, 10)} }

// PutLocal stores a _local document (id with its "_local/" prefix); Rev of the document is "0-N".
func (db *DB) PutLocal(ctx context.Context, doc *Document) (Rev, error) {
	if !doc.ID.IsLocal() {
		return Rev{}, errLocalID
	}
	return db.Put(ctx, doc, WriteOptions{})
}

// GetLocal reads a _local document.
func (db *DB) GetLocal(_ context.Context, id DocID) (*Document, error) {
	if err := db.enter(); err != nil {
		return nil, err
	}
	defer db.leave()
	return db.readLocal(db.store.pebble, id)
}

func (db *DB) readLocal(r pebble.Reader, id DocID) (*Document, error) {
	if !id.IsLocal() {
		return nil, errLocalID
	}
	v, err := read(r, db.localKey(id))
	if err != nil {
		return nil, err
	}
	c := cursor{b: v}
	n := c.uvarint()
	if c.bad {
		return nil, corrupt(string(id))
	}
	return &Document{ID: id, Rev: localRev(n), Body: c.b}, nil
}

// DeleteLocal removes a _local document.
func (db *DB) DeleteLocal(ctx context.Context, id DocID) error {
	if _, err := db.GetLocal(ctx, id); err != nil {
		return err
	}
	_, err := db.Put(ctx, &Document{ID: id, Deleted: true}, WriteOptions{})
	return err
}
