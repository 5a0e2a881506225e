package driver

import (
	"io"
	"sync"

	kdriver "github.com/go-kivik/kivik/v4/driver"
)

// guarded lets Close come while Next runs, and twice: Kivik closes an iterator
// from another goroutine when its context ends.
type guarded struct {
	kdriver.Rows

	mu     sync.Mutex // held by Next and Close; guards closed
	closed bool
}

func (g *guarded) Next(row *kdriver.Row) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed {
		return io.EOF
	}
	return g.Rows.Next(row)
}

func (g *guarded) Close() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed {
		return nil
	}
	g.closed = true
	return g.Rows.Close()
}

// listed are rows that were counted beforehand and are made one at a time.
type listed struct {
	n, at int
	row   func(i int, row *kdriver.Row) error
	done  func() // of what it holds, in a guarded; nil: it holds nothing
}

func (l *listed) Next(row *kdriver.Row) error {
	if l.at >= l.n {
		return io.EOF
	}
	l.at++
	return l.row(l.at-1, row)
}

// Close comes while Next runs: see guarded.
func (l *listed) Close() error {
	if l.done != nil {
		l.done()
	}
	return nil
}

func (*listed) UpdateSeq() string { return "" }
func (*listed) Offset() int64     { return 0 }
func (*listed) TotalRows() int64  { return 0 }

// several are the answers of a call with queries, one after the other.
type several struct {
	open []func() (kdriver.Rows, error) // those to come
	kdriver.Rows
}

// answer is the rows of a call, or of its queries one after the other.
func answer(p *options, one func(*options) (kdriver.Rows, error)) (kdriver.Rows, error) {
	var rows kdriver.Rows
	var err error
	if p.Queries != nil {
		rows, err = severally(p.Queries, one)
	} else {
		rows, err = one(p)
	}
	if err != nil {
		return nil, err
	}
	return &guarded{Rows: rows}, nil
}

// severally opens the first answer, so that an error of it is the call's.
func severally(queries []map[string]any, one func(*options) (kdriver.Rows, error)) (kdriver.Rows, error) {
	s := &several{Rows: &listed{}}
	for _, q := range queries {
		p, err := parseMap(q)
		if err != nil {
			return nil, err
		}
		s.open = append(s.open, func() (kdriver.Rows, error) { return one(p) })
	}
	if len(s.open) == 0 {
		return s, nil
	}
	return s, s.advance()
}

func (s *several) advance() (err error) {
	if err := s.Rows.Close(); err != nil {
		return err
	}
	open := s.open[0]
	s.open = s.open[1:]
	rows, err := open()
	if err != nil {
		return err
	}
	s.Rows = &oneOf{Rows: rows}
	return nil
}

func (s *several) Next(row *kdriver.Row) error {
	if o, ok := s.Rows.(*oneOf); ok && o.ended {
		if len(s.open) == 0 {
			return io.EOF
		}
		if err := s.advance(); err != nil {
			return err
		}
	}
	return s.Rows.Next(row)
}

// oneOf ends with EOQ, as Kivik wants of a part.
type oneOf struct {
	kdriver.Rows
	ended bool
}

func (o *oneOf) Next(row *kdriver.Row) error {
	err := o.Rows.Next(row)
	if err == io.EOF {
		o.ended = true
		return kdriver.EOQ
	}
	return err
}
