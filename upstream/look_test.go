package upstream

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestReadThrough(t *testing.T) {
	o := newOther(t)
	content := []byte(strings.Repeat("tarball", 20_000))
	o.publish("@s/n", "1.0.0", content)
	h := open(t, o)

	doc, found, err := h.look("@s/n")
	require.NoError(t, err)
	require.True(t, found.Changed)
	require.Equal(t, "/@s/n/-/n-1.0.0.tgz", doc["versions"].(dict)["1.0.0"].(dict)["dist"].(dict)["tarball"])
	require.Equal(t, []any{dict{"keyid": "k", "sig": "s"}}, doc["versions"].(dict)["1.0.0"].(dict)["dist"].(dict)["signatures"])
	require.NotContains(t, doc, "access")
	require.NotContains(t, doc, "_attachments")
	require.NotEqual(t, "3-x", doc["_rev"])
	require.Equal(t, o.URL, doc["settee"].(dict)["from"])

	for range 2 { // the second time from the store
		got, err := h.fetch("@s/n", "1.0.0")
		require.NoError(t, err)
		require.Equal(t, content, got)
		require.Eventually(t, func() bool { return h.stored() == 1 }, 10*time.Second, time.Millisecond)
	}
	require.Equal(t, 1, o.asked("/@s/n/-/n-1.0.0.tgz"))
	require.Equal(t, "application/json", o.requests[0].Header.Get("Accept"))
	require.Equal(t, 2, o.asked(""))
}

func TestFreshThenStale(t *testing.T) {
	o := newOther(t)
	o.publish("n", "1.0.0", []byte("one"))
	h := open(t, o)
	_, _, err := h.look("n")
	require.NoError(t, err)

	h.Pass(4 * time.Minute)
	_, found, err := h.look("n")
	require.NoError(t, err)
	require.False(t, found.Changed)
	require.Equal(t, 1, o.asked(""), "it is fresh")

	h.Pass(2 * time.Minute)
	before, _, err := h.look("n")
	require.NoError(t, err)
	h.settled()
	require.Equal(t, 2, o.asked(""), "it is stale")
	require.NotEmpty(t, o.last().Header.Get("If-None-Match"))
	after, _, err := h.look("n")
	require.NoError(t, err)
	require.Equal(t, before["_rev"], after["_rev"], "304 writes nothing")
	require.Equal(t, 2, o.asked(""), "it is fresh again")

	o.publish("n", "2.0.0", []byte("two"))
	h.Pass(6 * time.Minute)
	_, _, err = h.look("n") // does not wait
	require.NoError(t, err)
	h.settled()
	doc, _, err := h.look("n")
	require.NoError(t, err)
	require.Contains(t, doc["versions"], "2.0.0")

	o.publish("n", "3.0.0", []byte("three"))
	h.Pass(2 * time.Hour)
	doc, found, err = h.look("n") // waits
	require.NoError(t, err)
	require.True(t, found.Changed)
	require.Contains(t, doc["versions"], "3.0.0")
}

// A registry without ETags tells the same text again: nothing is written.
func TestSameTextIsNotWritten(t *testing.T) {
	o := newOther(t)
	raw, err := json.Marshal(pack("n", dict{"1.0.0": dist(o.URL+"/n/-/n-1.0.0.tgz", nil)}))
	require.NoError(t, err)
	o.on("/n", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(raw) })
	h := open(t, o)
	before, _, err := h.look("n")
	require.NoError(t, err)
	h.Pass(2 * time.Hour)
	after, found, err := h.look("n")
	require.NoError(t, err)
	require.False(t, found.Changed)
	require.Equal(t, before["_rev"], after["_rev"])
	require.Equal(t, 2, o.asked(""))
}

func TestLookAgain(t *testing.T) {
	o := newOther(t)
	o.publish("n", "1.0.0", []byte("one"))
	h := open(t, o)
	_, _, err := h.look("n")
	require.NoError(t, err)
	o.publish("n", "2.0.0", []byte("two"))
	held, _ := h.held("n")
	found, err := h.LookAgain(t.Context(), "n", held)
	require.NoError(t, err)
	require.False(t, found.Changed, "it was asked for a moment ago")
	h.Pass(11 * time.Second)
	found, err = h.LookAgain(t.Context(), "n", held)
	require.NoError(t, err)
	require.True(t, found.Changed)
}

func TestOneRequestForAll(t *testing.T) {
	o := newOther(t)
	o.publish("n", "1.0.0", []byte("one"))
	slow := o.answers["/n"]
	o.on("/n", func(w http.ResponseWriter, q *http.Request) {
		time.Sleep(50 * time.Millisecond)
		slow(w, q)
	})
	h := open(t, o)
	var all sync.WaitGroup
	for range 50 {
		all.Go(func() {
			found, err := h.Look(context.Background(), "n", Held{})
			require.NoError(t, err)
			require.True(t, found.Changed)
		})
	}
	all.Wait()
	require.Equal(t, 1, o.asked(""))
}

