package driver

import (
	"errors"

	"github.com/go-kivik/kivik/v4"
	kdriver "github.com/go-kivik/kivik/v4/driver"

	"settee/couch"
	"settee/views"
)

// Name is what the driver is registered under.
const Name = "settee"

// Kivik finds drivers by name only, so this room alone has an init.
func init() { kivik.Register(Name, settee{}) }

type settee struct{}

// NewClient opens the store in the folder dir, or wraps the one that the options carry.
func (settee) NewClient(dir string, o kdriver.Options) (kdriver.Client, error) {
	var w wrapped
	o.Apply(&w)
	if w.store != nil {
		return &client{store: w.store, views: w.views, user: w.user}, nil
	}
	var s storeOptions
	o.Apply(&s)
	store, err := couch.Open(dir, s.Options)
	if err != nil {
		return nil, err
	}
	return &client{store: store, views: views.New(store, views.Options{}), owned: true}, nil
}

// NewClient returns a client of an open store and its views, both still the
// caller's to close. eng may be nil: then there are no views.
func NewClient(store *couch.Store, eng *views.Engine) (*kivik.Client, error) {
	return kivik.New(Name, "", wrapped{store, eng, nil})
}

// Client is what NewClient hands to Kivik, for who puts a driver of his own around it.
func Client(store *couch.Store, eng *views.Engine) kdriver.Client {
	return &client{store: store, views: eng}
}

// wrapped is the option that hands an open store through kivik.New, which knows only names.
type wrapped struct {
	store *couch.Store
	views *views.Engine
	user  *couch.User
}

func (w wrapped) Apply(target any) {
	if t, ok := target.(*wrapped); ok {
		*t = w
	}
}

// WithOptions makes kivik.New("settee", dir, …) open the store with o.
func WithOptions(o couch.Options) kivik.Option { return storeOptions{o} }

type storeOptions struct{ couch.Options }

func (s storeOptions) Apply(target any) {
	if t, ok := target.(*storeOptions); ok {
		*t = s
	}
}

// Close closes the store if this client opened it.
func (c *client) Close() error {
	if !c.owned {
		return nil
	}
	return errors.Join(c.views.Close(), c.store.Close())
}
