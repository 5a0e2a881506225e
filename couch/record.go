package couch

import (
	"encoding/binary"
	"fmt"

	"settee/couch/revtree"
)

// cursor reads the records of the store; bad tells that one was cut short.
type cursor struct {
	b    []byte
	bad  bool
	copy string // of the whole record, for texts to be parts of; "": each is a copy of its own
}

func (c *cursor) uvarint() uint64 {
	v, n := binary.Uvarint(c.b)
	if n <= 0 {
		c.bad, c.b = true, nil
		return 0
	}
	c.b = c.b[n:]
	return v
}

func (c *cursor) bytes(n uint64) []byte {
	if n > uint64(len(c.b)) {
		c.bad, c.b = true, nil
		return nil
	}
	b := c.b[:n]
	c.b = c.b[n:]
	return b
}

func (c *cursor) text() string {
	b := c.bytes(c.uvarint())
	if c.copy == "" || c.bad {
		return string(b)
	}
	end := len(c.copy) - len(c.b)
	return c.copy[end-len(b) : end]
}

func (c *cursor) flag() byte {
	if b := c.bytes(1); b != nil {
		return b[0]
	}
	return 0
}

func (c *cursor) rev() Rev { return Rev{Pos: c.uvarint(), ID: c.text()} }

func appendString(dst []byte, s string) []byte {
	return append(binary.AppendUvarint(dst, uint64(len(s))), s...)
}

func appendRev(dst []byte, r Rev) []byte {
	return appendString(binary.AppendUvarint(dst, r.Pos), r.ID)
}

// The flags of records. A leaf of the feed has the first only, a body that and the last.
const (
	flagDeleted = 1 << iota
	flagCurrent // a by-id record's winner has its body under the current key
	flagAlone   // a by-id record's tree is the winner alone
	flagPieced  // a body record ends with the list of the body's pieces
)

func flagOf(deleted bool) byte {
	if deleted {
		return flagDeleted
	}
	return 0
}

func corrupt(what string) error {
	return &Error{Kind: Internal, Reason: "the store is damaged: " + what}
}

// docRecord is a by-id record. Only full reads the tree, which most reads of a
// range do not need.
type docRecord struct {
	winner revtree.Node
	seq    Seq
	spill  uint64 // generation of the oldest revision in a trunk segment; 0: none
	size   int64  // bytes of the leaves, estimated
	// current tells that the winner's body is the current one.
	current bool
	tree    revtree.Tree
}

func (r *docRecord) append(dst []byte) []byte {
	flags := flagOf(r.winner.Deleted)
	if r.current {
		flags |= flagCurrent
	}
	only, known := r.tree.Node(r.winner.Rev)
	alone := known && only == r.winner && r.tree.Len() == 1
	if alone {
		flags |= flagAlone
	}
	dst = append(dst, flags)
	dst = appendRev(dst, r.winner.Rev)
	dst = binary.AppendUvarint(dst, uint64(r.seq))
	dst = binary.AppendUvarint(dst, r.spill)
	dst = binary.AppendUvarint(dst, uint64(r.size))
	if alone {
		return dst
	}
	return r.tree.Append(dst)
}

// readDoc reads a by-id record, with its tree when full.
func readDoc(b []byte, full bool) (r docRecord, err error) {
	c := cursor{b: b}
	flags := c.flag()
	r.winner.Deleted = flags&flagDeleted != 0
	r.winner.Rev = c.rev()
	r.seq = Seq(c.uvarint())
	r.spill = c.uvarint()
	r.size = int64(c.uvarint())
	r.current = flags&flagCurrent != 0
	switch {
	case c.bad:
		return r, corrupt("by-id record")
	case !full:
	case flags&flagAlone != 0:
		r.tree.Merge([]Rev{r.winner.Rev}, r.winner.Deleted)
	default:
		if r.tree, err = revtree.Decode(c.b); err != nil {
			return r, corrupt("revision tree")
		}
	}
	return r, nil
}

// isTombstone tells from a by-id record whether its document is deleted.
func isTombstone(record []byte) bool { return len(record) > 0 && record[0]&flagDeleted != 0 }

// appendSeqRecord writes a by-seq record: all that a row of Changes needs.
func appendSeqRecord(dst []byte, id DocID, leaves []revtree.Node) []byte {
	dst = appendString(dst, string(id))
	for _, l := range leaves {
		dst = appendRev(append(dst, flagOf(l.Deleted)), l.Rev)
	}
	return dst
}

// readSeq reads a by-seq record into change, all leaves or the winner alone.
func readSeq(b []byte, change *Change, all bool) error {
	c := cursor{b: b}
	if all || len(b) < 256 { // one copy for the id and the revisions; not of a thousand leaves for one
		c.copy = string(b)
	}
	change.ID = DocID(c.text())
	change.Revs = change.Revs[:0]
	change.Deleted = len(c.b) > 0 && c.b[0] == flagDeleted
	for len(c.b) > 0 {
		c.flag()
		change.Revs = append(change.Revs, c.rev())
		if change.branched = len(change.Revs) > 1 || len(c.b) > 0; !all {
			break
		}
	}
	if c.bad || len(change.Revs) == 0 {
		return corrupt(fmt.Sprintf("by-sequence record of %q", change.ID))
	}
	return nil
}

// storedAtt is an attachment as a body record lists it.
type storedAtt struct {
	attDigest
	revpos  uint64
	length  int64  // decoded
	stored  int64  // as stored
	gzip    bool   // stored compressed
	locator string // sha256: in Pebble; sha512: in the blob store
}

// appendBodyHead writes a body record's head; the raw body follows it, or the list of its pieces.
func appendBodyHead(dst []byte, deleted, pieced bool, atts []staged) []byte {
	flags := flagOf(deleted)
	if pieced {
		flags |= flagPieced
	}
	dst = append(dst, flags)
	dst = binary.AppendUvarint(dst, uint64(len(atts)))
	for i := range atts {
		a := &atts[i]
		dst = appendString(dst, a.name)
		dst = appendString(dst, a.contentType)
		dst = append(dst, a.md5[:]...)
		dst = binary.AppendUvarint(dst, a.revpos)
		dst = binary.AppendUvarint(dst, uint64(a.length))
		dst = binary.AppendUvarint(dst, uint64(a.stored))
		dst = append(dst, flagOf(a.gzip))
		dst = appendString(dst, a.locator)
	}
	return dst
}

// bodyRecord is one revision's body; json is a part of the record's bytes, or nil until it is gathered from the pieces; see join.
type bodyRecord struct {
	deleted bool
	atts    []storedAtt
	json    []byte
	pieces  []bodyPiece
}

func readBody(b []byte) (r bodyRecord, err error) {
	c := cursor{b: b}
	flags := c.flag()
	r.deleted = flags&flagDeleted != 0
	for n := c.uvarint(); n > 0 && !c.bad; n-- {
		var a storedAtt
		a.name, a.contentType = c.text(), c.text()
		copy(a.md5[:], c.bytes(uint64(len(a.md5))))
		a.revpos, a.length, a.stored = c.uvarint(), int64(c.uvarint()), int64(c.uvarint())
		a.gzip = c.flag() == flagDeleted
		a.locator = c.text()
		r.atts = append(r.atts, a)
	}
	if flags&flagPieced != 0 {
		r.pieces = c.pieces()
		c.bad = c.bad || len(r.pieces) == 0 || len(c.b) > 0
	} else {
		r.json = c.b
		c.bad = c.bad || len(c.b) < 2
	}
	if c.bad {
		return r, corrupt("body record")
	}
	return r, nil
}