// TestManyNames asks for more packages at once than there are connections: all are had, and no more than those are asked for at a time.
func TestManyNames(t *testing.T) {
	const names = 4 * connections
	o := newOther(t)
	h := open(t, o)
	var now, most atomic.Int32
	full, release := make(chan struct{}), make(chan struct{})
	reached := sync.OnceFunc(func() { close(full) })
	for i := range names {
		name := fmt.Sprint("n", i)
		o.publish(name, "1.0.0", []byte("one"))
		answer := o.answers["/"+name]
		o.on("/"+name, func(w http.ResponseWriter, q *http.Request) {
			n := now.Add(1)
			defer now.Add(-1)
			for is := most.Load(); n > is && !most.CompareAndSwap(is, n); is = most.Load() {
			}
			if n >= 2*connections {
				reached()
			}
			<-release
			answer(w, q)
		})
	}
	failed := make(chan error, names)
	for i := range names {
		go func() {
			_, err := h.Look(context.Background(), fmt.Sprint("n", i), Held{})
			failed <- err
		}()
	}
	<-full
	time.Sleep(50 * time.Millisecond) // in which others would come
	close(release)
	for range names {
		require.NoError(t, <-failed)
	}
	require.EqualValues(t, 2*connections, most.Load())
}

// A reader who goes away does not end what others wait for, and what he began is kept.
func TestReaderLeaves(t *testing.T) {
	o := newOther(t)
	o.publish("n", "1.0.0", []byte("one"))
	answer, wait := o.answers["/n"], make(chan struct{})
	o.on("/n", func(w http.ResponseWriter, q *http.Request) { <-wait; answer(w, q) })
	h := open(t, o)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := h.Look(ctx, "n", Held{})
	require.ErrorIs(t, err, context.Canceled)
	close(wait)
	h.settled()
	_, doc := h.held("n")
	require.NotNil(t, doc)
}

func TestAbsence(t *testing.T) {
	o := newOther(t)
	h := open(t, o)
	for range 3 {
		_, _, err := h.look("n")
		require.ErrorIs(t, err, ErrNotFound)
	}
	require.Equal(t, 1, o.asked(""), "an absence is believed")
	o.publish("n", "1.0.0", []byte("one"))
	h.Pass(absentTime)
	_, _, err := h.look("n")
	require.NoError(t, err)

	o.on("/n", nil)
	h.Pass(2 * time.Hour)
	doc, found, err := h.look("n")
	require.NoError(t, err)
	require.True(t, found.Changed)
	require.Nil(t, doc, "it is forgotten")
}

// TestOffline serves what is kept while the registry does not answer, and says so after a day.
func TestOffline(t *testing.T) {
	o := newOther(t)
	content := []byte("one")
	o.publish("n", "1.0.0", content)
	h := open(t, o)
	_, _, err := h.look("n")
	require.NoError(t, err)
	_, err = h.fetch("n", "1.0.0")
	require.NoError(t, err)
	require.Eventually(t, func() bool { return h.stored() == 1 }, 10*time.Second, time.Millisecond)
	o.CloseClientConnections()
	o.Close()

	h.Pass(6 * time.Minute)
	for range 4 {
		doc, found, err := h.look("n")
		require.NoError(t, err)
		require.NotNil(t, doc)
		require.Empty(t, found.Notice)
		h.settled()
	}
	_, _, err = h.look("other")
	require.ErrorIs(t, err, ErrUnavailable)
	h.Pass(30 * time.Hour)
	doc, found, err := h.look("n")
	require.NoError(t, err)
	require.NotNil(t, doc)
	require.Contains(t, found.Notice, "has not answered since 2026-01-01 00:06 UTC")
	got, err := h.fetch("n", "1.0.0")
	require.NoError(t, err)
	require.Equal(t, content, got)
}

func TestBreaker(t *testing.T) {
	o := newOther(t)
	var broken atomic.Bool
	broken.Store(true)
	o.publish("n", "1.0.0", []byte("one"))
	answer := o.answers["/n"]
	o.on("/n", func(w http.ResponseWriter, q *http.Request) {
		if broken.Load() {
			w.WriteHeader(503)
			return
		}
		answer(w, q)
	})
	h := open(t, o)
	for range 10 {
		_, _, err := h.look("n")
		require.ErrorIs(t, err, ErrUnavailable)
	}
	require.Equal(t, mostFailures, o.asked(""), "it is left alone")
	h.Pass(shortestRest)
	_, _, err := h.look("n")
	require.ErrorIs(t, err, ErrUnavailable)
	require.Equal(t, mostFailures+1, o.asked(""), "one request tries it")
	broken.Store(false)
	_, _, err = h.look("n")
	require.ErrorIs(t, err, ErrUnavailable, "it rests twice as long")
	h.Pass(2 * shortestRest)
	_, _, err = h.look("n")
	require.NoError(t, err)
}

