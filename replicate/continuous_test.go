package replicate_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-kivik/kivik/v4"
	"github.com/stretchr/testify/require"

	"settee/replicate"
)

// arrives waits until db has the document at its revision.
func arrives(t testing.TB, db *kivik.DB, id, rev string) {
	t.Helper()
	feed := db.Changes(t.Context(), kivik.Param("feed", "continuous"))
	defer feed.Close() //nolint:errcheck // it is endless
	for feed.Next() {
		if feed.ID() == id && feed.Changes()[0] == rev {
			return
		}
	}
	require.NoError(t, feed.Err())
	t.Fatalf("%s %s never arrives", id, rev)
}

func TestContinuous(t *testing.T) {
	errEnough := errors.New("enough")
	all := kinds(t)
	delete(all, "kivik")
	for from, source := range all {
		for to, target := range all {
			if to == "couch" || to == "http" {
				continue // arrives reads the target's own feed
			}
			t.Run(from+" to "+to, func(t *testing.T) {
				a, b := source(t, "a_"+from+to), target(t, "b_"+from+to)
				ctx, cancel := context.WithCancelCause(t.Context())
				ended := make(chan error, 1)
				var last replicate.Result
				counted := make(chan struct{})
				told := func(s replicate.Stats) {
					if s.DocsWritten == 20 {
						select {
						case <-counted:
						default:
							close(counted)
						}
					}
				}
				go func() {
					var err error
					last, err = replicate.Run(ctx, a, b, replicate.Options{Continuous: true, CheckpointInterval: 50 * time.Millisecond, Progress: told})
					ended <- err
				}()
				for i := range 20 {
					rev := put(t, a.DB, fmt.Sprint("doc", i), `{}`)
					arrives(t, b.DB, fmt.Sprint("doc", i), rev)
				}
				<-counted
				cancel(errEnough)
				require.ErrorIs(t, <-ended, errEnough)
				require.EqualValues(t, 20, last.Stats.DocsWritten)
				require.Equal(t, last.Stats.ThroughSeq, last.Stats.CheckpointedSeq, "it wrote a last checkpoint")
				require.True(t, run(t, a, b, replicate.Options{}).NoChanges)
			})
		}
	}
}

// continuously replicates one database into another for good, over a link, until end. ended tells of an end before that.
func continuously(t *testing.T, link http.RoundTripper, o replicate.Options) (source, target replicate.Peer, ended chan error, end func()) {
	h := newHouse(t)
	source, target = h.embedded("source"), h.embedded("target")
	require.NoError(t, source.Create(t.Context()))
	require.NoError(t, target.Create(t.Context()))
	from := linked(t, h.address+"/source", link)
	o.Continuous = true
	ctx, cancel := context.WithCancel(t.Context())
	ended = make(chan error, 1)
	go func() {
		_, err := replicate.Run(ctx, from, target, o)
		ended <- err
	}()
	return source, target, ended, func() {
		cancel()
		require.ErrorIs(t, <-ended, context.Canceled)
	}
}

// noting is a link that counts the requests for feeds.
func noting(asked *atomic.Int64) roundTrip {
	return func(req *http.Request) (*http.Response, error) {
		if strings.HasSuffix(req.URL.Path, "/_changes") {
			asked.Add(1)
		}
		return http.DefaultTransport.RoundTrip(req)
	}
}

// What is written goes over without a further request for the feed: no change waits for another one's way.
func TestContinuousAsksOnce(t *testing.T) {
	var asked atomic.Int64
	source, target, _, end := continuously(t, noting(&asked), replicate.Options{})
	for i := range 20 {
		id := fmt.Sprint("doc", i)
		arrives(t, target.DB, id, put(t, source.DB, id, `{}`))
	}
	end()
	require.LessOrEqual(t, asked.Load(), int64(2), "to the feed's end, and on from there")
}

