package replicate

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/go-kivik/kivik/v4"
)

// place is where in which feed a follower is.
type place struct {
	known    bool
	lost     bool // the server did not know seq, or the database was gone
	seq      string
	purges   int64  // the database's purges that were heeded
	instance string // tells a database from another that had its name before
}

// errPlaceLost ends a pass; the next begins anew.
var errPlaceLost = errors.New("the place in the feed is lost")

// These end a pass, too: the next begins elsewhere, or with a cleared mind.
var (
	errReplay = errors.New("replay")
	errPurged = errors.New("documents were purged")
)

// outline is what a database says of itself.
type outline struct {
	end      string // of the feed
	purges   int64
	instance string
}

func (f *Follower) outline(ctx context.Context) (outline, error) {
	stats, err := f.db.Stats(ctx)
	if err != nil {
		return outline{}, err
	}
	var raw struct {
		PurgeSeq json.RawMessage `json:"purge_seq"`
		Instance json.RawMessage `json:"instance_start_time"`
	}
	_ = json.Unmarshal(stats.RawResponse, &raw) // a server that tells neither has no purges to heed
	return outline{end: stats.UpdateSeq, purges: countOf(raw.PurgeSeq), instance: string(raw.Instance)}, nil
}

// countOf is the number that a sequence begins with. A cluster's purge_seq goes on with who
// was asked, which says nothing of purges.
func countOf(seq json.RawMessage) int64 {
	n, _ := numbered(strings.Trim(string(seq), `"`))
	return n
}

// numbered splits a sequence into its number and the rest.
func numbered(seq string) (n int64, rest string) {
	end := strings.IndexFunc(seq, func(r rune) bool { return r < '0' || r > '9' })
	if end < 0 {
		end = len(seq)
	}
	n, _ = strconv.ParseInt(seq[:end], 10, 64) // none: 0
	return n, seq[end:]
}

// lostBy reports why the place does not stand in this database's feed.
func (p place) lostBy(now outline) string {
	at, kind := numbered(p.seq)
	end, endKind := numbered(now.end)
	switch {
	case p.lost:
		return "the sequence is not known"
	case p.instance != "" && p.instance != now.instance:
		return "the database was made anew"
	case at > end && kind == endKind:
		// Only servers that count have equal rests (CouchDB's copies may lag, and it sees to such feeds itself).
		return "the database went back to an older state"
	}
	return ""
}

// begin finds out where to read from.
func (f *Follower) begin(ctx context.Context) (*pass, error) {
	heard := time.Now()
	now, err := f.outline(ctx)
	if kivik.HTTPStatus(err) == http.StatusNotFound {
		return nil, f.absent(ctx, err)
	}
	if err != nil {
		return nil, err
	}
	fresh := false
	if !f.place.known {
		if fresh, err = f.remember(ctx, now); err != nil {
			return nil, err
		}
	}
	if why := f.place.lostBy(now); why != "" {
		f.log.Warn("follower: the place in the feed is lost, beginning anew", "reason", why)
		f.place, fresh = place{seq: f.anew(now)}, true
	}
	switch {
	case fresh:
		f.lose()
		f.place.purges = now.purges
	case now.purges > f.place.purges:
		f.purged(now)
	}
	f.place.known, f.place.instance = true, now.instance
	f.replayed(now)
	if err := f.save(ctx, f.place.seq); err != nil {
		return nil, err
	}
	return f.newPass(heard, f.place.seq == now.end), nil
}

// replayed goes to where Replay wants to read.
func (f *Follower) replayed(now outline) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.replay == nil {
		return
	}
	f.place.seq = *f.replay
	if f.place.seq == sinceNow {
		f.place.seq = now.end
	}
	f.replay = nil
}

// anew is where a follower begins that has lost its place: a sequence of Options was of another feed.
func (f *Follower) anew(now outline) string {
	if f.o.Since == sinceNow {
		return now.end
	}
	return ""
}

// remember takes the place from the checkpoint, or from Options where there is none.
func (f *Follower) remember(ctx context.Context, now outline) (fresh bool, err error) {
	saved, err := f.load(ctx)
	if err != nil {
		return false, err
	}
	if saved == nil {
		f.place = place{seq: f.o.Since}
		if f.o.Since == sinceNow {
			f.place.seq = now.end
		}
		return true, nil
	}
	f.place = place{seq: saved.LastSeq, purges: saved.Purges}
	f.setAside(saved.SetAside)
	return false, nil
}

// absent says that there is no database, and gives its maker a chance.
func (f *Follower) absent(ctx context.Context, err error) error {
	if f.state(Absent) != Absent {
		f.place = place{}
		f.lose()
	}
	if f.o.Absent != nil {
		if made := f.o.Absent(ctx); made != nil {
			return fmt.Errorf("%w; making it: %w", err, made)
		}
	}
	return err
}

// lose says that nothing known holds any more. What was set aside is of the feed that is gone.
func (f *Follower) lose() {
	f.setAside(nil)
	if f.o.Lost != nil {
		f.o.Lost()
	}
}

// purged sees to purges, which no feed tells. Who has something to forget begins
// anew. Who is durable and never was at the beginning misses nothing and goes on where it was.
func (f *Follower) purged(now outline) {
	f.place.purges = now.purges
	if f.o.Lost == nil {
		return
	}
	f.log.Info("follower: documents were purged")
	switch {
	case f.o.Since != sinceNow:
		f.place.seq = ""
	case f.o.Name == "":
		f.place.seq = now.end
	}
	f.o.Lost()
}

// heed looks whether the database is still the one that was, as no feed tells of
// purges nor, surely, of a database made anew. It looks once in each Proof.
func (p *pass) heed(ctx context.Context) error {
	if time.Since(p.heeded) < p.f.o.Proof {
		return nil
	}
	now, err := p.f.outline(ctx)
	if err != nil {
		return err
	}
	p.heeded = time.Now()
	at := p.f.place
	at.seq = p.since
	switch {
	case at.lostBy(now) != "":
		return errPlaceLost
	case now.purges > at.purges && p.f.o.Lost != nil:
		return errPurged
	}
	return nil
}

// strays reports that a poll from a sequence ended in the feed of another database, made anew between two polls: at a
// server that counts, as the embedded engine, the rest of a sequence says which. CouchDB's rests are never equal.
func (p *pass) strays(from, to string) bool {
	n, kind := numbered(from)
	end, endKind := numbered(to)
	if kind != endKind {
		return p.counts
	}
	p.counts = p.counts || n != end
	return false
}

// losesPlace reports that the database is gone or does not know the sequence.
func (p *pass) losesPlace(err error) bool {
	status := kivik.HTTPStatus(err)
	return errors.Is(err, errPlaceLost) || status == http.StatusNotFound || status == http.StatusBadRequest && p.since != "" && p.since != "0"
}
