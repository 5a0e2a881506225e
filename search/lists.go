package search

import (
	"errors"
	"fmt"

	"github.com/blevesearch/bleve/v2/index/scorch"
	index "github.com/blevesearch/bleve_index_api"
	"github.com/blevesearch/scorch_segment_api/v2"
)

// termLists read the lists of one snapshot as the bitmaps that they are: bleve's readers go through them package by
// package, at 100 ns each, and a common word is in tens of thousands.
type termLists struct {
	parts []part
	buf   [512]uint32
}

// part is a segment of the snapshot.
type part struct {
	*scorch.SegmentSnapshot
	first uint32 // number of its first package
	dicts map[string]segment.TermDictionary
}

var errNotScorch = errors.New("the index is not of scorch")

func listsOf(reader index.IndexReader) (*termLists, error) {
	snapshot, ok := reader.(*scorch.IndexSnapshot)
	if !ok {
		return nil, errNotScorch
	}
	p := &termLists{}
	next := uint32(0)
	for _, s := range snapshot.Segments() {
		p.parts = append(p.parts, part{s, next, map[string]segment.TermDictionary{}})
		next += uint32(s.FullSize())
	}
	return p, nil
}

// list is a term's list in a segment, without what was deleted.
func (s *part) list(field, term string) (segment.PostingsList, error) {
	dict, known := s.dicts[field]
	if !known {
		var err error
		if dict, err = s.Segment().Dictionary(field); err != nil {
			return nil, err
		}
		s.dicts[field] = dict
	}
	return dict.PostingsList([]byte(term), s.Deleted(), nil)
}

// each calls fn with the numbers of the packages that have a term, in their order, some at once.
func (p *termLists) each(field, term string, fn func(docs []uint32) error) error {
	for i := range p.parts {
		s := &p.parts[i]
		list, err := s.list(field, term)
		if err != nil {
			return err
		}
		found := list.Iterator(false, false, false, nil)
		bits, able := found.(segment.OptimizablePostingsIterator)
		if !able {
			return fmt.Errorf("a list of postings is a %T", found)
		}
		if only, one := bits.DocNum1Hit(); one {
			p.buf[0] = s.first + uint32(only)
			if err := fn(p.buf[:1]); err != nil {
				return err
			}
			continue
		}
		bitmap := bits.ActualBitmap()
		if bitmap == nil {
			continue
		}
		for some := bitmap.ManyIterator(); ; {
			n := some.NextMany(p.buf[:])
			if n == 0 {
				break
			}
			for k := range p.buf[:n] {
				p.buf[k] += s.first
			}
			if err := fn(p.buf[:n]); err != nil {
				return err
			}
		}
	}
	return nil
}

// count is how many packages have a term.
func (p *termLists) count(field, term string) (n uint64, err error) {
	for i := range p.parts {
		list, err := p.parts[i].list(field, term)
		if err != nil {
			return 0, err
		}
		n += list.Count()
	}
	return n, nil
}

// stored reads what is stored of a package, by its number.
func (p *termLists) stored(doc uint32) (value []byte, err error) {
	i := len(p.parts) - 1
	for i > 0 && p.parts[i].first > doc {
		i--
	}
	if i < 0 {
		return nil, nil
	}
	err = p.parts[i].VisitDocument(uint64(doc-p.parts[i].first), func(field string, _ byte, raw []byte, _ []uint64) bool {
		if field == "j" {
			value = append([]byte{}, raw...)
		}
		return value == nil
	})
	return value, err
}
