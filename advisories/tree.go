package advisories

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Tree is what was installed, as npm 6, yarn 1 and pnpm send it: packages within packages, as lockfiles have
// them, each with the names and ranges that it requires.
type Tree struct {
	root  *node
	nodes []*node // all but the root, in a fixed order
}

// node is a package at its place.
type node struct {
	Version      string           `json:"version"`
	Requires     requirements     `json:"requires"`
	Dependencies map[string]*node `json:"dependencies"`
	Dev          bool             `json:"dev"`
	Optional     bool             `json:"optional"`
	Bundled      bool             `json:"bundled"`

	name   string
	parent *node
	needs  []*node // what Requires leads to
	flaws  []Advisory
}

// requirements are ranges by name. Lockfiles have true there, too, which says nothing.
type requirements map[string]string

// UnmarshalJSON implements json.Unmarshaler.
func (r *requirements) UnmarshalJSON(raw []byte) error {
	if len(raw) == 0 || raw[0] != '{' {
		return nil
	}
	return json.Unmarshal(raw, (*map[string]string)(r))
}

// mostObjects bounds a tree: a package is up to three objects, and the largest projects have some thirty thousand.
const mostObjects = 200_000

// mostDepth bounds how far packages lie within others, and how long a way may be.
const mostDepth = 500

var errTooMany = errors.New("the tree has too many packages")

// ParseTree reads a tree.
func ParseTree(raw []byte) (*Tree, error) {
	if bytes.Count(raw, []byte("{")) > mostObjects {
		return nil, errTooMany
	}
	t := &Tree{root: &node{}}
	if trimmed := bytes.TrimLeft(raw, " \t\r\n"); len(trimmed) == 0 || trimmed[0] != '{' {
		return nil, errors.New("the tree is no object")
	}
	if err := json.Unmarshal(raw, t.root); err != nil {
		return nil, fmt.Errorf("the tree: %w", err)
	}
	if !t.place(t.root, 0) {
		return nil, errTooMany
	}
	t.root.link()
	for _, n := range t.nodes {
		n.link()
	}
	return t, nil
}

// place notes of each package where it is, unless that is too deep.
func (t *Tree) place(in *node, depth int) bool {
	if depth > mostDepth {
		return false
	}
	for _, name := range slices.Sorted(maps.Keys(in.Dependencies)) {
		n := in.Dependencies[name]
		if n == nil {
			continue
		}
		n.name, n.parent = name, in
		t.nodes = append(t.nodes, n)
		if !t.place(n, depth+1) {
			return false
		}
	}
	return true
}

// link finds what a package requires where Node.js would: beside what is in it, then further and further out.
func (n *node) link() {
	for _, name := range slices.Sorted(maps.Keys(n.Requires)) {
		for at := n; at != nil; at = at.parent {
			if found := at.Dependencies[name]; found != nil {
				n.needs = append(n.needs, found)
				break
			}
		}
	}
}

// way is how the root comes to need a package: the packages on the way, itself last.
type way []*node

// String is the way as npm writes it.
func (w way) String() string {
	names := make([]string, len(w))
	for i, n := range w {
		names[i] = n.name
	}
	return strings.Join(names, ">")
}

// Bounds of the ways that are told: in a tree of thousands there can be more than atoms in the world.
const (
	mostWays  = 100    // to one package
	mostTotal = 10_000 // to all
	mostSteps = 200_000
)

// ways are those to each of some packages: the shortest, then others within bounds. A package that nothing requires
// has the way of its place.
func (t *Tree) ways(to []*node) map[*node][]way {
	first := t.shortest()
	s := &search{leads: t.leading(to), found: map[*node][]way{}, on: map[*node]bool{}, left: mostSteps, more: mostTotal}
	for _, n := range to {
		if s.more--; s.more < 0 {
			break
		}
		s.found[n] = []way{first.to(n)}
	}
	s.from(t.root)
	return s.found
}

// came says by which package the root first comes to another.
type came map[*node]*node

func (t *Tree) shortest() came {
	by := came{}
	queue := []*node{t.root}
	for len(queue) > 0 {
		n := queue[0]
		queue = queue[1:]
		for _, next := range n.needs {
			if _, known := by[next]; !known {
				by[next] = n
				queue = append(queue, next)
			}
		}
	}
	return by
}

func (c came) to(n *node) way {
	if _, needed := c[n]; needed {
		if w := back(n, func(at *node) *node { return c[at] }); len(w) <= mostDepth {
			return w
		}
	}
	return back(n, func(at *node) *node { return at.parent })
}

// back goes from a package to the root.
func back(n *node, before func(*node) *node) (w way) {
	for at := n; at.parent != nil; at = before(at) {
		w = append(w, at)
	}
	slices.Reverse(w)
	return w
}

// leading are the packages from which some are needed, however far.
func (t *Tree) leading(to []*node) map[*node]bool {
	neededBy := map[*node][]*node{}
	for _, n := range append(t.nodes, t.root) {
		for _, next := range n.needs {
			neededBy[next] = append(neededBy[next], n)
		}
	}
	leads := map[*node]bool{}
	queue := slices.Clone(to)
	for len(queue) > 0 {
		n := queue[0]
		queue = queue[1:]
		if leads[n] {
			continue
		}
		leads[n] = true
		queue = append(queue, neededBy[n]...)
	}
	return leads
}

// search goes all ways that lead somewhere, as long as it may.
type search struct {
	leads      map[*node]bool
	found      map[*node][]way // of the packages that are looked for
	on         map[*node]bool  // the way it is on
	way        way
	left, more int // steps and ways
}

func (s *search) from(n *node) {
	for _, next := range n.needs {
		if s.left--; s.left < 0 {
			return
		}
		if !s.leads[next] || s.on[next] || len(s.way) == mostDepth {
			continue
		}
		s.on[next], s.way = true, append(s.way, next)
		s.keep(next)
		s.from(next)
		s.way = s.way[:len(s.way)-1]
		delete(s.on, next)
	}
}

// keep notes the way to a package that is looked for.
func (s *search) keep(n *node) {
	known := s.found[n]
	same := func(w way) bool { return slices.Equal(w, s.way) }
	if len(known) == 0 || len(known) >= mostWays || s.more <= 0 || slices.ContainsFunc(known, same) {
		return
	}
	s.more--
	s.found[n] = append(known, slices.Clone(s.way))
}
