package tarballs

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"

	"github.com/stretchr/testify/require"
)

func announcer(t testing.TB, h http.Handler) *Peer {
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	u, err := url.Parse(server.URL + "/_settee/")
	require.NoError(t, err)
	return NewPeer("us", u, nil)
}

// Who listens hears each put, in order, and the end.
func TestAnnounce(t *testing.T) {
	s := Announce(opened(t))
	p := announcer(t, s)
	began, heard, ended := make(chan struct{}), make(chan Digest), make(chan error, 1)
	go func() {
		ended <- p.Listen(t.Context(), func() { close(began) }, func(d Digest) { heard <- d })
	}()
	<-began
	for i := range 3 {
		require.Equal(t, stored(t, s, []byte{byte(i)}), <-heard)
	}
	wrong := Digest{}
	_, err := s.Put(t.Context(), bytes.NewReader([]byte("not that")), &wrong)
	require.ErrorIs(t, err, ErrDigest)
	require.Equal(t, stored(t, s, []byte("next")), <-heard, "what was not stored is not announced")
	require.NoError(t, s.Close())
	require.ErrorIs(t, <-ended, io.ErrUnexpectedEOF)
	require.Error(t, p.Listen(t.Context(), func() {}, func(Digest) {}), "a closed store announces nothing")
}

// What is fetched from a peer is announced as what is put is.
func TestAnnounceFetched(t *testing.T) {
	s := Announce(opened(t))
	began, heard := make(chan struct{}), make(chan Digest, 1)
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	go func() {
		_ = announcer(t, s).Listen(ctx, func() { close(began) }, func(d Digest) { heard <- d })
	}()
	<-began
	b := random(100)
	fetched, err := through(t, s, []Source{giving("ap", b)}, ThroughOptions{}).Fetch(t.Context(), digestOf(b))
	require.NoError(t, err)
	require.True(t, fetched)
	require.Equal(t, digestOf(b), <-heard)
}

func TestListenEnds(t *testing.T) {
	for name, h := range map[string]http.HandlerFunc{
		"refused": func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusUnauthorized) },
		"garbage": func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "\nhello\n") },
		"no line": func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(bytes.Repeat([]byte("a"), 1<<20)) },
	} {
		t.Run(name, func(t *testing.T) {
			require.Error(t, announcer(t, h).Listen(t.Context(), func() {}, func(Digest) { t.Error("heard something") }))
		})
	}
	ctx, cancel := context.WithCancel(t.Context())
	require.ErrorIs(t, announcer(t, Announce(opened(t))).Listen(ctx, cancel, func(Digest) {}), context.Canceled)
}
