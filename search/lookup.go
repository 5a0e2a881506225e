package search

import (
	"context"
	"encoding/json"
	"strings"

	index "github.com/blevesearch/bleve_index_api"
)

// Lookup are the packages of those names, as the index knows them: a moment ago, which Rev tells.
func (x *Index) Lookup(ctx context.Context, names []string) (map[string]Package, error) {
	found := make(map[string]Package, len(names))
	err := x.read(ctx, func(_ *generation, reader index.IndexReader) error {
		for i, name := range names {
			if i%256 == 0 && ctx.Err() != nil {
				return ctx.Err()
			}
			for source := range x.sources {
				p, known, err := packageOf(reader, key(source, name))
				if err != nil {
					return err
				}
				if known {
					found[name] = p
					break
				}
			}
		}
		return nil
	})
	return found, err
}

// Names are names of packages of the first source, in their order, after one; at most n.
func (x *Index) Names(ctx context.Context, after string, n int) (names []string, err error) {
	err = x.read(ctx, func(_ *generation, reader index.IndexReader) error {
		first := key(0, after)
		dict, err := reader.FieldDictRange("_id", []byte(first), []byte(key(0, "\xff")))
		if err != nil {
			return err
		}
		defer func() { _ = dict.Close() }()
		for len(names) < n {
			e, err := dict.Next()
			if e == nil || err != nil {
				return err
			}
			if name, ours := strings.CutPrefix(e.Term, key(0, "")); ours && e.Term != first {
				names = append(names, name)
			}
		}
		return nil
	})
	return names, err
}

// Public is how many packages everybody may read there are.
func (x *Index) Public(ctx context.Context) (n int, err error) {
	err = x.read(ctx, func(_ *generation, reader index.IndexReader) error {
		all, err := count(ctx, reader, "all")
		if err != nil {
			return err
		}
		restricted, err := count(ctx, reader, "restricted")
		n = int(all - restricted)
		return err
	})
	return n, err
}

func count(ctx context.Context, reader index.IndexReader, flag string) (uint64, error) {
	list, err := reader.TermFieldReader(ctx, []byte(flag), "f", false, false, false)
	if err != nil {
		return 0, err
	}
	return list.Count(), list.Close()
}

// read calls f with what is there now.
func (x *Index) read(ctx context.Context, f func(*generation, index.IndexReader) error) error {
	g, err := x.acquire(ctx)
	if err != nil {
		return err
	}
	defer x.release(g)
	err = guarded(func() error {
		reader, err := g.store.Reader()
		if err != nil {
			return err
		}
		defer func() { _ = reader.Close() }()
		return f(g, reader)
	})
	if err != nil && ctx.Err() == nil {
		x.replace(g, err)
	}
	return err
}

// packageOf reads what is stored of a package.
func packageOf(reader index.IndexReader, id string) (p Package, known bool, err error) {
	doc, err := reader.Document(id)
	if err != nil || doc == nil {
		return p, false, err
	}
	doc.VisitFields(func(f index.Field) {
		if f.Name() == "j" {
			known, err = true, json.Unmarshal(f.Value(), &p)
		}
	})
	return p, known, err
}
