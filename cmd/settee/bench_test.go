package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// fakeServer speaks as much of both APIs as bench asks, and holds it to names of its own.
type fakeServer struct {
	mu                  sync.Mutex
	databases, packages map[string]int
	refuse              string // a path that holds this is answered 500
	rows                int    // of _changes
}

func (s *fakeServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	s.mu.Lock()
	defer s.mu.Unlock()
	_, password, _ := r.BasicAuth()
	name, rest, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/base/"), "/")
	switch {
	case err != nil || password != "pass:word" || !strings.HasPrefix(name, "bench"):
		http.Error(w, "refused", http.StatusBadRequest)
	case s.refuse != "" && strings.Contains(r.URL.Path, s.refuse):
		http.Error(w, `{"error":"internal"}`, http.StatusInternalServerError)
	case strings.HasPrefix(name, "bench_"):
		s.couch(w, r.Method, name, rest, body)
	default:
		s.npm(w, r.Method, name, rest, body)
	}
}

// empty says that nothing of bench is left.
func (s *fakeServer) empty(t *testing.T) {
	s.mu.Lock()
	defer s.mu.Unlock()
	require.Empty(t, s.databases)
	require.Empty(t, s.packages)
}

func (s *fakeServer) couch(w http.ResponseWriter, method, name, rest string, body []byte) {
	switch {
	case rest == "" && method == "PUT":
		s.databases[name] = 0
	case rest == "" && method == "DELETE":
		delete(s.databases, name)
	case rest == "_changes":
		for range s.rows { // flushed: the client must read chunks
			fmt.Fprintln(w, `{"seq":"1-x"}`)
			w.(http.Flusher).Flush()
		}
		return
	case method == "PUT" && !json.Valid(body):
		http.Error(w, "no JSON", http.StatusBadRequest)
		return
	}
	fmt.Fprint(w, `{"ok":true,"rev":"1-abc"}`)
}

func (s *fakeServer) npm(w http.ResponseWriter, method, name, rest string, body []byte) {
	_, there := s.packages[name]
	switch {
	case method == "PUT" && json.Valid(body):
		s.packages[name]++
	case method == "DELETE" && rest == "-rev/7-z":
		delete(s.packages, name)
	case method == "GET" && !there:
		http.Error(w, `{"error":"Not found"}`, http.StatusNotFound)
		return
	}
	fmt.Fprint(w, `{"_rev":"7-z"}`)
}

func startFake(t *testing.T) (*fakeServer, []string) {
	fake := &fakeServer{databases: map[string]int{}, packages: map[string]int{}, rows: 1000}
	server := httptest.NewServer(fake)
	t.Cleanup(server.Close)
	return fake, []string{"--couch", server.URL + "/base/", "--npm", server.URL + "/base", "--admin", "me:pass:word",
		"--seconds", "0.02", "--docs", "1000", "--updates", "200", "--packages", "20", "--versions", "25"}
}

func TestBenchPrintsEveryRowAndCleansUp(t *testing.T) {
	fake, args := startFake(t)
	var out, progress bytes.Buffer
	require.NoError(t, bench(t.Context(), args, &out, &progress))
	line := regexp.MustCompile(`(?m)^Benchmark(\S+)-\d+\t\d+\t\d+ ns/op\t\d+ \w+/s\t[\d.]+ p50-ms\t[\d.]+ p99-ms$`)
	var names []string
	for _, m := range line.FindAllStringSubmatch(out.String(), -1) {
		names = append(names, m[1])
	}
	require.Equal(t, []string{"Put/c=1", "Put/c=64", "BulkDocs/n=1000", "Get/c=32", "Changes", "Update/first=100", "Update/last=100of200",
		"Publish/new/20kB/c=8", "Publish/version=25", "Packument/versions=25/gzip/c=32", "Tarball/20kB/c=32"}, names, out.String())
	fake.empty(t)
	require.Contains(t, progress.String(), "bench: put64")
}

func TestBenchOneWorkloadBringsWhatItNeeds(t *testing.T) {
	for _, only := range []string{"get", "changes", "packument", "tarball"} {
		fake, args := startFake(t)
		var out bytes.Buffer
		require.NoError(t, bench(t.Context(), append(args, "--only", only), &out, io.Discard))
		require.Equal(t, 1, strings.Count(out.String(), "Benchmark"), out.String())
		fake.empty(t)
	}
}

func TestBenchFailsClearlyAndCleansUp(t *testing.T) {
	for _, c := range []struct{ refuse, says string }{
		{"_bulk_docs", `_bulk_docs: answer 500 {"error":"internal"}`},
		{"-new-13", `-new-13: answer 500 {"error":"internal"}`},
	} {
		fake, args := startFake(t)
		fake.mu.Lock()
		fake.refuse = c.refuse
		fake.mu.Unlock()
		err := bench(t.Context(), append(args, "--only", "bulk,publish"), io.Discard, io.Discard)
		require.ErrorContains(t, err, c.says)
	}
	fake, args := startFake(t)
	fake.mu.Lock()
	fake.rows = 999
	fake.mu.Unlock()
	require.ErrorContains(t, bench(t.Context(), append(args, "--only", "changes"), io.Discard, io.Discard), "999 rows instead of 1000")
}

func TestBenchInterrupted(t *testing.T) {
	fake, args := startFake(t)
	ctx, cancel := context.WithCancel(t.Context())
	b := &cancelAt{text: "put64", cancel: cancel}
	require.ErrorIs(t, bench(ctx, args, io.Discard, b), context.Canceled)
	fake.empty(t)
}

// cancelAt cancels when a text is written.
type cancelAt struct {
	text   string
	cancel func()
}

func (c *cancelAt) Write(p []byte) (int, error) {
	if bytes.Contains(p, []byte(c.text)) {
		c.cancel()
	}
	return len(p), nil
}

func TestBenchFlags(t *testing.T) {
	for says, args := range map[string][]string{
		"name a server":         {},
		"no workload \"fly\"":   {"--npm", "http://h:1", "--only", "fly"},
		"--couch is not http":   {"--couch", "h:1"},
		"unexpected argument":   {"--npm", "http://h:1", "what"},
		"--seconds above 0":     {"--npm", "http://h:1", "--seconds", "0"},
		"flag provided but not": {"--fast"},
		"connection refused":    {"--npm", "http://127.0.0.1:1", "--only", "tarball"},
	} {
		require.ErrorContains(t, bench(t.Context(), args, io.Discard, io.Discard), says, "%v", args)
	}
	var help bytes.Buffer
	require.NoError(t, bench(t.Context(), []string{"--help"}, io.Discard, &help))
	for _, b := range benchmarks {
		require.Contains(t, help.String(), b.name)
	}
	require.Contains(t, help.String(), "settee bench --couch http://127.0.0.1:5984")
}
