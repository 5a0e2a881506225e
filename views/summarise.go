package views

import (
	"bytes"

	"settee/couch"
)

// flushSize is how many bytes of summaries go into one batch of the pass.
const flushSize = 4 << 20

// pass makes the summaries of a whole view from its rows, in one walk.
type pass struct {
	set    func(level byte, start, record []byte) error
	reduce reducer
	levels [height + 1]struct {
		start []byte
		sum   collector
	}
}

// newPass begins one; set keeps the start and the record that it is given.
func newPass(reduce reducer, set func(level byte, start, record []byte) error) *pass {
	p := &pass{set: set, reduce: reduce}
	for level := 1; level <= height; level++ {
		p.begin(level, nil)
	}
	return p
}

func (p *pass) begin(level int, start []byte) {
	l := &p.levels[level]
	l.start = start
	l.sum = collector{reduce: p.reduce, rows: level == 1}
}

// row takes the next row. It keeps its bytes.
func (p *pass) row(key, record []byte) error {
	starts := levelOf(key)
	for level := 1; level <= starts; level++ {
		if err := p.end(level); err != nil {
			return err
		}
		p.begin(level, key)
	}
	p.levels[1].sum.keep(key, record)
	return nil
}

// finish ends the summaries that are open.
func (p *pass) finish() error {
	for level := 1; level <= height; level++ {
		if err := p.end(level); err != nil {
			return err
		}
	}
	return nil
}

// end writes the level's summary and adds it to the one above.
func (p *pass) end(level int) error {
	l := &p.levels[level]
	record := l.sum.record()
	if level < height {
		p.levels[level+1].sum.keep(nil, record)
	}
	return p.set(byte(level), l.start, record)
}

// summarise makes all summaries anew, in batches; then the state says that they are whole.
func (b *builder) summarise() error {
	snapshot, err := b.space.Snapshot()
	if err != nil {
		return err
	}
	defer snapshot.Close()
	out := b.space.Batch()
	out.DeleteRange([]byte{'s'}, []byte{'s' + 1})
	if err := out.Commit(); err != nil {
		return err
	}
	crew := b.crew()
	for view := range b.design.views {
		crew.do(func() error { return b.summariseView(snapshot, view) })
	}
	if err := crew.Wait(); err != nil {
		return err
	}
	out = b.space.Batch()
	b.state.Summed = true
	b.state.write(b.db, out)
	return out.Commit()
}

func (b *builder) summariseView(snapshot *couch.SpaceSnapshot, view int) error {
	rows, err := b.summaries(snapshot, view).cursor(0, nil)
	if err != nil {
		return err
	}
	defer rows.Close()
	out := b.space.Batch()
	p := newPass(b.reduces[view], func(level byte, start, record []byte) error {
		out.Set(append(levelPrefix(view, int(level)), start...), record)
		if out.Size() < flushSize {
			return b.ctx.Err()
		}
		err := out.Commit()
		out = b.space.Batch()
		return err
	})
	for ok := rows.seek(nil); ok; ok = rows.next() {
		record, err := rows.value()
		if err == nil {
			err = p.row(bytes.Clone(rows.key), bytes.Clone(record))
		}
		if err != nil {
			return err
		}
	}
	if err := rows.it.Err(); err != nil {
		return err
	}
	if err := p.finish(); err != nil {
		return err
	}
	return out.Commit()
}
