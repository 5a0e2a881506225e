package couch

import (
	"context"
	"crypto/md5"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
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
	var report CheckReport
	names, err := s.Databases(ctx)
	if err != nil {
		return report, err
	}
	var done, total int64
	for pass := range 2 {
		for _, name := range names {
			db, err := s.DB(name)
			if errors.Is(err, ErrNoDatabase) {
				continue // it went meanwhile
			}
			if err != nil {
				return report, err
			}
			info, err := db.Info(ctx)
			if errors.Is(err, ErrNoDatabase) {
				continue
			}
			if err != nil {
				return report, err
			}
			if pass == 0 {
				total += info.Docs + info.Deleted
				continue
			}
			if err := db.check(ctx, &report); err != nil && !errors.Is(err, ErrNoDatabase) {
				return report, err
			}
			done += info.Docs + info.Deleted
			if progress != nil {
				progress(done, total)
			}
		}
	}
	return report, nil
}

// checker proves one database on one snapshot.
type checker struct {
	db     *DB
	snap   *snapshot
	report *CheckReport
	docs   map[bool]int64 // by deleted
	atts   map[string]storedAtt
}

func (c *checker) problem(format string, args ...any) {
	c.report.Problems = append(c.report.Problems, c.db.name+": "+fmt.Sprintf(format, args...))
}

func (db *DB) check(ctx context.Context, report *CheckReport) error {
	snap, err := db.snapshot(ctx)
	if err != nil {
		return err
	}
	defer snap.release()
	c := &checker{db, snap, report, map[bool]int64{}, map[string]storedAtt{}}
	report.Databases++
	for kind, look := range map[byte]func(key, value []byte) error{kindID: c.doc, kindSeq: c.seq, kindBody: c.body, kindTrunk: c.trunk} {
		if err := snap.each(ctx, kind, look); err != nil {
			return err
		}
	}
	if c.docs[false] != snap.counts.docs || c.docs[true] != snap.counts.deleted {
		c.problem("counters say %d documents and %d deleted, there are %d and %d", snap.counts.docs, snap.counts.deleted, c.docs[false], c.docs[true])
	}
	if err := c.purges(ctx); err != nil {
		return err
	}
	return c.attachments(ctx)
}

// doc proves a by-id record: its tree, its winner, its sequence, its leaves' bodies.
func (c *checker) doc(key, value []byte) error {
	id := DocID(key[len(prefix{}):])
	r, err := readDoc(value, true)
	if err != nil {
		c.problem("%q: %v", id, err)
		return nil
	}
	c.docs[r.winner.Deleted]++
	c.report.Documents++
	leaves := r.tree.Leaves()
	if len(leaves) == 0 || leaves[0] != r.winner {
		c.problem("%q: the winner is not the tree's", id)
		return nil
	}
	if r.spill > 0 {
		if err := c.db.joinTrunk(c.snap, id, &r); err != nil {
			c.problem("%q: %v", id, err)
		}
	}
	c.report.Revisions += int64(r.tree.Len())
	row, err := read(c.snap, c.db.seqKey(r.seq))
	if err != nil || string(row) != string(appendSeqRecord(nil, id, leaves)) {
		c.problem("%q: its by-sequence record %d is missing or another", id, r.seq)
	}
	for _, leaf := range leaves {
		body, err := c.db.readBody(c.snap, id, leaf.Rev)
		if err != nil {
			c.problem("%q: leaf %s has no body: %v", id, leaf.Rev, err)
			continue
		}
		if body.deleted != leaf.Deleted {
			c.problem("%q: leaf %s and its body differ in being deleted", id, leaf.Rev)
		}
		if _, err := ParseDocument(body.json); err != nil {
			c.problem("%q: the body of %s is no document: %v", id, leaf.Rev, err)
		}
		for _, a := range body.atts {
			c.atts[a.locator] = a
		}
	}
	return nil
}

// seq proves that a by-sequence record belongs to its document.
func (c *checker) seq(key, value []byte) error {
	at := Seq(binary.BigEndian.Uint64(key[len(prefix{}):]))
	var row Change
	if err := readSeq(value, &row, true); err != nil {
		c.problem("sequence %d: %v", at, err)
		return nil
	}
	if at > c.snap.counts.seq {
		c.problem("sequence %d is past the counter, %d", at, c.snap.counts.seq)
	}
	if r, err := c.db.readRecord(c.snap, row.ID, false); err != nil || r.seq != at {
		c.problem("sequence %d names %q, which does not name it back", at, row.ID)
	}
	return nil
}

// body proves that a body's document exists.
func (c *checker) body(key, _ []byte) error {
	id, rev, ok := bodyOf(key[len(prefix{}):])
	if !ok {
		c.problem("a body's key is damaged")
		return nil
	}
	if _, closer, err := c.snap.Get(c.db.idKey(id)); err != nil {
		c.problem("the body of %q %s has no document", id, rev)
	} else {
		_ = closer.Close()
	}
	return nil
}

// trunk proves that a segment belongs to its document.
func (c *checker) trunk(key, value []byte) error {
	id, newest, ok := trunkOf(key[len(prefix{}):])
	if !ok {
		c.problem("a trunk segment's key is damaged")
		return nil
	}
	r, err := c.db.readRecord(c.snap, id, true)
	if err != nil || r.spill == 0 || newest < r.spill || newest >= r.tree.Root().Pos {
		c.problem("trunk segment %d of %q belongs to no tree", newest, id)
	}
	if _, err := revtree.Decode(value); err != nil {
		c.problem("trunk segment %d of %q: %v", newest, id, err)
	}
	return nil
}

// attachments proves the bytes of those that leaves use: small ones by their
// digest, large ones by being there with their length.
func (c *checker) attachments(ctx context.Context) error {
	locators := make([]string, 0, len(c.atts))
	for l := range c.atts {
		locators = append(locators, l)
	}
	slices.Sort(locators)
	for _, l := range locators {
		if err := c.snap.ended(ctx); err != nil {
			return err
		}
		a := c.atts[l]
		c.report.Attachments++
		f := c.db.file(ctx, c.snap, &a)
		if len(l) != sha256.Size {
			if _, err := f.Seek(max(a.stored-1, 0), io.SeekStart); err == nil {
				if n, err := io.Copy(io.Discard, f); err != nil || n != min(a.stored, 1) {
					c.problem("attachment %s: its blob %x is missing or short: %v", a.name, l, err)
				}
			}
		} else {
			sum := md5.New()
			if _, err := io.Copy(sum, f); err != nil || string(sum.Sum(nil)) != string(a.md5[:]) {
				c.problem("attachment %s: its bytes are missing or another's: %v", a.name, err)
			}
		}
		_ = f.Close()
	}
	return nil
}
