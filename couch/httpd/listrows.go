package httpd

import (
	"encoding/json"
	"slices"
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

// rows opens a list.
func (c *call) rows(of kind, p listParams) (*couch.DocRows, error) {
	if of == everyDoc {
		if err := c.narrow(&p); err != nil {
			return nil, err
		}
	}
	if p.Keys != nil {
		return c.db.AllDocsByID(c.ctx(), p.named(), p.Rows)
	}
	switch of {
	case locals:
		return c.db.LocalDocs(c.ctx(), p.Rows)
	case designs:
		p.Rows.Start, p.Rows.End = within(p.Rows, *designRange.Start, *designRange.End)
	}
	return c.db.AllDocs(c.ctx(), p.Rows)
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

// named are the ids of Keys. A key that is no string is no id, and so names
// nothing.
func (p *listParams) named() []couch.DocID {
	ids := make([]couch.DocID, len(p.Keys))
	for i, k := range p.Keys {
		if id, err := text(k); err == nil {
			ids[i] = couch.DocID(id)
		}
	}
	return ids
}

// only keeps the keys of a kind.
func (p *listParams) only(of kind) {
	if of == everyDoc || p.Keys == nil {
		return
	}
	p.Keys = slices.DeleteFunc(p.Keys, func(k json.RawMessage) bool {
		id, err := text(k)
		return err != nil || couch.DocID(id).IsLocal() != (of == locals) || couch.DocID(id).IsDesign() != (of == designs)
	})
}

// figures are total_rows and offset as CouchDB counts them. Named rows and
// _local documents have no offset; that of design documents counts the others
// before them too.
func (c *call) figures(of kind, rows *couch.DocRows, p listParams) (total, offset string, err error) {
	if of == locals {
		return "null", "null", nil
	}
	all := rows.Total()
	if of == designs {
		if all, err = c.countDesigns(); err != nil {
			return "", "", err
		}
	}
	total, offset = strconv.FormatInt(all, 10), "null"
	if p.Keys == nil {
		offset = strconv.FormatInt(min(rows.Offset(), all), 10)
	}
	return total, offset, nil
}

// countDesigns counts the design documents, of which no database has many.
func (c *call) countDesigns() (n int64, err error) {
	rows, err := c.db.AllDocs(c.ctx(), designRange)
	if err != nil {
		return 0, err
	}
	defer rows.Close()
	for rows.Next() {
		n++
	}
	return n, rows.Err()
}
