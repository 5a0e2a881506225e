package search

import (
	"context"
	"slices"
	"sync"

	index "github.com/blevesearch/bleve_index_api"
)

// place is a field in which words are looked for, and what it counts, of 100.
type place struct {
	field  string
	counts uint8
}

var (
	inPart, inBeginning, inKeyword, inKeywordWord = place{"p", 100}, place{"g", 65}, place{"k", 70}, place{"w", 50}
	inAuthor, inMaintainer, inDescription         = place{"a", 35}, place{"m", 35}, place{"t", 30}
	onceWrong, twiceWrong                         = place{"p", 35}, place{"p", 20}
	fuzzyFrom, fuzzyTwiceFrom, mostFuzzyLetters   = 4, 8, 32
	fewFound                                      = 10 // fewer, and typing errors count
)

// candidate is a package that matches so far, by its number in the snapshot.
type candidate struct {
	doc   uint32
	sum   uint16 // of what its places counted
	whole uint8  // words that are parts of the name
}

// matcher evaluates one query in one snapshot.
type matcher struct {
	ctx    context.Context
	reader index.IndexReader
	lists  *termLists
	*space
}

// space is what a query needs of memory: a common word finds tens of thousands.
type space struct {
	levels []uint8     // by number: what the word that is looked for counts; all 0 between two words
	docs   []uint32    // what was found last
	found  []candidate // by all words so far
	ranked []ranked
}

var spaces = sync.Pool{New: func() any { return new(space) }}

// match are the packages that have all words of a query and fulfil its qualifiers; with typing errors where fuzzy.
func (m *matcher) match(q Query, fuzzy bool) ([]candidate, error) {
	found, started := m.found[:0], false
	narrow := func(docs []uint32, word bool) {
		found = m.narrowed(found, docs, started, word)
		started = true
	}
	optional := 0
	for _, word := range q.Words {
		stop := len(stems(word)) == 0
		docs, err := m.word(word, fuzzy)
		if err != nil {
			return nil, err
		}
		if stop && len(docs) == 0 && optional < len(q.Words)-1 {
			optional++
			continue
		}
		narrow(docs, true)
		m.clear(docs)
	}
	if len(q.Words) == 0 && q.Text != "" {
		return nil, nil // of punctuation nothing is found
	}
	for _, need := range q.needs() {
		docs, err := m.any(need.field, 1, need.terms...)
		if err != nil {
			return nil, err
		}
		narrow(docs, false)
		m.clear(docs)
	}
	if !started {
		docs, err := m.any("f", 1, "all")
		if err != nil {
			return nil, err
		}
		narrow(docs, false)
		m.clear(docs)
	}
	m.found = found
	return m.without(found, q)
}

// called are the packages whose name the query's words are: true where in every letter, false where only
// punctuation differs.
func (m *matcher) called(q Query) (map[uint32]bool, error) {
	docs := map[uint32]bool{}
	for _, each := range []struct {
		term    string
		exactly bool
	}{{"=" + squash(q.Text), false}, {q.Text, true}} {
		if each.term == "" || each.term == "=" {
			continue
		}
		found, err := m.any("n", 1, each.term)
		if err != nil {
			return nil, err
		}
		for _, doc := range found {
			docs[doc] = docs[doc] || each.exactly
		}
		m.clear(found)
	}
	return docs, nil
}

// need is a list of terms of which a package must have one.
type need struct {
	field string
	terms []string
}

// needs are what the qualifiers ask for.
func (q Query) needs() (list []need) {
	for _, each := range []struct {
		field string
		terms []string
	}{{"a", q.Author}, {"m", q.Maintainer}, {"s", q.Scope}, {"f", indexed(q.Is)}} {
		for _, term := range each.terms {
			list = append(list, need{each.field, []string{term}})
		}
	}
	for _, one := range q.Keywords {
		list = append(list, need{"k", one})
	}
	return list
}

// narrowed are the candidates that are among docs, whose levels are set; the first docs are all candidates.
func (m *matcher) narrowed(found []candidate, docs []uint32, started, word bool) []candidate {
	count := func(c candidate) candidate {
		if level := m.levels[c.doc]; word {
			c.sum += uint16(level)
			if level == inPart.counts {
				c.whole++
			}
		}
		return c
	}
	if !started {
		for _, doc := range m.ordered(docs) {
			found = append(found, count(candidate{doc: doc}))
		}
		return found
	}
	kept := found[:0]
	for _, c := range found {
		if m.levels[c.doc] > 0 {
			kept = append(kept, count(c))
		}
	}
	return kept
}

