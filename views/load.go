package views

import (
	"slices"

	"golang.org/x/sync/errgroup"

	"settee/couch"
)

// tableBytes is about how large a table of a load is: so small that all processors have one
// to write, so large that the waits for the disk do not count.
const tableBytes = 4 << 20

// segment is changes in the order of their keys, which begin with prefix.
type segment struct {
	prefix  []byte
	changes []change
}

// load is for a batch of much: it writes tables, in parallel. whole says that the rows are
// all there are: then their summaries are made too.
func (b *builder) load(e *edits, whole bool) error {
	load, err := b.space.Load(b.ctx, b.bytes)
	if err != nil {
		return err
	}
	defer load.Close()
	b.state.Summed = whole
	n := len(e.rows)
	docs, rows, sums, values := segment{docKey(""), e.docs}, make([]segment, n), make([]segment, n), make([]segment, n)
	crew := b.crew()
	crew.do(func() error {
		slices.SortFunc(docs.changes, byKey)
		return nil
	})
	for view := range e.rows {
		crew.do(func() (err error) {
			rows[view] = segment{levelPrefix(view, 0), e.sorted(view)}
			if whole {
				sums[view], err = b.sum(view, rows[view].changes)
			}
			values[view] = segment{valuePrefix(view), latest(append(e.values[view], takeApart(rows[view].changes)...), e.gone)}
			return err
		})
	}
	if err := crew.Wait(); err != nil {
		return err
	}
	state, pad := segment{stateKey, []change{{value: b.state.encode(b.db)}}}, segment{prefix: paddingKey}
	if slices.ContainsFunc(values, func(s segment) bool { return len(s.changes) > 0 }) {
		pad.changes = []change{{value: padding}}
	}
	all := slices.Concat([]segment{docs, state}, rows, sums, []segment{pad}, values)
	crew = b.crew()
	for len(all) > 0 {
		var table []segment
		table, all = cut(all)
		crew.do(func() error { return writeTable(load, table) })
	}
	if err := crew.Wait(); err != nil {
		return err
	}
	return load.Commit()
}

// crew does pieces of the work, as many at a time as there are mappers; gently, where nobody waits.
type crew struct {
	*errgroup.Group
	b *builder
}

func (b *builder) crew() crew {
	group, _ := errgroup.WithContext(b.ctx)
	group.SetLimit(b.engine.workers())
	return crew{group, b}
}

func (c crew) do(piece func() error) {
	c.Go(func() (err error) {
		c.b.gently(c.b.ctx, func() { err = piece() })
		return err
	})
}

// cut takes the changes of one table off the segments.
func cut(all []segment) (table, rest []segment) {
	size := 0
	for i, s := range all {
		for k, c := range s.changes {
			if size += len(s.prefix) + len(c.key) + len(c.value); size < tableBytes {
				continue
			}
			table = append(slices.Clone(all[:i]), segment{s.prefix, s.changes[:k+1]})
			rest = append([]segment{{s.prefix, s.changes[k+1:]}}, all[i+1:]...)
			return table, rest
		}
	}
	return all, nil
}

func writeTable(load *couch.SpaceLoad, segments []segment) error {
	table, err := load.Table()
	if err != nil {
		return err
	}
	var key []byte
	for _, s := range segments {
		for _, c := range s.changes {
			if key = append(append(key[:0], s.prefix...), c.key...); c.value == nil {
				err = table.Delete(key)
			} else {
				err = table.Set(key, c.value)
			}
			if err != nil {
				return err
			}
		}
	}
	return table.Close()
}

// sum makes all summaries of a view of its rows.
func (b *builder) sum(view int, rows []change) (segment, error) {
	s := segment{prefix: levelPrefix(view, 1)[:3]}
	p := newPass(b.reduces[view], func(level byte, start, record []byte) error {
		s.changes = append(s.changes, change{append([]byte{level}, start...), record})
		return nil
	})
	for _, r := range rows {
		if err := p.row(r.key, r.value); err != nil {
			return s, err
		}
	}
	err := p.finish()
	slices.SortFunc(s.changes, byKey)
	return s, err
}
