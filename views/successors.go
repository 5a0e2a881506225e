package views

import "bytes"

// successors finds the rows of a document that take the place of rows it had.
type successors struct {
	rows  []mappedRow
	at    int // behind the last one found
	named map[rowName]*mappedRow
}

type rowName struct {
	view int
	key  string
}

// near is how far ahead a row is looked for: mostly all come again in their order, and a new one
// stands between them here and there.
const near = 4

// of is the row of that view and key, nil where there is none.
func (s *successors) of(old *docRow) *mappedRow {
	for i := s.at; i < min(s.at+near, len(s.rows)); i++ {
		if r := &s.rows[i]; r.view == old.view && bytes.Equal(r.key, old.key) {
			s.at = i + 1
			return r
		}
	}
	if s.named == nil {
		s.named = make(map[rowName]*mappedRow, len(s.rows))
		for i := range s.rows {
			if r := &s.rows[i]; r.key != nil { // nil: found already
				s.named[rowName{r.view, string(r.key)}] = r
			}
		}
	}
	return s.named[rowName{old.view, string(old.key)}]
}
