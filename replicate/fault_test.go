package replicate_test

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"settee/replicate"
)

// A breaker is a link whose request number at fails in its way.
type breaker struct {
	at   int64 // < 0: none
	seen atomic.Int64
	way  func(*http.Request) (*http.Response, error)
}

func (b *breaker) RoundTrip(req *http.Request) (*http.Response, error) {
	if b.seen.Add(1)-1 == b.at {
		return b.way(req)
	}
	return http.DefaultTransport.RoundTrip(req)
}

var errLink = errors.New("the link is down")

func answers(status int, header, body string) func(*http.Request) (*http.Response, error) {
	return func(req *http.Request) (*http.Response, error) {
		if req.Body != nil {
			_, _ = io.Copy(io.Discard, req.Body)
			_ = req.Body.Close()
		}
		h := http.Header{"Content-Type": {"application/json"}}
		if name, value, ok := strings.Cut(header, ": "); ok {
			h.Set(name, value)
		}
		return &http.Response{StatusCode: status, Header: h, Body: io.NopCloser(strings.NewReader(body)), Request: req, ProtoMajor: 1}, nil
	}
}

// ways are how a request fails: before the server saw it, and after.
var ways = map[string]func(*http.Request) (*http.Response, error){
	"500":     answers(500, "", `{"error":"unknown_error","reason":"oops"}`),
	"429":     answers(429, "Retry-After: 0", ``),
	"garbage": answers(200, "", `{"results":[{"id":7,`),
	"nothing": answers(200, "", ``),
	"html":    answers(502, "", `<html>`),
	"never arrives": func(req *http.Request) (*http.Response, error) {
		if req.Body != nil {
			_ = req.Body.Close()
		}
		return nil, errLink
	},
	"answer lost": func(req *http.Request) (*http.Response, error) {
		resp, err := http.DefaultTransport.RoundTrip(req)
		if err == nil {
			_ = resp.Body.Close()
		}
		return nil, errLink
	},
	"answer cut": func(req *http.Request) (*http.Response, error) {
		resp, err := http.DefaultTransport.RoundTrip(req)
		if err == nil {
			resp.Body = struct {
				io.Reader
				io.Closer
			}{io.MultiReader(io.LimitReader(resp.Body, 40), broken{}), resp.Body}
		}
		return resp, err
	},
}

type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, errLink }

// Whatever request fails, at either end and in whatever way: a run that is told not to try again leaves
// what the next run completes, and one that may try again completes itself.
func TestAnyRequestMayFail(t *testing.T) {
	h := newHouse(t)
	source := h.embedded("source")
	require.NoError(t, source.Create(t.Context()))
	sow(t, source.DB)
	n := 0
	for _, name := range slices.Sorted(maps.Keys(ways)) {
		for _, remote := range []string{"source", "target"} {
			t.Run(name+" at the "+remote, func(t *testing.T) {
				for i := int64(0); ; i += step() {
					n++
					link := &breaker{at: i, way: ways[name]}
					from, to := source, h.embedded(fmt.Sprint("target", n))
					require.NoError(t, to.Create(t.Context()))
					plain := to
					if remote == "source" {
						from = linked(t, h.address+"/source", link)
					} else {
						to = linked(t, fmt.Sprint(h.address, "/target", n), link)
					}
					o := replicate.Options{Retries: -1, Workers: 1, BatchSize: 10}
					_, err := replicate.Run(t.Context(), from, to, o)
					if link.seen.Load() <= i {
						require.NoError(t, err)
						break
					}
					link.at = -1
					if err != nil {
						run(t, from, to, o)
					}
					same(t, source.DB, plain.DB, false)
					again := run(t, from, to, o)
					require.Zero(t, again.Stats.RevisionsChecked, "request %d", i)
					require.NoError(t, h.client.DestroyDB(t.Context(), fmt.Sprint("target", n)))
				}
			})
		}
	}
}

