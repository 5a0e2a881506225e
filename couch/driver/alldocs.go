package driver

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"strings"

	kdriver "github.com/go-kivik/kivik/v4/driver"

	"settee/couch"
)

func (d *db) AllDocs(ctx context.Context, o kdriver.Options) (kdriver.Rows, error) {
	return d.list(o, func(c *couch.DB, p *options) (*couch.DocRows, error) {
		if p.Keys != nil {
			ids, err := keysOf(p.Keys)
			if err != nil {
				return nil, err
			}
			return c.AllDocsByID(ctx, ids, p.allDocs(idRange{}))
		}
		r, err := p.idRange()
		if err != nil {
			return nil, err
		}
		if p.Partition != nil {
			if err := inPartition(c, *p.Partition, &r, p.Descending); err != nil {
				return nil, err
			}
		}
		return c.AllDocs(ctx, p.allDocs(r))
	})
}

// DesignDocs are the documents whose ids begin with "_design/".
func (d *db) DesignDocs(ctx context.Context, o kdriver.Options) (kdriver.Rows, error) {
	return d.list(o, func(c *couch.DB, p *options) (*couch.DocRows, error) {
		r, err := p.idRange()
		if err != nil {
			return nil, err
		}
		r.within("_design/", "_design/\xff", p.Descending) // no id holds the byte ff: it is not UTF-8
		return c.AllDocs(ctx, p.allDocs(r))
	})
}

func (d *db) LocalDocs(ctx context.Context, o kdriver.Options) (kdriver.Rows, error) {
	return d.list(o, func(c *couch.DB, p *options) (*couch.DocRows, error) {
		r, err := p.idRange()
		if err != nil {
			return nil, err
		}
		return c.LocalDocs(ctx, p.allDocs(r))
	})
}

// list runs one listing, or one for each of queries.
func (d *db) list(o kdriver.Options, read func(*couch.DB, *options) (*couch.DocRows, error)) (kdriver.Rows, error) {
	c, p, err := d.open(o)
	if err != nil {
		return nil, err
	}
	one := func(p *options) (kdriver.Rows, error) {
		rows, err := read(c, p)
		if err != nil {
			return nil, err
		}
		return &docRows{rows: rows, db: c, p: p}, nil
	}
	return answer(p, one)
}

func (o *options) allDocs(r idRange) couch.AllDocsOptions {
	return couch.AllDocsOptions{
		Start: r.start, End: r.end, ExclusiveEnd: r.exclusiveEnd, Descending: o.Descending,
		Skip: o.Skip, Limit: o.Limit, IncludeDocs: o.IncludeDocs, Get: o.rowGet(),
	}
}

func keysOf(keys []json.RawMessage) ([]couch.DocID, error) {
	ids := make([]couch.DocID, len(keys))
	for i, k := range keys {
		if json.Unmarshal(k, &ids[i]) != nil {
			return nil, &couch.Error{Kind: couch.IllegalDocID, Reason: "Document id must be a string"}
		}
	}
	return ids, nil
}

// docRows are the rows of a listing.
type docRows struct {
	rows *couch.DocRows
	db   *couch.DB
	p    *options
}

func (r *docRows) Next(row *kdriver.Row) error {
	if !r.rows.Next() {
		if err := r.rows.Err(); err != nil {
			return err
		}
		return io.EOF
	}
	d := r.rows.Row()
	row.Key = appendString(row.Key[:0], string(d.ID))
	if d.Missing {
		return nil // the key and nothing else, as over HTTP
	}
	row.ID, row.Rev = string(d.ID), d.Rev.String()
	value := `{"rev":"` + row.Rev + `"}`
	if d.Deleted {
		value = `{"rev":"` + row.Rev + `","deleted":true}`
	}
	row.Value = strings.NewReader(value)
	if r.p.IncludeDocs {
		row.Doc = docReader(d.Doc)
	}
	return nil
}

func (r *docRows) Close() error     { return r.rows.Close() }
func (r *docRows) Offset() int64    { return r.rows.Offset() }
func (r *docRows) TotalRows() int64 { return r.rows.Total() }

func (r *docRows) UpdateSeq() string {
	if !r.p.UpdateSeq {
		return ""
	}
	return r.db.FormatSeq(r.rows.UpdateSeq())
}

func docReader(d *couch.Document) io.Reader {
	if d == nil {
		return strings.NewReader("null")
	}
	return bytes.NewReader(render(d))
}

// appendString appends s as a JSON string.
func appendString(dst []byte, s string) []byte {
	raw, err := encode(s)
	if err != nil {
		return dst // a string always encodes
	}
	return append(dst, raw...)
}
