package httpd

import (
	"encoding/json"
	"strconv"

	"settee/couch"
)

// A kind is which documents a list holds.
type kind string

const (
	everyDoc kind = "_all_docs"
	designs  kind = "_design_docs"
	locals   kind = "_local_docs"
)

// designRange holds every design document.
var designRange = func() couch.AllDocsOptions {
	lower, upper := couch.DocID("_design/"), couch.DocID("_design0")
	return couch.AllDocsOptions{Start: &lower, End: &upper, ExclusiveEnd: true, Limit: -1}
}()

// docRows are what the lists iterate; *couch.DocRows is one.
type docRows interface {
	Next() bool
	Row() *couch.DocRow
	Total() int64
	Offset() int64
	UpdateSeq() couch.Seq
	Err() error
	Close() error
}

// rows opens a list.
func (c *call) rows(of kind, p listParams) (docRows, error) {
	if of == everyDoc {
		if err := c.narrow(&p); err != nil {
			return nil, err
		}
	}
	if p.Nothing && p.Keys == nil {
		p.Rows.Limit = 0
	}
	if p.Keys != nil {
		return c.keyed(of, p)
	}
	switch of {
	case locals:
		return opened(c.db.LocalDocs(c.ctx(), p.Rows))
	case designs:
		p.Rows.Start, p.Rows.End = within(p.Rows, *designRange.Start, *designRange.End)
	}
	return opened(c.db.AllDocs(c.ctx(), p.Rows))
}

// opened keeps a nil pointer from becoming an interface that is not nil.
func opened(rows *couch.DocRows, err error) (docRows, error) {
	if err != nil {
		return nil, err
	}
	return rows, nil
}

// within narrows a range to the ids between lower and upper, which is none itself.
func within(o couch.AllDocsOptions, lower, upper couch.DocID) (start, end *couch.DocID) {
	low, high := o.Start, o.End
	if o.Descending {
		low, high = high, low
	}
	if low == nil || *low < lower {
		low = &lower
	}
	if high == nil || *high > upper {
		high = &upper
	}
	if o.Descending {
		return high, low
	}
	return low, high
}

// keyed opens a list of named rows. A key that is no string names nothing.
func (c *call) keyed(of kind, p listParams) (docRows, error) {
	keys := p.Keys
	if p.Rows.Descending {
		keys = reversed(keys)
	}
	ids := make([]couch.DocID, 0, len(keys))
	for _, k := range keys {
		id, err := text(k)
		if err != nil {
			return nil, badRequest("`keys` must hold document ids.")
		}
		if of == designs && !couch.DocID(id).IsDesign() {
			continue
		}
		ids = append(ids, couch.DocID(id))
	}
	if of == locals {
		skip := min(p.Rows.Skip, len(ids))
		ids = ids[skip:]
		if p.Rows.Limit >= 0 {
			ids = ids[:min(p.Rows.Limit, len(ids))]
		}
		return &localRows{c: c, ids: ids, docs: p.Rows.IncludeDocs}, nil
	}
	return opened(c.db.AllDocsByID(c.ctx(), ids, p.Rows))
}

func reversed(keys []json.RawMessage) []json.RawMessage {
	back := make([]json.RawMessage, 0, len(keys))
	for i := len(keys) - 1; i >= 0; i-- {
		back = append(back, keys[i])
	}
	return back
}

// figures are total_rows and offset, as CouchDB counts them: design documents
// among themselves, named rows and _local documents without an offset.
func (c *call) figures(of kind, rows docRows, p listParams) (total, offset string, err error) {
	all, before := rows.Total(), rows.Offset()
	switch of {
	case locals:
		return "null", "null", nil
	case designs:
		first, err := c.db.AllDocs(c.ctx(), designRange)
		if err != nil {
			return "", "", err
		}
		defer first.Close()
		for all = 0; first.Next(); all++ {
			if all == 0 {
				before -= first.Offset()
			}
		}
		if err := first.Err(); err != nil {
			return "", "", err
		}
		before = min(max(before, 0), all)
	}
	if p.Keys != nil {
		return strconv.FormatInt(all, 10), "null", nil
	}
	return strconv.FormatInt(all, 10), strconv.FormatInt(before, 10), nil
}

// localRows are named _local documents.
type localRows struct {
	c    *call
	ids  []couch.DocID // those to come
	docs bool
	row  couch.DocRow
	err  error
}

func (l *localRows) Next() bool {
	if len(l.ids) == 0 || l.err != nil {
		return false
	}
	l.row = couch.DocRow{ID: l.ids[0]}
	l.ids = l.ids[1:]
	d, err := l.c.db.GetLocal(l.c.ctx(), l.row.ID)
	switch {
	case isAbsent(err):
		l.row.Missing = true
	case err != nil:
		l.err = err
		return false
	default:
		l.row.Rev = d.Rev
		if l.docs {
			l.row.Doc = d
		}
	}
	return true
}

func (l *localRows) Row() *couch.DocRow   { return &l.row }
func (l *localRows) Total() int64         { return 0 }
func (l *localRows) Offset() int64        { return 0 }
func (l *localRows) UpdateSeq() couch.Seq { return 0 }
func (l *localRows) Err() error           { return l.err }
func (l *localRows) Close() error         { return nil }
