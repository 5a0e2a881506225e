package hooks

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"time"

	"github.com/go-kivik/kivik/v4"

	"settee/database"
	"settee/replicate"
)

// The databases.
const (
	Database   = "hooks"
	Deliveries = "deliveries"
)

// Packages is what hooks need to know of packages and of who may read them. It is asked concurrently.
type Packages interface {
	// Readable says whether a hook's owner may read a package, now. An account that is not there any more may not.
	Readable(ctx context.Context, h *Hook, name string) (bool, error)
	// Payload is a package's packument, or what is left of one that was unpublished; nil where there is none.
	Payload(ctx context.Context, name string) (json.RawMessage, error)
	// Maintained are the names of the packages that a user maintains.
	Maintained(ctx context.Context, user string) ([]string, error)
}

// Options of Open. The zero value works.
type Options struct {
	Region   string         // hooks of this region are delivered
	Silent   bool           // deliver nothing: the hooks are another's, of which this is a copy
	Allow    []netip.Prefix // networks inside that endpoints may be in
	Packages string         // the packuments' database; default "registry"

	// Pauses are those after each failed attempt of a delivery; with the last it is given up. Default: a day of them.
	Pauses []time.Duration
	// Patience is how long an attempt may take; default 10 s, as npm's.
	Patience time.Duration
	// Checkpoint is how often the place in the feed is written down; default 5 s.
	Checkpoint time.Duration

	Now    func() time.Time
	Logger *slog.Logger // default: discards
}

// aDay is how failed deliveries are spread: soon at first, as a restart takes a moment; 24 hours in all.
var aDay = []time.Duration{
	5 * time.Second, 15 * time.Second, 40 * time.Second, 2 * time.Minute, 5 * time.Minute, 12 * time.Minute, 30 * time.Minute,
	time.Hour, 2 * time.Hour, 4 * time.Hour, 6 * time.Hour, 10*time.Hour + 10*time.Minute,
}

func (o Options) withDefaults() Options {
	if o.Packages == "" {
		o.Packages = "registry"
	}
	if o.Pauses == nil {
		o.Pauses = aDay
	}
	if o.Patience <= 0 {
		o.Patience = 10 * time.Second
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return o
}

// Hooks keeps hooks and delivers. It is safe for concurrent use.
type Hooks struct {
	o        Options
	log      *slog.Logger
	db       *kivik.DB // hooks
	queue    *kivik.DB // deliveries
	packages *kivik.DB
	from     Packages // set by Start
	client   *http.Client

	known  *known
	states locks // one turn a package
	making sync.Mutex
	places chan struct{} // one each request under way
	lanes  lanes

	ctx     context.Context // ends with Close
	stop    context.CancelFunc
	running sync.WaitGroup
}

// mostAtOnce is how many requests are under way, to all endpoints together.
const mostAtOnce = 16

// Open makes the databases where they are missing, and learns the hooks. Nothing is delivered before Start.
// The client stays the caller's.
func Open(ctx context.Context, client *kivik.Client, o Options) (*Hooks, error) {
	o = o.withDefaults()
	h := &Hooks{
		o: o, log: o.Logger, db: client.DB(Database), queue: client.DB(Deliveries), packages: client.DB(o.Packages),
		client: newClient(o), known: newKnown(), places: make(chan struct{}, mostAtOnce),
	}
	for _, name := range []string{Database, Deliveries} {
		if err := database.Private(ctx, client, name); err != nil {
			return nil, fmt.Errorf("hooks: %w", err)
		}
	}
	h.ctx, h.stop = context.WithCancel(context.WithoutCancel(ctx))
	f := replicate.NewFollower(h.db, replicate.FollowerOptions{
		Since: "0", IncludeDocs: true, Workers: 1, Logger: o.Logger, Handle: h.learn,
		CaughtUp: func(time.Time) { h.known.vouch() }, Lost: h.known.doubt,
		Absent: func(ctx context.Context) error { return database.Private(ctx, client, Database) },
	})
	h.running.Go(func() { _ = f.Run(h.ctx) })
	return h, nil
}

// Start begins to follow the packages, and to deliver.
func (h *Hooks) Start(from Packages) {
	h.from = from
	if h.o.Silent {
		return
	}
	f := replicate.NewFollower(h.packages, replicate.FollowerOptions{
		Name: "hooks", Retries: -1, Gather: 100 * time.Millisecond, Logger: h.o.Logger, Handle: h.changed, CheckpointInterval: h.o.Checkpoint,
	})
	h.running.Go(func() { _ = f.Run(h.ctx) })
	h.running.Go(h.resume)
}

// Close ends deliveries: what is under way is sent again by the next process.
func (h *Hooks) Close() error {
	h.stop()
	h.running.Wait()
	h.client.CloseIdleConnections()
	return nil
}

// learn takes over a hook as it is now.
func (h *Hooks) learn(_ context.Context, c replicate.Change) error {
	id, is := strings.CutPrefix(c.ID, hookPrefix)
	if !is {
		return nil
	}
	if c.Deleted {
		h.known.forget(id)
		return nil
	}
	hook, err := parseHook(c.ID, c.Doc)
	if err != nil {
		h.log.Warn("hooks: a document is left out", "id", c.ID, "error", err)
		h.known.forget(id)
		return nil
	}
	h.known.set(hook)
	return nil
}

// ours reports whether a hook is delivered here.
func (h *Hooks) ours(hook *Hook) bool { return hook.Status == Active && hook.Region == h.o.Region }
