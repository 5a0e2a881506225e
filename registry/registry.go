package registry

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-kivik/kivik/v4"

	"settee/advisories"
	"settee/auth"
	"settee/downloads"
	"settee/hooks"
	"settee/manifest"
	"settee/provenance"
	"settee/search"
	"settee/tarballs"
	"settee/upstream"
)

// Options are the policies and bounds of a registry. The zero value works.
type Options struct {
	PublicURL       string        // what tarball links begin with; default the request's own scheme and host
	MaxBody         int64         // bytes of a request; default 256 MiB, what the public registry takes
	MaxMetadata     int64         // bytes of a request beside its tarball; default 64 MiB, thrice the largest packument known
	UnpublishWithin time.Duration // after a publish anybody may undo it; default 72 h, as the public registry; below 0: never. Admins at any time
	// UnpublishDownloads is how many a week are too many to unpublish later, which needs also that no package here depends on it and that
	// it has one owner; default 300, as the public registry; below 0: never later.
	UnpublishDownloads int
	CacheSize          int64         // bytes of packuments and representations kept ready; default 128 MiB: the largest packuments, of 20 MB, with all their representations, are not half of it
	BlobCacheSize      int64         // bytes of small tarballs kept in memory; default 32 MiB
	MaxStale           time.Duration // how long the cache is believed once the changes feed is lost; default 15 s: a restart of the database goes unnoticed
	NewScoped          string        // access of a new package of a scope whose publisher does not say: "restricted", or default "public", as npm documents it
	Stall              time.Duration // how long a client may send nothing of a body that it promised, or take nothing of an answer; default a minute
	Guard              bool          // keep who is no server admin from writing packuments in the database itself: a CouchDB's design document must do it
	ReadOnly           bool          // a copy of another region, which makes keys and signatures
	SearchDir          string        // of the index of packages, which is made anew where it is lost; "": there is no search
	TempDir            string        // of uploads over 1 MiB; default the system's
	Now                func() time.Time
	Logger             *slog.Logger // default: discards

	Root       *provenance.Root       // whom provenance bundles are believed; nil: the public-good Sigstore
	Downloads  *downloads.Downloads   // counts what is served; nil: nothing is counted
	Advisories *advisories.Advisories // what audits are answered from; nil: nothing is known
	Hooks      *hooks.Hooks           // nil: there are none

	Popular     *manifest.Popular // names that others must not come too near to; nil: manifest.BuiltIn
	SharedBlobs bool              // servers with other documents may have blobs in the same store
	Attachments Attachments       // what else is in the store of tarballs; zero: nothing

	Upstream          *upstream.Reader // other registries, asked for what is not ours; nil: none. It stays the caller's
	UpstreamCacheSize int64            // bytes of their packuments and representations kept ready; default 256 MiB: what installing 600 packages reads
}

func (o Options) withDefaults() Options {
	set := func(v *int64, d int64) {
		if *v <= 0 {
			*v = d
		}
	}
	set(&o.MaxBody, 256<<20)
	set(&o.MaxMetadata, 64<<20)
	set(&o.CacheSize, 128<<20)
	set(&o.BlobCacheSize, 32<<20)
	set(&o.UpstreamCacheSize, 256<<20)
	if o.Popular == nil {
		o.Popular = manifest.BuiltIn()
	}
	if o.NewScoped == "" {
		o.NewScoped = "public"
	}
	if o.UnpublishDownloads == 0 {
		o.UnpublishDownloads = defaultUnpublishDownloads
	}
	if o.UnpublishWithin == 0 {
		o.UnpublishWithin = 72 * time.Hour
	}
	if o.MaxStale <= 0 {
		o.MaxStale = 15 * time.Second
	}
	if o.Stall <= 0 {
		o.Stall = time.Minute
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	o.PublicURL = strings.TrimRight(o.PublicURL, "/")
	return o
}

// Registry is the npm API over packuments and tarballs. It is an http.Handler,
// safe for concurrent use.
type Registry struct {
	o       Options
	db      *kivik.DB
	records *kivik.DB // of losses
	signing *Keys

	attestations, staged *kivik.DB
	waiting              sync.Map // tarballs.Digest of what was staged since the start: a sweep under way must not miss it
	blobs                tarballs.Store
	auth                 *auth.Auth
	log                  *slog.Logger
	naming               []*kivik.DB // whose packuments name blobs

	cache *cache
	small *smallBlobs
	hold  *holds

	sweeping sync.Mutex // held while one does that was asked for

	unscoped *unscoped
	index    *search.Index // nil: no search

	far    *cache // of other registries' packages; nil without Options.Upstream
	scopes scopes

	numbers  *numbers        // nil: the database's sequences are numbers
	feeds    atomic.Int64    // that wait
	ending   context.Context // of feeds
	endFeeds context.CancelFunc

	keys    atomic.Pointer[keyring]
	rekeyed chan struct{} // the keyring is another

	following context.Context // ends with stop
	stop      context.CancelFunc
	running   sync.WaitGroup
}

// New opens the registry in client's databases, making what is missing, and
// follows their changes until Close. client, blobs and auth stay the caller's.
func New(ctx context.Context, client *kivik.Client, blobs tarballs.Store, a *auth.Auth, o Options) (*Registry, error) {
	o = o.withDefaults()
	r := &Registry{o: o, blobs: blobs, auth: a, log: o.Logger}
	r.small = newSmallBlobs(o.BlobCacheSize)
	r.hold = newHolds()
	r.unscoped = newUnscoped(r.readNames)
	if o.Root == nil {
		public, err := provenance.PublicRoot()
		if err != nil {
			return nil, err
		}
		r.o.Root = public
	}
	r.rekeyed = make(chan struct{}, 1)
	if err := r.prepare(ctx, client); err != nil {
		return nil, err
	}
	r.cache = newCache(r.db, o.CacheSize, o.MaxStale, r.load)
	if err := r.openSearch(); err != nil {
		return nil, err
	}
	r.ending, r.endFeeds = context.WithCancel(context.Background())
	if err := r.listen(ctx); err != nil {
		return nil, errors.Join(err, r.Close())
	}
	return r, nil
}

// EndFeeds ends the answers that wait for changes: others may finish.
func (r *Registry) EndFeeds() { r.endFeeds() }

// Close stops following. Requests under way may finish.
func (r *Registry) Close() error {
	r.endFeeds()
	r.stop()
	r.running.Wait()
	return r.closeSearch()
}
