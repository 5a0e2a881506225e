package views

import (
	"bytes"

	"settee/couch"
)

// In a partitioned database an index is partitioned, unless its design document
// says otherwise: every row key begins with the document's partition, so that
// the rows of one lie together. Such an index is read one partition at a time.

// partitioned reports whether the rows of a design are kept by partition in db.
func (d *design) partitioned(db *couch.DB) bool {
	return db.Partitioned() && string(d.options.Partitioned) != "false"
}

// appendPartition appends what the row keys of a partition begin with.
func appendPartition(dst []byte, name string) []byte { return appendDocID(dst, couch.DocID(name)) }

// checkPartition refuses a partition where there are none, and none where there are.
func (x *index) checkPartition(name *string) error {
	switch {
	case !x.partitioned && name == nil:
		return nil
	case !x.partitioned:
		return parseError("`partition` parameter is not supported in this design doc")
	case name == nil:
		return parseError("`partition` parameter is mandatory for queries to this view.")
	}
	return couch.CheckPartition(*name)
}

// inPartition puts the spans of a query into the partition that it names.
func inPartition(spans []span, name *string) []span {
	if name == nil {
		return spans
	}
	start := appendPartition(nil, *name)
	for i, s := range spans {
		spans[i].lower = append(bytes.Clone(start), s.lower...)
		if s.upper == nil {
			s.upper = []byte{high}
		}
		spans[i].upper = append(bytes.Clone(start), s.upper...)
	}
	return spans
}

// checkPartitioned refuses an option that the database cannot give.
func (d *design) checkPartitioned(db *couch.DB) error {
	if string(d.options.Partitioned) == "true" && !db.Partitioned() {
		return invalid("partitioned option cannot be true in a non-partitioned database.")
	}
	return nil
}
