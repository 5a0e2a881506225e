package views

import (
	"bytes"
	"encoding/json"
	"slices"
	"sort"

	"settee/couch"
)

// iterator and batch are what summaries need of a couch.Space.
type iterator interface {
	Next() bool
	Prev() bool
	SeekGE(key []byte) bool
	SeekLT(key []byte) bool
	Key() []byte
	Value() ([]byte, error)
	Err() error
	Close() error
}

type batch interface {
	Set(key, value []byte)
	Delete(key []byte)
	DeleteRange(lower, upper []byte)
}

// change is a new record of one level, or its removal where value is nil.
type change struct{ key, value []byte }

// summaries keeps the levels of one view up to date.
type summaries struct {
	view   int
	reduce reducer // nil: only counts
	open   func(lower, upper []byte) (iterator, error)
	get    func(key []byte) ([]byte, error)
}

// value is a row's value, which may lie apart.
func (s *summaries) value(row []byte, e entry) (json.RawMessage, error) {
	if len(e.value) > 0 {
		return e.value, nil
	}
	value, err := s.get(append(valuePrefix(s.view), row...))
	if missing(err) {
		return nil, &couch.Error{Kind: couch.Internal, Reason: "The index is damaged: a large value of " + string(e.id) + " is missing."}
	}
	return value, err
}

// update writes the summaries over changed rows, which are ordered by key. The
// iterators that open gives do not show the changes yet.
func (s *summaries) update(b batch, rows []change) error {
	changes := rows
	for level := 1; level <= height && len(changes) > 0; level++ {
		next, err := s.updateLevel(level, changes)
		if err != nil {
			return err
		}
		prefix := levelPrefix(s.view, level)
		for _, c := range next {
			key := append(bytes.Clone(prefix), c.key...)
			if c.value == nil {
				b.Delete(key)
			} else {
				b.Set(key, c.value)
			}
		}
		changes = next
	}
	return nil
}

func (s *summaries) updateLevel(level int, below []change) ([]change, error) {
	nodes, err := s.cursor(level, nil)
	if err != nil {
		return nil, err
	}
	defer nodes.Close()
	children, err := s.cursor(level-1, below)
	if err != nil {
		return nil, err
	}
	defer children.Close()

	starts := s.touched(level, nodes, below)
	changes := make([]change, 0, len(starts))
	for _, start := range starts {
		c := change{key: start}
		if present(below, start) {
			if c.value, err = s.summarise(level, children, start); err != nil {
				return nil, err
			}
		}
		changes = append(changes, c)
	}
	return changes, nil
}

// touched lists, in order, the starts of the level whose summaries change, or vanish:
// the one that each change falls behind, and the change itself where it is a start.
func (s *summaries) touched(level int, nodes *cursor, below []change) (starts [][]byte) {
	latest := []byte{} // the last start among the changes so far
	for _, c := range below {
		if len(c.key) > 0 {
			starts = append(starts, nodes.startBefore(c.key, latest, below))
		}
		if levelOf(c.key) >= level {
			starts = append(starts, c.key)
			if c.value != nil {
				latest = c.key
			}
		}
	}
	slices.SortFunc(starts, bytes.Compare)
	return slices.CompactFunc(starts, bytes.Equal)
}

// startBefore is the last start before key once the changes are made. latest is
// the last one among the changes.
func (c *cursor) startBefore(key, latest []byte, changes []change) []byte {
	found := c.it.SeekLT(append(bytes.Clone(c.prefix), key...))
	for found {
		stored := c.it.Key()[len(c.prefix):]
		if bytes.Compare(stored, latest) <= 0 {
			break
		}
		if present(changes, stored) {
			return bytes.Clone(stored)
		}
		found = c.it.SeekLT(bytes.Clone(c.it.Key()))
	}
	return latest
}

// present reports whether a start is one after the changes: the empty one always is.
func present(changes []change, start []byte) bool {
	i := sort.Search(len(changes), func(i int) bool { return bytes.Compare(changes[i].key, start) >= 0 })
	return len(start) == 0 || i == len(changes) || !bytes.Equal(changes[i].key, start) || changes[i].value != nil
}

