package region

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/go-kivik/kivik/v4"

	"settee/database"
	"settee/replicate"
)

// State is what a pull is at; see the package doc.
type State string

// The states.
const (
	Starting  State = "starting"
	Absent    State = "absent"
	Refused   State = "refused"
	Broken    State = "broken"
	Following State = "following"
)

// A pull brings one database of a peer here, for ever.
type pull struct {
	link   *link
	name   string
	log    *slog.Logger
	source replicate.Peer
	target replicate.Peer

	mu struct {
		sync.Mutex
		state    State
		stats    replicate.Stats // of this run
		before   replicate.Stats // of all runs before it, counts only
		behind   time.Time       // since when changes are pending or the pull does not run; zero: neither
		err      error
		erred    time.Time
		news     bool          // err was not told yet
		progress chan struct{} // closed and replaced at each progress
	}
}

func newPull(l *link, name string) *pull {
	p := &pull{link: l, name: name, log: l.log.With("database", name)}
	p.mu.state, p.mu.behind, p.mu.progress = Starting, l.region.o.Now(), make(chan struct{})
	return p
}

// open makes the two ends; it speaks to nobody.
func (p *pull) open(ctx context.Context, client *kivik.Client) error {
	password, _ := p.link.URL.User.Password()
	source, err := replicate.Dial(ctx, replicate.Endpoint{
		URL: p.link.bare().JoinPath(p.name).String(), User: p.link.URL.User.Username(), Password: password,
	}, replicate.DialOptions{Transport: p.link.transport})
	if err != nil {
		return err
	}
	p.source = source
	p.target = replicate.Peer{DB: client.DB(p.name), Name: p.name, Create: func(ctx context.Context) error { return database.Private(ctx, client, p.name) }}
	return nil
}

// Between runs, and between meetings: soon, as a restart takes a moment, then twice as long each time. A database
// that is not there is asked for more seldom; and a peer that does not let us in so seldom that it does
// not lock its admin out, as CouchDB does after 5 failures in 5 minutes.
const (
	shortestPause = 250 * time.Millisecond
	longestPause  = 5 * time.Second
	absentPause   = 10 * time.Second
	refusedPause  = 90 * time.Second
)

// patience is how long the peer may be silent within a pull; a third of it is one poll. A change that
// falls between two polls is told one way over the line and back later, so polls are not shorter.
const patience = 30 * time.Second

// run pulls until ctx ends.
func (p *pull) run(ctx context.Context) {
	pause, problems := shortestPause, p.link.meeting.problems()
	for p.link.met(ctx) {
		if now := p.link.meeting.problems(); now == problems {
			p.complain() // the peer is there: it is this database's own
		} else {
			problems = now
		}
		began := p.link.region.o.Now()
		_, err := replicate.Run(ctx, p.source, p.target, replicate.Options{
			ID:         "region-" + p.link.region.o.Name + "-from-" + p.link.Name,
			Continuous: true, CreateTarget: true,
			Skip:               func(id string) bool { return strings.HasPrefix(id, "_design/") },
			ConnectionTimeout:  patience,
			CheckpointInterval: 5 * time.Second,
			Retries:            -1, // a run that fails begins again where it was, which says what failed
			Progress:           p.progressed,
			Logger:             quiet(p.log),
			Now:                p.link.region.o.Now,
		})
		if ctx.Err() != nil {
			return
		}
		if p.link.region.o.Now().Sub(began) > patience {
			pause = shortestPause
		}
		wait := pause
		if state := p.ended(err); state == Absent {
			wait = absentPause
		} else {
			p.link.meeting.part()
		}
		pause = min(2*pause, longestPause)
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return
		}
	}
}

// quiet keeps a run's own beginnings and ends out of the log, where it is not for debugging: they
// are told here, once each.
func quiet(log *slog.Logger) *slog.Logger {
	if log.Enabled(context.Background(), slog.LevelDebug) {
		return log
	}
	return slog.New(slog.DiscardHandler)
}

// progressed notes how far the run is.
func (p *pull) progressed(s replicate.Stats) {
	p.mu.Lock()
	defer p.mu.Unlock()
	begins := p.mu.state != Following
	if begins {
		p.log.Debug("a database of another region is followed", "seq", s.ThroughSeq)
	}
	p.mu.state, p.mu.stats = Following, s
	switch {
	case begins && place(s.ThroughSeq) < place(s.SourceSeq): // nothing was read yet
	case s.ChangesPending <= 0:
		p.mu.behind = time.Time{}
	case p.mu.behind.IsZero():
		p.mu.behind = p.link.region.o.Now()
	}
	close(p.mu.progress)
	p.mu.progress = make(chan struct{})
}

// ended notes why a run did.
func (p *pull) ended(err error) State {
	p.mu.Lock()
	defer p.mu.Unlock()
	state := Broken
	switch {
	case errors.Is(err, replicate.ErrDBNotFound):
		state = Absent
	case errors.Is(err, replicate.ErrUnauthorized), kivik.HTTPStatus(err) == http.StatusUnauthorized, kivik.HTTPStatus(err) == http.StatusForbidden:
		state = Refused
	}
	now := p.link.region.o.Now()
	if state == Absent {
		p.mu.behind = time.Time{} // nothing is missed
	} else if p.mu.behind.IsZero() {
		p.mu.behind = now
	}
	p.mu.news = state != p.mu.state && state != Absent
	p.mu.state, p.mu.err, p.mu.erred = state, err, now
	p.mu.before.DocsWritten += p.mu.stats.DocsWritten
	p.mu.before.DocWriteFailures += p.mu.stats.DocWriteFailures
	p.mu.stats = replicate.Stats{ThroughSeq: p.mu.stats.ThroughSeq, ChangesPending: -1}
	return state
}

// complain logs why the last run ended, once a loss.
func (p *pull) complain() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.mu.news {
		p.log.Warn("a database of another region cannot be followed, trying again", "error", p.mu.err)
	}
	p.mu.news = false
}

// reached waits until the pull has got to a sequence of the peer's, or does not run.
func (p *pull) reached(ctx context.Context, seq string) bool {
	want := place(seq)
	for want > 0 {
		p.mu.Lock()
		state, at, progress := p.mu.state, p.mu.stats.ThroughSeq, p.mu.progress
		p.mu.Unlock()
		if state != Following || place(at) >= want {
			return state == Following
		}
		select {
		case <-progress:
		case <-ctx.Done():
			return false
		}
	}
	return true
}
