package auth

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/go-kivik/kivik/v4"
)

const (
	// sweepTime is how often expired tickets and sessions are looked for: they do no
	// harm, they only take room.
	sweepTime = 10 * time.Minute
	// sweepGrace is how long they stay after their end, as the clocks of regions differ.
	sweepGrace = time.Hour
	sweepPage  = 500 // documents read at once
)

// sweeping removes what has expired from sessions until the end.
func (a *Auth) sweeping(ctx context.Context) {
	tick := time.NewTicker(sweepTime)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
		if err := a.sweep(ctx); err != nil && !errors.Is(err, context.Canceled) {
			a.o.Logger.Warn("auth: expired sessions not removed", "error", err)
		}
	}
}

// sweep deletes the documents of sessions, of whatever kind, whose "expires" is over.
func (a *Auth) sweep(ctx context.Context) error {
	before := a.o.Now().Add(-sweepGrace)
	for from := ""; ; {
		over, last, err := a.expired(ctx, from, before)
		if err != nil {
			return err
		}
		for id, rev := range over {
			_, err := a.sessions.Delete(ctx, id, rev)
			if status := kivik.HTTPStatus(err); err != nil && status != http.StatusConflict && status != http.StatusNotFound {
				return err
			}
		}
		if last == "" {
			return nil
		}
		from = last
	}
}

// expired reads a page of sessions; last is where the next begins, "" after the last one.
func (a *Auth) expired(ctx context.Context, from string, before time.Time) (over map[string]string, last string, err error) {
	rows := a.sessions.AllDocs(ctx, kivik.Params(map[string]any{"include_docs": true, "limit": sweepPage + 1, "startkey": from}))
	defer rows.Close()
	over = map[string]string{}
	n := 0
	for rows.Next() {
		if n++; n > sweepPage {
			last, err = rows.ID()
			return over, last, err
		}
		var doc struct {
			ID      string    `json:"_id"`
			Rev     string    `json:"_rev"`
			Expires time.Time `json:"expires"`
		}
		if rows.ScanDoc(&doc) == nil && !doc.Expires.IsZero() && !doc.Expires.After(before) {
			over[doc.ID] = doc.Rev
		}
	}
	return over, "", rows.Err()
}
