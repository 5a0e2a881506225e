package registry

import (
	"cmp"
	"fmt"
	"maps"
	"slices"

	"settee/views/packuments"
)

// Leaf is the body of one leaf revision of a package's document.
type Leaf struct {
	Rev     string
	Deleted bool // it closes a branch, and says nothing of the package
	Body    []byte
}

// Loss is a publish that was acknowledged and is not what its number, or its name, stands for.
type Loss struct {
	Package   PackageName
	Version   string
	Integrity string
	Time      string // of the publish
	By        string
	Name      bool // the whole package lost its name to an older one of somebody else
}

// Merge makes one packument of the leaves of a document. It is a pure function of
// their bodies: the same in any order, in any grouping, and of what it made itself. See
// the package's documentation for its rules.
func Merge(leaves ...Leaf) (merged []byte, losses []Loss, err error) {
	var all *family
	for _, leaf := range leaves {
		if leaf.Deleted {
			continue
		}
		if !isObject(leaf.Body) {
			return nil, nil, fmt.Errorf("registry: merge: revision %q is no document", leaf.Rev)
		}
		next := familyOf(parsePackument(PackageName(plain(packuments.Member(leaf.Body, "_id"))), leaf.Body))
		if all == nil {
			all = next
			continue
		}
		if all.name != next.name {
			return nil, nil, fmt.Errorf("registry: merge: %q and %q are two packages", all.name, next.name)
		}
		all.join(next)
	}
	if all == nil {
		return nil, nil, fmt.Errorf("registry: merge: no revision is live")
	}
	return all.packument().encode(), all.losses(), nil
}

// family is all that is known under one name: what each founder made of it. The
// oldest line has the name.
type family struct {
	name  PackageName
	lines map[string]*lineage // by founder
}

// familyOf reads a packument, and those that it keeps aside.
func familyOf(p *packument) *family {
	own := lineageOf(p)
	f := &family{name: p.name, lines: map[string]*lineage{own.founder: own}}
	for _, rival := range own.rivals {
		if isObject(rival.value) {
			f.join(familyOf(parsePackument(p.name, rival.value)))
		}
	}
	own.rivals = nil
	return f
}

func (f *family) join(o *family) { join(f.lines, o.lines, (*lineage).join) }

// join adds b to a; both decides of what they share. It may change a's.
func join[K comparable, V any](a, b map[K]V, both func(V, V) V) {
	for k, theirs := range b {
		if ours, ok := a[k]; ok {
			theirs = both(ours, theirs)
		}
		a[k] = theirs
	}
}

// first is the line that has the name, rest are the others.
func (f *family) first() (first *lineage, rest []*lineage) {
	order := slices.SortedFunc(maps.Values(f.lines), func(a, b *lineage) int {
		return cmp.Or(cmp.Compare(a.created, b.created), cmp.Compare(a.founder, b.founder))
	})
	return order[0], order[1:]
}

// packument is the family's document.
func (f *family) packument() *packument {
	first, rest := f.first()
	var rivals object
	for _, l := range rest {
		rivals = append(rivals, member{l.founder, l.packument(f.name, nil).encode()})
	}
	return first.packument(f.name, rivals)
}

// losses lists what is not served though it was published.
func (f *family) losses() (out []Loss) {
	first, rest := f.first()
	for _, e := range sortedEvents(first.lost) {
		if first.lostTo(e) {
			out = append(out, Loss{f.name, e.number, e.digest, e.time, e.by, false})
		}
	}
	for _, l := range rest {
		published := maps.Clone(l.lost)
		for _, p := range l.numbers {
			if !p.gone {
				published[p.event()] = true
			}
		}
		for _, e := range sortedEvents(published) {
			out = append(out, Loss{f.name, e.number, e.digest, e.time, e.by, true})
		}
	}
	return out
}
