package hooks

import (
	"context"
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/go-kivik/kivik/v4"

	"settee/dial"
)

// lanes are the hooks that something is queued for, each with one goroutine.
type lanes struct {
	mu   sync.Mutex
	busy map[string]chan struct{} // sent to when something new is queued
}

// resume wakes the hooks that something was queued for when the process began.
func (h *Hooks) resume() {
	if h.known.wait(h.ctx) != nil {
		return
	}
	after := queuePrefix
	for h.ctx.Err() == nil {
		id, err := h.next(after)
		switch {
		case err != nil:
			h.log.Warn("hooks: the queue cannot be read", "error", err)
			pause(h.ctx, time.Second, nil)
		case id == "":
			return
		default:
			hook, _, _ := strings.Cut(strings.TrimPrefix(id, queuePrefix), ":")
			h.wake(hook)
			after = queuePrefix + hook + ";" // behind all of that hook
		}
	}
}

// next is the first id in the queue from one on; "" where there is none.
func (h *Hooks) next(from string) (id string, err error) {
	rows := h.queue.AllDocs(h.ctx, kivik.Params(map[string]any{"startkey": from, "endkey": queuePrefix + "\ufff0", "limit": 1}))
	defer rows.Close()
	for rows.Next() { // to the end: Kivik closes what is left in two places at once
		if id, err = rows.ID(); err != nil {
			return "", err
		}
	}
	return id, rows.Err()
}

// wake has a hook's queue looked at.
func (h *Hooks) wake(id string) {
	h.lanes.mu.Lock()
	defer h.lanes.mu.Unlock()
	if h.ctx.Err() != nil {
		return
	}
	if news, busy := h.lanes.busy[id]; busy {
		select {
		case news <- struct{}{}:
		default: // it will look anyway
		}
		return
	}
	if h.lanes.busy == nil {
		h.lanes.busy = map[string]chan struct{}{}
	}
	news := make(chan struct{}, 1)
	h.lanes.busy[id] = news
	h.running.Go(func() { h.run(id, news) })
}

// rest ends a hook's goroutine, unless something came.
func (h *Hooks) rest(id string, news chan struct{}) bool {
	h.lanes.mu.Lock()
	defer h.lanes.mu.Unlock()
	select {
	case <-news:
		return false
	default:
		delete(h.lanes.busy, id)
		return true
	}
}

// run delivers what is queued for a hook, until nothing is.
func (h *Hooks) run(id string, news chan struct{}) {
	for h.ctx.Err() == nil {
		d, wait, err := h.due(id)
		switch {
		case err != nil:
			h.log.Warn("hooks: the queue cannot be read", "hook", id, "error", err)
			pause(h.ctx, time.Second, nil)
		case d != nil:
			if err := h.attempt(d); err != nil && h.ctx.Err() == nil {
				h.log.Warn("hooks: what came of a delivery cannot be written", "hook", id, "error", err)
				pause(h.ctx, time.Second, nil)
			}
		case wait > 0:
			pause(h.ctx, wait, news)
		default:
			if h.rest(id, news) {
				return
			}
		}
	}
}

func pause(ctx context.Context, d time.Duration, news <-chan struct{}) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-news:
	case <-ctx.Done():
	}
}

// window is how many events of a queue are looked at: that many packages may wait for another attempt before others must.
const window = 100

// due is the first event of a hook's queue that may be sent now: none of its package waits before it. Without one,
// wait is until there is.
func (h *Hooks) due(id string) (first *delivery, wait time.Duration, err error) {
	list, err := h.queued(id)
	now := h.o.Now()
	waiting := map[string]bool{}
	for _, d := range list {
		if waiting[d.Package] {
			continue
		}
		if !d.Next.After(now) {
			return d, 0, nil
		}
		waiting[d.Package] = true
		if until := d.Next.Sub(now); wait == 0 || until < wait {
			wait = until
		}
	}
	return nil, wait, err
}

func (h *Hooks) queued(id string) (list []*delivery, err error) {
	from := queuePrefix + id + ":"
	rows := h.queue.AllDocs(h.ctx, kivik.Params(map[string]any{"startkey": from, "endkey": from + "\ufff0", "limit": window, "include_docs": true}))
	defer rows.Close()
	for rows.Next() {
		var raw json.RawMessage
		if err := rows.ScanDoc(&raw); err != nil {
			return nil, err
		}
		d := &delivery{}
		if err := json.Unmarshal(raw, d); err != nil {
			return nil, err
		}
		list = append(list, d)
	}
	return list, rows.Err()
}