// without leaves out what the query does not want.
func (m *matcher) without(found []candidate, q Query) ([]candidate, error) {
	for _, each := range []need{{"k", q.NoKeywords}, {"f", indexed(q.Not)}} {
		if len(each.terms) == 0 {
			continue
		}
		docs, err := m.any(each.field, 1, each.terms...)
		if err != nil {
			return nil, err
		}
		kept := found[:0]
		for _, c := range found {
			if m.levels[c.doc] == 0 {
				kept = append(kept, c)
			}
		}
		found = kept
		m.clear(docs)
	}
	return found, nil
}

// word looks for a word in all places.
func (m *matcher) word(word string, fuzzy bool) (docs []uint32, err error) {
	docs = m.docs[:0]
	look := func(p place, terms ...string) {
		if err == nil {
			docs, err = m.collect(docs, p, terms...)
		}
	}
	look(inPart, word)
	switch letters := len([]rune(word)); {
	case letters >= shortestBeginning && letters <= longestBeginning:
		look(inBeginning, word)
	case letters > longestBeginning:
		longer, err := m.dictionary(func() (index.FieldDict, error) { return m.reader.FieldDictPrefix("p", []byte(word)) })
		if err != nil {
			return docs, err
		}
		look(inBeginning, longer...)
	}
	look(inKeyword, word)
	stemmed := stems(word)
	look(inKeywordWord, stemmed...)
	look(inAuthor, word)
	look(inMaintainer, word)
	look(inDescription, stemmed...)
	if err == nil && fuzzy {
		docs, err = m.fuzzy(docs, word)
	}
	return docs, err
}

// fuzzy looks for parts of names with typing errors.
func (m *matcher) fuzzy(docs []uint32, word string) ([]uint32, error) {
	letters := len([]rune(word))
	dictionary, able := m.reader.(index.IndexReaderFuzzy)
	if !able || letters < fuzzyFrom || letters > mostFuzzyLetters {
		return docs, nil
	}
	for errors, p := range map[int]place{1: onceWrong, 2: twiceWrong} {
		if errors == 2 && letters < fuzzyTwiceFrom {
			continue
		}
		terms, err := m.dictionary(func() (index.FieldDict, error) { return dictionary.FieldDictFuzzy("p", word, errors, "") })
		if err != nil {
			return docs, err
		}
		if docs, err = m.collect(docs, p, terms...); err != nil {
			return docs, err
		}
	}
	return docs, nil
}

// dictionary reads the terms of a part of a dictionary.
func (m *matcher) dictionary(open func() (index.FieldDict, error)) (terms []string, err error) {
	dict, err := open()
	if err != nil {
		return nil, err
	}
	defer func() { _ = dict.Close() }()
	for {
		e, err := dict.Next()
		if e == nil || err != nil {
			return terms, err
		}
		terms = append(terms, e.Term)
	}
}

// any are the packages with one of those terms.
func (m *matcher) any(field string, counts uint8, terms ...string) ([]uint32, error) {
	return m.collect(m.docs[:0], place{field, counts}, terms...)
}

// collect raises the levels of packages that have one of the terms to what the place counts, and appends those that were not
// found before. What it returns is good until the next time.
func (m *matcher) collect(docs []uint32, p place, terms ...string) ([]uint32, error) {
	for _, term := range terms {
		err := m.lists.each(p.field, term, func(some []uint32) error {
			m.room(some[len(some)-1])
			for _, doc := range some {
				if m.levels[doc] == 0 {
					docs = append(docs, doc)
				}
				m.levels[doc] = max(m.levels[doc], p.counts)
			}
			return m.ctx.Err()
		})
		if m.docs = docs; err != nil {
			return docs, err
		}
	}
	return docs, nil
}

// ordered are the packages that were found, in their order; each list is, but not what several have.
func (m *matcher) ordered(docs []uint32) []uint32 {
	if len(docs) < len(m.levels)/64 {
		slices.Sort(docs)
		return docs
	}
	docs = docs[:0]
	for doc, level := range m.levels {
		if level > 0 {
			docs = append(docs, uint32(doc))
		}
	}
	return docs
}

// room makes the levels long enough.
func (m *matcher) room(doc uint32) {
	if n := int(doc) + 1; n > len(m.levels) {
		grown := make([]uint8, max(n, 2*len(m.levels), 1<<12))
		copy(grown, m.levels)
		m.levels = grown
	}
}

func (m *matcher) clear(docs []uint32) {
	for _, doc := range docs {
		m.levels[doc] = 0
	}
}
