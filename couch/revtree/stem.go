package revtree

// Stem keeps of every branch its newest limit revisions. A trunk stays as long
// as any of its leaves needs it.
func (t *Tree) Stem(limit int) {
	if limit < 1 || len(t.nodes) <= limit {
		return
	}
	left := make([]int, len(t.nodes)) // how many revisions a node's neediest leaf still asks for
	inner := t.inner()
	dropped := false
	for i := len(t.nodes) - 1; i >= 0; i-- {
		if !inner[i] {
			left[i] = limit
		}
		if p := t.nodes[i].parent; p != none {
			left[p] = max(left[p], left[i]-1)
		}
		dropped = dropped || left[i] < 1
	}
	if dropped {
		t.keep(func(i int) bool { return left[i] > 0 })
	}
}

// keep drops the other nodes; what hung on them becomes a root.
func (t *Tree) keep(wanted func(int) bool) {
	place := make([]int32, len(t.nodes))
	kept := t.nodes[:0]
	for i, n := range t.nodes {
		if !wanted(i) {
			place[i] = none
			continue
		}
		if n.parent != none {
			n.parent = place[n.parent]
		}
		place[i] = int32(len(kept))
		kept = append(kept, n)
	}
	t.nodes = kept
}

// Trunk is the number of revisions from the root to the first branch or leaf;
// 0 for a forest of several trees.
func (t *Tree) Trunk() int {
	n := 0
	for n < len(t.nodes) && t.nodes[n].parent == int32(n-1) && (n == 0 || t.nodes[n].Pos == t.nodes[n-1].Pos+1) {
		n++
	}
	// The chain ends before the first generation that holds two nodes, and a
	// second root anywhere makes it no trunk.
	for _, rest := range t.nodes[n:] {
		if rest.parent == none {
			return 0
		}
		if int(rest.parent) < n-1 {
			n = int(rest.parent) + 1
		}
	}
	return n
}

// SplitTrunk takes the oldest n revisions of the trunk out and returns them.
// n must be less than Trunk.
func (t *Tree) SplitTrunk(n int) Tree {
	old := Tree{nodes: append([]node(nil), t.nodes[:n]...)}
	t.keep(func(i int) bool { return i >= n })
	return old
}

// Rejoin puts back what SplitTrunk took: the newest revision of old is the
// parent of this tree's root.
func (t *Tree) Rejoin(old Tree) {
	if len(old.nodes) == 0 {
		return
	}
	shift := int32(len(old.nodes))
	all := make([]node, 0, len(old.nodes)+len(t.nodes))
	all = append(all, old.nodes...)
	for _, n := range t.nodes {
		if n.parent == none {
			n.parent = shift - 1
		} else {
			n.parent += shift
		}
		all = append(all, n)
	}
	t.nodes = all
}
