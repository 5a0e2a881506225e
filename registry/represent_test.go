package registry

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"settee/couch"
	"settee/fixtures"
)

// TestChangesWithinASecond: who asks by a date alone, be it Last-Modified or time.modified cut to seconds as pnpm sends it, hears of every change.
func TestChangesWithinASecond(t *testing.T) {
	h := open(t)
	h.publish(h.bob, "p", "1.0.0")
	modified := func() string {
		at, err := time.Parse(time.RFC3339, fmt.Sprint(at(t, h.do("GET", "/p", "", nil).JSON(), "time", "modified")))
		require.NoError(t, err)
		return at.UTC().Format(http.TimeFormat)
	}
	seen := map[string]bool{}
	for i := range 3 {
		was := modified()
		require.False(t, seen[was])
		seen[was] = true
		for _, accept := range []string{abbreviatedAccept, "*/*"} {
			res := h.do("GET", "/p", "", nil, "Accept", accept)
			require.Equal(t, i == 0, res.Header.Get("Last-Modified") == was, "none is in the future")
			require.Equal(t, 304, h.do("GET", "/p", "", nil, "Accept", accept, "If-Modified-Since", was).Status)
		}
		require.Equal(t, 201, h.do("PUT", fmt.Sprint("/-/package/p/dist-tags/t", i), h.bob, "1.0.0").Status)
		for _, accept := range []string{abbreviatedAccept, "*/*"} {
			require.Equal(t, 200, h.do("GET", "/p", "", nil, "Accept", accept, "If-Modified-Since", was).Status)
		}
	}
	h.clock.Pass(time.Minute)
	require.Equal(t, modified(), h.do("GET", "/p", "", nil).Header.Get("Last-Modified"))
}

// TestRepresentations asks for a package in both forms and every coding.
func TestRepresentations(t *testing.T) {
	h := open(t)
	h.publish(h.bob, "p", "1.0.0")
	etags := map[string]bool{}
	for _, accept := range []string{abbreviatedAccept, "*/*"} {
		plain := h.do("GET", "/p", "", nil, "Accept", accept).Body
		for coding := range codings {
			name := codings[coding].name
			ask := []string{"Accept", accept, "Accept-Encoding", name}
			res := h.do("GET", "/p", "", nil, ask...)
			require.Equal(t, 200, res.Status)
			require.Equal(t, "Accept, Accept-Encoding", res.Header.Get("Vary"))
			require.Equal(t, "public, max-age=0", res.Header.Get("Cache-Control"))
			require.NotEmpty(t, res.Header.Get("Last-Modified"))
			require.Equal(t, strconv.Itoa(len(res.Body)), res.Header.Get("Content-Length"))
			etag := res.Header.Get("ETag")
			require.False(t, etags[etag], "each has its own")
			etags[etag] = true
			if name == "identity" {
				require.Empty(t, res.Header.Get("Content-Encoding"))
			} else {
				require.Equal(t, name, res.Header.Get("Content-Encoding"))
			}
			require.Equal(t, string(plain), string(decoded(t, name, res.Body)))

			for _, condition := range []string{etag, "W/" + etag, `"other", W/` + etag, "*"} { // proxies that compress make ETags weak
				for _, method := range []string{"GET", "HEAD"} {
					same := h.do(method, "/p", "", nil, append(ask, "If-None-Match", condition)...)
					require.Equal(t, 304, same.Status)
					require.Empty(t, same.Body)
					for _, kept := range []string{"ETag", "Vary", "Cache-Control", "Last-Modified"} {
						require.Equal(t, res.Header.Get(kept), same.Header.Get(kept))
					}
					require.Empty(t, same.Header.Get("Content-Encoding"))
				}
			}
			head := h.do("HEAD", "/p", "", nil, ask...)
			require.Equal(t, 200, head.Status)
			require.Empty(t, head.Body)
			for name := range res.Header {
				if name != "Date" {
					require.Equal(t, res.Header.Get(name), head.Header.Get(name), name)
				}
			}
			require.Equal(t, 200, h.do("GET", "/p", "", nil, append(ask, "If-None-Match", `"other"`)...).Status)
		}
	}
	for _, path := range []string{"/p", "/p?write=true", "/p/latest"} {
		require.Equal(t, 406, h.do("GET", path, "", nil, "Accept-Encoding", "identity;q=0").Status, path)
		require.Equal(t, "br", h.do("GET", path, "", nil, "Accept-Encoding", "identity;q=0, br").Header.Get("Content-Encoding"), path)
	}
	etag := h.do("GET", "/p", "", nil).Header.Get("ETag")
	h.publish(h.bob, "p", "1.0.1")
	require.Equal(t, 200, h.do("GET", "/p", "", nil, "If-None-Match", etag).Status, "a publish is seen at once")
	require.Len(t, h.do("GET", "/p", "", nil, "Accept", abbreviatedAccept).JSON()["versions"], 2)
}

