package revtree

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"settee/fixtures"

	"github.com/stretchr/testify/require"
)

func random(t testing.TB) *rand.Rand { return fixtures.Dice(t) }

func rev(s string) Rev {
	r, err := Parse(s)
	if err != nil {
		panic(err)
	}
	return r
}

func revs(names ...string) []Rev {
	var out []Rev
	for _, n := range names {
		out = append(out, rev(n))
	}
	return out
}

func names(nodes []Node) []string {
	out := []string{}
	for _, n := range nodes {
		s := n.Rev.String()
		if n.Deleted {
			s += "!"
		}
		out = append(out, s)
	}
	return out
}

func TestMerge(t *testing.T) {
	type step struct {
		path    []Rev
		deleted bool
		want    Outcome
	}
	for name, c := range map[string]struct {
		steps  []step
		leaves []string
	}{
		"edit":                     {[]step{{revs("1-a"), false, Branched}, {revs("2-b", "1-a"), false, Extended}}, []string{"2-b"}},
		"conflict":                 {[]step{{revs("2-b", "1-a"), false, Branched}, {revs("2-c", "1-a"), false, Branched}}, []string{"2-c", "2-b"}},
		"hash decides":             {[]step{{revs("3-c"), false, Branched}, {revs("3-x"), false, Branched}}, []string{"3-x", "3-c"}},
		"live beats deleted":       {[]step{{revs("3-x", "2-b", "1-a"), false, Branched}, {revs("4-y", "3-z", "2-b"), true, Branched}}, []string{"3-x", "4-y!"}},
		"known leaf":               {[]step{{revs("2-b", "1-a"), false, Branched}, {revs("2-b", "1-a"), false, Known}}, []string{"2-b"}},
		"known inner":              {[]step{{revs("2-b", "1-a"), false, Branched}, {revs("1-a"), false, Known}}, []string{"2-b"}},
		"no overlap is a new root": {[]step{{revs("2-b", "1-a"), false, Branched}, {revs("9-z", "8-y"), false, Branched}}, []string{"9-z", "2-b"}},
		"a longer path joins two trees": {[]step{{revs("2-b", "1-a"), false, Branched}, {revs("5-e", "4-d"), false, Branched},
			{revs("6-f", "5-e", "4-d", "3-c", "2-b"), false, Extended}}, []string{"6-f"}},
		"a known revision joins two trees": {[]step{{revs("3-c", "2-b"), false, Branched}, {revs("1-a"), false, Branched},
			{revs("2-b", "1-a"), false, Joined}, {revs("2-b", "1-a"), false, Known}}, []string{"3-c"}},
	} {
		t.Run(name, func(t *testing.T) {
			var tree Tree
			for _, s := range c.steps {
				require.Equal(t, s.want, tree.Merge(s.path, s.deleted), "%v", s.path)
			}
			require.Equal(t, c.leaves, names(tree.Leaves()))
			roundTrip(t, tree)
		})
	}
}

func roundTrip(t testing.TB, tree Tree) {
	t.Helper()
	data := tree.Append(nil)
	back, err := Decode(data)
	require.NoError(t, err)
	require.True(t, tree.Equal(back))
}

func TestStem(t *testing.T) {
	var tree Tree
	tree.Merge(revs("5-e", "4-d", "3-c", "2-b", "1-a"), false)
	tree.Merge(revs("3-z", "2-b"), false)
	tree.Stem(2)
	require.Equal(t, []string{"5-e", "4-d"}, names(tree.Path(rev("5-e"))))
	require.Equal(t, []string{"3-z", "2-b"}, names(tree.Path(rev("3-z"))))
	require.False(t, tree.Has(rev("3-c")))
	roundTrip(t, tree)

	var fork Tree
	fork.Merge(revs("4-d", "3-c", "2-b", "1-a"), false)
	fork.Merge(revs("3-z", "2-b"), false)
	fork.Stem(3)
	require.Equal(t, []string{"4-d", "3-c", "2-b", "1-a"}, names(fork.Path(rev("4-d"))), "the shorter branch still needs the shared trunk")
}

func TestTrunk(t *testing.T) {
	var tree Tree
	tree.Merge(chain(100, 1), false)
	require.Equal(t, 100, tree.Trunk())
	tree.Merge([]Rev{{51, "x"}, name(50)}, false)
	require.Equal(t, 50, tree.Trunk())
	whole := tree.Append(nil)
	old := tree.SplitTrunk(20)
	require.Equal(t, 30, tree.Trunk())
	require.Equal(t, name(21), tree.Root())
	require.Equal(t, name(20), old.Winner().Rev)
	tree.Rejoin(old)
	require.Equal(t, whole, tree.Append(nil))
	tree.Merge(revs("7-other"), false)
	require.Equal(t, 0, tree.Trunk())
	require.True(t, tree.Root().IsZero())
}

func name(pos uint64) Rev { return Rev{pos, fmt.Sprintf("%016d", pos)} }

func chain(newest, oldest uint64) []Rev {
	var path []Rev
	for p := newest; p >= oldest; p-- {
		path = append(path, name(p))
	}
	return path
}

// universe is a random forest in which every revision has one parent.
type universe struct {
	parent  map[Rev]Rev
	deleted map[Rev]bool
	all     []Rev
}

