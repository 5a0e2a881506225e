package couch

import (
	"context"
	"crypto/md5"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"

	"settee/couch/revtree"
)

// CheckReport is what Check found.
type CheckReport struct {
	Databases, Documents, Revisions, Attachments int64
	Problems                                     []string // empty: the store is whole
}

// Check proves the store: by-id, by-sequence, trees, bodies, counters, attachments agree.
// progress may be nil.
func (s *Store) Check(ctx context.Context, progress func(done, total int64)) (CheckReport, error) {
	return s.prove(ctx, nil, progress)
}

// prove checks every database, and mends what it can unless m is nil.
func (s *Store) prove(ctx context.Context, m *mending, progress func(done, total int64)) (CheckReport, error) {
	var report CheckReport
	err := s.names(ctx, &report, m)
	var names []string
	if err == nil {
		names, err = s.Databases(ctx)
	}
	if errors.Is(err, &Error{Kind: Internal}) {
		report.Problems = append(report.Problems, "the list of databases cannot be read: "+err.Error())
		return report, nil
	}
	if err != nil {
		return report, err
	}
	var done, total int64
	for pass := range 2 {
		for _, name := range names {
			docs, err := s.proveOne(ctx, name, pass == 1, &report, m)
			if err != nil {
				return report, err
			}
			if pass == 0 {
				total += docs
				continue
			}
			if done += docs; progress != nil {
				progress(done, total)
			}
		}
	}
	return report, nil
}

// proveOne checks a database, or only counts its documents.
func (s *Store) proveOne(ctx context.Context, name string, look bool, report *CheckReport, m *mending) (docs int64, err error) {
	db, err := s.DB(name)
	var info Info
	if err == nil {
		info, err = db.Info(ctx)
	}
	if err == nil && look {
		err = db.check(ctx, report, m)
	}
	switch {
	case errors.Is(err, ErrNoDatabase): // it went meanwhile
		return 0, nil
	case errors.Is(err, &Error{Kind: Internal}):
		if look {
			report.Problems = append(report.Problems, name+": "+err.Error())
		}
		return 0, nil
	}
	return info.Docs + info.Deleted, err
}

// checker proves one database on one snapshot.
type checker struct {
	ctx    context.Context
	db     *DB
	snap   *snapshot
	report *CheckReport
	docs   map[bool]int64 // by deleted
	size   int64          // bytes of all documents
	atts   digests        // that were proved

	mending    *mending         // nil: problems are only told
	top        Seq              // the highest sequence there is
	settled    map[Seq]bool     // those whose rows were mended already
	unreadable map[DocID][]byte // by-id records that could not be read
	rebuilt    map[DocID]Seq    // documents that were made from a sequence
}

func (c *checker) found(mend func(m *mending) string, format string, args ...any) (mended bool) {
	return c.mending.found(c.report, c.db.name+": "+fmt.Sprintf(format, args...), mend)
}

// problem tells of one that cannot be mended.
func (c *checker) problem(format string, args ...any) { c.found(nil, format, args...) }

func (db *DB) check(ctx context.Context, report *CheckReport, m *mending) error {
	snap, err := db.snapshot(ctx)
	if err != nil {
		return err
	}
	defer snap.release()
	c := &checker{ctx: ctx, db: db, snap: snap, report: report, docs: map[bool]int64{}, atts: digests{},
		mending: m, top: snap.counts.seq, settled: map[Seq]bool{}, unreadable: map[DocID][]byte{}, rebuilt: map[DocID]Seq{}}
	report.Databases++
	m.begin()
	before := m.count()
	for _, pass := range []struct {
		kind byte
		name string
		look func(key, value []byte) error
	}{
		{kindSeq, "sequences", c.highest}, {kindID, "documents", c.doc}, {kindSeq, "sequences", c.seq},
		{kindBody, "bodies", c.body}, {kindTrunk, "trunk segments", c.trunk},
	} {
		err := snap.each(ctx, pass.kind, pass.look)
		if errors.Is(err, &Error{Kind: Internal}) {
			c.problem("the %s cannot be read to their end: %v", pass.name, err)
		} else if err != nil {
			return err
		}
	}
	c.remains()
	if err := c.purges(ctx); err != nil {
		return err
	}
	if m.count() == before { // else what is counted is not what will be
		c.counters()
	}
	return m.finish(db)
}

