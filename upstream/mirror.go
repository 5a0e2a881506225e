package upstream

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/go-kivik/kivik/v4"

	"settee/manifest"
	"settee/views/packuments"
)

// Mirror says which packages follow a registry's feed.
type Mirror string

// The mirrors there are.
const (
	MirrorNone  Mirror = ""
	MirrorKnown Mirror = "known" // what was read through
	MirrorAll   Mirror = "all"   // every package that the feed names and that the rules and patterns let be asked for
)

// The bounds of following a feed.
const (
	feedPage    = 10_000           // rows of a page: as many as the public registry gives
	feedPart    = 500              // rows of it after which the place is kept: what is asked for again after a kill -9 or an outage
	feedWorkers = 4                // packuments asked for at once, beside what readers ask for
	feedTries   = 3                // of a package, before it is left to its next reader
	mostPause   = 10 * time.Minute // between looks at an address that never was a feed
	outagePause = longestRest      // between looks at a feed that fails
)

// place is how far a feed was followed: the document _local/mirror-….
type place struct {
	From  string          `json:"from"`
	Which Mirror          `json:"which"`
	Since json.RawMessage `json:"since"`
	Began time.Time       `json:"began"` // what was read through later has been followed since
}

// page is an answer of a feed.
type page struct {
	Results []row           `json:"results"`
	Last    json.RawMessage `json:"last_seq"`
}

type row struct {
	Seq     json.RawMessage `json:"seq"`
	ID      string          `json:"id"`
	Deleted bool            `json:"deleted"`
}

// follower follows one registry's feed.
type follower struct {
	*Reader
	m     *remote
	feed  *remote // the same, with a breaker of its own: readers do not suffer from a feed that fails
	which Mirror
	id    string // of its place
	lives bool   // it has answered once, now or before a restart
}

func newFollower(r *Reader, m *remote, which Mirror) *follower {
	sum := sha256.Sum256([]byte(m.changes().String() + " " + string(which)))
	return &follower{Reader: r, m: m, feed: newRemote(m.Target, m.o), which: which, id: "_local/mirror-" + hex.EncodeToString(sum[:8])}
}

// changes is where a registry tells what has changed.
func (t *Target) changes() *url.URL {
	if t.Feed != nil {
		return t.Feed
	}
	return t.URL.JoinPath("_changes")
}

// run follows until ctx ends.
func (f *follower) run(ctx context.Context) {
	defer f.feed.close()
	log := f.o.Logger.With("upstream", f.m.Name())
	pause := f.o.Poll
	for {
		more, err := f.step(ctx)
		switch {
		case ctx.Err() != nil:
			return
		case err != nil:
			log.Warn("the feed of the upstream registry cannot be followed", "error", err)
			most := mostPause
			if f.lives {
				most = outagePause
			}
			pause = min(2*pause, most)
		case more:
			continue
		default:
			pause = f.o.Poll
		}
		if !sleep(ctx, pause) {
			return
		}
	}
}

// step deals with one page, and keeps the place behind each part of it.
func (f *follower) step(ctx context.Context) (more bool, err error) {
	at, rev, err := f.place(ctx)
	if err != nil {
		return false, err
	}
	f.lives = f.lives || rev != ""
	asked := f.o.Now()
	p, err := f.feed.page(ctx, at.Since)
	if err != nil {
		return false, err
	}
	f.lives = true
	moved := string(at.Since) != string(p.Last)
	left := make(map[string]bool, len(p.Results)) // of a package that is named twice the last row counts
	for _, row := range p.Results {
		left[row.ID] = row.Deleted
	}
	rows := p.Results
	for ; len(rows) > feedPart; rows = rows[feedPart:] {
		if err := f.deal(ctx, rows[:feedPart], left); err != nil {
			return false, err
		}
		if seq := rows[feedPart-1].Seq; len(seq) > 0 && string(seq) != "null" { // some feeds tell it of some rows
			at.Since = seq
			if rev, err = f.keep(ctx, at, rev); err != nil {
				return false, err
			}
		}
	}
	if err := f.deal(ctx, rows, left); err != nil {
		return false, err
	}
	if moved || rev == "" {
		at.Since = p.Last
		if _, err := f.keep(ctx, at, rev); err != nil {
			return false, err
		}
	}
	if len(p.Results) >= feedPage {
		if !moved { // it would be asked without end, as fast as it answers
			return false, errors.New("its changes do not go on: it gives the same page again")
		}
		return true, nil
	}
	f.m.vouch(at.Began, asked)
	return false, nil
}

// keep writes how far the feed was followed.
func (f *follower) keep(ctx context.Context, at place, rev string) (string, error) {
	next, err := f.db.Put(ctx, f.id, at, after(rev)...)
	if conflict(err) { // another process keeps it too
		return rev, nil
	}
	if err != nil {
		return "", fmt.Errorf("upstream: keep the place in the feed: %w", err)
	}
	return next, nil
}

