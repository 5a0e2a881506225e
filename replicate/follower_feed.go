package replicate

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/go-kivik/kivik/v4"

	"settee/database"
)

const (
	// firstRows is the limit of a pass's first poll, whose end tells how much is to
	// come; mostRows that of others: it keeps the proof of what was read from being far away.
	firstRows, mostRows = 100, 10_000
	// shortestPoll is how long a poll waits at least: less were a busy loop.
	shortestPoll = 100 * time.Millisecond
	// mostIDs is how many documents CouchDB looks up in a feed without reading all of it.
	mostIDs = 100
)

var (
	errNudged = errors.New("somebody wants the reader to look around")
	errSilent = errors.New("the connection says nothing")
)

// read polls until the pass ends. Long polls and not a continuous feed: each has an end, which
// is what proves that nothing was missed, and Kivik's driver for CouchDB cannot end a continuous one.
func (p *pass) read(ctx context.Context) error {
	pause := shortestPause
	for {
		p.f.resumed(ctx)
		err := p.retry(ctx)
		if err == nil {
			err = p.poll(ctx)
		}
		switch {
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case err == nil:
			pause, p.proven = shortestPause, true
			p.f.state(p.state())
		case errors.Is(err, errNudged):
		case errors.Is(err, errPurged):
			return err
		case p.losesPlace(err):
			return fmt.Errorf("%w: %w", errPlaceLost, err)
		default:
			p.f.failed(err, pause == shortestPause)
			waitFor(ctx, pause)
			pause = min(2*pause, longestPause)
		}
	}
}

func (p *pass) state() FollowerState {
	if p.live {
		return Following
	}
	return CatchingUp
}

// poll reads what changed since the last one, waiting for it once all was read.
func (p *pass) poll(ctx context.Context) error {
	wait, feed := p.f.o.Proof, "normal"
	if p.live { // the next proof is due one Proof after the last
		wait, feed = max(shortestPoll, wait-time.Since(p.proof)), "longpoll"
	}
	sent, from := time.Now(), p.since
	params := p.params(kivik.Params(map[string]any{
		"feed": feed, "since": cmp.Or(p.since, "0"), "timeout": int(wait / time.Millisecond), "limit": p.limit,
	}))
	rows, end, err := p.rows(ctx, wait, params, func(e *entry) {
		if e.change.Seq != "" {
			e.seq, p.since = e.change.Seq, e.change.Seq
		}
	})
	if err != nil {
		return err
	}
	if err := p.heed(ctx); err != nil {
		return err
	}
	if end.LastSeq != "" {
		if p.strays(from, end.LastSeq) {
			return errPlaceLost
		}
		p.since = end.LastSeq
	}
	full := rows >= p.limit
	waited := p.live
	p.live = !full
	p.f.mu.Lock()
	p.pending = end.Pending
	if full {
		p.mark(p.since, time.Time{})
	} else {
		p.proof = sent
		if took := time.Since(sent); waited && rows == 0 && took >= wait {
			p.proof = sent.Add(wait) // the server looked after that time
		}
		p.mark(p.since, p.clock(p.proof))
	}
	p.f.mu.Unlock()
	p.limit = mostRows
	switch {
	case waited && rows > 0:
		waitFor(ctx, p.f.o.Gather)
	case waited && time.Since(sent) < wait/2:
		waitFor(ctx, shortestPause) // a server that does not wait is not asked in a busy loop
	}
	return nil
}

// params are those of every feed.
func (p *pass) params(more ...kivik.Option) []kivik.Option {
	own := map[string]any{}
	if p.f.o.IncludeDocs {
		own["include_docs"] = true
		if p.f.o.Held != nil {
			more = append(more, database.Held(p.f.o.Held))
		}
	}
	if p.f.o.Conflicts {
		own["style"] = "all_docs"
		if p.f.o.IncludeDocs {
			own["conflicts"] = true
		}
	}
	return append(more, kivik.Params(own))
}

// rows reads a feed and queues its rows. A connection that says nothing for longer
// than it may is dead; while there is no room, it is we who do not listen.
func (p *pass) rows(ctx context.Context, wait time.Duration, params []kivik.Option, each func(*entry)) (rows int, end *kivik.ChangesMetadata, err error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	p.f.mu.Lock()
	p.nudge = cancel
	if p.f.resume != nil || len(p.f.again) > 0 {
		cancel(errNudged)
	}
	p.f.mu.Unlock()
	patience := wait + p.f.o.Proof/5
	silence := time.AfterFunc(patience, func() { cancel(errSilent) })
	defer silence.Stop()

	var text json.RawMessage // of the row, from a driver that has it in memory
	feed := p.f.db.Changes(ctx, append(params, database.Raw(&text))...)
	// An iterator of Kivik that waits for its next row does not look at its context.
	interrupt := context.AfterFunc(ctx, func() { _ = feed.Close() })
	defer interrupt()
	defer func() { _ = feed.Close() }()
	for row, err := range feed.Iterator() { // Changes.ScanDoc races with the end of the context
		if ctx.Err() != nil {
			break
		}
		if err != nil {
			return rows, nil, err
		}
		e, err := p.entryOf(row, &text)
		if err != nil {
			return rows, nil, err
		}
		each(e)
		silence.Stop()
		if !p.queue(e) {
			break
		}
		silence.Reset(patience)
		rows++
	}
	if ctx.Err() != nil {
		return rows, nil, context.Cause(ctx)
	}
	end, err = feed.Metadata()
	if err == nil && end == nil {
		err = errors.New("the feed broke off")
	}
	return rows, end, err
}

func (p *pass) entryOf(row *kivik.Change, text *json.RawMessage) (*entry, error) {
	e := &entry{change: Change{ID: row.ID, Seq: row.Seq, Revs: slices.Clone(row.Changes), Deleted: row.Deleted}}
	if !p.f.o.IncludeDocs {
		return e, nil
	}
	if e.change.Doc = *text; *text != nil {
		*text = nil
		return e, nil
	}
	err := row.ScanDoc(&e.change.Doc)
	if string(e.change.Doc) == "null" { // it is held
		e.change.Doc = nil
	}
	return e, err
}

// retry queues what Retry asked for. A document's row is read between two polls, so it
// is not older than what was queued of it, nor younger than what will be. One that
// was purged has no row, and nothing to be handled.
func (p *pass) retry(ctx context.Context) error {
	p.f.mu.Lock()
	ids := p.f.again
	p.f.again = nil
	p.f.mu.Unlock()
	for len(ids) > 0 {
		some := ids[:min(len(ids), mostIDs)]
		list, err := json.Marshal(some)
		if err != nil {
			return err
		}
		params := p.params(kivik.Params(map[string]any{"filter": "_doc_ids", "doc_ids": json.RawMessage(list)}))
		gone := slices.Clone(some)
		_, _, err = p.rows(ctx, p.f.o.Proof, params, func(e *entry) {
			gone = slices.DeleteFunc(gone, func(id string) bool { return id == e.change.ID })
		})
		if err != nil {
			p.f.mu.Lock()
			p.f.again = append(ids, p.f.again...)
			p.f.mu.Unlock()
			if errors.Is(err, errNudged) {
				return errNudged
			}
			return fmt.Errorf("read what was set aside: %v", err) // its status says nothing of the place
		}
		if len(gone) > 0 {
			p.f.Drop(gone...)
		}
		ids = ids[len(some):]
	}
	return nil
}
