package tarballs

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestHandler(t *testing.T) {
	s := opened(t)
	d := stored(t, s, []byte("0123456789")).String()
	h := Handler(s, slog.New(slog.DiscardHandler))
	for _, c := range []struct {
		method, digest, header string
		status                 int
		body, got              string
	}{
		{"GET", d, "", 200, "0123456789", "Content-Length: 10\nAccept-Ranges: bytes\nContent-Type: application/octet-stream\nEtag: \"" + d + `"`},
		{"HEAD", d, "", 200, "", "Content-Length: 10"},
		{"GET", d, "Range: bytes=4-", 206, "456789", "Content-Range: bytes 4-9/10"},
		{"GET", d, "Range: bytes=10-", 416, "…", ""},
		{"GET", d, `If-None-Match: "` + d + `"`, 304, "", ""},
		{"GET", strings.Repeat("ab", 64), "", 404, `{"error":"not_found","reason":"missing"}` + "\n", ""},
		{"HEAD", strings.Repeat("ab", 64), "", 404, "…", ""},
		{"GET", strings.ToUpper(d), "", 400, "…", "Content-Type: application/json"},
		{"PUT", d, "", 405, "…", "Allow: GET,HEAD"},
		{"GET", "..", "", 400, "…", ""},
	} {
		r := httptest.NewRequest(c.method, "/_settee/blobs/"+c.digest, nil)
		if k, v, ok := strings.Cut(c.header, ": "); ok {
			r.Header.Set(k, v)
		}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		require.Equal(t, c.status, w.Code, "%v", c)
		body, err := io.ReadAll(w.Body)
		require.NoError(t, err)
		if c.body != "…" {
			require.Equal(t, c.body, string(body), "%v", c)
		}
		for line := range strings.SplitSeq(c.got, "\n") {
			k, v, _ := strings.Cut(line, ": ")
			require.Equal(t, v, w.Header().Get(k), "%v", c)
		}
	}
}

// A blob whose file is cut short must not look whole.
func TestHandlerCutsTornAnswers(t *testing.T) {
	s := opened(t)
	d := stored(t, s, []byte("whole"))
	server := httptest.NewServer(Handler(tornStore{s}, slog.New(slog.DiscardHandler)))
	t.Cleanup(server.Close)
	res, err := http.Get(server.URL + "/" + d.String())
	if err == nil {
		_, err = io.ReadAll(res.Body)
		_ = res.Body.Close()
	}
	require.Error(t, err)
}

type tornStore struct{ Store }

func (s tornStore) Open(ctx context.Context, d Digest, offset, length int64) (io.ReadCloser, Info, error) {
	r, info, err := s.Store.Open(ctx, d, offset, length)
	info.Size++
	return r, info, err
}