// counters proves what is counted with every write.
func (c *checker) counters() {
	have := c.snap.counts
	want := have
	want.seq, want.docs, want.deleted, want.external = c.top, c.docs[false], c.docs[true], c.size
	if have == want {
		return
	}
	c.found(func(m *mending) string {
		set(m.batch, c.db.prefix(kindMeta).key(metaCounts), want.append(nil))
		return "counted anew"
	}, "counters say %d documents and %d deleted of %d bytes up to %d, there are %d and %d of %d up to %d",
		have.docs, have.deleted, have.external, have.seq, want.docs, want.deleted, want.external, want.seq)
}

// highest looks for the last sequence, which new ones must follow: beyond the
// counter none is believed that its document does not name back.
func (c *checker) highest(key, value []byte) error {
	at, ok := seqOf(key)
	var row Change
	if !ok || at <= c.top || readSeq(value, &row, false) != nil {
		return nil
	}
	if r, err := c.db.readRecord(c.snap, row.ID, false); err == nil && r.seq == at {
		c.top = at
	}
	return nil
}

// seqOf reads a by-sequence key.
func seqOf(key []byte) (s Seq, ok bool) {
	if key = key[len(prefix{}):]; len(key) != 8 {
		return 0, false
	}
	return Seq(binary.BigEndian.Uint64(key)), true
}

// doc proves a by-id record: its tree, its winner, its sequence, its leaves'
// bodies. One thing is mended at a time: the next round sees what is left.
func (c *checker) doc(key, value []byte) error {
	id := DocID(key[len(prefix{}):])
	r, err := readDoc(value, true)
	if err != nil || r.tree.Len() == 0 {
		c.unreadable[id] = append([]byte{}, value...)
		return nil
	}
	if err := c.db.misplaced(id); err != nil {
		c.problem("%q: %v", id, err)
	}
	c.docs[r.winner.Deleted]++
	c.size += r.size
	c.report.Documents++
	leaves := r.tree.Leaves()
	if leaves[0] != r.winner {
		c.found(func(m *mending) string { return c.crown(m, id, r, leaves) }, "%q: the winner is not the tree's", id)
		return nil
	}
	whole := r
	if r.spill > 0 {
		whole.tree, _ = revtree.Decode(r.tree.Append(nil))
		if err := c.db.joinTrunk(c.snap, id, &whole); err != nil {
			if c.found(func(m *mending) string { return c.cutOff(m, id, r) }, "%q: %v", id, err) {
				return nil
			}
		}
	}
	c.report.Revisions += int64(whole.tree.Len())
	row, err := read(c.snap, c.db.seqKey(r.seq))
	if err != nil || string(row) != string(appendSeqRecord(nil, id, leaves)) {
		if c.found(func(m *mending) string { return c.resequence(m, id, r, leaves, row) }, "%q: its by-sequence record %d is missing or another", id, r.seq) {
			return nil
		}
	}
	c.leaves(id, r, leaves)
	return nil
}

// leaves proves the bodies of a document's leaves.
func (c *checker) leaves(id DocID, r docRecord, leaves []revtree.Node) {
	for _, leaf := range leaves {
		body, err := c.db.readBody(c.snap, id, leaf.Rev)
		if err == nil {
			_, err = ParseDocument(body.json)
		}
		if err == nil && !body.proved() {
			err = errOtherPiece
		}
		if err != nil {
			if c.found(func(m *mending) string { return c.prune(m, id, r, leaf.Rev) }, "%q: leaf %s has no body that can be read: %v", id, leaf.Rev, err) {
				return
			}
			continue
		}
		if body.deleted != leaf.Deleted {
			c.found(func(m *mending) string { return c.redelete(m, id, leaf) }, "%q: leaf %s and its body differ in being deleted", id, leaf.Rev)
		}
		for i := range body.atts {
			if c.atts.add(body.atts[i].locator) {
				c.attachment(id, &body.atts[i])
			}
		}
	}
	if at, err := c.db.currentRev(c.snap, id); r.current && (err != nil || at != r.winner.Rev) {
		c.found(func(m *mending) string { return c.decry(m, id, r) }, "%q: its winner's body is not the current one", id)
	}
}