// The end may come while a checkpoint is being written, which is written again then.
func TestTheEndCutsACheckpoint(t *testing.T) {
	h := newHouse(t)
	source, target := h.embedded("source"), h.embedded("target")
	require.NoError(t, source.Create(t.Context()))
	require.NoError(t, target.Create(t.Context()))
	put(t, source.DB, "doc", `{}`)
	errEnough := errors.New("enough")
	ctx, cancel := context.WithCancelCause(t.Context())
	link := roundTrip(func(req *http.Request) (*http.Response, error) {
		if req.Method == http.MethodPut && ctx.Err() == nil {
			cancel(errEnough)
			<-req.Context().Done()
			return nil, req.Context().Err()
		}
		return http.DefaultTransport.RoundTrip(req)
	})
	r, err := replicate.Run(ctx, source, linked(t, h.address+"/target", link), replicate.Options{Continuous: true, CheckpointInterval: time.Millisecond})
	require.ErrorIs(t, err, errEnough)
	require.NotErrorIs(t, err, replicate.ErrCheckpoint)
	require.Equal(t, []string{"doc"}, ids(t, target.DB))
	require.Equal(t, r.Stats.ThroughSeq, r.Stats.CheckpointedSeq)
}

// hurried is a link on which feeds end after so many milliseconds without a row.
func hurried(next http.RoundTripper, milliseconds string) http.RoundTripper {
	return roundTrip(func(req *http.Request) (*http.Response, error) {
		if q := req.URL.Query(); q.Has("timeout") {
			q.Set("timeout", milliseconds)
			req = req.Clone(req.Context())
			req.URL.RawQuery = q.Encode()
		}
		return next.RoundTrip(req)
	})
}

// A feed that ends as it should is no failure, however often: a source may be still for days.
func TestContinuousWaitsForGood(t *testing.T) {
	var asked atomic.Int64
	source, target, ended, end := continuously(t, hurried(noting(&asked), "1"), replicate.Options{Retries: 1})
	require.Eventually(t, func() bool { return asked.Load() > 4 || len(ended) > 0 }, time.Minute, time.Millisecond)
	require.Empty(t, ended)
	arrives(t, target.DB, "doc", put(t, source.DB, "doc", `{}`))
	end()
}

// The feed of a peer may end, be cut, or its server go away for a while.
func TestContinuousOutlivesItsLinks(t *testing.T) {
	source, target, _, end := continuously(t, hurried(&breaker{at: 9, way: ways["answer cut"]}, "20"), replicate.Options{})
	for i := range 8 {
		rev := put(t, source.DB, "doc", fmt.Sprintf(`{%s"n":%d}`, revOf(t, source.DB), i))
		arrives(t, target.DB, "doc", rev)
		time.Sleep(60 * time.Millisecond) // feeds end in between
	}
	end()
}

func revOf(t testing.TB, db *kivik.DB) string {
	t.Helper()
	rev, err := db.GetRev(t.Context(), "doc")
	if kivik.HTTPStatus(err) == 404 {
		return ""
	}
	require.NoError(t, err)
	return fmt.Sprintf(`"_rev":%q,`, rev)
}

func TestADatabaseMadeAnew(t *testing.T) {
	h := newHouse(t)
	source, target := h.embedded("source"), h.embedded("target")
	require.NoError(t, source.Create(t.Context()))
	sow(t, source.DB)
	run(t, source, target, replicate.Options{CreateTarget: true})

	require.NoError(t, h.client.DestroyDB(t.Context(), "target"))
	run(t, source, target, replicate.Options{CreateTarget: true})
	same(t, source.DB, target.DB, false)

	require.NoError(t, h.client.DestroyDB(t.Context(), "source"))
	require.NoError(t, source.Create(t.Context()))
	put(t, source.DB, "fresh", `{}`)
	run(t, source, target, replicate.Options{})
	require.Contains(t, ids(t, target.DB), "fresh")
}

func TestWhatWasPurged(t *testing.T) {
	h := newHouse(t)
	source, target := h.embedded("source"), h.embedded("target")
	require.NoError(t, source.Create(t.Context()))
	rev := put(t, source.DB, "a", `{}`)
	put(t, source.DB, "b", `{}`)
	run(t, source, target, replicate.Options{CreateTarget: true})

	_, err := source.DB.Purge(t.Context(), map[string][]string{"a": {rev}})
	require.NoError(t, err)
	put(t, source.DB, "c", `{}`)
	run(t, source, target, replicate.Options{})
	require.Equal(t, []string{"a", "b", "c"}, ids(t, target.DB), "purging is each database's own affair")

	_, err = target.DB.Purge(t.Context(), map[string][]string{"a": {rev}})
	require.NoError(t, err)
	require.True(t, run(t, source, target, replicate.Options{}).NoChanges)
	require.Equal(t, []string{"b", "c"}, ids(t, target.DB))
}
