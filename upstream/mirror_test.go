package upstream

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// feed is another registry's _changes, in numbers or in sequences of CouchDB.
type feed struct {
	mu     sync.Mutex
	rows   []dict
	opaque bool
	asked  []string
}

func (f *feed) tell(id string, deleted bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	row := dict{"id": id, "changes": []dict{{"rev": "1-x"}}}
	if deleted {
		row["deleted"] = true
	}
	f.rows = append(f.rows, row)
}

func (f *feed) seq(n int) any {
	if f.opaque {
		return fmt.Sprintf("%d-g1AAAA=_%d", n, n)
	}
	return n
}

func (f *feed) ServeHTTP(w http.ResponseWriter, q *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	since := q.URL.Query().Get("since")
	f.asked = append(f.asked, since)
	from := len(f.rows)
	if since != "now" {
		number, _, _ := strings.Cut(since, "-")
		from, _ = strconv.Atoi(number)
	}
	results := []dict{}
	for i := from; i < len(f.rows); i++ {
		results = append(results, dict{"seq": f.seq(i + 1), "id": f.rows[i]["id"], "changes": f.rows[i]["changes"], "deleted": f.rows[i]["deleted"] == true})
	}
	says(dict{"results": results, "last_seq": f.seq(len(f.rows))})(w, q)
}

// past is the places that the feed was asked from.
func (f *feed) past() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.asked)
}

func mirroring(which Mirror) func(*Options) {
	return func(o *Options) { o.Mirror, o.Poll = which, 5*time.Millisecond }
}

func (h *house) has(name, number string) func() bool {
	return func() bool {
		_, doc := h.held(name)
		if doc == nil {
			return number == ""
		}
		_, has := doc["versions"].(dict)[number]
		return has
	}
}

func TestMirrorOfKnown(t *testing.T) {
	for _, opaque := range []bool{false, true} {
		o, f := newOther(t), &feed{opaque: opaque}
		o.on("/_changes", f.ServeHTTP)
		for _, name := range []string{"n", "m", "other"} {
			o.publish(name, "1.0.0", nil)
			f.tell(name, false)
		}
		h := open(t, o, mirroring(MirrorKnown))
		require.Eventually(t, func() bool { return len(f.past()) > 2 }, 10*time.Second, time.Millisecond)
		require.Equal(t, "now", f.past()[0])
		for _, name := range []string{"n", "m"} {
			_, _, err := h.look(name)
			require.NoError(t, err)
		}
		o.publish("n", "2.0.0", nil)
		o.publish("other", "2.0.0", nil)
		o.on("/m", nil)
		for _, name := range []string{"_design/x", "other", "n", "../etc", "a b", ".x", "@/x", "n"} {
			f.tell(name, false)
		}
		f.tell("m", true)
		require.Eventually(t, h.has("n", "2.0.0"), 10*time.Second, time.Millisecond, "what is known follows")
		require.Eventually(t, h.has("m", ""), 10*time.Second, time.Millisecond, "tombstones are purged")
		require.Zero(t, o.asked("/other"), "what nobody read through is left alone")
		require.Equal(t, 1, o.asked("/m"))

		before := o.asked("/n")
		h.Pass(30 * time.Minute)
		asked := len(f.past())
		require.Eventually(t, func() bool { return len(f.past()) > asked+2 }, 10*time.Second, time.Millisecond)
		_, _, err := h.look("n")
		require.NoError(t, err)
		h.settled()
		require.Equal(t, before, o.asked("/n"), "the feed vouches for it")
		h.Pass(time.Hour)
		_, _, err = h.look("n")
		require.NoError(t, err)
		h.settled()
		require.Equal(t, before+1, o.asked("/n"), "but not for ever")
	}
}

// TestMirrorOfAll brings every package, and goes on where it was after a restart.
func TestMirrorOfAll(t *testing.T) {
	o, f := newOther(t), &feed{}
	o.on("/_changes", f.ServeHTTP)
	for i := range 20 {
		name := fmt.Sprintf("n%d", i)
		o.publish(name, "1.0.0", nil)
		f.tell(name, false)
	}
	o.on("/n7", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("no packument")) })
	h := open(t, o, mirroring(MirrorAll), func(o *Options) { o.Rules.Deny = patterns(t, "n3") })
	for i := range 20 {
		if i != 7 && i != 3 {
			require.Eventually(t, h.has(fmt.Sprintf("n%d", i), "1.0.0"), 10*time.Second, time.Millisecond)
		}
	}
	require.Zero(t, o.asked("/n3"), "what is denied is not asked for")
	require.Eventually(t, func() bool { return slices.Contains(f.past(), "20") }, 10*time.Second, time.Millisecond)
	require.NoError(t, h.Close())

	o.publish("new", "1.0.0", nil)
	f.tell("new", false)
	before := len(f.past())
	options := h.o
	second, err := Open(t.Context(), h.client, h.blobs, options)
	require.NoError(t, err)
	require.Eventually(t, h.has("new", "1.0.0"), 10*time.Second, time.Millisecond)
	require.NoError(t, second.Close())
	require.Equal(t, "20", f.past()[before], "it goes on where it was")
	require.Equal(t, 1, o.asked("/n0"))
}