func newUniverse(r *rand.Rand, n int) universe {
	u := universe{map[Rev]Rev{}, map[Rev]bool{}, nil}
	for i := range n {
		rev := Rev{1, fmt.Sprintf("%016d", i)}
		if len(u.all) > 0 && r.IntN(8) > 0 {
			p := u.all[max(0, len(u.all)-1-r.IntN(4))]
			rev.Pos = p.Pos + 1
			u.parent[rev] = p
		}
		if r.IntN(10) == 0 {
			rev.ID = fmt.Sprint("odd", i)
			if p, ok := u.parent[Rev{rev.Pos, fmt.Sprintf("%016d", i)}]; ok {
				u.parent[rev] = p
			}
		}
		u.deleted[rev] = r.IntN(4) == 0
		u.all = append(u.all, rev)
	}
	return u
}

func (u universe) path(r *rand.Rand) ([]Rev, bool) {
	at := u.all[r.IntN(len(u.all))]
	path := []Rev{at}
	for length := r.IntN(12); length > 0; length-- {
		p, ok := u.parent[at]
		if !ok {
			break
		}
		path, at = append(path, p), p
	}
	return path, u.deleted[path[0]]
}

// Merging paths in any order, any number of times, gives one tree. Deleted flags
// of inner nodes are history, not state: they are known only from whoever had
// the leaf, so the test gives every path its own revision once.
func TestMergeIsOrderless(t *testing.T) {
	r := random(t)
	for range 300 {
		u := newUniverse(r, 2+r.IntN(40))
		type graft struct {
			path    []Rev
			deleted bool
		}
		var grafts []graft
		for range 1 + r.IntN(30) {
			p, d := u.path(r)
			grafts = append(grafts, graft{p, d})
		}
		apply := func(order []int) Tree {
			var tree Tree
			for _, i := range order {
				tree.Merge(grafts[i].path, grafts[i].deleted)
				roundTrip(t, tree)
			}
			return tree
		}
		one := apply(r.Perm(len(grafts)))
		two := apply(append(r.Perm(len(grafts)), r.Perm(len(grafts))...))
		require.Equal(t, names(one.Leaves()), names(two.Leaves()))
		require.True(t, one.Equal(two))
	}
}

func FuzzDecode(f *testing.F) {
	var tree Tree
	f.Add(tree.Append(nil))
	tree.Merge(revs("5-e", "4-d", "3-c"), true)
	tree.Merge(revs("4-967a00dff5e02add41819138abb3284d", "3-c"), false)
	f.Add(tree.Append(nil))
	tree.Merge(revs("1-x"), false)
	f.Add(tree.Append(nil))
	f.Fuzz(func(t *testing.T, data []byte) {
		tree, err := Decode(data)
		if err != nil {
			return
		}
		require.Equal(t, data, tree.Append(nil))
		tree.Leaves()
		tree.Trunk()
		tree.Stem(2)
		roundTrip(t, tree)
		leaves := tree.Leaves()
		for i, leaf := range leaves {
			require.Equal(t, []Node{leaf}, tree.LeavesUnder(leaf.Rev))
			removed, _ := tree.Remove([]Rev{leaf.Rev})
			require.Equal(t, []Node{leaf}, removed)
			require.Equal(t, len(leaves)-i-1, len(tree.Leaves()))
			roundTrip(t, tree)
		}
		require.Zero(t, tree.Len())
	})
}

func FuzzParse(f *testing.F) {
	f.Add("1-abc")
	f.Add("2-7051CBE5c8faecd085a3fa619e6e6337")
	f.Fuzz(func(t *testing.T, s string) {
		r, err := Parse(s)
		if err != nil {
			return
		}
		again, err := Parse(r.String())
		require.NoError(t, err)
		require.Equal(t, r, again)
	})
}

func TestRemove(t *testing.T) {
	type graft struct {
		path    []Rev
		deleted bool
	}
	forest := []graft{
		{revs("4-d", "3-c", "2-b", "1-a"), false},
		{revs("3-x", "2-b"), true},
		{revs("1-lone"), false},
	}
	for name, c := range map[string]struct {
		remove       []Rev
		leaves, left []string
		gone         []Rev
	}{
		"nothing":        {nil, nil, []string{"4-d", "1-lone", "3-x!"}, nil},
		"no leaf":        {revs("2-b", "1-a", "9-z"), nil, []string{"4-d", "1-lone", "3-x!"}, nil},
		"a branch":       {revs("4-d"), []string{"4-d"}, []string{"1-lone", "3-x!"}, revs("3-c", "4-d")},
		"and its parent": {revs("3-c", "4-d"), []string{"4-d"}, []string{"1-lone", "3-x!"}, revs("3-c", "4-d")},
		"a tombstone":    {revs("3-x"), []string{"3-x!"}, []string{"4-d", "1-lone"}, revs("3-x")},
		"a root":         {revs("1-lone"), []string{"1-lone"}, []string{"4-d", "3-x!"}, revs("1-lone")},
		"a tree":         {revs("3-x", "4-d"), []string{"3-x!", "4-d"}, []string{"1-lone"}, revs("1-a", "2-b", "3-c", "3-x", "4-d")},
		"all":            {revs("3-x", "4-d", "1-lone"), []string{"1-lone", "3-x!", "4-d"}, []string{}, revs("1-a", "1-lone", "2-b", "3-c", "3-x", "4-d")},
	} {
		t.Run(name, func(t *testing.T) {
			var tree Tree
			for _, g := range forest {
				tree.Merge(g.path, g.deleted)
			}
			leaves, gone := tree.Remove(c.remove)
			require.Equal(t, c.leaves, strs(leaves))
			require.Equal(t, c.gone, gone)
			require.Equal(t, c.left, names(tree.Leaves()))
			back, err := Decode(tree.Append(nil))
			require.NoError(t, err)
			require.True(t, back.Equal(tree))
		})
	}
}

func strs(nodes []Node) []string {
	if nodes == nil {
		return nil
	}
	return names(nodes)
}
