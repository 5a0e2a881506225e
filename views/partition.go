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

// inPartition puts the spans of a query into the partition that it names.
func (x *index) inPartition(spans []span, name *string) ([]span, error) {
	switch {
	case !x.partitioned && name == nil:
		return spans, nil
	case !x.partitioned:
		return nil, parseError("`partition` parameter is not supported in this design doc")
	case name == nil:
		return nil, parseError("`partition` parameter is mandatory for queries to this view.")
	}
	if err := couch.CheckPartition(*name); err != nil {
		return nil, err
	}
	start := appendPartition(nil, *name)
	for i, s := range spans {
		spans[i].lower = append(bytes.Clone(start), s.lower...)
		if s.upper == nil {
			s.upper = []byte{high}
		}
		spans[i].upper = append(bytes.Clone(start), s.upper...)
	}
	return spans, nil
}

// checkPartitioned refuses an option that the database cannot give.
func (d *design) checkPartitioned(db *couch.DB) error {
	if string(d.options.Partitioned) == "true" && !db.Partitioned() {
		return invalid("partitioned option cannot be true in a non-partitioned database.")
	}
	return nil
}
