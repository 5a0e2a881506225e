package revtree

import (
	"cmp"
	"slices"
)

// Node is one revision of a tree.
type Node struct {
	Rev     Rev
	Deleted bool
}

// Tree is a forest of revisions. The zero value is empty. It is not safe for
// concurrent use.
type Tree struct {
	nodes []node // ordered by (pos, id); a parent stands before its children
}

type node struct {
	Rev
	parent  int32 // index, or none
	deleted bool
}

const none = -1

// Len is the number of revisions.
func (t *Tree) Len() int { return len(t.nodes) }

// find looks for a revision, first at the end, where lately used ones stand.
func (t *Tree) find(r Rev) int32 {
	for i := len(t.nodes) - 1; i >= max(0, len(t.nodes)-atEnd); i-- {
		switch order := t.nodes[i].Compare(r); {
		case order == 0:
			return int32(i)
		case order < 0:
			return none
		}
	}
	i, ok := slices.BinarySearchFunc(t.nodes, r, func(n node, r Rev) int { return n.Compare(r) })
	if !ok {
		return none
	}
	return int32(i)
}

// atEnd is how many revisions find looks at before it halves what is left.
const atEnd = 4

// Has reports whether the tree knows r.
func (t *Tree) Has(r Rev) bool { return t.find(r) != none }

// Node returns what the tree knows of r.
func (t *Tree) Node(r Rev) (Node, bool) {
	i := t.find(r)
	if i == none {
		return Node{}, false
	}
	return Node{Rev: r, Deleted: t.nodes[i].deleted}, true
}

// inner marks the nodes that have children.
func (t *Tree) inner() []bool {
	inner := make([]bool, len(t.nodes))
	for _, n := range t.nodes {
		if n.parent != none {
			inner[n.parent] = true
		}
	}
	return inner
}

// IsLeaf reports whether r is a leaf: only those can be edited.
func (t *Tree) IsLeaf(r Rev) bool {
	i := t.find(r)
	return i != none && !t.hasChild(i)
}

// hasChild looks through the generation after a node's.
func (t *Tree) hasChild(i int32) bool {
	next := t.nodes[i].Pos + 1
	k, _ := slices.BinarySearchFunc(t.nodes[i+1:], next, func(n node, pos uint64) int { return cmp.Compare(n.Pos, pos) })
	for k += int(i) + 1; k < len(t.nodes) && t.nodes[k].Pos == next; k++ {
		if t.nodes[k].parent == i {
			return true
		}
	}
	return false
}

// Leaves lists the leaves, the winner first: those that are not deleted before
// those that are, then by generation and hash, the highest first.
func (t *Tree) Leaves() []Node {
	if len(t.nodes) == 1 {
		return []Node{{t.nodes[0].Rev, t.nodes[0].deleted}}
	}
	inner := t.inner()
	var leaves []Node
	for i := len(t.nodes) - 1; i >= 0; i-- {
		if !inner[i] {
			leaves = append(leaves, Node{t.nodes[i].Rev, t.nodes[i].deleted})
		}
	}
	if len(leaves) > 1 {
		slices.SortStableFunc(leaves, func(a, b Node) int { return compareBool(a.Deleted, b.Deleted) })
	}
	return leaves
}

func compareBool(a, b bool) int {
	switch {
	case a == b:
		return 0
	case b:
		return -1
	}
	return 1
}

// Winner is the revision that a plain read shows; zero when the tree is empty.
func (t *Tree) Winner() Node {
	leaves := t.Leaves()
	if len(leaves) == 0 {
		return Node{}
	}
	return leaves[0]
}

// Path lists r and its known ancestors, newest first; nil when r is unknown.
func (t *Tree) Path(r Rev) []Node {
	i := t.find(r)
	if i == none {
		return nil
	}
	path := make([]Node, 0, min(r.Pos, uint64(len(t.nodes))))
	for ; i != none; i = t.nodes[i].parent {
		path = append(path, Node{t.nodes[i].Rev, t.nodes[i].deleted})
	}
	return path
}

// LeavesUnder lists the leaves that descend from r, r itself where it is one,
// in the order of Leaves.
func (t *Tree) LeavesUnder(r Rev) []Node {
	i := t.find(r)
	switch {
	case i == none:
		return nil
	case !t.hasChild(i):
		return []Node{{r, t.nodes[i].deleted}}
	}
	under := make([]bool, len(t.nodes))
	under[i] = true
	for k := int(i) + 1; k < len(t.nodes); k++ {
		under[k] = t.nodes[k].parent != none && under[t.nodes[k].parent]
	}
	return slices.DeleteFunc(t.Leaves(), func(n Node) bool { return !under[t.find(n.Rev)] })
}

// Root is the oldest revision of a tree with one root; zero for others.
func (t *Tree) Root() Rev {
	var root Rev
	for _, n := range t.nodes {
		if n.parent != none {
			continue
		}
		if !root.IsZero() {
			return Rev{}
		}
		root = n.Rev
	}
	return root
}

// settle puts the nodes from an index on, which are in order, among the older ones.
func (t *Tree) settle(from int) {
	added := slices.Clone(t.nodes[from:])
	before := make([]int32, len(added)) // how many older ones stand before each
	for i, n := range added {
		at, _ := slices.BinarySearchFunc(t.nodes[:from], n.Rev, func(n node, r Rev) int { return n.Compare(r) })
		before[i] = int32(at)
	}
	place := func(i int32) int32 {
		if k := i - int32(from); k >= 0 {
			return before[k] + k
		}
		more, _ := slices.BinarySearch(before, i+1)
		return i + int32(more)
	}
	for i := range t.nodes[:from] {
		if p := t.nodes[i].parent; p >= before[0] {
			t.nodes[i].parent = place(p)
		}
	}
	end := from
	for i := len(added) - 1; i >= 0; i-- {
		at := int(before[i])
		copy(t.nodes[at+i+1:], t.nodes[at:end])
		if added[i].parent != none {
			added[i].parent = place(added[i].parent)
		}
		t.nodes[at+i], end = added[i], at
	}
}

// sort restores the order of nodes after new ones were appended.
func (t *Tree) sort() {
	order := make([]int32, len(t.nodes))
	for i := range order {
		order[i] = int32(i)
	}
	slices.SortFunc(order, func(a, b int32) int { return t.nodes[a].Compare(t.nodes[b].Rev) })
	place := make([]int32, len(order))
	for to, from := range order {
		place[from] = int32(to)
	}
	sorted := make([]node, len(order))
	for to, from := range order {
		sorted[to] = t.nodes[from]
		if p := sorted[to].parent; p != none {
			sorted[to].parent = place[p]
		}
	}
	t.nodes = sorted
}
