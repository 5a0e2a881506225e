package revtree

import (
	"encoding/binary"
	"errors"
	"slices"
)

// The bits of a node's head. Its other bits are zero.
const (
	headDeleted  = 1 << iota
	headChained  // the parent is the node before; else a link follows
	headNextPos  // one generation after the node before; else a gap follows
	headOtherID  // the hash is not 16 bytes: its length follows
	headAllKnown = headDeleted | headChained | headNextPos | headOtherID
)

// ErrEncoding is what Decode answers to bytes that are no tree.
var ErrEncoding = errors.New("revtree: not a tree")

// Append encodes the tree after dst.
func (t *Tree) Append(dst []byte) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(t.nodes)))
	var pos uint64
	for i, n := range t.nodes {
		head, headAt := byte(0), len(dst)
		dst = append(dst, 0)
		if n.deleted {
			head |= headDeleted
		}
		if n.Pos == pos+1 {
			head |= headNextPos
		} else {
			dst = binary.AppendUvarint(dst, n.Pos-pos)
		}
		if i > 0 && n.parent == int32(i-1) {
			head |= headChained
		} else {
			dst = binary.AppendUvarint(dst, uint64(n.parent+1))
		}
		if len(n.ID) != 16 {
			head |= headOtherID
			dst = binary.AppendUvarint(dst, uint64(len(n.ID)))
		}
		dst = append(dst, n.ID...)
		dst[headAt] = head
		pos = n.Pos
	}
	return dst
}

// Decode reads what Append wrote. It keeps no reference to data.
func Decode(data []byte) (Tree, error) {
	r := reader{data: data, text: string(data)}
	count := r.uvarint()
	if r.bad || count > uint64(len(data)) {
		return Tree{}, ErrEncoding
	}
	t := Tree{nodes: make([]node, 0, count+1)} // one more: an edit appends one
	for range count {
		n := r.node(t.nodes)
		if r.bad {
			return Tree{}, ErrEncoding
		}
		t.nodes = append(t.nodes, n)
	}
	if r.at != len(data) {
		return Tree{}, ErrEncoding
	}
	return t, nil
}

// reader reads varints from data and strings from the same bytes as a string,
// so that all hashes of a tree share one allocation.
type reader struct {
	data []byte
	text string
	at   int
	bad  bool
}

func (r *reader) uvarint() uint64 {
	v, n := binary.Uvarint(r.data[r.at:])
	if n <= 0 || (n > 1 && r.data[r.at+n-1] == 0) { // one spelling for each number
		r.bad = true
		return 0
	}
	r.at += n
	return v
}

func (r *reader) node(before []node) node {
	if r.at >= len(r.data) {
		r.bad = true
		return node{}
	}
	head := r.data[r.at]
	r.at++
	n := node{deleted: head&headDeleted != 0, parent: int32(len(before) - 1)}
	r.bad = r.bad || (len(before) == 0 && head&headChained != 0)
	var last Rev
	if len(before) > 0 {
		last = before[len(before)-1].Rev
	}
	n.Pos = last.Pos + 1
	if head&headNextPos == 0 {
		gap := r.uvarint()
		n.Pos = last.Pos + gap
		r.bad = r.bad || gap == 1 || n.Pos < last.Pos
	}
	if head&headChained == 0 {
		link := r.uvarint()
		r.bad = r.bad || link > uint64(len(before)) || (link > 0 && link == uint64(len(before)))
		n.parent = int32(link) - 1
	}
	length := uint64(16)
	if head&headOtherID != 0 {
		length = r.uvarint()
		r.bad = r.bad || length == 16
	}
	if r.bad || head&^headAllKnown != 0 || length > uint64(len(r.data)-r.at) {
		r.bad = true
		return n
	}
	n.ID = r.text[r.at : r.at+int(length)]
	r.at += int(length)
	r.bad = !fits(before, n, last)
	return n
}

// fits holds the invariants: order, and parents one generation up.
func fits(before []node, n node, last Rev) bool {
	if len(before) > 0 && last.Compare(n.Rev) >= 0 {
		return false
	}
	return n.parent == none || (int(n.parent) < len(before) && before[n.parent].Pos+1 == n.Pos)
}

// Equal reports whether both trees hold the same revisions in the same places.
func (t *Tree) Equal(o Tree) bool { return slices.Equal(t.nodes, o.nodes) }
