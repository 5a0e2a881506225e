package replicate

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/go-kivik/kivik/v4"
)

// FollowerOptions say what a follower reads and who handles it. Only Handle is needed.
type FollowerOptions struct {
	// Name makes the follower durable: its checkpoint is _local/follower-NAME in the
	// database followed. Without a name nothing is kept, and Since is "now" by default:
	// that is a cache's follower.
	Name string
	// Since is where it begins without a checkpoint: "" the beginning, "now" the end, or a sequence.
	Since string
	// Handle is called at least once for the last state of each document, in order for
	// each document and concurrently for different ones. The change is the handler's to
	// keep. An error, or a panic, is a failure: it is called again, after a while. ctx ends with Run, with a
	// Replay and when the place in the feed is lost.
	Handle func(ctx context.Context, c Change) error

	IncludeDocs bool // Change.Doc
	// Held says which revisions Handle need not be given: then Doc may be nil, if the revision is the document's only leaf.
	Held      func(id, rev string) bool
	Conflicts bool // Change.Revs has all leaves and Change.Doc a member _conflicts

	// Gather is how long what follows a change closely is gathered before it is read; a change that comes alone is handled at
	// once. A poll costs more than a row, and of a document that changes often one row is enough: for work that is in no hurry.
	Gather time.Duration

	Workers    int   // Handle's most calls at a time; default 4
	MaxPending int   // changes read and not handled; default 1,000: enough to keep workers busy through a poll
	MaxBytes   int64 // of the documents among them, one more than it holds; default 64 MiB, a few of the largest packuments
	Retries    int   // of a change until it is set aside; default 8, some 25 s; < 0: for ever, so the checkpoint waits for it

	// CaughtUp tells that all changes that were made before at were handled or set
	// aside. While nothing happens it is called once in each Proof.
	CaughtUp func(at time.Time)
	// Lost tells that what is handled next does not continue what was handled before:
	// forget everything known. No call of Handle is under way, and none of before follows.
	Lost func()
	// Absent is called while the database is missing, before each wait for it; it may make it.
	Absent func(context.Context) error

	// Proof is how long a feed stays open while nothing happens, as each end proves
	// that nothing was missed; default 10 s. A connection that is silent for a fifth longer counts as dead.
	Proof time.Duration
	// CheckpointInterval is between two writes of the checkpoint; default 5 s. What was handled after the last is handled again after a crash.
	CheckpointInterval time.Duration

	Logger *slog.Logger // default: discards
	Now    func() time.Time
}

func (o FollowerOptions) withDefaults() FollowerOptions {
	if o.Name == "" {
		o.Since = cmp.Or(o.Since, sinceNow)
	}
	o.Workers = cmp.Or(max(o.Workers, 0), 4)
	o.MaxPending = cmp.Or(max(o.MaxPending, 0), 1000)
	o.MaxBytes = cmp.Or(max(o.MaxBytes, 0), 64<<20)
	o.Retries = cmp.Or(o.Retries, 8)
	o.Proof = cmp.Or(max(o.Proof, 0), 10*time.Second)
	o.CheckpointInterval = cmp.Or(max(o.CheckpointInterval, 0), 5*time.Second)
	if o.CaughtUp == nil {
		o.CaughtUp = func(time.Time) {}
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return o
}

// sinceNow is the end of a feed.
const sinceNow = "now"

// Change is a row of the feed: a document's last change.
type Change struct {
	ID      string          `json:"id"`
	Seq     string          `json:"seq"`
	Revs    []string        `json:"revs"` // the winner; with Conflicts all leaves, the winner first
	Deleted bool            `json:"deleted,omitempty"`
	Doc     json.RawMessage `json:"-"` // with IncludeDocs: the winner
}

// Follower reads one database's changes for one purpose. Its methods are safe for concurrent use.
type Follower struct {
	db  *kivik.DB
	o   FollowerOptions
	log *slog.Logger

	// Run alone, and those it waits for, use these.
	session string // this Run's, in the checkpoint
	ours    bool   // the checkpoint
	place   place
	begun   *pass // by Begin

	// mu guards what follows. Neither I/O nor the callbacks of the options happen under it.
	mu     sync.Mutex
	pass   *pass         // what Run is at; nil between two
	resume chan struct{} // closed by Resume; nil unless paused
	replay *string       // where Replay wants to read
	again  []string      // documents that Retry wants to handle
	aside  map[string]Aside
	made   time.Time
	status Status
}

// NewFollower makes the follower of a database, which need not exist yet. Run runs it.
func NewFollower(db *kivik.DB, o FollowerOptions) *Follower {
	o = o.withDefaults()
	f := &Follower{db: db, o: o, aside: map[string]Aside{}, made: o.Now()}
	f.log = o.Logger.With("database", db.Name(), "follower", o.Name)
	f.status = Status{Name: o.Name, Database: db.Name(), State: Stopped}
	return f
}

// ErrFollowerTaken is that another process follows under the same name.
var ErrFollowerTaken = errors.New("another follower has taken this name over: each needs a name of its own")

var errRunning = errors.New("the follower runs already")

// Between failed attempts to read: soon, as a restart takes a moment, then twice as long each time.
const (
	shortestPause = 100 * time.Millisecond
	longestPause  = 5 * time.Second
)

// Begin finds the place in the feed before Run does, once: what changes after it has returned
// will be handled. The error is the database's; Run may be tried even so.
func (f *Follower) Begin(ctx context.Context) error {
	err := f.start()
	if err == nil {
		f.begun, err = f.begin(ctx)
		f.state(Stopped)
	}
	return f.wrap(err)
}

// Run follows until ctx ends, and returns its cause after a last checkpoint. Every
// failure of the database is waited out, its absence too. Where the name is taken
// over by another process the error is ErrFollowerTaken. One Run at a time.
func (f *Follower) Run(ctx context.Context) error {
	if err := f.start(); err != nil {
		return f.wrap(err)
	}
	defer f.state(Stopped)
	pause := shortestPause
	for {
		var err error
		p := f.begun
		if f.begun = nil; p == nil {
			p, err = f.begin(ctx)
		}
		if err == nil {
			err = p.run(ctx)
		}
		switch {
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case errors.Is(err, ErrFollowerTaken):
			return f.wrap(err)
		case errors.Is(err, errReplay), errors.Is(err, errPurged):
			continue
		}
		if errors.Is(err, errPlaceLost) {
			f.lose() // at once, and again when there is a place
		}
		if p != nil && p.proven {
			pause = shortestPause
		}
		f.failed(err, pause == shortestPause)
		waitFor(ctx, pause)
		pause = min(2*pause, longestPause)
	}
}

func waitFor(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-t.C:
	}
}

func (f *Follower) wrap(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("follow %s as %q: %w", f.db.Name(), f.o.Name, err)
}
