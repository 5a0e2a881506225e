package driver

import (
	"context"
	"encoding/json"

	kdriver "github.com/go-kivik/kivik/v4/driver"

	"settee/couch"
	"settee/views"
)

// filter makes the filter that the options name; nil: all rows.
func (d *db) filter(ctx context.Context, c *couch.DB, p *options, given kdriver.Options) (*views.Filter, error) {
	o := views.FilterOptions{Name: p.Filter, View: p.View, Selector: p.Selector, Fields: p.Fields, Conflicts: p.Conflicts}
	if p.DocIDs != nil {
		o.DocIDs, _ = json.Marshal(p.DocIDs)
	}
	switch {
	case o.Name != "":
	case p.DocIDs != nil:
		o.Name = "_doc_ids"
	case p.Selector != nil:
		o.Name = "_selector"
	}
	o.Request = func() ([]byte, error) { return d.request(ctx, c, given) }
	return d.views.Filter(ctx, c, o)
}

// request is what a filter function sees as req: the request that Kivik's
// CouchDB driver would have sent, in the name of who asks.
func (d *db) request(ctx context.Context, c *couch.DB, given kdriver.Options) ([]byte, error) {
	stats, err := d.Stats(ctx)
	if err != nil {
		return nil, err
	}
	params := map[string]any{}
	given.Apply(params)
	query := map[string]string{}
	for name, v := range params {
		if s, ok := text(v); ok {
			query[name] = s
		}
	}
	type object = map[string]any
	path := []string{d.name, "_changes"}
	return json.Marshal(object{
		"info": stats.RawResponse, "uuid": d.store.NewUUID(), "id": nil, "method": "POST",
		"requested_path": path, "path": path, "raw_path": "/" + d.name + "/_changes",
		"query": query, "headers": object{}, "body": object{}, "peer": "", "form": object{}, "cookie": object{},
		"userCtx": json.RawMessage(views.UserContext(c, d.user)),
		"secObj":  json.RawMessage(c.Security()),
	})
}
