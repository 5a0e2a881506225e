package replicate_test

import (
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/go-kivik/kivik/v4"
	"github.com/stretchr/testify/require"

	"settee/replicate"
)

// requests counts what a peer sends by what it carries.
type requests struct {
	logins, cookies, passwords atomic.Int64
	answer                     func(*http.Request) (*http.Response, error) // nil: the server's
}

func (r *requests) RoundTrip(req *http.Request) (*http.Response, error) {
	switch {
	case strings.HasSuffix(req.URL.Path, "/_session"):
		r.logins.Add(1)
	case req.Header.Get("Cookie") != "":
		r.cookies.Add(1)
	case req.Header.Get("Authorization") != "":
		r.passwords.Add(1)
	}
	if r.answer != nil {
		if resp, err := r.answer(req); resp != nil || err != nil {
			return resp, err
		}
	}
	return http.DefaultTransport.RoundTrip(req)
}

func TestSessions(t *testing.T) {
	h := newHouse(t)
	source := h.embedded("source")
	require.NoError(t, source.Create(t.Context()))
	sow(t, source.DB)
	n := 0
	replicated := func(r *requests) {
		n++
		name := "target" + strings.Repeat("x", n)
		require.NoError(t, h.client.CreateDB(t.Context(), name))
		run(t, source, linked(t, h.address+"/"+name, r), replicate.Options{})
		same(t, source.DB, h.client.DB(name), false)
	}
	r := &requests{}
	replicated(r)
	require.EqualValues(t, 1, r.logins.Load(), "one session for all requests")
	require.Positive(t, r.cookies.Load())
	require.Zero(t, r.passwords.Load())

	r = &requests{answer: func(req *http.Request) (*http.Response, error) {
		if strings.HasSuffix(req.URL.Path, "/_session") {
			return answers(404, "", `{"error":"not_found","reason":"missing"}`)(req)
		}
		return nil, nil
	}}
	replicated(r)
	require.EqualValues(t, 1, r.logins.Load(), "it is asked once")
	require.Zero(t, r.cookies.Load())
	require.Positive(t, r.passwords.Load())
}

func TestHeadersAreSent(t *testing.T) {
	var seen atomic.Int64
	link := roundTrip(func(req *http.Request) (*http.Response, error) {
		if req.Header.Get("X-Mine") == "yes" && req.Header.Get("Authorization") == "" {
			seen.Add(1)
		}
		return answers(404, "", `{"error":"not_found","reason":"no"}`)(req)
	})
	p, err := replicate.Dial(t.Context(), replicate.Endpoint{URL: "http://host/db", Headers: map[string]string{"X-Mine": "yes"}}, replicate.DialOptions{Transport: link})
	require.NoError(t, err)
	_, err = p.DB.Stats(t.Context())
	require.Equal(t, 404, kivik.HTTPStatus(err))
	require.EqualValues(t, 1, seen.Load())
}

func TestNamesHoldNoPassword(t *testing.T) {
	for url, name := range map[string]string{
		"http://me:secret@host:5984/db":         "http://host:5984/db/",
		"http://me@host/a%2Fb":                  "http://host/a%2Fb/",
		"https://host/prefix/db/?token=secret#": "https://host/prefix/db/",
	} {
		p, err := replicate.Dial(t.Context(), replicate.Endpoint{URL: url}, replicate.DialOptions{})
		require.NoError(t, err)
		require.Equal(t, name, p.Name)
	}
}

// Those who read a feed through a dialled peer's kivik.DB find its selector honoured, and no panic at its end.
func TestKiviksFeedsAreMended(t *testing.T) {
	h := newHouse(t)
	p := h.http(t, "db")
	require.NoError(t, p.Create(t.Context()))
	sow(t, p.DB)
	var got []string
	rows := p.DB.Changes(t.Context(), kivik.Param("filter", "_selector"), kivik.Param("selector", `{"n":{"$gt":18}}`), kivik.Param("style", "all_docs"))
	for rows.Next() {
		got = append(got, rows.ID())
	}
	require.NoError(t, rows.Err())
	require.Contains(t, got, "doc19")
	require.NotContains(t, got, "doc18")

	got = nil
	rows = p.DB.Changes(t.Context(), kivik.Param("feed", "continuous"), kivik.Param("timeout", 50))
	for rows.Next() {
		got = append(got, rows.ID())
	}
	require.ErrorContains(t, rows.Err(), io.ErrUnexpectedEOF.Error(), "it ended, and says so")
	require.Len(t, got, 26)
	require.NotContains(t, got, "")
}

// A database whose name needs escaping, below a path.
func TestNamesAreEscaped(t *testing.T) {
	h := newHouse(t)
	source, target := h.embedded("a/b+c$d"), h.embedded("target")
	require.NoError(t, source.Create(t.Context()))
	sow(t, source.DB)
	proxy := roundTrip(func(req *http.Request) (*http.Response, error) { // strips a prefix, as proxies do
		u := *req.URL
		require.True(t, strings.HasPrefix(u.EscapedPath(), "/deep/down/"), u.EscapedPath())
		u.RawPath = strings.TrimPrefix(u.EscapedPath(), "/deep/down")
		u.Path = strings.TrimPrefix(u.Path, "/deep/down")
		req = req.Clone(req.Context())
		req.URL = &u
		return http.DefaultTransport.RoundTrip(req)
	})
	run(t, linked(t, h.address+"/deep/down/a%2Fb%2Bc$d", proxy), target, replicate.Options{CreateTarget: true})
	same(t, source.DB, target.DB, false)
}