func TestRetries(t *testing.T) {
	for _, status := range []int{408, 429, 500, 502, 503, 504} {
		o := newOther(t)
		o.publish("n", "1.0.0", []byte("one"))
		answer := o.answers["/n"]
		o.on("/n", func(w http.ResponseWriter, q *http.Request) {
			if o.asked("") < tries {
				w.Header().Set("Retry-After", "0")
				w.WriteHeader(status)
				return
			}
			answer(w, q)
		})
		_, _, err := open(t, o).look("n")
		require.NoError(t, err, status)
		require.Equal(t, tries, o.asked(""))
	}
}

// A registry that asks to be left alone is.
func TestRetryAfter(t *testing.T) {
	o := newOther(t)
	o.on("/n", func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Retry-After", "30"); w.WriteHeader(429) })
	h := open(t, o)
	for range 3 {
		_, _, err := h.look("n")
		require.ErrorIs(t, err, ErrUnavailable)
	}
	require.Equal(t, 1, o.asked(""))
	h.Pass(31 * time.Second)
	_, _, err := h.look("n")
	require.ErrorIs(t, err, ErrUnavailable)
	require.Equal(t, 2, o.asked(""))
}

func TestLoop(t *testing.T) {
	o := newOther(t)
	o.publish("n", "1.0.0", []byte("one"))
	h := open(t, o)
	_, err := h.Look(WithVia(t.Context(), []string{"1.1 proxy", "1.1 " + h.o.self}), "n", Held{})
	require.ErrorIs(t, err, ErrLoop)
	require.Zero(t, o.asked(""))
	_, err = h.Look(WithVia(t.Context(), []string{strings.Repeat("1.1 x, ", mostVia) + "1.1 y"}), "n", Held{})
	require.ErrorIs(t, err, ErrLoop)
	_, err = h.Look(WithVia(t.Context(), []string{"1.1 other"}), "n", Held{})
	require.NoError(t, err)
	require.Equal(t, "1.1 other, 1.1 "+h.o.self, o.last().Header.Get("Via"))
	h.Pass(time.Hour)
	held, _ := h.held("n")
	_, err = h.Look(WithVia(t.Context(), []string{"1.1 " + h.o.self}), "n", held)
	require.NoError(t, err, "what is kept is served, and nobody asked")
	require.Equal(t, 1, o.asked(""))
}

func TestTargets(t *testing.T) {
	a, b, c := newOther(t), newOther(t), newOther(t)
	h := open(t, nil, func(o *Options) {
		for _, given := range []string{a.URL, "@acme=" + b.URL, "left-*=" + c.URL} {
			target, err := ParseTarget(given)
			require.NoError(t, err)
			o.Targets = append(o.Targets, target)
		}
	})
	for name, want := range map[string]*other{"n": a, "@acme/n": b, "@ACME/n": b, "left-pad": c, "@left-/pad": a, "lefty": a} {
		before := want.asked("")
		_, _, err := h.look(name)
		require.ErrorIs(t, err, ErrNotFound)
		require.Equal(t, before+1, want.asked(""), name)
	}
	require.True(t, h.Claims("@acme"))
	require.False(t, h.Claims("@other"))
}

// Another registry in the place of one: what was kept is asked for there, with no ETag of the first.
func TestTargetChanges(t *testing.T) {
	a, b := newOther(t), newOther(t)
	a.publish("n", "1.0.0", []byte("one"))
	b.publish("n", "2.0.0", []byte("two"))
	h := open(t, a)
	_, _, err := h.look("n")
	require.NoError(t, err)
	target, err := ParseTarget(b.URL)
	require.NoError(t, err)
	second, err := Open(t.Context(), h.client, h.blobs, Options{Targets: []Target{target}, Now: h.Now})
	require.NoError(t, err)
	defer second.Close()
	held, _ := h.held("n")
	found, err := second.Look(t.Context(), "n", held)
	require.NoError(t, err)
	require.True(t, found.Changed)
	require.Empty(t, b.last().Header.Get("If-None-Match"))
	_, doc := h.held("n")
	require.Contains(t, doc["versions"], "2.0.0")
}

func TestRefusedNamesAreNotAsked(t *testing.T) {
	o := newOther(t)
	h := open(t, o, func(o *Options) {
		o.Rules = Rules{Deny: patterns(t, "@evil", "bad-*"), Allow: patterns(t, "good*", "@evil/*", "some@^1")}
	})
	for _, name := range []string{"@evil/n", "@EVIL/n", "bad-n", "Bad-n", "other"} {
		_, _, err := h.look(name)
		var refused *Refused
		require.ErrorAs(t, err, &refused, name)
		require.Equal(t, 403, refused.HTTPStatus())
	}
	require.Zero(t, o.asked(""))
	for _, name := range []string{"goodness", "some"} {
		_, _, err := h.look(name)
		require.ErrorIs(t, err, ErrNotFound)
	}
}

func patterns(t testing.TB, texts ...string) (list []Pattern) {
	for _, text := range texts {
		p, err := ParsePattern(text)
		require.NoError(t, err, text)
		list = append(list, p)
	}
	return list
}
