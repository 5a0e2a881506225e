package hooks

import (
	"context"
	"crypto/rand"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/go-kivik/kivik/v4"
)

// Create makes a hook of these: Type, Name, Username, Account, Endpoint and Secret. Whether its owner may is the caller's
// to know. What happens from its return on is told. Errors are Invalid or ErrTooMany, or the database's.
func (h *Hooks) Create(ctx context.Context, hook Hook) (*Hook, error) {
	if err := hook.check(h.o.Allow); err != nil {
		return nil, err
	}
	if err := h.known.wait(ctx); err != nil {
		return nil, err
	}
	h.making.Lock()
	defer h.making.Unlock()
	if len(h.known.those(func(other *Hook) bool { return other.owned(hook.Username, hook.Account) })) >= MostHooks {
		return nil, ErrTooMany
	}
	hook.ID = strings.ToLower(rand.Text())
	hook.Created = h.o.Now().UTC().Truncate(time.Millisecond)
	return h.enable(ctx, &hook, hook.Created)
}

// enable makes a hook one that is delivered here from now on.
func (h *Hooks) enable(ctx context.Context, hook *Hook, now time.Time) (*Hook, error) {
	hook.Region, hook.Updated, hook.Status = h.o.Region, now, Active
	end := h.known.begin(hook)
	defer end()
	if err := h.mark(ctx, hook); err != nil {
		return nil, err
	}
	if err := h.put(ctx, hook); err != nil {
		return nil, err
	}
	h.known.set(hook)
	return hook, nil
}

func (h *Hooks) put(ctx context.Context, hook *Hook) error {
	rev, err := h.db.Put(ctx, hookPrefix+hook.ID, hook)
	if err != nil {
		return fmt.Errorf("hooks: write a hook: %w", err)
	}
	hook.Rev = rev
	return nil
}

func (h *Hook) owned(user string, account time.Time) bool {
	return h.Username == user && h.Account.Equal(account)
}

// Of are a user's hooks, those about a package where one is named, the oldest first.
func (h *Hooks) Of(ctx context.Context, user string, account time.Time, name string) ([]*Hook, error) {
	if err := h.known.wait(ctx); err != nil {
		return nil, err
	}
	return h.known.those(func(hook *Hook) bool {
		return hook.owned(user, account) && (name == "" || hook.Name == name)
	}), nil
}

// Get is one of a user's hooks, or ErrAbsent.
func (h *Hooks) Get(ctx context.Context, user string, account time.Time, id string) (*Hook, error) {
	if err := h.known.wait(ctx); err != nil {
		return nil, err
	}
	hook := h.known.of(id)
	if hook == nil || !hook.owned(user, account) {
		return nil, ErrAbsent
	}
	return hook, nil
}

// Journal is what is known of the deliveries of a hook.
func (h *Hooks) Journal(ctx context.Context, id string) (*Journal, error) { return h.journal(ctx, id) }

// Update gives one of a user's hooks another endpoint and secret, and has it delivered here, from now on where it was not.
func (h *Hooks) Update(ctx context.Context, user string, account time.Time, id, endpoint, secret string) (*Hook, error) {
	was, err := h.Get(ctx, user, account, id)
	if err != nil {
		return nil, err
	}
	is := *was
	is.Endpoint, is.Secret = endpoint, secret
	if err := is.check(h.o.Allow); err != nil {
		return nil, err
	}
	now := h.o.Now().UTC().Truncate(time.Millisecond)
	if !now.After(was.Updated) {
		now = was.Updated.Add(time.Millisecond)
	}
	if h.ours(was) {
		is.Updated = now
		if err := h.put(ctx, &is); err != nil {
			return nil, err
		}
		h.known.set(&is)
		h.wake(id)
		return &is, nil
	}
	if err := h.drop(id); err != nil { // of the time before
		return nil, err
	}
	return h.enable(ctx, &is, now)
}

// Remove ends one of a user's hooks, and gives what it was.
func (h *Hooks) Remove(ctx context.Context, user string, account time.Time, id string) (*Hook, error) {
	hook, err := h.Get(ctx, user, account, id)
	if err != nil {
		return nil, err
	}
	if _, err := h.db.Delete(ctx, hookPrefix+id, hook.Rev); err != nil && kivik.HTTPStatus(err) != http.StatusNotFound {
		return nil, fmt.Errorf("hooks: remove a hook: %w", err)
	}
	h.known.forget(id)
	j, err := h.journal(ctx, id)
	if err == nil && j.Rev != "" {
		_, err = h.db.Delete(ctx, logPrefix+id, j.Rev)
	}
	if err == nil {
		err = h.drop(id)
	}
	return hook, err
}

// disable ends deliveries to a hook that failed for too long.
func (h *Hooks) disable(hook *Hook) error {
	is := *hook
	is.Status, is.Updated = Disabled, h.o.Now().UTC().Truncate(time.Millisecond)
	if !is.Updated.After(hook.Updated) {
		is.Updated = hook.Updated.Add(time.Millisecond)
	}
	if err := h.put(h.ctx, &is); err != nil {
		return err // a conflict is with its owner, who has just changed it: it gets another chance
	}
	h.known.set(&is)
	return h.drop(is.ID)
}
