package driver

import (
	"context"
	"encoding/json"
	"errors"
	"slices"

	kdriver "github.com/go-kivik/kivik/v4/driver"

	"settee/couch"
	"settee/views"
)

// couchVersion is the CouchDB release whose answers the engine gives.
const couchVersion = "3.5.0"

type client struct {
	store *couch.Store
	views *views.Engine // nil: no views
	user  *couch.User   // in whose name; nil: the server's own
	owned bool
}

var (
	_ kdriver.Client        = (*client)(nil)
	_ kdriver.ClientCloser  = (*client)(nil)
	_ kdriver.DBsStatser    = (*client)(nil)
	_ kdriver.AllDBsStatser = (*client)(nil)
	_ kdriver.Pinger        = (*client)(nil)
)

func (c *client) Version(context.Context) (*kdriver.Version, error) {
	raw, err := json.Marshal(map[string]any{
		"couchdb": "Welcome", "version": couchVersion, "uuid": c.store.UUID(), "vendor": map[string]string{"name": Name},
	})
	return &kdriver.Version{Version: couchVersion, Vendor: Name, RawResponse: raw}, err
}

func (c *client) Ping(ctx context.Context) (bool, error) {
	_, err := c.store.Databases(ctx)
	return err == nil, err
}

func (c *client) AllDBs(ctx context.Context, o kdriver.Options) ([]string, error) {
	p, err := parse(o)
	if err != nil {
		return nil, err
	}
	if !c.user.Admin() {
		return nil, couch.ErrNotServerAdmin
	}
	names, err := c.store.Databases(ctx)
	if err != nil {
		return nil, err
	}
	return pick(names, p)
}

// pick cuts ordered names to what _all_dbs was asked for.
func pick(names []string, p *options) ([]string, error) {
	r, err := p.idRange()
	if err != nil {
		return nil, err
	}
	if p.Descending {
		slices.Reverse(names)
	}
	names = slices.DeleteFunc(names, func(n string) bool { return !r.holds(couch.DocID(n), p.Descending) })
	names = names[min(p.Skip, len(names)):]
	if p.Limit >= 0 {
		names = names[:min(p.Limit, len(names))]
	}
	return names, nil
}

func (c *client) DBExists(_ context.Context, name string, _ kdriver.Options) (bool, error) {
	_, err := c.store.DB(name)
	if errors.Is(err, couch.ErrNoDatabase) {
		return false, nil
	}
	return err == nil, err
}

// CreateDB knows the option "partitioned".
func (c *client) CreateDB(ctx context.Context, name string, o kdriver.Options) error {
	p, err := parse(o)
	if err != nil {
		return err
	}
	if !c.user.Admin() {
		return couch.ErrNotServerAdmin
	}
	create := c.store.Create
	if p.Partitioned {
		create = c.store.CreatePartitioned
	}
	_, err = create(ctx, name)
	return err
}

func (c *client) DestroyDB(ctx context.Context, name string, _ kdriver.Options) error {
	if !c.user.Admin() {
		return couch.ErrNotServerAdmin
	}
	return c.store.Delete(ctx, name)
}

// DB returns a handle that looks its database up at each call, as one over HTTP
// does: it may be made before the database and outlives its deletion.
func (c *client) DB(name string, _ kdriver.Options) (kdriver.DB, error) {
	return &db{client: c, name: name}, nil
}

func (c *client) DBsStats(ctx context.Context, names []string) ([]*kdriver.DBStats, error) {
	stats := make([]*kdriver.DBStats, len(names))
	for i, n := range names {
		s, err := (&db{client: c, name: n}).Stats(ctx)
		switch {
		case errors.Is(err, couch.ErrNoDatabase):
		case err != nil:
			return nil, err
		default:
			stats[i] = s
		}
	}
	return stats, nil
}

func (c *client) AllDBsStats(ctx context.Context, o kdriver.Options) ([]*kdriver.DBStats, error) {
	names, err := c.AllDBs(ctx, o)
	if err != nil {
		return nil, err
	}
	stats, err := c.DBsStats(ctx, names)
	// A database that went in between is no part of the answer.
	return slices.DeleteFunc(stats, func(s *kdriver.DBStats) bool { return s == nil }), err
}