// step is how many requests a sweep goes on: each in the long tests, a few less in the short ones.
func step() int64 {
	if testing.Short() {
		return 5
	}
	return 1
}

func linked(t testing.TB, address string, link http.RoundTripper) replicate.Peer {
	t.Helper()
	p, err := replicate.Dial(t.Context(), replicate.Endpoint{URL: address}, replicate.DialOptions{Transport: link})
	require.NoError(t, err)
	return p
}

func TestFailuresInPassingAreTriedAgain(t *testing.T) {
	h := newHouse(t)
	source := h.embedded("source")
	require.NoError(t, source.Create(t.Context()))
	sow(t, source.DB)
	for i, name := range slices.Sorted(maps.Keys(ways)) {
		target := h.embedded(fmt.Sprint("target", i))
		require.NoError(t, target.Create(t.Context()))
		var count atomic.Int64
		link := func(req *http.Request) (*http.Response, error) {
			if count.Add(1)%7 == 0 {
				return ways[name](req)
			}
			return http.DefaultTransport.RoundTrip(req)
		}
		p := linked(t, fmt.Sprint(h.address, "/target", i), roundTrip(link))
		run(t, source, p, replicate.Options{})
		same(t, source.DB, target.DB, false)
	}
}

type roundTrip func(*http.Request) (*http.Response, error)

func (r roundTrip) RoundTrip(req *http.Request) (*http.Response, error) { return r(req) }

// CouchDB refuses a whole _bulk_docs when one document is too large.
func TestOneDocumentSpoilsABatch(t *testing.T) {
	h := newHouse(t)
	source, target := h.embedded("source"), h.embedded("target")
	require.NoError(t, source.Create(t.Context()))
	require.NoError(t, target.Create(t.Context()))
	for i := range 40 {
		put(t, source.DB, fmt.Sprint("good", i), `{}`)
	}
	put(t, source.DB, "large", `{"text":"`+strings.Repeat("x", 9000)+`"}`)
	link := roundTrip(func(req *http.Request) (*http.Response, error) {
		if strings.HasSuffix(req.URL.Path, "/_bulk_docs") && req.ContentLength > 9000 {
			return answers(413, "", `{"error":"document_too_large","reason":"large"}`)(req)
		}
		return http.DefaultTransport.RoundTrip(req)
	})
	r := run(t, source, linked(t, h.address+"/target", link), replicate.Options{})
	require.EqualValues(t, 1, r.Stats.DocWriteFailures)
	require.EqualValues(t, 40, r.Stats.DocsWritten)
	require.Len(t, ids(t, target.DB), 40)
}

// Servers without _bulk_get, and those that give no row of it.
func TestOldServersHaveNoBulkGet(t *testing.T) {
	h := newHouse(t)
	source := h.embedded("source")
	require.NoError(t, source.Create(t.Context()))
	sow(t, source.DB)
	for i, way := range []func(*http.Request) (*http.Response, error){
		answers(404, "", `{"error":"not_found","reason":"missing"}`),
		answers(405, "", `{"error":"method_not_allowed","reason":"Only GET allowed"}`),
		answers(200, "", `{"results":[]}`),
		answers(200, "", `{"results":[{"id":"doc00","docs":[]},{"id":"doc01","docs":[{"error":{"id":"doc01","rev":"1-x","error":"oops","reason":"no"}}]}]}`),
	} {
		target := h.embedded(fmt.Sprint("target", i))
		require.NoError(t, target.Create(t.Context()))
		link := roundTrip(func(req *http.Request) (*http.Response, error) {
			if strings.HasSuffix(req.URL.Path, "/_bulk_get") {
				return way(req)
			}
			return http.DefaultTransport.RoundTrip(req)
		})
		r := run(t, linked(t, h.address+"/source", link), target, replicate.Options{})
		require.Zero(t, r.Stats.BulkGetDocs)
		same(t, source.DB, target.DB, false)
	}
}
