package driver

import (
	"bytes"
	"context"
	"encoding/json"
	"io"

	kdriver "github.com/go-kivik/kivik/v4/driver"

	"settee/couch"
	"settee/views"
)

var _ kdriver.Finder = (*db)(nil)

var errNoViews = &couch.Error{Kind: couch.NotImplemented, Reason: "This store was opened without views."}

// searched finds the database of a search.
func (d *db) searched() (*couch.DB, error) {
	c, err := d.database(toRead)
	if err == nil && d.views == nil {
		err = errNoViews
	}
	return c, err
}

// asked is the database of a search or an index, and what is asked of it as JSON.
func (d *db) asked(what any) (*couch.DB, []byte, error) {
	c, err := d.searched()
	if err != nil {
		return nil, nil, err
	}
	body, err := encodeDocument(what)
	return c, body, err
}

// Find searches; Kivik has put the options into the query.
func (d *db) Find(ctx context.Context, query any, _ kdriver.Options) (kdriver.Rows, error) {
	c, body, err := d.asked(query)
	if err != nil {
		return nil, err
	}
	found, err := d.views.Find(ctx, c, body, "")
	if err != nil {
		return nil, err
	}
	return &foundRows{guarded{Rows: &foundReader{found: found}}, found}, nil
}

// foundRows are what a search finds. Bookmark and Warning tell of all of it, once it
// was read.
type foundRows struct {
	guarded
	found *views.Found
}

type foundReader struct {
	listed
	found *views.Found
}

func (r *foundReader) Next(row *kdriver.Row) error {
	if !r.found.Next() {
		if err := r.found.Err(); err != nil {
			return err
		}
		return io.EOF
	}
	// The document is the engine's until the next one; a reader may be kept longer.
	row.Doc = bytes.NewReader(bytes.Clone(r.found.Doc()))
	return nil
}

func (r *foundReader) Close() error { return r.found.Close() }

func (r *foundRows) Bookmark() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	bookmark, _ := r.found.Bookmark()
	return bookmark
}

func (r *foundRows) Warning() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.found.Warning()
}

// Explain tells how Find would search.
func (d *db) Explain(ctx context.Context, query any, _ kdriver.Options) (*kdriver.QueryPlan, error) {
	c, body, err := d.asked(query)
	if err != nil {
		return nil, err
	}
	raw, err := d.views.Explain(ctx, c, body, "")
	if err != nil {
		return nil, err
	}
	plan := &kdriver.QueryPlan{}
	return plan, json.Unmarshal(raw, plan)
}

// CreateIndex makes an index that is not there yet; its definition may also come as JSON
// in text or bytes.
func (d *db) CreateIndex(ctx context.Context, ddoc, name string, index any, _ kdriver.Options) error {
	c, raw, err := d.asked(index)
	if err != nil {
		return err
	}
	if !json.Valid(raw) {
		return invalid(io.ErrUnexpectedEOF)
	}
	body, err := json.Marshal(struct {
		Index json.RawMessage `json:"index"`
		DDoc  string          `json:"ddoc,omitempty"`
		Name  string          `json:"name,omitempty"`
	}{raw, ddoc, name})
	if err != nil {
		return invalid(err)
	}
	_, _, _, err = d.views.CreateIndex(ctx, c, body, d.designer())
	return err
}

func (d *db) GetIndexes(ctx context.Context, _ kdriver.Options) ([]kdriver.Index, error) {
	c, err := d.searched()
	if err != nil {
		return nil, err
	}
	all, err := d.views.Indexes(ctx, c)
	if err != nil {
		return nil, err
	}
	list := make([]kdriver.Index, len(all))
	for i, x := range all {
		raw, err := x.MarshalJSON()
		if err != nil {
			return nil, err
		}
		if err := json.Unmarshal(raw, &list[i]); err != nil {
			return nil, err
		}
	}
	return list, nil
}

func (d *db) DeleteIndex(ctx context.Context, ddoc, name string, _ kdriver.Options) error {
	c, err := d.searched()
	if err != nil {
		return err
	}
	return d.views.DeleteIndex(ctx, c, ddoc, name, d.designer())
}
