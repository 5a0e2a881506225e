package region

import (
	"context"
	"log/slog"
	"net/url"
	"sync"
	"time"

	"github.com/go-kivik/kivik/v4"

	"settee/registry"
	"settee/replicate"
	"settee/tarballs"
)

// Peer is another region.
type Peer struct {
	Name string
	URL  *url.URL // of its CouchDB API, with the credentials of a server admin
}

// Options say what a region is. The zero value is a node that others may pull from.
type Options struct {
	Name     string // of this region; "" where it has no peers
	Peers    []Peer
	ReadOnly bool // it is a copy of its one peer

	PublicURL string // of this node's npm API; "": its port is told
	NPMPort   int    // 0: it serves none
	NPMTLS    bool   // the port speaks HTTPS

	// Written is called on a read-only node when something that was passed on has come here, before
	// it is answered: what is kept in memory of the databases may be from before. May be nil.
	Written func()

	Now    func() time.Time
	Logger *slog.Logger // default: discards
}

// Region keeps a node and its peers alike.
type Region struct {
	o     Options
	links []*link
	blobs *tarballs.ThroughStore

	followers []*replicate.Follower

	stop    context.CancelFunc
	running sync.WaitGroup
}

// New makes a region. Nothing runs before Start.
func New(o Options) *Region {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Written == nil {
		o.Written = func() {}
	}
	r := &Region{o: o, stop: func() {}}
	for _, p := range o.Peers {
		r.links = append(r.links, newLink(r, p))
	}
	return r
}

// Sources are the peers as sources of blobs.
func (r *Region) Sources() []tarballs.Source {
	var list []tarballs.Source
	for _, l := range r.links {
		list = append(list, source{l.blobs, l})
	}
	return list
}

// Start pulls from the peers into client's databases and blobs, until Close. All three stay the caller's.
func (r *Region) Start(client *kivik.Client, blobs *tarballs.ThroughStore, g *registry.Registry) error {
	ctx, stop := context.WithCancel(context.Background())
	r.stop, r.blobs = stop, blobs
	for _, l := range r.links {
		if err := l.start(ctx, client); err != nil {
			stop()
			return err
		}
	}
	if len(r.links) > 0 {
		r.follow(ctx, client.DB(registry.Database), r.blobFollower())
	}
	if r.o.Name != "" && !r.o.ReadOnly {
		r.follow(ctx, client.DB(registry.Database), replicate.FollowerOptions{Name: "conflicts", Conflicts: true, Handle: g.Resolve})
		for _, name := range []string{"_users", "orgs"} {
			db := client.DB(name)
			r.follow(ctx, db, replicate.FollowerOptions{Name: "conflicts", Conflicts: true, Handle: oldest{db}.resolve})
		}
	}
	return nil
}

// follow runs a follower, and sees to it that what it set aside is tried again.
func (r *Region) follow(ctx context.Context, db *kivik.DB, o replicate.FollowerOptions) {
	o.Logger, o.Now = r.o.Logger, r.o.Now
	f := replicate.NewFollower(db, o)
	r.followers = append(r.followers, f)
	r.running.Go(func() {
		if err := f.Run(ctx); err != nil && ctx.Err() == nil {
			r.o.Logger.Error("a follower ended", "follower", o.Name, "database", db.Name(), "error", err)
		}
	})
	r.running.Go(func() {
		each(ctx, retryAside, func() {
			if f.Status().SetAside > 0 {
				f.Retry()
			}
		})
	})
}

// retryAside is how often what was set aside is tried again: a peer that was away may be back.
const retryAside = 30 * time.Second

// each calls f at intervals until ctx ends.
func each(ctx context.Context, interval time.Duration, f func()) {
	tick := time.NewTicker(interval)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			f()
		case <-ctx.Done():
			return
		}
	}
}

// Close ends all pulls, after their last checkpoints.
func (r *Region) Close() error {
	r.stop()
	r.running.Wait()
	return nil
}
