package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"github.com/go-kivik/kivik/v4"

	"settee/couch/driver"
	"settee/views"
)

// A place is where a command finds the documents that it looks at: behind a CouchDB API, or in the folder of a
// stopped server.
type place struct{ data, db string }

func (p *place) flags(fs *flag.FlagSet) {
	fs.StringVar(&p.data, "data", "./settee-data", "`DIR` of the embedded stores, where there is no --db")
	fs.StringVar(&p.db, "db", "", "`URL` of the CouchDB API, with a server admin's credentials")
}

func (p *place) check() error {
	if p.db == "" {
		return holdsStore(p.data)
	}
	if u, err := url.Parse(p.db); err != nil || u.Host == "" {
		return usageError{errors.New("--db: want http://user:password@host:5984")} // not the value: it may hold a password
	}
	return nil
}

// holdsStore refuses a folder without a store, which opening would make.
func holdsStore(data string) error {
	if _, err := os.Stat(filepath.Join(data, "couch")); err != nil {
		return usageError{fmt.Errorf("--data %s holds no store: %w", data, err)}
	}
	return nil
}

// open opens them; the house closes what it opened.
func (p *place) open(ctx context.Context, h *house, stderr io.Writer) (*kivik.Client, error) {
	if p.db != "" {
		client, err := openCluster(ctx, p.db, 5*time.Second, slog.New(slog.NewTextHandler(stderr, &slog.HandlerOptions{Level: slog.LevelError})))
		if err != nil {
			return nil, fmt.Errorf("--db: %w", err)
		}
		h.closing(client.Close)
		return client, nil
	}
	blobs, err := openTarballs(ctx, settings{data: p.data})
	if err != nil {
		return nil, err
	}
	h.closing(closerOf(blobs))
	store, err := openStore(p.data, blobs, slog.New(slog.DiscardHandler))
	if err != nil {
		return nil, err
	}
	h.closing(store.Close)
	engine := views.New(store, views.Options{Native: twins()})
	h.closing(engine.Close)
	return driver.NewClient(store, engine)
}

// userOf is the user of a --db; who has the folder needs no name.
func userOf(db string) string {
	u, err := url.Parse(db)
	if err != nil {
		return ""
	}
	return u.User.Username()
}
