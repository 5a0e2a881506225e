package views

import "bytes"

// flushSize is how many bytes of summaries go into one batch of the pass.
const flushSize = 4 << 20

// pass makes the summaries of a whole view from its rows, in one walk.
type pass struct {
	view   int
	set    func(key, value []byte) error
	reduce reducer
	levels [height + 1]struct {
		start []byte
		sum   collector
	}
}

// summariseAll writes every summary of the view. The level below must have none.
func (s *summaries) summariseAll(set func(key, value []byte) error) error {
	p := pass{view: s.view, set: set, reduce: s.reduce}
	for level := 1; level <= height; level++ {
		p.begin(level, nil)
	}
	rows, err := s.cursor(0, nil)
	if err != nil {
		return err
	}
	defer rows.Close()
	for ok := rows.seek(nil); ok; ok = rows.next() {
		starts := levelOf(rows.key)
		for level := 1; level <= starts; level++ {
			if err := p.end(level); err != nil {
				return err
			}
			p.begin(level, rows.key)
		}
		if err := p.levels[1].sum.add(rows.key, rows.value); err != nil {
			return err
		}
	}
	if err := rows.it.Err(); err != nil {
		return err
	}
	for level := 1; level <= height; level++ {
		if err := p.end(level); err != nil {
			return err
		}
	}
	return nil
}

func (p *pass) begin(level int, start []byte) {
	l := &p.levels[level]
	l.start = bytes.Clone(start)
	l.sum = collector{reduce: p.reduce, rows: level == 1}
}

// end writes the level's summary and adds it to the one above.
func (p *pass) end(level int) error {
	l := &p.levels[level]
	record := l.sum.record()
	if level < height {
		if err := p.levels[level+1].sum.add(nil, func() ([]byte, error) { return record, nil }); err != nil {
			return err
		}
	}
	return p.set(append(levelPrefix(p.view, level), l.start...), record)
}
