package views

import (
	"bytes"
	"errors"
)

// reader reads rows and summaries of one view on a snapshot. Its iterators are
// opened once, for a grouped query reads many ranges.
type reader struct {
	summaries
	summed  bool  // summaries are there
	rows    int64 // of the view
	sums    iterator
	cursors [height + 1]*cursor
	few     collector // see collector
}

// collector is one of rows, empty; the one before is not used any more.
func (r *reader) collector() *collector {
	r.few.reduce, r.few.rows = r.reduce, true
	r.few.reset()
	return &r.few
}

func (r *reader) Close() (err error) {
	if r.cursors[0] != nil {
		err = r.cursors[0].Close()
	}
	if r.sums != nil {
		err = errors.Join(err, r.sums.Close())
	}
	r.sums, r.cursors = nil, [height + 1]*cursor{}
	return err
}

// level is the cursor of a level. Those of summaries share an iterator, for no two of them
// are walked at a time: who goes on with another level seeks there.
func (r *reader) level(level int) (*cursor, error) {
	var err error
	switch {
	case r.cursors[level] != nil:
	case level == 0:
		r.cursors[0], err = r.cursor(0, nil)
	default:
		if all := levelPrefix(r.view, level)[:3]; r.sums == nil {
			if r.sums, err = r.open(all, after(all)); err != nil {
				return nil, err
			}
		}
		r.cursors[level] = &cursor{it: r.sums, prefix: levelPrefix(r.view, level)}
	}
	return r.cursors[level], err
}

// count is the number of rows in [lower, upper); a nil upper is the end.
func (r *reader) count(lower, upper []byte) (int64, error) {
	c := collected{}
	err := r.tile(&c, r.top(), lower, upper)
	return c.count, err
}

// reduced is the reduction of the rows in [lower, upper), nil where there are none.
func (r *reader) reduced(lower, upper []byte) ([]byte, error) {
	c := collected{reduce: r.reduce}
	if err := r.tile(&c, r.top(), lower, upper); err != nil || c.count == 0 {
		return nil, err
	}
	return combine(r.reduce, c.parts), nil
}

// top is the level to begin at: the lowest of about one summary.
func (r *reader) top() int {
	if !r.summed {
		return 0
	}
	level := 1
	for n := r.rows; n > 16 && level < height; n /= 16 {
		level++
	}
	return level
}

// collected is what tiles add up to.
type collected struct {
	reduce reducer // nil: only counts
	count  int64
	parts  [][]byte
}

// manyRows is how many rows are reduced at once where there are no summaries.
const manyRows = 1000

// tile covers [lower, upper) with the level's summaries and what is left at both
// ends with those of the level below.
func (r *reader) tile(c *collected, level int, lower, upper []byte) error {
	if upper != nil && bytes.Compare(lower, upper) >= 0 {
		return nil
	}
	if level == 0 {
		return r.tileRows(c, lower, upper)
	}
	nodes, err := r.level(level)
	if err != nil {
		return err
	}
	if !nodes.seek(lower) || upper != nil && bytes.Compare(nodes.key, upper) >= 0 {
		if err := nodes.it.Err(); err != nil {
			return err
		}
		return r.tile(c, level-1, lower, upper)
	}
	first := bytes.Clone(nodes.key)
	at := append(make([]byte, 0, 2*len(first)), first...)
	parts := collected{reduce: c.reduce}
	var held []byte // the record of the summary before the cursor
	for {
		record, err := nodes.value()
		if err != nil {
			return err
		}
		held = append(held[:0], record...)
		more := nodes.next()
		if !more && upper != nil || more && upper != nil && bytes.Compare(nodes.key, upper) > 0 {
			break // this one reaches beyond
		}
		if record = held; parts.reduce != nil {
			record = bytes.Clone(held) // parts stay
		}
		parts.add(record)
		if !more {
			at = nil
			break
		}
		at = append(at[:0], nodes.key...)
	}
	if err := nodes.it.Err(); err != nil {
		return err
	}
	if err := r.tile(c, level-1, lower, first); err != nil {
		return err
	}
	c.count += parts.count
	c.parts = append(c.parts, parts.parts...)
	if at == nil {
		return nil
	}
	return r.tile(c, level-1, at, upper)
}

func (c *collected) add(record []byte) {
	n, part := parseSummary(record)
	c.count += n
	if c.reduce != nil && n > 0 {
		c.parts = append(c.parts, part)
	}
}

func (r *reader) tileRows(c *collected, lower, upper []byte) error {
	rows, err := r.level(0)
	if err != nil {
		return err
	}
	sum := r.collector()
	sum.reduce = c.reduce
	flush := func() {
		if sum.count > 0 {
			c.add(sum.record())
			sum.reset()
		}
	}
	for ok := rows.seek(lower); ok; ok = rows.next() {
		if upper != nil && bytes.Compare(rows.key, upper) >= 0 {
			break
		}
		if err := sum.add(rows.key, rows.value); err != nil {
			return err
		}
		if sum.count == manyRows {
			flush()
		}
	}
	flush()
	return rows.it.Err()
}
