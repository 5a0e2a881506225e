package couch

import (
	"context"
	"errors"
	"strings"
)

// In a partitioned database a document's id is "partition:id". What belongs to
// a partition lies together, so that reading it needs no more than its range.

// Partition is the part of an id before its first colon, or what is wrong with
// the id. Design and _local documents belong to none.
func (id DocID) Partition() (string, error) {
	if id.IsDesign() || id.IsLocal() {
		return "", nil
	}
	if err := id.Check(); err != nil {
		return "", err
	}
	partition, rest, ok := strings.Cut(string(id), ":")
	if !ok {
		return "", &Error{Kind: IllegalDocID, Reason: "Doc id must be of form partition:id"}
	}
	if err := CheckPartition(partition); err != nil {
		return "", err
	}
	return partition, DocID(rest).Check()
}

// CheckPartition reports why there can be no partition of a name.
func CheckPartition(name string) error {
	switch {
	case name == "":
		return &Error{Kind: IllegalPartition, Reason: "Partition must not be empty"}
	case name[0] == '_':
		return &Error{Kind: IllegalPartition, Reason: "Partition must not start with an underscore"}
	case strings.Contains(name, ":"):
		return &Error{Kind: IllegalPartition, Reason: "Partition must not contain a colon"}
	}
	return nil
}

// Partitioned reports whether the database is.
func (db *DB) Partitioned() bool { return db.partitioned }

// misplaced is what is wrong with an id in this database.
func (db *DB) misplaced(id DocID) error {
	if !db.partitioned {
		return nil
	}
	_, err := id.Partition()
	return err
}

func (db *DB) anyMisplaced(docs []*Document) error {
	if !db.partitioned {
		return nil
	}
	for _, doc := range docs {
		if err := db.misplaced(doc.ID); err != nil {
			return err
		}
	}
	return nil
}

// errNotPartitioned is CouchDB's.
var errNotPartitioned = &Error{Kind: BadRequest, Reason: "database is not partitioned"}

// PartitionRange are the ids of a partition: from start on, before end.
func PartitionRange(name string) (start, end DocID) {
	return DocID(name + ":"), DocID(name + ";") // the byte after the colon
}

// PartitionInfo are the figures of a partition; one that nothing is in has zeros.
type PartitionInfo struct {
	Docs, Deleted    int64
	Active, External int64 // bytes, as in Info
}

// PartitionInfo counts the documents of a partition.
func (db *DB) PartitionInfo(ctx context.Context, name string) (PartitionInfo, error) {
	var info PartitionInfo
	if !db.partitioned {
		return info, errNotPartitioned
	}
	if err := CheckPartition(name); err != nil {
		return info, err
	}
	snap, err := db.snapshot(ctx)
	if err != nil {
		return info, err
	}
	defer snap.release()
	start, last := PartitionRange(name)
	if err := snap.eachIn(ctx, db.idKey(start), db.idKey(last), func(_, value []byte) error {
		record, err := readDoc(value, false)
		if record.winner.Deleted {
			info.Deleted++
		} else {
			info.Docs++
		}
		info.External += record.size
		return err
	}); err != nil {
		return info, err
	}
	p := db.prefix(kindBody)
	disk, err := db.store.pebble.EstimateDiskUsage(p.key(string(start)), p.key(string(last)))
	if err != nil {
		return info, readError(err)
	}
	info.Active = min(max(int64(disk), 1), info.External) // what is not yet in a table is counted as it is
	return info, nil
}

// CreatePartitioned makes a partitioned database.
func (s *Store) CreatePartitioned(ctx context.Context, name string) (*DB, error) {
	return s.make(ctx, name, true)
}

// notFound gives the error of a document that is not there: its id may be one
// that this database cannot hold.
func (db *DB) notFound(id DocID, err error) error {
	if !errors.Is(err, ErrMissing) {
		return err
	}
	if bad := db.misplaced(id); bad != nil {
		return bad
	}
	return err
}
