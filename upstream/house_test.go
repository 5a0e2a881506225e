package upstream

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"context"
	"crypto/sha1"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"path"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-kivik/kivik/v4"
	"github.com/stretchr/testify/require"

	"settee/fixtures"
	"settee/fixtures/engine"
	"settee/tarballs"
	"settee/views/packuments"
)

type dict = map[string]any

// other is another registry, which does what a test says.
type other struct {
	*httptest.Server
	t testing.TB

	mu       sync.Mutex
	answers  map[string]http.HandlerFunc // by escaped path
	requests []*http.Request
}

func newOther(t testing.TB) *other {
	o := &other{t: t, answers: map[string]http.HandlerFunc{}}
	o.Server = httptest.NewServer(o)
	t.Cleanup(o.CloseClientConnections)
	t.Cleanup(o.Close)
	return o
}

func (o *other) ServeHTTP(w http.ResponseWriter, q *http.Request) {
	o.mu.Lock()
	o.requests = append(o.requests, q.Clone(context.Background()))
	answer := o.answers[q.URL.EscapedPath()]
	o.mu.Unlock()
	if answer == nil {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(404)
		_, _ = w.Write([]byte(`{"error":"not_found"}`))
		return
	}
	answer(w, q)
}

func (o *other) on(path string, answer http.HandlerFunc) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.answers[path] = answer
}

// asked counts the requests for a path, "" for all.
func (o *other) asked(path string) (n int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, q := range o.requests {
		if path == "" || q.URL.EscapedPath() == path {
			n++
		}
	}
	return n
}

func (o *other) last() *http.Request {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.requests[len(o.requests)-1]
}

// says answers with JSON, under an ETag.
func says(body any) http.HandlerFunc {
	raw, ok := body.([]byte)
	if !ok {
		raw, _ = json.Marshal(body)
	}
	etag := fmt.Sprintf("%q", hex.EncodeToString(sum1(raw)))
	return func(w http.ResponseWriter, q *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Etag", etag)
		if q.Header.Get("If-None-Match") == etag {
			w.WriteHeader(304)
			return
		}
		if !strings.Contains(q.Header.Get("Accept-Encoding"), "gzip") {
			_, _ = w.Write(raw)
			return
		}
		w.Header().Set("Content-Encoding", "gzip")
		z := gzip.NewWriter(w)
		_, _ = z.Write(raw)
		_ = z.Close()
	}
}

func sum1(b []byte) []byte { s := sha1.Sum(b); return s[:] }

// blob answers with a tarball's bytes, and knows ranges.
func blob(b []byte) http.HandlerFunc {
	return func(w http.ResponseWriter, q *http.Request) {
		w.Header().Set("Content-Type", "application/octet-stream")
		http.ServeContent(w, q, "", time.Time{}, bytes.NewReader(b))
	}
}

// dist is what a packument tells of a tarball.
func dist(url string, b []byte) dict {
	s := sha512.Sum512(b)
	return dict{"tarball": url, "shasum": hex.EncodeToString(sum1(b)), "integrity": "sha512-" + base64.StdEncoding.EncodeToString(s[:]), "signatures": []dict{{"keyid": "k", "sig": "s"}}}
}

// pack is a packument whose versions have those dists.
func pack(name string, dists dict) dict {
	versions, times := dict{}, dict{"created": "2020-01-01T00:00:00.000Z", "modified": "2020-02-01T00:00:00.000Z"}
	latest := ""
	for number, d := range dists {
		versions[number] = dict{"name": name, "version": number, "dist": d, "dependencies": dict{"a": "^1"}}
		times[number] = "2020-01-02T00:00:00.000Z"
		latest = max(latest, number)
	}
	return dict{"_id": name, "_rev": "3-x", "name": name, "dist-tags": dict{"latest": latest}, "versions": versions, "time": times, "_attachments": dict{}, "access": "restricted", "settee": dict{"lost": 1}}
}

