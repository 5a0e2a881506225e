package auth

import (
	"context"
	"errors"
	"net/http"
	"net/netip"
	"sync"
	"time"

	"github.com/go-kivik/kivik/v4"
)

const (
	// usedPrecision is how exactly is known when a token was used last.
	usedPrecision = time.Hour
	// usesTime is how often uses are written: what a crash loses.
	usesTime = 5 * time.Minute
	// usesBound is how many wait to be written; past it some are not.
	usesBound = 65_536
	// lastUses is how long the end waits for them to be written.
	lastUses = 2 * time.Second

	usedPrefix = "used:"
)

// uses are the last uses of tokens that are not written yet. A request that is not the
// first of its token in an hour costs one look at a number.
type uses struct {
	mu struct {
		sync.Mutex
		waiting map[string]use // by the token's key
	}
}

type use struct {
	user string
	at   time.Time
	from netip.Addr
}

func newUses() *uses {
	u := &uses{}
	u.mu.waiting = map[string]use{}
	return u
}

func (u *uses) note(t *token, now time.Time, r *http.Request, addr func(*http.Request) netip.Addr) {
	last := t.noted.Load()
	if now.Unix()-last < int64(usedPrecision/time.Second) || !t.noted.CompareAndSwap(last, now.Unix()) {
		return
	}
	u.add(t.Key, use{t.User, now, addr(r)})
}

func (u *uses) add(key string, one use) {
	u.mu.Lock()
	defer u.mu.Unlock()
	makeRoom(u.mu.waiting, usesBound)
	if was, there := u.mu.waiting[key]; !there || was.at.Before(one.at) {
		u.mu.waiting[key] = one
	}
}

// take empties the list.
func (u *uses) take() map[string]use {
	u.mu.Lock()
	defer u.mu.Unlock()
	taken := u.mu.waiting
	u.mu.waiting = map[string]use{}
	return taken
}

// of is the use of a token that is not written yet.
func (u *uses) of(key string) time.Time {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.mu.waiting[key].at
}

// writingUses writes them now and then, and at the end.
func (a *Auth) writingUses(ctx context.Context) {
	tick := time.NewTicker(usesTime)
	defer tick.Stop()
	for ctx.Err() == nil {
		select {
		case <-tick.C:
			a.writeUses(ctx)
		case <-ctx.Done():
		}
	}
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastUses)
	defer cancel()
	a.writeUses(last)
}

// writeUses writes the uses that wait, in one batch. What cannot be written waits on.
func (a *Auth) writeUses(ctx context.Context) {
	taken := a.uses.take()
	var docs []any
	for key, one := range taken {
		doc, err := a.usedDocument(ctx, key, one)
		if err == nil && doc != nil {
			docs = append(docs, doc)
		}
		if err != nil {
			a.keepUses(taken, err)
			return
		}
	}
	if len(docs) == 0 {
		return
	}
	if _, err := a.tokens.db.BulkDocs(ctx, docs); err != nil { // a conflict of one is another process that knew as much
		a.keepUses(taken, err)
	}
}

func (a *Auth) keepUses(taken map[string]use, err error) {
	if !errors.Is(err, context.Canceled) {
		a.o.Logger.Warn("auth: last uses of tokens not written", "error", err)
	}
	for key, one := range taken {
		a.uses.add(key, one)
	}
}

// usedDocument is what to write of a use; nil where nearly the same is written, or the
// token is gone.
func (a *Auth) usedDocument(ctx context.Context, key string, one use) (any, error) {
	t, err := a.tokens.doc(ctx, key)
	if err != nil || t == nil {
		return nil, err
	}
	id := usedPrefix + key + "@" + a.o.Region
	was, err := readObject(ctx, a.tokens.db, id)
	if err != nil {
		return nil, err
	}
	if at, err := time.Parse(time.RFC3339, was.text("at")); err == nil && one.at.Sub(at) < usedPrecision {
		return nil, nil
	}
	doc := object{textMember("_id", id), textMember("type", "used"), textMember("user", one.user), textMember("key", key), textMember("at", one.at.UTC().Format(timeForm))}
	if one.from.IsValid() {
		doc = append(doc, textMember("from", one.from.Unmap().String()))
	}
	if rev := was.text("_rev"); rev != "" {
		doc = append(doc, textMember("_rev", rev))
	}
	return doc.marshal(), nil
}

// forgetUses deletes what was written of the uses of a token that is gone, in every region.
// That it fails leaves some bytes.
func (a *Auth) forgetUses(ctx context.Context, key string) {
	a.uses.mu.Lock()
	delete(a.uses.mu.waiting, key)
	a.uses.mu.Unlock()
	from := usedPrefix + key + "@"
	rows := a.tokens.db.AllDocs(ctx, kivik.Params(map[string]any{"startkey": from, "endkey": from + "\ufff0"}))
	defer rows.Close()
	for rows.Next() {
		id, errID := rows.ID()
		var value struct{ Rev string }
		if errors.Join(errID, rows.ScanValue(&value)) == nil {
			_, _ = a.tokens.db.Delete(ctx, id, value.Rev) // it is gone, or was written again
		}
	}
}
