package upstream

import (
	"context"
	"crypto/rand"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/go-kivik/kivik/v4"
	"golang.org/x/sync/singleflight"

	"settee/database"
	"settee/tarballs"
	"settee/views/packuments"
)

// Options say whom to ask and what is shown. Only Targets are needed.
type Options struct {
	Targets []Target
	Rules   Rules
	// Fresh is how long what is kept is believed; default 5 min, for as long as the public registry lets caches keep it.
	Fresh time.Duration
	// MaxPackument bounds a packument, inflated; default 64 MiB, thrice the largest known.
	MaxPackument int64
	// MaxUnkept bounds the documents that are held in memory as the database takes none so large; default twice MaxPackument.
	MaxUnkept int64
	// MaxTarball bounds a tarball; default 512 MiB, twice what the public registry takes.
	MaxTarball int64
	// Inside are networks inside that redirects and links may lead into; default none.
	Inside  networks
	Guard   bool          // keep who is no server admin from writing, where another server has the documents
	Agent   string        // User-Agent; default settee
	Mirror  Mirror        // which packages follow their registry's feed; default none
	Poll    time.Duration // between looks at the end of a mirrored feed; default 30 s
	TempDir string        // of tarballs over 1 MiB on their way; default the system's
	Now     func() time.Time
	Logger  *slog.Logger // default: discards

	// What tests shorten, or lengthen.
	pause, stall, grace, headTime, patience time.Duration
	self                                    string // of this process, in Via
}

func (o Options) withDefaults() Options {
	for d, standard := range map[*time.Duration]time.Duration{
		&o.Fresh: 5 * time.Minute, &o.Poll: 30 * time.Second, &o.pause: 200 * time.Millisecond, &o.stall: stallTime, &o.grace: graceTime, &o.headTime: headTime, &o.patience: patience,
	} {
		if *d <= 0 {
			*d = standard
		}
	}
	if o.MaxPackument <= 0 {
		o.MaxPackument = 64 << 20
	}
	if o.MaxUnkept <= 0 {
		o.MaxUnkept = 2 * o.MaxPackument
	}
	if o.MaxTarball <= 0 {
		o.MaxTarball = 512 << 20
	}
	if o.Agent == "" {
		o.Agent = "settee"
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	o.self = "settee-" + rand.Text()
	return o
}

// Reader reads packages through from other registries. It is safe for concurrent use.
type Reader struct {
	o       Options
	db      *kivik.DB
	remotes []*remote
	through *tarballs.ThroughStore

	learning singleflight.Group // of tarballs whose sha512 was not told

	ctx     context.Context // of requests; ends with Close
	stop    context.CancelFunc
	running sync.WaitGroup

	mu     sync.Mutex
	closed bool
	calls  map[string]*call
	known  map[string]freshness

	unkept      map[string]*unkept // by package
	unkeptBytes int64
	uses        uint64
}

// Open makes the database upstream where it is missing. client and blobs stay the caller's.
func Open(ctx context.Context, client *kivik.Client, blobs tarballs.Store, o Options) (*Reader, error) {
	r := &Reader{o: o.withDefaults(), db: client.DB(Database), calls: map[string]*call{}, known: map[string]freshness{}, unkept: map[string]*unkept{}}
	if err := database.Private(ctx, client, Database); err != nil {
		return nil, fmt.Errorf("upstream: %w", err)
	}
	if err := database.PutDesign(ctx, r.db, packuments.DesignDoc(o.Guard)); err != nil {
		return nil, fmt.Errorf("upstream: %w", err)
	}
	for _, t := range o.Targets {
		r.remotes = append(r.remotes, newRemote(t, r.o))
	}
	r.through = tarballs.Through(blobs, nil, tarballs.ThroughOptions{Downloads: connections, Stall: r.o.stall + r.o.headTime, TempDir: o.TempDir, Now: r.o.Now, Logger: r.o.Logger})
	r.ctx, r.stop = context.WithCancel(context.WithoutCancel(ctx))
	for _, m := range r.remotes {
		if o.Mirror != MirrorNone {
			f := newFollower(r, m, o.Mirror)
			r.running.Go(func() { f.run(r.ctx) })
		}
	}
	return r, nil
}

// Close ends what is under way.
func (r *Reader) Close() error {
	r.mu.Lock()
	r.closed = true
	r.mu.Unlock()
	r.stop()
	err := r.through.Close()
	r.running.Wait()
	for _, m := range r.remotes {
		m.close()
	}
	return err
}

// DB is the database of what is kept.
func (r *Reader) DB() *kivik.DB { return r.db }

// Rules are what may be shown.
func (r *Reader) Rules() Rules { return r.o.Rules }

// remote is the registry that is asked for a name; nil where none is.
func (r *Reader) remote(name string) *remote {
	var rest *remote
	for _, m := range r.remotes {
		switch {
		case m.Pattern.name == "":
			if rest == nil {
				rest = m
			}
		case m.Fits(name):
			return m
		}
	}
	return rest
}

// Serves reports whether a registry is asked for a name.
func (r *Reader) Serves(name string) bool {
	return r.remote(name) != nil && r.o.Rules.Name(name) == nil
}

// Claims reports whether a target is of one scope, by its name: the operator says that what is not here is there.
func (r *Reader) Claims(scope string) bool {
	for _, m := range r.remotes {
		if strings.HasPrefix(m.Pattern.name, scope+"/") {
			return true
		}
	}
	return false
}