// publish has the origin tell of a package with one version, and give its tarball.
func (o *other) publish(name, number string, content []byte) {
	at := "/" + name + "/-/" + path.Base(name) + "-" + number + ".tgz"
	o.on("/"+strings.Replace(name, "/", "%2f", 1), says(pack(name, dict{number: dist(o.URL+at, content)})))
	o.on(at, blob(content))
}

// house is a reader on real parts.
type house struct {
	*Reader
	*fixtures.Clock
	t      testing.TB
	client *kivik.Client
	blobs  *tarballs.FolderStore
}

func open(t testing.TB, o *other, settings ...func(*Options)) *house {
	return openOn(t, engine.Open(t, engine.Twins).Client, o, settings...)
}

// openOn is open on a database of the caller's.
func openOn(t testing.TB, client *kivik.Client, o *other, settings ...func(*Options)) *house {
	h := &house{Clock: fixtures.ClockAt(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)), t: t, client: client}
	var err error
	h.blobs, err = tarballs.Folder(t.TempDir())
	require.NoError(t, err)
	options := Options{Now: h.Now, pause: time.Millisecond, patience: time.Minute}
	if o != nil {
		target, err := ParseTarget(o.URL)
		require.NoError(t, err)
		options.Targets = []Target{target}
	}
	for _, set := range settings {
		set(&options)
	}
	h.Reader, err = Open(t.Context(), h.client, h.blobs, options)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, h.Close()) })
	return h
}

// impatient gives a registry that says nothing up while a test can wait for it. A slow machine may take longer for a
// good answer as well: whoever wants one insists.
func impatient(o *Options) {
	o.stall, o.grace, o.headTime = 300*time.Millisecond, 300*time.Millisecond, 300*time.Millisecond
}

// insist looks until the registry has given an answer, and rested in between as long as it may have to.
func (h *house) insist(name string) (doc dict) {
	h.t.Helper()
	require.Eventually(h.t, func() bool {
		var err error
		h.Pass(2 * time.Minute)
		doc, _, err = h.look(name)
		return err == nil
	}, time.Minute, time.Millisecond)
	return doc
}

// held is what is kept of a package, its text too.
func (h *house) held(name string) (Held, dict) {
	raw, rev, err := h.Document(context.Background(), name)
	require.NoError(h.t, err)
	rev = cmp.Or(rev, packuments.Text(packuments.Member(raw, "_rev")))
	if raw == nil {
		return Held{}, nil
	}
	var doc dict
	require.NoError(h.t, json.Unmarshal(raw, &doc))
	return Held{Rev: rev, Mark: packuments.Member(raw, markName)}, doc
}

// look looks with what is held, and tells what then is.
func (h *house) look(name string) (dict, Found, error) {
	held, _ := h.held(name)
	found, err := h.Look(h.t.Context(), name, held)
	_, doc := h.held(name)
	return doc, found, err
}

// settled waits until nothing is asked any more.
func (h *house) settled() {
	require.Eventually(h.t, func() bool {
		h.mu.Lock()
		defer h.mu.Unlock()
		return len(h.calls) == 0
	}, 10*time.Second, time.Millisecond)
}

// fetch reads a version's tarball to its end.
func (h *house) fetch(name, number string) ([]byte, error) {
	held, doc := h.held(name)
	require.NotNil(h.t, doc)
	tarball := Tarball{Name: name, Version: number, Mark: held.Mark}
	manifest := doc["versions"].(dict)[number].(dict)
	d, err := tarballs.ParseSRI(fmt.Sprint(manifest["dist"].(dict)["integrity"]))
	if err != nil {
		raw, err := json.Marshal(manifest)
		require.NoError(h.t, err)
		if d, err = h.Learn(h.t.Context(), tarball, raw); err != nil {
			return nil, err
		}
	}
	body, _, err := h.Store(tarball).Open(h.t.Context(), d, 0, -1)
	if err != nil {
		return nil, err
	}
	defer body.Close()
	return io.ReadAll(body)
}

// stored counts the blobs that are kept.
func (h *house) stored() (n int) {
	for _, err := range h.blobs.List(context.Background()) {
		require.NoError(h.t, err)
		n++
	}
	return n
}
