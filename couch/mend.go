package couch

import (
	"github.com/cockroachdb/pebble/v2"

	"settee/couch/revtree"
)

// These mend a document. Each returns what it did.

// fresh is a sequence that nothing has.
func (c *checker) fresh() Seq {
	c.top++
	return c.top
}

// place writes a record and its sequence's. The key is deleted before: the
// landing's SingleDelete has to meet one set.
func (c *checker) place(m *mending, id DocID, r docRecord) {
	set(m.batch, c.db.idKey(id), r.append(nil))
	_ = m.batch.Delete(c.db.seqKey(r.seq), nil)
	set(m.batch, c.db.seqKey(r.seq), appendSeqRecord(nil, id, r.tree.Leaves()))
	c.settled[r.seq] = true
}

// isCurrent tells a current body's key from those of other bodies.
func isCurrent(key []byte) bool {
	_, rev, ok := bodyOf(key[len(prefix{}):])
	return ok && rev.IsZero()
}

// bodyIn reads a body's key and, of a current one, what goes before its record.
func bodyIn(key, value []byte) (id DocID, rev Rev, body []byte, ok bool) {
	if id, rev, ok = bodyOf(key[len(prefix{}):]); !ok || !rev.IsZero() {
		return id, rev, value, ok
	}
	rev, body, err := splitCurrent(value)
	return id, rev, body, err == nil
}

// hasCurrent tells whether a revision's body is its document's current one.
func (c *checker) hasCurrent(id DocID, rev Rev) bool {
	at, err := c.db.currentRev(c.snap, id)
	return err == nil && at == rev
}

// displace gives a body that is not the winner's a key of its own, or none where
// it is no leaf's or that has one.
func (c *checker) displace(m *mending, id DocID, r *docRecord, key, value []byte) string {
	_, rev, body, _ := bodyIn(key, value)
	own := c.db.bodyKey(id, rev)
	held, err := has(c.snap, own)
	m.drop(c.db.name, key, value)
	if held || err != nil || !r.tree.IsLeaf(rev) {
		return "set aside"
	}
	set(m.batch, own, body)
	return "it has a key of its own now"
}

// decry has a record say that its winner's body is not the current one.
func (c *checker) decry(m *mending, id DocID, r docRecord) string {
	r.current = false
	set(m.batch, c.db.idKey(id), r.append(nil))
	return "its record says so now"
}

// crown names the tree's winner.
func (c *checker) crown(m *mending, id DocID, r docRecord, leaves []revtree.Node) string {
	r.winner, r.current = leaves[0], c.hasCurrent(id, leaves[0].Rev)
	set(m.batch, c.db.idKey(id), r.append(nil))
	return "the winner is " + leaves[0].Rev.String()
}

// cutOff does without the trunk's segments.
func (c *checker) cutOff(m *mending, id DocID, r docRecord) string {
	r.spill = 0
	set(m.batch, c.db.idKey(id), r.append(nil))
	return "its older history was cut off"
}

// resequence writes the by-sequence record, under another sequence where this
// one is another document's.
func (c *checker) resequence(m *mending, id DocID, r docRecord, leaves []revtree.Node, row []byte) string {
	var named Change
	if len(row) > 0 {
		err := readSeq(row, &named, false)
		m.keep(c.db.name, c.db.seqKey(r.seq), row)
		if err == nil && named.ID != id {
			r.seq = c.fresh()
		}
	}
	if r.seq == 0 || r.seq > c.top {
		r.seq = c.fresh()
	}
	c.place(m, id, r)
	return "written anew"
}

// prune removes a leaf that cannot be read, as a purge does, and the document
// with its last one.
func (c *checker) prune(m *mending, id DocID, r docRecord, lost Rev) string {
	m.keep(c.db.name, c.db.idKey(id), r.append(nil))
	_ = m.batch.Delete(c.db.seqKey(r.seq), nil)
	c.settled[r.seq] = true
	r.tree.Remove([]Rev{lost})
	if r.tree.Len() == 0 {
		_ = m.batch.Delete(c.db.idKey(id), nil)
		c.dropIndexes(m)
		if err := c.bodies(id, func(key, value []byte) bool { m.drop(c.db.name, key, value); return true }); err != nil {
			return err.Error()
		}
		return "the document was set aside"
	}
	for _, key := range [][]byte{c.db.bodyKey(id, lost), c.db.currentKey(id)} {
		value, err := read(c.snap, key)
		if _, rev, _, ok := bodyIn(key, value); err == nil && (!ok || rev == lost) {
			m.drop(c.db.name, key, value)
		}
	}
	r.winner, r.seq = r.tree.Winner(), c.fresh()
	r.current = c.hasCurrent(id, r.winner.Rev)
	c.place(m, id, r)
	return "the leaf was set aside"
}

