package advisories

import (
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/Masterminds/semver/v3"
)

// index knows the advisories of each package. Lists in it are never changed, but replaced.
type index struct {
	changes *atomic.Uint64 // of it and those before it

	mu     sync.RWMutex
	byName map[string][]entry
	names  map[string]string // of each record, the packages it is about, with separators between
}

func newIndex() *index {
	return &index{changes: new(atomic.Uint64), byName: map[string][]entry{}, names: map[string]string{}}
}

// another is an empty one, for when all is read anew.
func (x *index) another() *index {
	is := newIndex()
	is.changes = x.changes
	return is
}

// set replaces what is known by a record, nil where it is gone.
func (x *index) set(id string, r *record) {
	entries := map[string]entry{}
	if r != nil {
		for _, name := range r.names() {
			if e, ok := entryOf(r, name); ok {
				entries[name] = e
			}
		}
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	x.changes.Add(1)
	for name := range strings.SplitSeq(x.names[id], separator) {
		x.drop(name, id)
	}
	delete(x.names, id)
	var names []string
	for name, e := range entries {
		x.add(name, e)
		names = append(names, name)
	}
	if len(names) > 0 {
		x.names[id] = strings.Join(names, separator) // of one name it is that string itself
	}
}

// drop and add replace a package's list; x.mu is held.
func (x *index) drop(name, id string) {
	was, known := x.byName[name]
	if !known {
		return
	}
	is := make([]entry, 0, len(was))
	for _, e := range was {
		if !strings.HasPrefix(e.text, id+separator) {
			is = append(is, e)
		}
	}
	if len(is) == 0 {
		delete(x.byName, name)
		return
	}
	joined(is)
	x.byName[name] = is
}

func (x *index) add(name string, e entry) {
	is := slices.Concat(x.byName[name], []entry{e})
	joined(is)
	x.byName[name] = is
}

// packages are the names that it knows something of.
func (x *index) packages() []string {
	x.mu.RLock()
	defer x.mu.RUnlock()
	return slices.Collect(maps.Keys(x.byName))
}

// size is how many packages and records it knows something of.
func (x *index) size() (packages, records int) {
	x.mu.RLock()
	defer x.mu.RUnlock()
	return len(x.byName), len(x.names)
}

func (x *index) of(name string) []entry {
	x.mu.RLock()
	defer x.mu.RUnlock()
	return x.byName[name]
}

// affecting are the advisories of a package in which at least one of some versions lies, in a fixed order.
// A text that is no version lies in those that every version is in.
func (x *index) affecting(name string, versions []string) (found []Advisory) {
	list := x.of(name)
	if len(list) == 0 {
		return nil
	}
	parsed := make([]*semver.Version, 0, len(versions))
	for _, text := range versions {
		v, _ := parseVersion(text)
		parsed = append(parsed, v)
	}
	for one := range flaws(list) {
		if anyIn(one, parsed) {
			found = append(found, told(name, one))
		}
	}
	return found
}

// flaws cuts a list into the entries that count of each flaw.
func flaws(list []entry) func(yield func([]entry) bool) {
	return func(yield func([]entry) bool) {
		for len(list) > 0 {
			same, best := 0, 0
			for same < len(list) && list[same].flaw == list[0].flaw {
				if list[same].rank == list[0].rank {
					best = same + 1
				}
				same++
			}
			if !yield(list[:best]) {
				return
			}
			list = list[same:]
		}
	}
}

func anyIn(list []entry, versions []*semver.Version) bool {
	for _, e := range list {
		r, err := parseRange(e.fields().vulnerable)
		if err == nil && slices.ContainsFunc(versions, r.holds) {
			return true
		}
	}
	return false
}
