package replicate

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strconv"
	"time"

	"github.com/go-kivik/kivik/v4/couchdb/chttp"
)

// errUnanswered ends a request whose peer says nothing any more.
var errUnanswered = errors.New("no answer within the connection timeout")

// errCut is an answer that ended too early.
var errCut = errors.New("the answer ended too early")

// errUnasked is a document that comes in place of another one.
var errUnasked = errors.New("the answer holds a document that was not asked for")

// A try is one try of a request.
type try struct {
	ctx      context.Context
	silence  *time.Timer
	patience time.Duration
	moved    bool
}

// alive says that something came or went.
func (t *try) alive() { t.silence.Reset(t.patience) }

// further says that less is left to do, whatever comes of the rest. There must be an end of that.
func (t *try) further() { t.moved = true }

// attempt does what fn does, again if it fails in passing: after 0.25 s, 0.5 s, 1 s, … up to
// a minute, each a bit at random so that many replications do not come back at once, or when the server said. A try that
// got further is the first of a new row.
func (s *session) attempt(ctx context.Context, what string, fn func(*try) error) error {
	for n := 0; ; n++ {
		moved, err := s.once(ctx, fn)
		if moved {
			n = 0
		}
		switch {
		case err == nil, ctx.Err() != nil, lasting(err):
			return err
		case n >= s.o.Retries:
			return spent{fmt.Errorf("%s: %w", what, err)}
		}
		wait := backOff(n, err)
		s.log.Debug("trying again", "replication", s.id, "what", what, "in", wait, "error", err)
		if err := sleep(ctx, wait); err != nil {
			return err
		}
	}
}

// once tries once, and tells whether that got further.
func (s *session) once(ctx context.Context, fn func(*try) error) (moved bool, err error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	t := &try{ctx: ctx, patience: s.o.ConnectionTimeout}
	t.silence = time.AfterFunc(t.patience, func() { cancel(errUnanswered) })
	defer t.silence.Stop()
	err = fn(t)
	if err != nil && context.Cause(ctx) == errUnanswered {
		err = fmt.Errorf("%w of %v", errUnanswered, t.patience)
	}
	return t.moved, err
}

const (
	firstWait   = 250 * time.Millisecond
	longestWait = time.Minute
)

// backOff is how long to wait after the try number n, from 0, failed.
func backOff(n int, err error) time.Duration {
	if wait, ok := retryAfter(err); ok {
		return min(wait, longestWait)
	}
	wait := min(firstWait<<min(n, 10), longestWait)
	return wait/2 + rand.N(wait/2+1)
}

// retryAfter is what a server said about when to come again.
func retryAfter(err error) (time.Duration, bool) {
	var header http.Header
	var ours *wireError
	var kiviks *chttp.HTTPError
	switch {
	case errors.As(err, &ours):
		header = ours.Header
	case errors.As(err, &kiviks) && kiviks.Response != nil:
		header = kiviks.Response.Header
	}
	seconds, failed := strconv.Atoi(header.Get("Retry-After"))
	return time.Duration(seconds) * time.Second, failed == nil && seconds >= 0
}

// sleep waits, or tells why not.
func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
