package upstream

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"log/slog"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestHostileTarballs gives bytes that are not those that the packument tells of: readers get an error before the last
// byte, and nothing is kept.
func TestHostileTarballs(t *testing.T) {
	content := bytes.Repeat([]byte("0123456789abcdef"), 8<<10)
	wrong := append([]byte("x"), content[1:]...)
	for name, answer := range map[string]http.HandlerFunc{
		"other bytes": blob(wrong),
		"fewer":       blob(content[:len(content)-1]),
		"more":        blob(append(append([]byte{}, content...), 'x')),
		"none":        blob(nil),
		"a web page":  raw("text/html; charset=utf-8", content),
		"JSON":        raw("application/json", content),
		"a silence":   func(_ http.ResponseWriter, q *http.Request) { <-q.Context().Done() },
		"a 404":       func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(404) },
		"an error":    func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(500) },
		"endless":     endless(content),
		"more than it is": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "99999999999")
			_, _ = w.Write(content)
		},
		"a cut": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", fmt.Sprint(len(content)))
			_, _ = w.Write(content[:100])
		},
		"a stall": func(w http.ResponseWriter, q *http.Request) {
			w.Header().Set("Content-Length", fmt.Sprint(len(content)))
			_, _ = w.Write(content[:100])
			_ = http.NewResponseController(w).Flush()
			<-q.Context().Done()
		},
		"another range": func(w http.ResponseWriter, q *http.Request) {
			if q.Header.Get("Range") != "" {
				w.Header().Set("Content-Range", fmt.Sprintf("bytes 7-%d/%d", len(content)-1, len(content)))
				w.WriteHeader(206)
				_, _ = w.Write(content[7:])
				return
			}
			w.Header().Set("Content-Length", fmt.Sprint(len(content)))
			_, _ = w.Write(content[:100])
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			settings := []func(*Options){func(o *Options) { o.MaxTarball = 1 << 20 }}
			if name == "a silence" || name == "a stall" {
				settings = append(settings, impatient)
			}
			for _, sha1only := range []bool{false, true} {
				o := newOther(t)
				d := dist(o.URL+"/n/-/n-1.0.0.tgz", content)
				if sha1only {
					delete(d, "integrity")
				}
				o.on("/n", says(pack("n", dict{"1.0.0": d})))
				h := open(t, o, settings...)
				h.insist("n")
				o.on("/n/-/n-1.0.0.tgz", answer)
				got, err := h.fetch("n", "1.0.0")
				require.Error(t, err)
				require.LessOrEqual(t, len(got), len(content))
				require.Zero(t, h.stored())

				o.on("/n/-/n-1.0.0.tgz", blob(content))
				require.Eventually(t, func() bool { // the download that failed may not have ended yet
					h.Pass(2 * time.Minute)
					got, err = h.fetch("n", "1.0.0")
					return err == nil
				}, time.Minute, 10*time.Millisecond)
				require.Equal(t, content, got)
			}
		})
	}
}

// TestTarballsThatBreakOff takes up a line where it broke, and counts a length that is not told.
func TestTarballsThatBreakOff(t *testing.T) {
	content := bytes.Repeat([]byte("0123456789abcdef"), 8<<10)
	for name, answer := range map[string]http.HandlerFunc{
		"half, then a range": func(w http.ResponseWriter, q *http.Request) {
			if q.Header.Get("Range") != "" {
				blob(content)(w, q)
				return
			}
			w.Header().Set("Content-Length", fmt.Sprint(len(content)))
			_, _ = w.Write(content[:len(content)/2])
		},
		"no length": func(w http.ResponseWriter, _ *http.Request) {
			_ = http.NewResponseController(w).Flush()
			_, _ = w.Write(content)
		},
		"another type": raw("application/gzip", content),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := newOther(t)
			o.publish("n", "1.0.0", content)
			o.on("/n/-/n-1.0.0.tgz", answer)
			h := open(t, o)
			_, _, err := h.look("n")
			require.NoError(t, err)
			got, err := h.fetch("n", "1.0.0")
			require.NoError(t, err)
			require.Equal(t, content, got)
		})
	}
}

// lines are what is logged.
type lines chan string

func (l lines) Write(p []byte) (int, error) {
	l <- string(p)
	return len(p), nil
}

// TestTarballsThatFailAreTold: the log says of which version a tarball could not be had, and from where.
func TestTarballsThatFailAreTold(t *testing.T) {
	o := newOther(t)
	o.publish("@s/n", "1.0.0", []byte("right"))
	o.on("/@s/n/-/n-1.0.0.tgz", blob([]byte("wrong")))
	said := make(lines, 8)
	h := open(t, o, func(o *Options) { o.Logger = slog.New(slog.NewTextHandler(said, nil)) })
	_, _, err := h.look("@s/n")
	require.NoError(t, err)
	_, err = h.fetch("@s/n", "1.0.0")
	require.Error(t, err)
	line := <-said
	require.Contains(t, line, "a blob could not be fetched")
	require.Contains(t, line, "@s/n@1.0.0 from "+o.URL)
	require.NotContains(t, line, "region")
}

// TestShasum learns the sha512 of a tarball of which only the sha1 was told.
func TestShasum(t *testing.T) {
	content := []byte("old")
	for name, told := range map[string]dict{
		"shasum":         {"shasum": hex.EncodeToString(sum1(content))},
		"sha1 integrity": {"integrity": "sha1-" + base64.StdEncoding.EncodeToString(sum1(content))},
		"both":           {"shasum": hex.EncodeToString(sum1(content)), "integrity": "sha1-" + base64.StdEncoding.EncodeToString(sum1(content))},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := newOther(t)
			told["tarball"] = o.URL + "/n/-/n-1.0.0.tgz"
			o.on("/n", says(pack("n", dict{"1.0.0": told})))
			o.on("/n/-/n-1.0.0.tgz", blob(content))
			h := open(t, o)
			_, _, err := h.look("n")
			require.NoError(t, err)
			for range 2 {
				got, err := h.fetch("n", "1.0.0")
				require.NoError(t, err)
				require.Equal(t, content, got)
			}
			require.Equal(t, 1, o.asked("/n/-/n-1.0.0.tgz"))
			_, doc := h.held("n")
			learned := doc["versions"].(dict)["1.0.0"].(dict)["dist"].(dict)["integrity"]
			require.Equal(t, dist("", content)["integrity"], learned)

			o.on("/n", says(pack("n", dict{"1.0.0": told, "2.0.0": told})))
			h.Pass(2 * time.Hour)
			doc, _, err = h.look("n")
			require.NoError(t, err)
			require.Len(t, doc["versions"], 2)
			if told["shasum"] != nil {
				require.Equal(t, learned, doc["versions"].(dict)["1.0.0"].(dict)["dist"].(dict)["integrity"], "what was learned stays")
			}
		})
	}
}
