package revtree

// Outcome says what Merge did.
type Outcome uint8

// The outcomes.
const (
	Known    Outcome = iota // the revision was there already
	Joined                  // it was, but not all that is told of its ancestors
	Extended                // a leaf has a new child
	Branched                // a new leaf stands beside others, or the tree was empty
)

// Merge grafts a path, newest revision first, its newest deleted or not. The
// path may be cut short at its old end; it links where it overlaps the tree,
// and is a tree of its own where it does not. Generations descend by one.
func (t *Tree) Merge(path []Rev, deleted bool) Outcome {
	if len(path) == 0 {
		return Known
	}
	at, found := t.meet(path)
	if at == 0 {
		if deleted && t.hasChild(found) {
			t.nodes[found].deleted = true // an inner node that came without its flag
		}
		if t.lengthen(path[0], path[1:]) {
			return Joined
		}
		return Known
	}
	outcome := Branched
	if found != none {
		if !t.hasChild(found) {
			outcome = Extended
		}
		t.lengthen(path[at], path[at+1:])
		found = t.find(path[at])
	}
	t.grow(found, path[:at], deleted)
	return outcome
}

// meet finds the newest revision of path that the tree knows.
func (t *Tree) meet(path []Rev) (int, int32) {
	for i, r := range path {
		if n := t.find(r); n != none {
			return i, n
		}
	}
	return len(path), none
}

// grow appends path under the node parent.
func (t *Tree) grow(parent int32, path []Rev, deleted bool) {
	from, ordered := len(t.nodes), true
	for i := len(path) - 1; i >= 0; i-- {
		n := node{Rev: path[i], parent: parent, deleted: deleted && i == 0}
		if k := len(t.nodes); k > 0 && t.nodes[k-1].Compare(n.Rev) > 0 {
			ordered = false
		}
		t.nodes = append(t.nodes, n)
		parent = int32(len(t.nodes) - 1)
	}
	if !ordered {
		t.settle(from)
	}
}

// lengthen adds the ancestors of r, newest first, that lie before its root.
// They may reach other trees of the forest and join them. It reports whether
// there were any.
func (t *Tree) lengthen(r Rev, older []Rev) (any bool) {
	for {
		at := t.find(r)
		for len(older) > 0 && t.nodes[at].parent != none {
			at, older = t.nodes[at].parent, older[1:]
		}
		if len(older) == 0 {
			return any
		}
		any = true
		unknown, joined := t.meet(older)
		for _, rev := range older[:unknown] {
			t.nodes = append(t.nodes, node{Rev: rev, parent: none})
			t.nodes[at].parent = int32(len(t.nodes) - 1)
			at = t.nodes[at].parent
		}
		t.nodes[at].parent = joined
		t.sort()
		if unknown == len(older) {
			return any
		}
		r, older = older[unknown], older[unknown+1:]
	}
}
