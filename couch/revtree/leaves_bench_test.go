package revtree

import (
	"encoding/binary"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
)

// hash is a revision's hash that says nothing about its number.
func hash(n int) string {
	var id [16]byte
	binary.BigEndian.PutUint64(id[:], uint64(n)*0x9e3779b97f4a7c15)
	return string(id[:])
}

// bush is a root with n leaves.
func bush(n int) Tree {
	var t Tree
	for i := range n {
		t.Merge([]Rev{{2, hash(i)}, {1, "root"}}, false)
	}
	return t
}

// The cost of one thing done to a document of so many conflicts.
func BenchmarkLeaves(b *testing.B) {
	for _, n := range []int{50, 500, 5000} {
		tree := bush(n)
		raw := tree.Append(nil)
		all := []Rev{}
		for _, leaf := range tree.Leaves() {
			all = append(all, leaf.Rev)
		}
		for name, do := range map[string]func(){
			"grow from nothing": func() { bush(n) },
			"merge one":         func() { t, _ := Decode(raw); t.Merge([]Rev{{2, hash(n)}, {1, "root"}}, false) },
			"extend one":        func() { t, _ := Decode(raw); t.Merge([]Rev{{3, "x"}, {2, hash(n / 2)}}, false) },
			"decode":            func() { _, _ = Decode(raw) },
			"encode":            func() { tree.Append(nil) },
			"leaves":            func() { tree.Leaves() },
			"leaves under":      func() { tree.LeavesUnder(Rev{1, "root"}) },
			"is leaf":           func() { tree.IsLeaf(Rev{2, hash(n / 2)}) },
			"find all": func() {
				for _, r := range all {
					tree.Has(r)
				}
			},
			"paths": func() {
				for _, r := range all {
					tree.Path(r)
				}
			},
			"remove all": func() { t, _ := Decode(raw); t.Remove(all) },
			"stem":       func() { t, _ := Decode(raw); t.Stem(1) },
		} {
			b.Run(fmt.Sprintf("%s/%d", name, n), func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					do()
				}
			})
		}
	}
}

// A bush is a tree like any other.
func TestBush(t *testing.T) {
	tree := bush(300)
	require.Len(t, tree.Leaves(), 300)
	back, err := Decode(tree.Append(nil))
	require.NoError(t, err)
	require.True(t, back.Equal(tree))
}
