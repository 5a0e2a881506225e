package search

import (
	"iter"
	"slices"
	"sync"

	index "github.com/blevesearch/bleve_index_api"
	"github.com/cespare/xxhash/v2"
)

// Flaws say which versions are known to be flawed. They change while packages do not, so each query for insecure asks them, and
// the index knows nothing of it.
type Flaws interface {
	// Names are the packages of which something is known.
	Names() iter.Seq[string]
	// State is another number whenever Names may be others.
	State() uint64
	// Flawed reports whether a version is known to be flawed.
	Flawed(name, version string) bool
}

// insecure is the flag that Flaws know.
const insecure = "insecure"

// suspects are hashes of the names that Flaws know: of all other packages the version is not read.
type suspects struct {
	flaws Flaws

	mu    sync.Mutex
	state uint64
	names map[uint64]struct{} // never changed, but replaced; nil before the first query
}

func (s *suspects) hashes() map[uint64]struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	state := s.flaws.State() // before the names: what comes meanwhile is read by the next
	if s.names == nil || s.state != state {
		names := make(map[uint64]struct{}, len(s.names))
		for name := range s.flaws.Names() {
			names[xxhash.Sum64String(name)] = struct{}{}
		}
		s.names, s.state = names, state
	}
	return s.names
}

// narrow leaves of a list what is as a query wants it: flawed, or not.
func (s *suspects) narrow(reader index.IndexReader, q Query, list []ranked) ([]ranked, error) {
	if !q.Insecure() {
		return list, nil
	}
	is, not := slices.Contains(q.Is, insecure), slices.Contains(q.Not, insecure)
	var names map[uint64]struct{}
	if s.flaws != nil {
		names = s.hashes()
	}
	kept := list[:0]
	for _, k := range list {
		flawed := false
		if _, suspect := names[k.name]; suspect {
			id, err := reader.ExternalID(number(k.doc))
			if err != nil {
				return nil, err
			}
			p, _, err := packageOf(reader, id)
			if err != nil {
				return nil, err
			}
			flawed = s.flaws.Flawed(p.Name, p.Version)
		}
		if flawed && !not || !flawed && !is {
			kept = append(kept, k)
		}
	}
	return kept, nil
}

// Insecure reports whether a query asks Flaws.
func (q Query) Insecure() bool {
	return slices.Contains(q.Is, insecure) || slices.Contains(q.Not, insecure)
}

// indexed are the flags that the index knows.
func indexed(flags []string) []string {
	return slices.DeleteFunc(slices.Clone(flags), func(flag string) bool { return flag == insecure })
}
