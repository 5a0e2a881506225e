package search

import (
	"context"
	"encoding/binary"
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
	r := &ranker{q: q, may: may, popular: x.fame.of, now: x.o.Now(), tables: &g.tables, suspects: &x.suspects}
	list, err := matching(ctx, reader, r, false)
	if err == nil && len(list) < fewFound && len(q.Words) > 0 {
		list, err = matching(ctx, reader, r, true)
	}
	if err != nil {
		return res, err
	}
	res.Total = len(list)
	from, to := min(q.From, len(list)), min(q.From+q.Size, len(list))
	list = best(list, to)
	if err := byName(reader, list, from, to); err != nil {
		return res, err
	}
	page := list[min(from, len(list)):min(to, len(list))]
	res.Hits = make([]Hit, 0, len(page))
	for _, k := range page {
		hit, err := r.hit(ctx, reader, k)
		if err != nil {
			return res, err
		}
		res.Hits = append(res.Hits, hit)
	}
	return res, nil
}

// matching are all that match and may be shown.
func matching(ctx context.Context, reader index.IndexReader, r *ranker, fuzzy bool) ([]ranked, error) {
	space := levels.Get().(*[]uint8)
	m := &matcher{ctx: ctx, reader: reader, levels: *space}
	found, err := m.match(r.q, fuzzy)
	if err != nil {
		return nil, err // levels may have been left behind: they are not used again
	}
	if r.called, err = m.called(r.q); err != nil {
		return nil, err
	}
	*space = m.levels
	levels.Put(space)
	list, err := r.rank(reader, found)
	if err != nil {
		return nil, err
	}
	return r.suspects.narrow(reader, r.q, list)
}

// number is a package's number as bleve writes it.
func number(doc uint32) index.IndexInternalID {
	return binary.BigEndian.AppendUint64(nil, uint64(doc))
}

// hit reads what is answered of a package.
func (r *ranker) hit(ctx context.Context, reader index.IndexReader, k ranked) (hit Hit, err error) {
	read, err := reader.DocValueReader([]string{"v"})
	if err != nil {
		return hit, err
	}
	if err := read.VisitDocValues(number(k.doc), func(_ string, term []byte) {
		s, _ := decodeSignals(term)
		hit.Score, _ = r.score(k.candidate, s)
	}); err != nil {
		return hit, err
	}
	id, err := reader.ExternalID(number(k.doc))
	if err != nil {
		return hit, err
	}
	hit.Source = int(k.source)
	var known bool
	if hit.Package, known, err = packageOf(reader, id); err != nil {
		return hit, err
	}
	if !known {
		return hit, errors.New("a package that was found is not there")
	}
	needed, err := reader.TermFieldReader(ctx, []byte(hit.Name), "d", false, false, false)
	if err != nil {
		return hit, err
	}
	hit.Dependents = needed.Count()
	return hit, needed.Close()
}