// place reads how far the feed was followed. The first time a mirror of what is known begins at the feed's end, and one of all
// at its beginning.
func (f *follower) place(ctx context.Context) (at place, rev string, err error) {
	raw, rev, err := read(ctx, f.db, f.id)
	if err != nil {
		return at, "", err
	}
	if raw != nil && json.Unmarshal(raw, &at) == nil && len(at.Since) > 0 {
		return at, rev, nil
	}
	at = place{From: f.m.changes().String(), Which: f.which, Since: json.RawMessage("0"), Began: f.o.Now().UTC()}
	if f.which == MirrorKnown {
		p, err := f.feed.page(ctx, json.RawMessage(`"now"`))
		if err != nil {
			return at, "", err
		}
		at.Since = p.Last
	}
	return at, rev, nil
}

// page asks for what follows a place in the feed.
func (m *remote) page(ctx context.Context, since json.RawMessage) (*page, error) {
	ctx, cancel := context.WithTimeout(ctx, callTime)
	defer cancel()
	text := packuments.Text(since)
	if text == "" {
		text = string(since)
	}
	at := *m.changes()
	at.RawQuery = url.Values{"since": {text}, "limit": {fmt.Sprint(feedPage)}}.Encode()
	res, err := m.get(ctx, at.String(), http.Header{"Accept": {"application/json"}, "Accept-Encoding": {"gzip"}, "Npm-Replication-Opt-In": {"true"}})
	if err != nil {
		return nil, fmt.Errorf("ask for its changes: %w", err)
	}
	raw, err := m.body(res, m.o.MaxPackument)
	if err != nil {
		return nil, fmt.Errorf("read its changes: %w", err)
	}
	var p page
	if err := json.Unmarshal(raw, &p); err != nil || len(p.Last) == 0 {
		return nil, errors.New("its changes are no feed")
	}
	return &p, nil
}

// deal asks for the packages of some rows that are left to ask for, some at once, and takes them out of what is left.
func (f *follower) deal(ctx context.Context, rows []row, left map[string]bool) error {
	names := make(chan row)
	errs := make(chan error, feedWorkers)
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var all sync.WaitGroup
	for range feedWorkers {
		all.Go(func() {
			for row := range names {
				if err := f.one(ctx, row.ID, row.Deleted); err != nil {
					errs <- err
					cancel()
					return
				}
			}
		})
	}
	for _, each := range rows {
		deleted, ok := left[each.ID]
		if !ok {
			continue
		}
		delete(left, each.ID)
		select {
		case names <- row{ID: each.ID, Deleted: deleted}:
			continue
		case <-ctx.Done():
		}
		break
	}
	close(names)
	all.Wait()
	select {
	case err := <-errs:
		return err
	default:
		return ctx.Err()
	}
}

// one brings a package up to date. An error is one of our own database, or that the registry is left alone.
func (f *follower) one(ctx context.Context, name string, deleted bool) error {
	if !f.tells(f.m, name) {
		return nil
	}
	_, err := f.db.GetRev(ctx, name)
	absent := kivik.HTTPStatus(err) == http.StatusNotFound
	if other, _ := f.outdated(name, Held{}); other {
		err, absent = nil, false
	}
	switch {
	case err != nil && !absent:
		return fmt.Errorf("upstream: look for %s: %w", name, err)
	case absent && (deleted || f.which != MirrorAll):
		return nil
	case deleted:
		f.note(name, freshness{absent: f.o.Now()})
		_, err := f.edit(ctx, name, func([]byte) ([]byte, bool, error) { return nil, true, nil })
		return err
	}
	for try := 1; ; try++ {
		c := f.join(ctx, f.m, name)
		select {
		case <-c.done:
		case <-ctx.Done():
			return ctx.Err()
		}
		switch {
		case c.err == nil, errors.Is(c.err, ErrNotFound), errors.Is(c.err, ErrLoop), errors.Is(c.err, errForeign):
			return nil
		case !errors.Is(c.err, ErrUnavailable):
			return c.err
		case errors.Is(c.err, errResting):
			if f.m.open() {
				return c.err
			}
			if !sleep(ctx, f.o.pause) { // another request is trying whether the registry is well again
				return ctx.Err()
			}
			try--
		case try == feedTries:
			f.note(name, freshness{checked: time.Unix(1, 0)}) // its next reader asks
			return nil
		}
	}
}

// tells reports whether a name that a registry tells of is one to ask it for: a package's, and no other registry's.
func (r *Reader) tells(m *remote, name string) bool {
	return manifest.Storable(name) && r.remote(name) == m && r.o.Rules.Name(name) == nil
}

// vouch notes that the feed was at its end at a moment, and since when it was followed.
func (m *remote) vouch(began, at time.Time) {
	m.followed.Store(&stretch{began, at})
}

// stretch is a time through which a feed was followed.
type stretch struct{ began, end time.Time }

// checked is when what was checked at a moment is known to have been true last, as the feed has told of no change since. A feed
// is believed for an hour: packuments may come out of a cache that is behind it.
func (m *remote) checked(at, now time.Time) time.Time {
	s := m.followed.Load()
	if s == nil || at.Before(s.began) || !s.end.After(at) || now.Sub(at) >= staleTime {
		return at
	}
	return s.end
}
