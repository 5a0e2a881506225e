package search

import (
	"encoding/binary"
	"runtime"
	"sync"
	"sync/atomic"

	"github.com/blevesearch/bleve/v2/index/scorch"
	index "github.com/blevesearch/bleve_index_api"
)

// tables are the signals and the popularity of all packages in memory, 24 bytes each, by segment. Reading a value costs the block of 1,024 that it lies in,
// and what a word finds lies in all of them. What lies in a segment never changes: a table is made once, when
// it is first searched, and goes when the segment does.
type tables struct {
	mu   sync.Mutex
	made map[uint64]*table // by the segment's id
}

type table struct {
	once    sync.Once
	list    []signals // by number in the segment; parts is 0 where there is none
	popular atomic.Pointer[[]float64]
	err     error
}

// reading are the tables of one snapshot, for one reader.
type reading struct {
	first   []uint32 // number of each segment's first package
	tables  []*table
	popular [][]float64
	at      int // where the last package was
}

// of are the tables of a snapshot, those that are missing made, and those of segments that are gone let go.
func (t *tables) of(reader index.IndexReader, fame func(name uint64) popular) (*reading, error) {
	snapshot, ok := reader.(*scorch.IndexSnapshot)
	if !ok {
		return nil, errNotScorch
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
		r.first, r.tables = append(r.first, next), append(r.tables, is)
		next += uint32(s.FullSize())
	}
	t.made = made
	t.mu.Unlock()
	for i, is := range r.tables {
		is.once.Do(func() {
			if is.err = is.fill(reader, r.first[i]); is.err == nil {
				is.renew(fame)
			}
		})
		if is.err != nil {
			return nil, is.err
		}
		r.popular = append(r.popular, *is.popular.Load())
	}
	return r, nil
}

// renew computes how popular the packages are: their logarithms would be most of what ranking a common word costs.
func (t *table) renew(fame func(name uint64) popular) {
	list := make([]float64, len(t.list))
	for i, s := range t.list {
		list[i] = s.popularity(fame(s.name))
	}
	t.popular.Store(&list)
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

// of are the signals and the popularity of a package by its number; false where there are none. It is fast where numbers
// are asked for in their order.
func (r *reading) of(doc uint32) (s signals, popularity float64, known bool) {
	for r.at > 0 && doc < r.first[r.at] {
		r.at--
	}
	for r.at+1 < len(r.first) && doc >= r.first[r.at+1] {
		r.at++
	}
	if r.at >= len(r.first) || int(doc-r.first[r.at]) >= len(r.tables[r.at].list) {
		return s, 0, false
	}
	i := doc - r.first[r.at]
	s = r.tables[r.at].list[i]
	return s, r.popular[r.at][i], s.parts > 0
}
