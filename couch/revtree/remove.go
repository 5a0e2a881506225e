package revtree

// Remove takes the named leaves out, and with them the ancestors that lead to no
// other leaf. What is no leaf stays. It returns the leaves that it removed and
// every revision that went, both with the oldest first.
func (t *Tree) Remove(revs []Rev) (leaves []Node, gone []Rev) {
	named := make(map[Rev]bool, len(revs))
	for _, r := range revs {
		named[r] = true
	}
	inner := t.inner()
	kept := make([]bool, len(t.nodes)) // it is a leaf that stays, or leads to one
	for i := len(t.nodes) - 1; i >= 0; i-- {
		n := &t.nodes[i]
		if !inner[i] {
			kept[i] = !named[n.Rev]
		}
		if kept[i] && n.parent != none {
			kept[n.parent] = true
		}
	}
	for i, n := range t.nodes {
		if kept[i] {
			continue
		}
		gone = append(gone, n.Rev)
		if !inner[i] {
			leaves = append(leaves, Node{n.Rev, n.deleted})
		}
	}
	if len(leaves) > 0 {
		t.keep(func(i int) bool { return kept[i] })
	}
	return leaves, gone
}
