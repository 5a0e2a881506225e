package search

import (
	"cmp"
	"encoding/binary"
	"slices"
	"strings"
	"time"

	index "github.com/blevesearch/bleve_index_api"
)

// Score is what a package's place among those found is made of, each 0 to 1.
type Score struct{ Text, Final, Quality, Popularity, Maintenance float64 }

// ranked is a candidate that may be shown.
type ranked struct {
	doc    uint32
	source uint8
	tier   int8 // 1: called exactly so; -1: deprecated
	name   uint64
	signal signals
	score  Score
	pop    popular
}

// Reader answers who asks: may they read that restricted package? nil: none.
type Reader func(name string, maintainers []string) bool

// ranker makes ranked of candidates.
type ranker struct {
	q       Query
	may     Reader
	popular func(uint64) popular
	now     time.Time
	called  map[uint32]bool // packages whose name the query is: true, in every letter
}

// rank are the candidates that may be shown, the best first.
func (r *ranker) rank(reader index.IndexReader, found []candidate) ([]ranked, error) {
	slices.SortFunc(found, func(a, b candidate) int { return cmp.Compare(a.doc, b.doc) }) // values lie in blocks
	read, err := reader.DocValueReader([]string{"v"})
	if err != nil {
		return nil, err
	}
	list := make([]ranked, 0, len(found))
	var id [8]byte
	var s signals
	var known bool
	visit := func(_ string, term []byte) { s, known = decodeSignals(term) }
	for _, c := range found {
		binary.BigEndian.PutUint64(id[:], uint64(c.doc))
		known = false
		if err := read.VisitDocValues(id[:], visit); err != nil {
			return nil, err
		}
		if !known {
			continue
		}
		if s.flags&isRestricted != 0 {
			if r.may == nil {
				continue
			}
			if ok, err := r.mayRead(reader, id[:]); err != nil {
				return nil, err
			} else if !ok {
				continue
			}
		}
		list = append(list, r.score(c, s))
	}
	list = ofFirstSource(list)
	slices.SortFunc(list, better)
	return list, nil
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

func (r *ranker) score(c candidate, s signals) ranked {
	k := ranked{doc: c.doc, source: s.source, name: s.name, signal: s, pop: r.popular(s.name)}
	k.score = Score{Quality: float64(s.quality) / 255, Popularity: s.popularity(k.pop), Maintenance: s.maintenance(r.now), Text: 1}
	exactly, called := r.called[c.doc]
	if n := len(r.q.Words); n > 0 && !called {
		mean := float64(c.sum) / 100 / float64(n)
		covers := min(1, float64(c.whole)/float64(max(1, s.parts)))
		k.score.Text = .7*mean + .3*covers
	}
	w, mean := r.q.Weights, 1.0
	if all := w.Quality + w.Popularity + w.Maintenance; all > 0 {
		mean = (w.Quality*k.score.Quality + w.Popularity*k.score.Popularity + w.Maintenance*k.score.Maintenance) / all
	}
	k.score.Final = k.score.Text * (.3 + .7*mean)
	switch {
	case exactly && !r.q.PlainOrder:
		k.tier = 1
	case s.flags&isDeprecated != 0:
		k.tier = -1
	}
	return k
}

// better compares by rank.
func better(a, b ranked) int {
	return cmp.Or(cmp.Compare(b.tier, a.tier), cmp.Compare(b.score.Final, a.score.Final))
}

// byName orders equals that are on a page, all of them, so that pages fit each other: names are read for no others.
func byName(reader index.IndexReader, list []ranked, from, to int) error {
	for i := 0; i < to; {
		j := i + 1
		for j < len(list) && better(list[i], list[j]) == 0 {
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