// seq proves that a by-sequence record belongs to its document.
func (c *checker) seq(key, value []byte) error {
	at, ok := seqOf(key)
	if !ok {
		c.found(func(m *mending) string { return m.drop(c.db.name, key, value) }, "a sequence's key is damaged")
		return nil
	}
	var row Change
	err := readSeq(value, &row, true)
	switch {
	case c.settled[at]:
	case err != nil:
		c.found(func(m *mending) string { return m.drop(c.db.name, key, value) }, "sequence %d: %v", at, err)
	case c.unreadable[row.ID] != nil && c.mending != nil:
		c.found(func(m *mending) string { return c.rebuild(m, at, &row, value) }, "%q: its record cannot be read", row.ID)
	default:
		r, err := c.db.readRecord(c.snap, row.ID, false)
		if errors.Is(err, ErrMissing) && c.mending != nil {
			c.found(func(m *mending) string { return c.rebuild(m, at, &row, value) }, "sequence %d names %q, which is not there", at, row.ID)
		} else if err != nil || r.seq != at {
			c.found(func(m *mending) string { return m.drop(c.db.name, key, value) }, "sequence %d names %q, which does not name it back", at, row.ID)
		}
	}
	return nil
}

// remains tells of the documents whose records cannot be read and that no
// sequence names, so that nothing says what their leaves were.
func (c *checker) remains() {
	for _, id := range slices.Sorted(maps.Keys(c.unreadable)) {
		c.found(func(m *mending) string { return c.salvage(m, id) }, "%q: its record cannot be read", id)
	}
}

// body proves that a body's document exists, and that the current one is its winner's.
func (c *checker) body(key, value []byte) error {
	id, rev, body, ok := bodyIn(key, value)
	if !ok {
		c.found(func(m *mending) string { return m.drop(c.db.name, key, value) }, "a body's key is damaged")
		return nil
	}
	there, err := has(c.snap, c.db.idKey(id))
	if err != nil {
		return err
	}
	if _, rebuilt := c.rebuilt[id]; !there && !rebuilt {
		c.found(func(m *mending) string {
			if !c.readable(body) {
				return m.drop(c.db.name, key, value)
			}
			return c.salvage(m, id)
		}, "the body of %q %s has no document", id, rev)
		return nil
	}
	if !isCurrent(key) {
		return nil
	}
	r, err := c.db.readRecord(c.snap, id, true)
	if err == nil && (!r.current || r.winner.Rev != rev) {
		c.found(func(m *mending) string { return c.displace(m, id, &r, key, value) }, "%q: its current body is that of %s, which its record does not say", id, rev)
	}
	return nil
}

// readable reports whether a body record has a body that can be read.
func (c *checker) readable(value []byte) bool {
	body, err := readBody(value)
	if err == nil {
		err = c.db.join(c.snap, &body)
	}
	if err == nil {
		_, err = ParseDocument(body.json)
	}
	return err == nil
}

// trunk proves that a segment belongs to its document.
func (c *checker) trunk(key, value []byte) error {
	id, newest, ok := trunkOf(key[len(prefix{}):])
	if !ok {
		c.found(func(m *mending) string { return m.drop(c.db.name, key, value) }, "a trunk segment's key is damaged")
		return nil
	}
	r, err := c.db.readRecord(c.snap, id, true)
	if err != nil || r.spill == 0 || newest < r.spill || newest >= r.tree.Root().Pos {
		c.found(func(m *mending) string { return m.drop(c.db.name, key, value) }, "trunk segment %d of %q belongs to no tree", newest, id)
	} else if _, err := revtree.Decode(value); err != nil {
		c.problem("trunk segment %d of %q: %v", newest, id, err) // its document is mended
	}
	return nil
}

// attachment proves the bytes of one that a leaf uses: small ones by their
// digest, large ones by being there with their length.
func (c *checker) attachment(id DocID, a *storedAtt) {
	c.report.Attachments++
	f := c.db.file(c.ctx, c.snap, a)
	defer f.Close() //nolint:errcheck // it was only read
	if len(a.locator) != sha256.Size {
		if _, err := f.Seek(max(a.stored-1, 0), io.SeekStart); err == nil {
			if n, err := io.Copy(io.Discard, f); err != nil || n != min(a.stored, 1) {
				c.problem("%q: attachment %s: its blob %x is missing or short: %v", id, a.name, a.locator, err)
			}
		}
		return
	}
	sum := md5.New()
	if _, err := io.Copy(sum, f); err != nil || string(sum.Sum(nil)) != string(a.md5[:]) {
		c.problem("%q: attachment %s: its bytes are missing or another's: %v", id, a.name, err)
	}
}
