package advisories

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"log/slog"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-kivik/kivik/v4"

	"settee/database"
	"settee/replicate"
)

// Database is the name of the records' database.
const Database = "advisories"

// Options of Open. The zero value works.
type Options struct {
	// Proof is how long the feed may be silent before that is looked into; default 10 s.
	Proof  time.Duration
	Logger *slog.Logger // default: discards
}

// Advisories answers what is known of packages. It is safe for concurrent use. nil knows nothing, and is ready.
type Advisories struct {
	db      *kivik.DB
	log     *slog.Logger
	known   atomic.Pointer[index] // what is asked
	filling atomic.Pointer[index] // what changes go into: another one while the database is read anew

	ready   chan struct{} // closed when the database has been read once
	isReady sync.Once
	stop    context.CancelFunc
	running sync.WaitGroup
}

// Open makes the database where it is missing, and reads and follows it until Close. The client
// stays the caller's.
func Open(ctx context.Context, client *kivik.Client, o Options) (*Advisories, error) {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if err := database.Private(ctx, client, Database); err != nil {
		return nil, fmt.Errorf("advisories: %w", err)
	}
	a := &Advisories{db: client.DB(Database), log: o.Logger, ready: make(chan struct{})}
	x := newIndex()
	a.known.Store(x)
	a.filling.Store(x)
	f := replicate.NewFollower(a.db, replicate.FollowerOptions{
		Since: "0", IncludeDocs: true, Conflicts: true, Proof: o.Proof, Logger: o.Logger,
		Handle:   a.changed,
		CaughtUp: func(time.Time) { a.read() },
		Lost:     func() { a.filling.Store(a.known.Load().another()) },
		Absent:   func(ctx context.Context) error { return database.Private(ctx, client, Database) },
	})
	ctx, a.stop = context.WithCancel(context.WithoutCancel(ctx))
	a.running.Go(func() { _ = f.Run(ctx) })
	return a, nil
}

// Close stops following. Lookups still answer.
func (a *Advisories) Close() error {
	a.stop()
	a.running.Wait()
	return nil
}

// read has what the whole database says asked from now on.
func (a *Advisories) read() {
	x := a.filling.Load()
	if a.known.Swap(x) != x {
		x.changes.Add(1)
	}
	a.isReady.Do(func() {
		packages, records := x.size()
		a.log.Debug("advisories: read", "packages", packages, "records", records)
		close(a.ready)
	})
}

// Ready waits until the database has been read once.
func (a *Advisories) Ready(ctx context.Context) error {
	if a == nil {
		return nil
	}
	select { // an answer that is there counts more than a time that is over
	case <-a.ready:
		return nil
	default:
	}
	select {
	case <-a.ready:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("the advisories are still being read: %w", context.Cause(ctx))
	}
}

// Known are the advisories in which a version of a package lies. It asks memory only.
func (a *Advisories) Known(name, version string) []Advisory {
	return a.affecting(name, []string{version})
}

// Flawed reports whether a version of a package lies in an advisory.
func (a *Advisories) Flawed(name, version string) bool { return len(a.Known(name, version)) > 0 }

// Names are the packages that something is known of, in no order.
func (a *Advisories) Names() iter.Seq[string] {
	if a == nil {
		return func(func(string) bool) {}
	}
	return slices.Values(a.known.Load().packages())
}

// State is another number whenever something else is known.
func (a *Advisories) State() uint64 {
	if a == nil {
		return 0
	}
	return a.known.Load().changes.Load()
}

func (a *Advisories) affecting(name string, versions []string) []Advisory {
	if a == nil {
		return nil
	}
	return a.known.Load().affecting(name, versions)
}

// Size is how many packages and records are known.
func (a *Advisories) Size() (packages, records int) { return a.known.Load().size() }

// changed takes over a document as it is now.
func (a *Advisories) changed(ctx context.Context, c replicate.Change) error {
	if !recordID.MatchString(c.ID) {
		return nil // a design document, or somebody's own
	}
	if c.Deleted {
		a.filling.Load().set(c.ID, nil)
		return nil
	}
	raw := c.Doc
	if len(c.Revs) > 1 {
		var err error
		if raw, _, err = newest(ctx, a.db, c.ID, c.Revs); err != nil {
			return err
		}
	}
	r, err := parseRecord(raw)
	if err == nil && r.ID != c.ID {
		err = fmt.Errorf("the record in it is %q", shortened(r.ID))
	}
	if err != nil {
		a.log.Warn("advisories: a document is left out", "id", c.ID, "error", err)
		r = nil
	}
	a.filling.Load().set(c.ID, r)
	return nil
}

// newest is the leaf that was modified last of those that conflict: which the same in every region. It also
// gives the revisions of the others.
func newest(ctx context.Context, db *kivik.DB, id string, revs []string) (best json.RawMessage, losing []string, err error) {
	var at time.Time
	var bestRev string
	for _, rev := range revs {
		var raw json.RawMessage
		err := db.Get(ctx, id, kivik.Rev(rev)).ScanDoc(&raw)
		if kivik.HTTPStatus(err) == http.StatusNotFound {
			continue // deleted or compacted away in the meantime: its change comes
		}
		if err != nil {
			return nil, nil, fmt.Errorf("advisories: read %s: %w", id, err)
		}
		var r struct {
			Modified time.Time
			Deleted  bool `json:"_deleted"`
		}
		if json.Unmarshal(raw, &r) != nil || r.Deleted {
			continue
		}
		if best == nil || r.Modified.After(at) || r.Modified.Equal(at) && rev > bestRev {
			if bestRev != "" {
				losing = append(losing, bestRev)
			}
			best, at, bestRev = raw, r.Modified, rev
			continue
		}
		losing = append(losing, rev)
	}
	return best, losing, nil
}
