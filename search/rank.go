package search

import (
	"cmp"
	"encoding/binary"
	"slices"
	"strings"

	index "github.com/blevesearch/bleve_index_api"
)

// Score is what a package's place among those found is made of, each 0 to 1.
type Score struct{ Text, Final, Quality, Popularity, Maintenance float64 }

// ranked is a candidate that may be shown, and what its place depends on.
type ranked struct {
	candidate
	source uint8
	name   uint64  // hash
	key    float64 // its tier and its final score: more is better
}

// The tiers: 1 is what is called exactly so, -1 what is deprecated. Scores are within one.
const tier = 2

// Reader answers who asks: may they read that restricted package? nil: none.
type Reader func(name string, maintainers []string) bool

// ranker makes ranked of candidates.
type ranker struct {
	q        Query
	may      Reader
	read     *reading
	suspects *suspects
	today    int64           // days since 1970
	called   map[uint32]bool // packages whose name the query is: true, in every letter
}

// rank appends to a list the candidates that may be shown.
func (r *ranker) rank(reader index.IndexReader, found []candidate, list []ranked) ([]ranked, error) {
	list = slices.Grow(list, len(found))
	var id [8]byte
	for _, c := range found {
		s, popularity, known := r.read.of(c.doc)
		if !known {
			continue
		}
		if s.flags&isRestricted != 0 {
			if r.may == nil {
				continue
			}
			binary.BigEndian.PutUint64(id[:], uint64(c.doc))
			if ok, err := r.mayRead(reader, id[:]); err != nil {
				return nil, err
			} else if !ok {
				continue
			}
		}
		k := ranked{candidate: c, source: s.source, name: s.name}
		_, k.key = r.score(c, s, popularity)
		list = append(list, k)
	}
	return ofFirstSource(list), nil
}

// best are the n best of a list in their order, and all that are as good as the last of them.
func best(list []ranked, n int) []ranked {
	if n < len(list) {
		keys := make([]float64, 0, n+1) // a heap of the n best, the worst first
		for _, k := range list {
			switch {
			case len(keys) < n:
				keys = append(keys, k.key)
				for i := len(keys) - 1; i > 0 && keys[(i-1)/2] > keys[i]; i = (i - 1) / 2 {
					keys[i], keys[(i-1)/2] = keys[(i-1)/2], keys[i]
				}
			case n > 0 && k.key > keys[0]:
				keys[0] = k.key
				sink(keys)
			}
		}
		if n == 0 {
			return nil
		}
		list = slices.DeleteFunc(list, func(k ranked) bool { return k.key < keys[0] })
	}
	slices.SortFunc(list, func(a, b ranked) int { return cmp.Compare(b.key, a.key) })
	return list
}

// sink brings a heap in order whose first has changed.
func sink(keys []float64) {
	for i := 0; ; {
		least := i
		for _, child := range []int{2*i + 1, 2*i + 2} {
			if child < len(keys) && keys[child] < keys[least] {
				least = child
			}
		}
		if least == i {
			return
		}
		keys[i], keys[least] = keys[least], keys[i]
		i = least
	}
}

// mayRead asks for the rights to a restricted package.
func (r *ranker) mayRead(reader index.IndexReader, id index.IndexInternalID) (may bool, err error) {
	read, err := reader.DocValueReader([]string{"r"})
	if err != nil {
		return false, err
	}
	err = read.VisitDocValues(id, func(_ string, term []byte) {
		words := strings.Split(string(term), "\x01")
		may = r.may(words[0], words[1:])
	})
	return may, err
}

// score is what a candidate's place is made of, and its key.
func (r *ranker) score(c candidate, s signals, popularity float64) (is Score, key float64) {
	is = Score{Quality: float64(s.quality) / 255, Popularity: popularity, Maintenance: s.maintenance(r.today), Text: 1}
	exactly, called := false, false
	if len(r.called) > 0 {
		exactly, called = r.called[c.doc]
	}
	if n := len(r.q.Words); n > 0 && !called {
		mean := float64(c.sum) / 100 / float64(n)
		covers := min(1, float64(c.whole)/float64(max(1, s.parts)))
		is.Text = .7*mean + .3*covers
	}
	w, mean := r.q.Weights, 1.0
	if all := w.Quality + w.Popularity + w.Maintenance; all > 0 {
		mean = (w.Quality*is.Quality + w.Popularity*is.Popularity + w.Maintenance*is.Maintenance) / all
	}
	is.Final = is.Text * (.3 + .7*mean)
	switch {
	case exactly && !r.q.PlainOrder:
		return is, tier + is.Final
	case s.flags&isDeprecated != 0:
		return is, is.Final - tier
	}
	return is, is.Final
}

// byName orders equals that are on a page, all of them, so that pages fit each other: names are read for no others.
func byName(reader index.IndexReader, list []ranked, from, to int) error {
	for i := 0; i < to; {
		j := i + 1
		for j < len(list) && list[i].key == list[j].key {
			j++
		}
		if j > from && j-i > 1 {
			names := make(map[uint32]string, j-i)
			for _, k := range list[i:j] {
				name, err := reader.ExternalID(number(k.doc))
				if err != nil {
					return err
				}
				names[k.doc] = name
			}
			slices.SortFunc(list[i:j], func(a, b ranked) int { return cmp.Compare(names[a.doc], names[b.doc]) })
		}
		i = j
	}
	return nil
}

// ofFirstSource leaves out what a source before has under the same name.
func ofFirstSource(list []ranked) []ranked {
	if !slices.ContainsFunc(list, func(k ranked) bool { return k.source > 0 }) {
		return list
	}
	first := make(map[uint64]uint8, len(list))
	for _, k := range list {
		if at, seen := first[k.name]; !seen || k.source < at {
			first[k.name] = k.source
		}
	}
	return slices.DeleteFunc(list, func(k ranked) bool { return k.source > first[k.name] })
}