// TestTextIsMadeOnce asks for all codings at once: they are made of one text, which is not kept.
func TestTextIsMadeOnce(t *testing.T) {
	h := open(t)
	e := h.cache.newEntry("p")
	e.doc = parsePackument("p", fixtures.Packument(1, "p", fixtures.Median))
	e.size = e.doc.bytes()
	close(e.ready)
	started, go_ := make(chan struct{}), make(chan struct{})
	var composed int
	compose := func() ([]byte, error) {
		composed++ // in one goroutine only, which the race detector watches
		close(started)
		<-go_
		return e.doc.full("http://x"), nil
	}
	var all sync.WaitGroup
	wants := text{full: true, base: "http://x"}
	for range 8 {
		all.Go(func() { e.release(wants, e.text(wants, compose)) })
	}
	<-started
	reps := make([]*representation, len(codings))
	for c := range codings {
		all.Go(func() {
			rep, err := h.represent(t.Context(), e, form{wants, coding(c)})
			require.NoError(t, err)
			reps[c] = rep
		})
	}
	require.Eventually(t, func() bool {
		e.mu.Lock()
		defer e.mu.Unlock()
		return e.texts[wants].users == 8+len(codings)
	}, 10*time.Second, time.Millisecond)
	close(go_)
	all.Wait()
	require.Equal(t, 1, composed)
	require.Empty(t, e.texts)
	require.Len(t, e.forms, len(codings))
	for c, rep := range reps {
		require.Equal(t, string(reps[identity].body), string(decoded(t, codings[c].name, rep.body)))
	}
}

// weighs is what the cache holds, counted.
func (h *house) weighs() (sum int64) {
	h.cache.mu.Lock()
	entries := slices.Collect(maps.Values(h.cache.entries))
	h.cache.mu.Unlock()
	for _, e := range entries {
		<-e.ready
		e.mu.Lock()
		sum += entryOverhead + e.size
		for _, made := range e.forms {
			<-made.ready
			sum += int64(len(made.done.body))
		}
		e.mu.Unlock()
	}
	return sum
}

// TestCacheStaysBounded asks for packuments under invented host names, which each make representations of their own.
func TestCacheStaysBounded(t *testing.T) {
	const limit = 200_000
	h := open(t, func(_ *couch.Options, o *Options) { o.CacheSize = limit })
	for _, name := range []string{"a", "b", "c"} {
		p := parsePackument(PackageName(name), fixtures.Packument(1, name, fixtures.Median))
		_, err := h.db.Put(t.Context(), name, json.RawMessage(p.encode()))
		require.NoError(t, err)
	}
	h.Forget()
	for i := range 60 {
		for _, name := range []string{"a", "b", "c", "a"} {
			req, err := http.NewRequest("GET", h.url+"/"+name, nil)
			require.NoError(t, err)
			req.Host = "h" + strconv.Itoa(i) + ".example"
			req.Header.Set("Accept-Encoding", codings[i%len(codings)].name)
			res, err := http.DefaultClient.Do(req)
			require.NoError(t, err)
			require.NoError(t, res.Body.Close())
			require.Equal(t, 200, res.StatusCode)
		}
	}
	h.cache.mu.Lock()
	weight := h.cache.weight
	require.NotNil(t, h.cache.entries["a"], "what is asked for most is kept")
	h.cache.mu.Unlock()
	require.LessOrEqual(t, weight, int64(limit))
	require.Equal(t, h.weighs(), weight, "what is dropped is no longer counted")
}
