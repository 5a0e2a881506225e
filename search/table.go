package search

import (
	"encoding/binary"
	"errors"
	"runtime"
	"sync"

	"github.com/blevesearch/bleve/v2/index/scorch"
	index "github.com/blevesearch/bleve_index_api"
)

// tables are the signals of all packages in memory, 16 bytes each, by segment. Reading a value costs the block of 1,024 that it lies in,
// and what a word finds lies in all of them. What lies in a segment never changes: a table is made once, when
// it is first searched, and goes when the segment does.
type tables struct {
	mu   sync.Mutex
	made map[uint64]*table // by the segment's id
}

type table struct {
	once sync.Once
	list []signals // by number in the segment; parts is 0 where there is none
	err  error
}

// reading are the tables of one snapshot.
type reading struct {
	first []uint32 // number of each segment's first package
	of    []*table
}

// of are the tables of a snapshot, those that are missing made, and those of segments that are gone let go.
func (t *tables) of(reader index.IndexReader) (*reading, error) {
	snapshot, ok := reader.(*scorch.IndexSnapshot)
	if !ok {
		return nil, errors.New("the index is not of scorch")
	}
	segments := snapshot.Segments()
	r := &reading{}
	next := uint32(0)
	t.mu.Lock()
	made := make(map[uint64]*table, len(segments))
	for _, s := range segments {
		is := t.made[s.Id()]
		if is == nil {
			is = &table{list: make([]signals, s.FullSize())}
		}
		made[s.Id()] = is
		r.first, r.of = append(r.first, next), append(r.of, is)
		next += uint32(s.FullSize())
	}
	t.made = made
	t.mu.Unlock()
	for i, is := range r.of {
		is.once.Do(func() { is.err = is.fill(reader, r.first[i]) })
		if is.err != nil {
			return nil, is.err
		}
	}
	return r, nil
}

// fill reads a segment's values, in their order.
func (t *table) fill(reader index.IndexReader, first uint32) error {
	read, err := reader.DocValueReader([]string{"v"})
	if err != nil {
		return err
	}
	var id [8]byte
	for i := range t.list {
		if i%4096 == 4095 {
			runtime.Gosched() // others want to be answered, too
		}
		binary.BigEndian.PutUint64(id[:], uint64(first)+uint64(i))
		if err := read.VisitDocValues(id[:], func(_ string, term []byte) {
			if s, ok := decodeSignals(term); ok {
				t.list[i] = s
			}
		}); err != nil {
			return err
		}
	}
	return nil
}

// signals are those of a package by its number; false where there are none. Numbers are asked for in their order.
func (r *reading) signals(doc uint32) (signals, bool) {
	for len(r.first) > 1 && doc >= r.first[1] {
		r.first, r.of = r.first[1:], r.of[1:]
	}
	if len(r.first) == 0 || doc < r.first[0] || int(doc-r.first[0]) >= len(r.of[0].list) {
		return signals{}, false
	}
	s := r.of[0].list[doc-r.first[0]]
	return s, s.parts > 0
}
