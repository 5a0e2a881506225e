package driver

import (
	"context"

	kdriver "github.com/go-kivik/kivik/v4/driver"

	"settee/couch"
)

var _ kdriver.DBUpdater = (*client)(nil)

// DBUpdates follows the store's global changes from now on, as Kivik's CouchDB
// driver does: the options feed and since change that. It is for stores that
// have the database _global_changes.
func (c *client) DBUpdates(ctx context.Context, o kdriver.Options) (kdriver.DBUpdates, error) {
	f, err := (&db{client: c, name: couch.GlobalChanges}).Changes(ctx, optionsOver{map[string]any{"feed": "continuous", "since": "now"}, o})
	if err != nil {
		return nil, err
	}
	return &dbUpdates{feed: f}, nil
}

// optionsOver are options with defaults.
type optionsOver struct {
	defaults map[string]any
	kdriver.Options
}

func (o optionsOver) Apply(target any) {
	if m, ok := target.(map[string]any); ok {
		for name, v := range o.defaults {
			m[name] = v
		}
	}
	if o.Options != nil {
		o.Options.Apply(target)
	}
}

type dbUpdates struct {
	feed   kdriver.Changes
	change kdriver.Change
}

func (u *dbUpdates) Next(update *kdriver.DBUpdate) error {
	for {
		if err := u.feed.Next(&u.change); err != nil {
			return err
		}
		what, ok := couch.ParseDBUpdate(couch.DocID(u.change.ID))
		if !ok {
			continue // a document of somebody else's
		}
		update.DBName, update.Type, update.Seq = what.Name, what.Type, u.change.Seq
		return nil
	}
}

func (u *dbUpdates) LastSeq() (string, error) { return u.feed.LastSeq(), nil }
func (u *dbUpdates) Close() error             { return u.feed.Close() }