// TestMirrorWaits keeps its place while the registry fails, and misses nothing.
func TestMirrorWaits(t *testing.T) {
	o, f := newOther(t), &feed{}
	h := open(t, o, mirroring(MirrorAll))
	require.Eventually(t, func() bool { return o.asked("/_changes") > 0 }, 10*time.Second, time.Millisecond, "there is no feed yet")
	o.publish("n", "1.0.0", nil)
	answer := o.answers["/n"]
	o.on("/n", func(w http.ResponseWriter, q *http.Request) {
		if o.asked("/n") <= mostFailures+3 {
			w.WriteHeader(503)
			return
		}
		answer(w, q)
	})
	f.tell("n", false)
	o.on("/_changes", f.ServeHTTP)
	require.Eventually(t, func() bool { h.Pass(2 * time.Minute); return h.has("n", "1.0.0")() }, 20*time.Second, 10*time.Millisecond)
}

// TestMirrorIsCut has the registry go away within a page: the place is kept behind each part of it, and once the registry is well again
// the first look at the feed goes on from there.
func TestMirrorIsCut(t *testing.T) {
	for _, opaque := range []bool{false, true} {
		o, f := newOther(t), &feed{opaque: opaque}
		o.on("/_changes", f.ServeHTTP)
		var down atomic.Bool
		for i := range feedPart + 30 {
			name := fmt.Sprintf("n%d", i)
			o.publish(name, "1.0.0", nil)
			f.tell(name, false)
			if answer := o.answers["/"+name]; i >= feedPart {
				o.on("/"+name, func(w http.ResponseWriter, q *http.Request) {
					if down.Load() {
						w.WriteHeader(503)
						return
					}
					answer(w, q)
				})
			}
		}
		down.Store(true)
		h := open(t, o)
		m := newFollower(h.Reader, h.remotes[0], MirrorAll)
		defer m.feed.close()
		_, err := m.step(t.Context())
		require.ErrorIs(t, err, errResting)
		down.Store(false)
		h.Pass(2 * longestRest)
		more, err := m.step(t.Context())
		require.NoError(t, err, "while one request tries whether the registry is well, the others wait")
		require.False(t, more)
		for i := range feedPart + 30 {
			require.True(t, h.has(fmt.Sprintf("n%d", i), "1.0.0")(), i)
		}
		require.Equal(t, []string{"0", fmt.Sprint(f.seq(feedPart))}, f.past())
		require.Equal(t, 1, o.asked("/n0"))
	}
}

func TestHostileFeeds(t *testing.T) {
	for name, answer := range map[string]http.HandlerFunc{
		"a web page":  raw("text/html", []byte("<html>")),
		"no place":    raw("application/json", []byte(`{"results":[{"id":"n"}]}`)),
		"other types": raw("application/json", []byte(`{"results":{"id":7},"last_seq":1}`)),
		"a number":    raw("application/json", []byte(`{"results":[{"id":7}],"last_seq":1}`)),
		"endless":     endless([]byte("          ")),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := newOther(t)
			o.on("/_changes", answer)
			h := open(t, o, mirroring(MirrorAll), func(o *Options) { o.MaxPackument = 1 << 20 })
			require.Eventually(t, func() bool { return o.asked("/_changes") > 1 }, 10*time.Second, time.Millisecond)
			require.Zero(t, o.asked("/n"))
			o.publish("m", "1.0.0", nil)
			_, _, err := h.look("m")
			require.NoError(t, err, "readers do not suffer")
		})
	}
}

// TestFeedThatStandsStill gives the same full page for ever: it is a failure, which is paused after, and no page to go on from.
func TestFeedThatStandsStill(t *testing.T) {
	rows := make([]dict, feedPage)
	for i := range rows {
		rows[i] = dict{"id": fmt.Sprint("n", i)}
	}
	o := newOther(t)
	o.on("/_changes", says(dict{"results": rows, "last_seq": 7}))
	h := open(t, o)
	f := newFollower(h.Reader, h.remotes[0], MirrorKnown)
	defer f.feed.close()
	more, err := f.step(t.Context())
	require.ErrorContains(t, err, "do not go on")
	require.False(t, more)
}