// summarise reads the children from start to the level's next start.
func (s *summaries) summarise(level int, children *cursor, start []byte) ([]byte, error) {
	sum := collector{reduce: s.reduce, rows: level == 1}
	for ok := children.seek(start); ok; ok = children.next() {
		if levelOf(children.key) >= level && !bytes.Equal(children.key, start) {
			break
		}
		if err := sum.add(children.key, children.value); err != nil {
			return nil, err
		}
	}
	if err := children.it.Err(); err != nil {
		return nil, err
	}
	return sum.record(), nil
}

// collector adds up the children of one summary.
type collector struct {
	reduce  reducer
	rows    bool
	count   int64
	entries []entry
	parts   [][]byte
	bytes   []byte // what entries and parts are of
}

func (c *collector) add(key []byte, value func() ([]byte, error)) error {
	if c.rows && c.reduce == nil {
		c.count++
		return nil
	}
	record, err := value()
	if err != nil {
		return err
	}
	if c.reduce == nil {
		n, _ := parseSummary(record)
		c.count += n
		return nil
	}
	c.keep(c.copyOf(key), c.copyOf(record))
	return nil
}

// reset begins anew in the same memory; what reduce made of the entries is not of it.
func (c *collector) reset() {
	*c = collector{reduce: c.reduce, rows: c.rows, entries: c.entries[:0], parts: c.parts[:0], bytes: c.bytes[:0]}
}

func (c *collector) copyOf(b []byte) []byte {
	at := len(c.bytes)
	c.bytes = append(c.bytes, b...) // what lies in an array that it outgrew stays there
	return c.bytes[at:len(c.bytes):len(c.bytes)]
}

// keep adds a child whose bytes stay.
func (c *collector) keep(key, record []byte) {
	if c.rows {
		if c.count++; c.reduce != nil {
			c.entries = append(c.entries, parseEntry(key, record))
		}
		return
	}
	n, part := parseSummary(record)
	if c.count += n; c.reduce != nil && n > 0 {
		c.parts = append(c.parts, part)
	}
}

func (c *collector) record() []byte {
	if c.reduce == nil || c.count == 0 {
		return appendSummary(nil, c.count, nil)
	}
	if c.rows {
		return appendSummary(nil, c.count, c.reduce.reduce(c.entries))
	}
	return appendSummary(nil, c.count, combine(c.reduce, c.parts))
}

// cursor walks one level with changes laid over it.
type cursor struct {
	it      iterator
	prefix  []byte
	changes []change
	rows    *summaries // whose rows these are; nil: these are summaries

	at    int  // the next change
	valid bool // the iterator stands on a record
	key   []byte
	fresh []byte // the change's value, where it is one

	sought []byte
}

func (s *summaries) cursor(level int, changes []change) (*cursor, error) {
	prefix := levelPrefix(s.view, level)
	it, err := s.open(prefix, after(prefix))
	c := &cursor{it: it, prefix: prefix, changes: changes}
	if level == 0 {
		c.rows = s
	}
	return c, err
}

func (c *cursor) Close() error { return c.it.Close() }

func (c *cursor) seek(key []byte) bool {
	c.sought = append(append(c.sought[:0], c.prefix...), key...)
	c.valid = c.it.SeekGE(c.sought)
	c.at = sort.Search(len(c.changes), func(i int) bool { return bytes.Compare(c.changes[i].key, key) >= 0 })
	return c.settle()
}

func (c *cursor) next() bool {
	if c.fresh != nil {
		c.at++
	} else {
		c.valid = c.it.Next()
	}
	return c.settle()
}

// settle stands on the next key: a change hides the record under it.
func (c *cursor) settle() bool {
	for c.fresh = nil; ; {
		var stored []byte
		if c.valid {
			stored, c.valid = bytes.CutPrefix(c.it.Key(), c.prefix)
		}
		if c.at == len(c.changes) {
			c.key = stored
			return c.valid
		}
		change := c.changes[c.at]
		order := -1
		if c.valid {
			order = bytes.Compare(change.key, stored)
		}
		if order > 0 {
			c.key = stored
			return true
		}
		if order == 0 {
			c.valid = c.it.Next()
		}
		if change.value != nil {
			c.key, c.fresh = change.key, change.value
			return true
		}
		c.at++
	}
}

// value is the record, of a row with its value.
func (c *cursor) value() ([]byte, error) {
	if c.fresh != nil {
		return c.fresh, nil
	}
	record, err := c.it.Value()
	if err != nil || c.rows == nil || len(record) > headOf(record) {
		return record, err
	}
	value, err := c.rows.value(c.key, parseEntry(c.key, record))
	return append(bytes.Clone(record), value...), err
}