// redelete makes a body say of its deletion what the tree says.
func (c *checker) redelete(m *mending, id DocID, leaf revtree.Node) string {
	for _, key := range [][]byte{c.db.currentKey(id), c.db.bodyKey(id, leaf.Rev)} {
		value, err := read(c.snap, key)
		if _, rev, body, ok := bodyIn(key, value); err == nil && ok && rev == leaf.Rev {
			body[0] = body[0]&^flagDeleted | flagOf(leaf.Deleted)
			set(m.batch, key, value)
			break
		}
	}
	return "the tree is right"
}

// rebuild makes a document from its leaves, as a by-sequence record names them.
func (c *checker) rebuild(m *mending, at Seq, row *Change, value []byte) string {
	id := row.ID
	r := docRecord{seq: at}
	for _, rev := range row.Revs {
		body, err := c.db.readBody(c.snap, id, rev)
		if err != nil {
			continue
		}
		if _, err := ParseDocument(body.json); err == nil {
			r.tree.Merge([]Rev{rev}, body.deleted)
			r.size += int64(body.length())
		}
	}
	old, unreadable := c.unreadable[id]
	if unreadable {
		m.keep(c.db.name, c.db.idKey(id), old)
		_ = m.batch.Delete(c.db.idKey(id), nil)
		delete(c.unreadable, id)
	}
	if before, ok := c.rebuilt[id]; ok {
		_ = m.batch.Delete(c.db.seqKey(before), nil)
	}
	if r.tree.Len() == 0 {
		if value == nil {
			return "set aside"
		}
		return m.drop(c.db.name, c.db.seqKey(at), value)
	}
	r.winner = r.tree.Winner()
	r.current = c.hasCurrent(id, r.winner.Rev)
	if value != nil && (at > c.top || string(appendSeqRecord(nil, id, r.tree.Leaves())) != string(value)) {
		m.drop(c.db.name, c.db.seqKey(at), value)
		r.seq = c.fresh()
	}
	c.rebuilt[id] = r.seq
	c.place(m, id, r)
	return "made anew from its leaves, without their history"
}

// salvage makes a document of which nothing says what its leaves are from its
// bodies of the newest generation that can be read, and the current one.
func (c *checker) salvage(m *mending, id DocID) string {
	row := Change{ID: id}
	err := c.bodies(id, func(key, value []byte) bool {
		_, rev, body, ok := bodyIn(key, value)
		switch {
		case !ok || !c.readable(body):
		case len(row.Revs) == 0, rev.Pos == row.Revs[0].Pos:
			row.Revs = append(row.Revs, rev)
		case isCurrent(key) && rev.Pos > row.Revs[0].Pos:
			row.Revs = []Rev{rev}
		case isCurrent(key): // the newest one is of a branch that did not win
			row.Revs = append(row.Revs, rev)
		}
		return true
	})
	if err != nil {
		return err.Error()
	}
	return c.rebuild(m, c.fresh(), &row, nil)
}

// bodies calls fn for the bodies of a document, the newest first and the current one last,
// until it wants no more.
func (c *checker) bodies(id DocID, fn func(key, value []byte) bool) error {
	start := c.db.prefix(kindBody).key(closed(id))
	it, err := c.snap.NewIter(&pebble.IterOptions{LowerBound: start, UpperBound: end(start)})
	if err != nil {
		return readError(err)
	}
	for ok := it.Last(); ok && fn(it.Key(), it.Value()); ok = it.Prev() {
	}
	if err := it.Close(); err != nil {
		return readError(err)
	}
	return nil
}

// forgetPurges begins the purge log anew. The indexes may have missed some of
// it: they are made anew too.
func (c *checker) forgetPurges(m *mending) string {
	p := c.db.prefix(kindPurge)
	_ = m.batch.DeleteRange(p[:], end(p[:]), nil)
	c.dropIndexes(m)
	counts := c.snap.counts
	counts.purged = 0
	set(m.batch, c.db.prefix(kindMeta).key(metaCounts), counts.append(nil))
	return "begun anew, and the indexes too"
}

// dropIndexes has all indexes made anew: the feed does not tell them of a
// document that went.
func (c *checker) dropIndexes(m *mending) {
	p := c.db.prefix(kindSpace)
	_ = m.batch.DeleteRange(p[:], end(p[:]), nil)
}
