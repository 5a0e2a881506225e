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

// find looks for a revision. Lately used ones stand at the end, and a
// generation holds few, so it steps back from where the generation would end.
func (t *Tree) find(r Rev) int32 {
	end := len(t.nodes)
	if end > 0 && t.nodes[end-1].Pos > r.Pos {
		end, _ = slices.BinarySearchFunc(t.nodes, r.Pos+1, func(n node, pos uint64) int { return cmp.Compare(n.Pos, pos) })
	}
	for i := end - 1; i >= 0 && t.nodes[i].Pos == r.Pos; i-- {
		if t.nodes[i].ID == r.ID {
			return int32(i)
		}
	}
	return none
}

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

func (t *Tree) hasChild(i int32) bool {
	for k := int(i) + 1; k < len(t.nodes) && t.nodes[k].Pos <= t.nodes[i].Pos+1; k++ {
		if t.nodes[k].parent == i {
			return true
		}
	}
	return false
}

// Leaves lists the leaves, the winner first: those that are not deleted before
// those that are, then by generation and hash, the highest first.
func (t *Tree) Leaves() []Node {
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
	if i == none {
		return nil
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
