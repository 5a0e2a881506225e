package replicate

import (
	"context"
	"encoding/json"
	"errors"
	"strconv"
	"strings"
	"time"
)

// A batch is a run of the feed's rows that one worker brings over.
type batch struct {
	number  int // in the feed's order, from 0
	changes []change
	through string // the sequence up to which all is done with this batch and those before it
	pending int64  // rows to come after it; < 0: not known
	stats   Stats
}

// A reader cuts the feed into batches.
type reader struct {
	*session
	out     chan<- *batch
	number  int
	since   string // up to where rows were sent or are in open
	sent    string // up to where rows were sent
	open    []change
	pending int64
	waits   bool  // all there was has been read: the feed waits for more
	far     int64 // the highest number of a sequence in this answer
	best    int64 // and in all of them
	still   int   // rows since one got further
}

// standstill is how many rows, or revisions of one document, may come without getting anywhere. In a feed sequences rise,
// or are left out of as many rows as seq_interval says; a cluster whose shard has moved begins that one again, and is asked
// again. Answers name a revision again for each of its ancestors that was asked for. No well peer comes near it otherwise,
// and one that goes in circles would hold a replication for ever.
const standstill = 10_000

// errCircles is an answer beyond that.
var errCircles = errors.New("the answer goes on without getting anywhere")

// read reads the source's feed into batches, from where the session begins.
func (s *session) read(ctx context.Context, out chan<- *batch) error {
	r := &reader{session: s, out: out, since: s.begin, sent: s.begin, pending: -1}
	r.best, _ = seqNumber(s.begin)
	for {
		began, from := time.Now(), r.since
		if err := r.once(ctx); err != nil || !s.o.Continuous {
			return err
		}
		if r.waits && r.since == from && time.Since(began) < firstWait { // it should have waited for something
			if err := sleep(ctx, firstWait); err != nil {
				return err
			}
		}
	}
}

// once reads the feed to its end. A try that fails in between leaves off at the last row, where the next goes on.
func (r *reader) once(ctx context.Context) error {
	return r.attempt(ctx, "read the changes", func(t *try) error {
		r.far, r.still = 0, 0
		f := feed{since: r.since, waits: r.waits, limit: -1, o: &r.o, heard: t.alive}
		f.idle = func() error {
			t.silence.Stop() // as below
			defer t.alive()
			return r.send(ctx)
		}
		end, err := r.source.changes(t.ctx, f, func(c change) error {
			t.silence.Stop() // the rows wait for the workers, which have time-outs of their own
			defer t.alive()
			if n, err := seqNumber(c.seq); err == nil && n > r.best { // of one without a number nobody knows whether it has an end
				r.best = n
				t.further()
			}
			return r.take(ctx, c)
		})
		if err != nil {
			return err
		}
		if end.last != "" {
			r.since = end.last
		}
		r.pending, r.waits = end.pending, r.o.Continuous
		return r.send(ctx)
	})
}

// take adds a row.
func (r *reader) take(ctx context.Context, c change) error {
	if r.still++; r.further(c.seq) {
		r.still = 0
	}
	if r.still > standstill {
		return errCircles
	}
	if c.seq != "" {
		r.since = c.seq
	}
	if strings.HasPrefix(c.id, "_local/") {
		return nil // no feed has any, and it would be written over one of the target's own
	}
	if r.o.Skip != nil && r.o.Skip(c.id) {
		return nil
	}
	r.open = append(r.open, c)
	if len(r.open) < r.o.BatchSize {
		return nil
	}
	return r.send(ctx)
}

// further reports that a sequence comes after those before it: its number is higher, or where it has none it is another one.
func (r *reader) further(seq string) bool {
	n, err := seqNumber(seq)
	if err != nil {
		return seq != "" && seq != r.since
	}
	if n <= r.far {
		return false
	}
	r.far = n
	return true
}

// send sends what was read since the last time; no rows too, where the feed moved on all the same.
func (r *reader) send(ctx context.Context) error {
	if len(r.open) == 0 && r.since == r.sent {
		return nil
	}
	b := &batch{number: r.number, changes: r.open, through: r.since, pending: r.pending}
	select {
	case r.out <- b:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	r.number++
	r.open, r.sent = make([]change, 0, min(cap(r.open), r.o.BatchSize)), r.since
	return nil
}

// count asks how many rows are to come, if somebody wants to know. A source that does not say is no failure.
func (s *session) count(ctx context.Context) {
	s.stats.ChangesPending = -1
	if s.o.Progress == nil {
		return
	}
	_, _ = s.once(ctx, func(t *try) error {
		end, err := s.source.changes(t.ctx, feed{since: s.begin, limit: 0, o: &s.o}, func(change) error { return nil })
		if err == nil {
			s.stats.ChangesPending = end.pending
		}
		return err
	})
	s.report()
}

// params are the parameters of _changes.
func (f feed) params() map[string]any {
	p := map[string]any{"feed": "normal", "style": f.style(), "since": f.since}
	if f.waits {
		// CouchDB's replicator asks for a third of the connection's timeout as well: so a feed
		// in which nothing happens ends before it is taken for dead.
		p["feed"], p["timeout"] = "longpoll", strconv.FormatInt(max(f.o.ConnectionTimeout/3, time.Millisecond).Milliseconds(), 10)
	}
	if f.limit >= 0 {
		p["limit"] = f.limit
	}
	for name, value := range f.o.QueryParams {
		p[name] = value
	}
	switch {
	case f.o.DocIDs != nil:
		p["filter"], p["doc_ids"] = "_doc_ids", f.o.DocIDs
	case f.o.Selector != nil:
		p["filter"], p["selector"] = "_selector", string(f.o.Selector)
	case f.o.Filter != "":
		p["filter"] = f.o.Filter
	}
	return p
}

// body is what of the parameters goes into the body, where filters look for it.
func (f feed) body() ([]byte, error) {
	switch {
	case f.o.DocIDs != nil:
		return json.Marshal(map[string]any{"doc_ids": f.o.DocIDs})
	case f.o.Selector != nil:
		return json.Marshal(map[string]any{"selector": f.o.Selector})
	}
	return nil, nil
}