// attempt sends an event, and writes down what came of it. An error is the database's.
func (h *Hooks) attempt(d *delivery) error {
	hook := h.known.of(d.Hook)
	if hook == nil || !h.ours(hook) {
		return h.done(d)
	}
	a, err := h.try(hook, d)
	if err != nil {
		return err
	}
	if a == nil {
		return h.done(d)
	}
	return h.settle(hook, d, *a)
}

// try sends an event, once there is a place: until then its payload, which may have megabytes, is not made, nor is it asked
// who may read it. nil: the hook's owner may not.
func (h *Hooks) try(hook *Hook, d *delivery) (*Attempt, error) {
	select {
	case h.places <- struct{}{}:
	case <-h.ctx.Done():
		return nil, h.ctx.Err()
	}
	defer func() { <-h.places }()
	if may, err := h.from.Readable(h.ctx, hook, d.Package); err != nil || !may {
		return nil, err
	}
	payload, err := h.from.Payload(h.ctx, d.Package)
	if err != nil {
		return nil, err
	}
	if payload == nil {
		payload = json.RawMessage("null")
	}
	begun := h.o.Now()
	code, err := h.send(h.ctx, hook, d, payload)
	if h.ctx.Err() != nil {
		return nil, h.ctx.Err() // the next process sends it again
	}
	return &Attempt{
		Delivery: d.ID, Event: d.Event.Kind, Package: d.Package, Version: d.Event.Version, Number: d.Attempts + 1,
		Time: begun.UTC().Truncate(time.Millisecond), Took: h.o.Now().Sub(begun).Milliseconds(), Code: code, Error: told(err),
	}, nil
}

// mostError is how much of an error is told.
const mostError = 300

// told is what the hook's owner may know of a failure: not what names inside this network resolve to, nor which addresses
// of ours asked, be it the endpoint or who looks names up.
func told(err error) string {
	var unknown *net.DNSError
	var op *net.OpError
	switch {
	case err == nil:
		return ""
	case errors.Is(err, dial.ErrInside):
		return "the endpoint is inside the registry's own network"
	case errors.Is(err, context.DeadlineExceeded):
		return "the endpoint took too long to answer"
	case errors.As(err, &unknown):
		return "the endpoint's name cannot be looked up"
	case errors.As(err, &op):
		err = op.Err
	}
	text := err.Error()
	return text[:min(len(text), mostError)]
}

// settle decides what comes after an attempt: nothing, another, or the end of the hook.
func (h *Hooks) settle(hook *Hook, d *delivery, a Attempt) error {
	ok := a.Code >= 200 && a.Code < 300
	over := a.Code == http.StatusGone || d.Attempts >= len(h.o.Pauses)
	if d.First.IsZero() {
		d.First = a.Time
	}
	if !ok && !over {
		d.Attempts++
		d.Next = h.o.Now().UTC().Add(h.o.Pauses[d.Attempts-1])
		a.Next = d.Next
	}
	j, err := h.note(h.ctx, hook.ID, a, ok)
	if err != nil {
		return err
	}
	switch {
	case ok:
		return h.done(d)
	case !over:
		rev, err := h.queue.Put(h.ctx, d.ID, d)
		if kivik.HTTPStatus(err) == http.StatusConflict {
			return nil // dropped with its hook
		}
		d.Rev = rev
		return err
	}
	if a.Code != http.StatusGone && j.Failing.After(d.First) {
		h.log.Warn("hooks: a delivery is given up, as others went by", "hook", hook.ID, "owner", hook.Username, "package", d.Package, "status", a.Code)
		return h.done(d)
	}
	h.log.Warn("hooks: a delivery is given up, its hook is disabled", "hook", hook.ID, "owner", hook.Username, "package", d.Package, "status", a.Code, "failing", j.Failing)
	return h.disable(hook)
}

// done takes an event out of the queue.
func (h *Hooks) done(d *delivery) error {
	_, err := h.queue.Delete(h.ctx, d.ID, d.Rev)
	if status := kivik.HTTPStatus(err); status == http.StatusConflict || status == http.StatusNotFound {
		return nil
	}
	return err
}

// drop empties a hook's queue.
func (h *Hooks) drop(id string) error {
	for {
		list, err := h.queued(id)
		if err != nil || len(list) == 0 {
			return err
		}
		for _, d := range list {
			if err := h.done(d); err != nil {
				return err
			}
		}
	}
}
