package views

import "bytes"

// reader reads rows and summaries of one view on a snapshot. Its iterators are
// opened once, for a grouped query reads many ranges.
type reader struct {
	summaries
	summed  bool // summaries are there
	cursors [height + 1]*cursor
}

func (r *reader) Close() error {
	var first error
	for i, c := range r.cursors {
		if c == nil {
			continue
		}
		if err := c.Close(); err != nil && first == nil {
			first = err
		}
		r.cursors[i] = nil
	}
	return first
}

func (r *reader) level(level int) (*cursor, error) {
	var err error
	if r.cursors[level] == nil {
		r.cursors[level], err = r.cursor(level, nil)
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

func (r *reader) top() int {
	if r.summed {
		return height
	}
	return 0
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
	at := first
	parts := collected{reduce: c.reduce}
	for {
		record, err := nodes.value()
		if err != nil {
			return err
		}
		record = bytes.Clone(record)
		more := nodes.next()
		if !more && upper != nil || more && upper != nil && bytes.Compare(nodes.key, upper) > 0 {
			break // this one reaches beyond
		}
		parts.add(record)
		if !more {
			at = nil
			break
		}
		at = bytes.Clone(nodes.key)
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
	sum := collector{reduce: c.reduce, rows: true}
	flush := func() {
		if sum.count > 0 {
			c.add(sum.record())
			sum = collector{reduce: c.reduce, rows: true}
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
