package driver

import (
	"bytes"
	"context"
	"io"

	kdriver "github.com/go-kivik/kivik/v4/driver"

	"settee/couch"
	"settee/views"
)

func (d *db) Query(ctx context.Context, ddoc, view string, o kdriver.Options) (kdriver.Rows, error) {
	c, p, err := d.open(o)
	if err != nil {
		return nil, err
	}
	if d.views == nil {
		return nil, errNoViews
	}
	one := func(p *options) (kdriver.Rows, error) {
		rows, err := d.views.Query(ctx, c, ddoc, view, p.query())
		if err != nil {
			return nil, err
		}
		return &viewRows{rows: rows, db: c, p: p}, nil
	}
	return answer(p, one)
}

func (o *options) query() views.Query {
	return views.Query{
		Key: o.Key, StartKey: o.StartKey, EndKey: o.EndKey, Keys: o.Keys,
		StartKeyDocID: o.StartKeyDoc, EndKeyDocID: o.EndKeyDoc, ExclusiveEnd: o.ExclusiveEnd,
		Descending: o.Descending, Skip: o.Skip, Limit: o.Limit,
		NoReduce: o.NoReduce, MustReduce: o.MustReduce, Group: o.Group, GroupLevel: o.GroupLevel,
		IncludeDocs: o.IncludeDocs, Get: o.rowGet(), Update: o.Update, Partition: o.Partition,
	}
}

// viewRows are the rows of a view.
type viewRows struct {
	rows *views.Rows
	db   *couch.DB
	p    *options
}

func (r *viewRows) Next(row *kdriver.Row) error {
	if !r.rows.Next() {
		if err := r.rows.Err(); err != nil {
			return err
		}
		return io.EOF
	}
	v := r.rows.Row()
	row.ID, row.Key = string(v.ID), append(row.Key[:0], v.Key...)
	if v.Error != "" {
		row.Error = &couch.Error{Kind: couch.Kind(v.Error), Reason: v.Reason}
		return nil
	}
	// The row is the engine's until the next one; a reader may be kept longer.
	text := bytes.Clone(v.Value)
	if r.p.raw != nil {
		*r.p.raw, text = text, []byte("null")
	}
	row.Value = bytes.NewReader(text)
	if r.p.IncludeDocs && !r.rows.Reduced() {
		row.Doc = docReader(v.Doc)
	}
	return nil
}

func (r *viewRows) Close() error { return r.rows.Close() }

func (r *viewRows) Offset() int64 {
	if r.rows.Reduced() {
		return 0
	}
	return r.rows.Offset()
}

func (r *viewRows) TotalRows() int64 {
	if r.rows.Reduced() {
		return 0
	}
	return r.rows.Total()
}

func (r *viewRows) UpdateSeq() string {
	if !r.p.UpdateSeq {
		return ""
	}
	return r.db.FormatSeq(r.rows.UpdateSeq())
}
