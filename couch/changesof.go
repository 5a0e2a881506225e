package couch

import (
	"errors"
	"slices"

	"github.com/cockroachdb/pebble/v2"
)

const (
	// lookUpIDs is CouchDB's limit of ids that are looked up; more than that are
	// picked out of the feed, so that a request cannot make the server hold them all.
	lookUpIDs = 1000
	// lookUpCost is how many rows of the feed are read in the time of one look-up.
	lookUpCost = 4
	// lookUpDesigns is from how many sequences on design documents are listed by
	// id: a listener at the head of the feed reads the few rows there are.
	lookUpDesigns = 256
)

// selective reports whether the wanted documents are looked up.
func (c *Changes) selective() bool {
	rows := uint64(c.snap.counts.seq - min(c.o.Since, c.snap.counts.seq))
	switch {
	case c.o.IDs != nil:
		return len(c.o.IDs) <= lookUpIDs && rows > lookUpCost*uint64(len(c.o.IDs))
	case c.o.Designs:
		return rows > lookUpDesigns
	}
	return false
}

// find looks the wanted documents up and puts their sequences in the feed's order.
func (c *Changes) find() error {
	err := c.findDesigns
	if c.o.IDs != nil {
		err = c.findIDs
	}
	if err := err(); err != nil {
		return err
	}
	slices.Sort(c.found)
	c.found = slices.Compact(c.found) // an id may be named twice
	if c.o.Descending {
		slices.Reverse(c.found)
	}
	return nil
}

func (c *Changes) findIDs() error {
	for _, id := range c.o.IDs {
		record, err := c.snap.db.readRecord(c.snap, id, false)
		switch {
		case errors.Is(err, ErrMissing):
		case err != nil:
			return err
		case record.seq > c.o.Since:
			c.found = append(c.found, record.seq)
		}
	}
	return nil
}

func (c *Changes) findDesigns() error {
	p := c.snap.db.prefix(kindID)
	it, err := c.snap.NewIter(&pebble.IterOptions{LowerBound: p.key("_design/"), UpperBound: p.key("_design0")})
	if err != nil {
		return readError(err)
	}
	defer it.Close() //nolint:errcheck // its error is read below
	for ok := it.First(); ok; ok = it.Next() {
		value, err := it.ValueAndErr()
		if err != nil {
			return readError(err)
		}
		record, err := readDoc(value, false)
		if err != nil {
			return err
		}
		if record.seq > c.o.Since {
			c.found = append(c.found, record.seq)
		}
	}
	if err := it.Error(); err != nil {
		return readError(err)
	}
	return nil
}

// nextFound reads the row of the next sequence that was found.
func (c *Changes) nextFound() (bool, error) {
	if len(c.found) == 0 {
		return false, nil
	}
	c.row.Seq, c.found = c.found[0], c.found[1:]
	err := look(c.snap, c.snap.db.seqKey(c.row.Seq), func(v []byte) error { return readSeq(v, &c.row, c.o.AllLeaves) })
	if errors.Is(err, ErrMissing) {
		err = corrupt("the by-sequence index lacks a document's row")
	}
	return err == nil, err
}

// pendingFound is Pending where rows were looked up: all of the snapshot count, found or not.
func (c *Changes) pendingFound() int64 {
	n := c.after(c.last)
	if !c.o.Descending {
		return n
	}
	before := c.snap.counts.docs + c.snap.counts.deleted - n
	if c.rows > 0 {
		before-- // the last one itself
	}
	return before
}
