package search

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/cespare/xxhash/v2"
)

// popular is what others say of a package.
type popular struct{ weekly, dependents uint32 }

// fame is how popular packages are, by the hash of their names: 16 bytes for each that somebody downloaded or needs. It is made anew
// every now and then, so that no document has to be indexed again because others were downloaded.
type fame struct {
	table atomic.Pointer[map[uint64]popular]
}

// refreshed is how often.
const refreshed = time.Minute

func (f *fame) of(name uint64) popular {
	if table := f.table.Load(); table != nil {
		return (*table)[name]
	}
	return popular{}
}

// renew reads the downloads and counts who needs whom.
func (f *fame) renew(ctx context.Context, g *generation, weekly func(func(string, int64))) error {
	table := map[uint64]popular{}
	if weekly != nil {
		weekly(func(name string, n int64) {
			if n > 0 {
				table[xxhash.Sum64String(name)] = popular{weekly: uint32(min(n, 1<<32-1))}
			}
		})
	}
	reader, err := g.store.Reader()
	if err != nil {
		return err
	}
	defer func() { _ = reader.Close() }()
	needed, err := reader.FieldDict("d")
	if err != nil {
		return err
	}
	defer func() { _ = needed.Close() }()
	for ctx.Err() == nil {
		e, err := needed.Next()
		if err != nil {
			return err
		}
		if e == nil {
			f.table.Store(&table)
			return f.ranked(g)
		}
		name := xxhash.Sum64String(e.Term)
		p := table[name]
		p.dependents = uint32(min(e.Count, 1<<32-1))
		table[name] = p
	}
	return ctx.Err()
}

// ranked has all packages ranked by what was renewed.
func (f *fame) ranked(g *generation) error {
	reader, err := g.store.Reader()
	if err != nil {
		return err
	}
	defer func() { _ = reader.Close() }()
	read, err := g.tables.of(reader, f.of)
	if err != nil {
		return err
	}
	for _, t := range read.tables {
		t.renew(f.of)
	}
	return nil
}
