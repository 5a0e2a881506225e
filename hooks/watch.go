package hooks

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/go-kivik/kivik/v4"

	"settee/database"
	"settee/replicate"
)

const statePrefix = "state:"

// changed handles a change of a packument.
func (h *Hooks) changed(ctx context.Context, c replicate.Change) error {
	if strings.HasPrefix(c.ID, "_") {
		return nil
	}
	if err := h.known.wait(ctx); err != nil {
		return err
	}
	if !h.known.perhaps(c.ID) {
		return nil
	}
	return h.look(ctx, c.ID)
}

// look compares a package with what it was, and queues what happened.
func (h *Hooks) look(ctx context.Context, name string) error {
	for {
		making, err := h.lookOnce(ctx, name)
		if making == nil {
			return err
		}
		select {
		case <-making:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// lookOnce is look, unless a hook about the package is being made: that is to be waited for, without the package's turn.
func (h *Hooks) lookOnce(ctx context.Context, name string) (making <-chan struct{}, err error) {
	defer h.states.lock(name)()
	now, was, rev, err := h.both(ctx, name)
	if err != nil || now == nil {
		return nil, err
	}
	hooks, making := h.known.covering(name, now.ownersOf(was))
	hooks = slices.DeleteFunc(hooks, func(hook *Hook) bool { return !h.ours(hook) })
	switch {
	case making != nil:
		return making, nil
	case len(hooks) == 0:
		return nil, h.dropState(ctx, name, rev)
	case was == nil:
		was = now.before(hooks)
	case was.Rev == now.Rev:
		return nil, nil
	}
	events := now.since(was)
	now.Number = was.Number + int64(len(events))
	if err := h.enqueue(ctx, name, hooks, events, was.Number, now.Rev); err != nil {
		return nil, fmt.Errorf("hooks: queue what happened to %s: %w", name, err)
	}
	return nil, h.putState(ctx, name, now, rev)
}

// both are a package's state as it is and as it was at the last look, nil where there was none, with
// the revision of its document. now is nil where the packument cannot be understood.
func (h *Hooks) both(ctx context.Context, name string) (now, was *state, rev string, err error) {
	raw, err := database.Text(ctx, h.packages, name)
	if err != nil {
		return nil, nil, "", err
	}
	now, err = stateOf(raw)
	if err != nil {
		h.log.Warn("hooks: a packument cannot be read", "package", name, "error", err)
		return nil, nil, "", nil
	}
	was, rev, err = h.readState(ctx, name)
	return now, was, rev, err
}

func (h *Hooks) readState(ctx context.Context, name string) (*state, string, error) {
	raw, err := database.Text(ctx, h.queue, statePrefix+name)
	if raw == nil || err != nil {
		return nil, "", err
	}
	var doc struct {
		DocRev string `json:"_rev"`
		State  *state `json:"state"`
	}
	if err := json.Unmarshal(raw, &doc); err != nil {
		return nil, "", fmt.Errorf("hooks: the state of %s: %w", name, err)
	}
	return doc.State, doc.DocRev, nil
}

func (h *Hooks) putState(ctx context.Context, name string, s *state, rev string) error {
	doc := map[string]any{"_id": statePrefix + name, "state": s}
	if rev != "" {
		doc["_rev"] = rev
	}
	if _, err := h.queue.Put(ctx, statePrefix+name, doc); err != nil {
		return fmt.Errorf("hooks: write the state of %s: %w", name, err)
	}
	return nil
}

func (h *Hooks) dropState(ctx context.Context, name, rev string) error {
	if rev == "" {
		return nil
	}
	_, err := h.queue.Delete(ctx, statePrefix+name, rev)
	return err
}

// mark notes what the packages are that a hook will be about, so that what happens from here on is told. What
// other hooks are about already is noted.
func (h *Hooks) mark(ctx context.Context, hook *Hook) error {
	names, err := h.names(ctx, hook)
	if err != nil {
		return err
	}
	for _, name := range names {
		if err := h.markOne(ctx, hook, name); err != nil {
			return err
		}
	}
	return nil
}

func (h *Hooks) markOne(ctx context.Context, hook *Hook, name string) error {
	defer h.states.lock(name)()
	now, was, rev, err := h.both(ctx, name)
	if err != nil || now == nil {
		return err
	}
	if was != nil {
		now.Number = was.Number
	}
	owners := now.ownersOf(was)
	others := h.known.those(func(other *Hook) bool { return other.ID != hook.ID && h.ours(other) && other.covers(name, owners) })
	if was != nil && (len(others) > 0 || was.Rev == now.Rev) {
		return nil
	}
	return h.putState(ctx, name, now, rev)
}

// names are the packages that a hook is about now.
func (h *Hooks) names(ctx context.Context, hook *Hook) (names []string, err error) {
	switch hook.Type {
	case Package:
		return []string{hook.Name}, nil
	case Owner:
		return h.from.Maintained(ctx, hook.Name)
	}
	within := hook.Name + "/"
	rows := h.packages.AllDocs(ctx, kivik.Params(map[string]any{"startkey": within, "endkey": within + "\ufff0"}))
	defer rows.Close()
	for rows.Next() {
		id, err := rows.ID()
		if err != nil {
			return nil, err
		}
		names = append(names, id)
	}
	return names, rows.Err()
}

// enqueue writes events for hooks whose owners may read the package. Written twice they are the same documents.
func (h *Hooks) enqueue(ctx context.Context, name string, hooks []*Hook, events []Event, number int64, rev string) error {
	var docs []any
	var to []string
	for _, hook := range hooks {
		may, err := h.from.Readable(ctx, hook, name)
		if err != nil {
			return err
		}
		if !may || len(events) == 0 {
			continue
		}
		to = append(to, hook.ID)
		for i, e := range events {
			d := &delivery{Hook: hook.ID, Package: name, Event: e, Time: h.o.Now().UnixMilli()}
			d.ID = d.id(number+int64(i)+1, rev)
			docs = append(docs, d)
		}
	}
	for len(docs) > 0 {
		n := min(len(docs), 500)
		results, err := h.queue.BulkDocs(ctx, docs[:n])
		if err != nil {
			return err
		}
		for _, r := range results {
			if r.Error != nil && kivik.HTTPStatus(r.Error) != http.StatusConflict { // it is there already
				return r.Error
			}
		}
		docs = docs[n:]
	}
	for _, id := range to {
		h.wake(id)
	}
	return nil
}

// delivery is an event on its way to a hook.
type delivery struct {
	ID      string `json:"_id"`
	Rev     string `json:"_rev,omitempty"`
	Hook    string `json:"hook"`
	Package string `json:"package"`
	Event   Event  `json:"event"`
	Time    int64  `json:"time"` // ms since 1970, when it was seen

	Attempts int       `json:"attempts,omitempty"`
	First    time.Time `json:"first,omitzero"` // when it failed for the first time
	Next     time.Time `json:"next,omitzero"`  // not before
}

const queuePrefix = "queue:"

func (d *delivery) id(number int64, rev string) string {
	_, digest, _ := strings.Cut(rev, "-")
	return fmt.Sprintf("%s%s:%s:%012d:%s", queuePrefix, d.Hook, d.Package, number, digest[:min(len(digest), 12)])
}
