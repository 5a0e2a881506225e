package search

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"

	index "github.com/blevesearch/bleve_index_api"
)

// Hit is a package that was found.
type Hit struct {
	Package
	Source     int // of which it is
	Score      Score
	Dependents uint64 // public packages whose latest version needs it
}

// Result are the hits of a page, and how many there are on all.
type Result struct {
	Hits  []Hit
	Total int
}

// Search finds packages. may says which restricted ones are found; nil: none. An index that fails is begun anew.
func (x *Index) Search(ctx context.Context, q Query, may Reader) (res Result, err error) {
	err = x.read(ctx, func(g *generation, reader index.IndexReader) error {
		res, err = x.search(ctx, g, reader, q, may)
		return err
	})
	if err != nil {
		err = fmt.Errorf("search: %w", err)
	}
	return res, err
}

func (x *Index) search(ctx context.Context, g *generation, reader index.IndexReader, q Query, may Reader) (res Result, err error) {
	lists, err := listsOf(reader)
	if err != nil {
		return res, err
	}
	read, err := g.tables.of(reader, x.fame.of)
	if err != nil {
		return res, err
	}
	r := &ranker{q: q, may: may, today: x.o.Now().Unix() / 86400, read: read, suspects: &x.suspects}
	m := &matcher{ctx: ctx, reader: reader, lists: lists, space: spaces.Get().(*space)}
	list, err := matching(m, r, false)
	if err == nil && len(list) < fewFound && len(q.Words) > 0 {
		list, err = matching(m, r, true)
	}
	if err != nil {
		return res, err // levels may have been left behind: they are not used again
	}
	defer spaces.Put(m.space)
	res.Total = len(list)
	from, to := min(q.From, len(list)), min(q.From+q.Size, len(list))
	list = best(list, to)
	if err := byName(reader, list, from, to); err != nil {
		return res, err
	}
	page := list[min(from, len(list)):min(to, len(list))]
	res.Hits = make([]Hit, 0, len(page))
	for _, k := range page {
		hit, err := r.hit(lists, k)
		if err != nil {
			return res, err
		}
		res.Hits = append(res.Hits, hit)
	}
	return res, nil
}

// matching are all that match and may be shown.
func matching(m *matcher, r *ranker, fuzzy bool) ([]ranked, error) {
	found, err := m.match(r.q, fuzzy)
	if err != nil {
		return nil, err
	}
	if r.called, err = m.called(r.q); err != nil {
		return nil, err
	}
	list, err := r.rank(m.reader, found, m.ranked[:0])
	if err != nil {
		return nil, err
	}
	m.ranked = list
	return r.suspects.narrow(m.reader, r.q, list)
}

// number is a package's number as bleve writes it.
func number(doc uint32) index.IndexInternalID {
	return binary.BigEndian.AppendUint64(nil, uint64(doc))
}

// hit reads what is answered of a package.
func (r *ranker) hit(lists *termLists, k ranked) (hit Hit, err error) {
	s, popularity, _ := r.read.of(k.doc)
	hit.Score, _ = r.score(k.candidate, s, popularity)
	hit.Source = int(k.source)
	raw, err := lists.stored(k.doc)
	if err == nil && raw == nil {
		err = errors.New("a package that was found is not there")
	}
	if err == nil {
		err = json.Unmarshal(raw, &hit.Package)
	}
	if err == nil {
		hit.Dependents, err = lists.count("d", hit.Name)
	}
	return hit, err
}
