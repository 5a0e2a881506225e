package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// fakeServer speaks as much of both APIs as bench asks, and holds it to names of its own.
type fakeServer struct {
	mu                  sync.Mutex
	databases, packages map[string]int
	designs             map[string]int // by database
	refuse              string         // a path that holds this is answered 500
	rows                int            // of _changes
	polls               int            // of a database: every other one says that it is being compacted
}

func (s *fakeServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	s.mu.Lock()
	defer s.mu.Unlock()
	_, password, _ := r.BasicAuth()
	name, rest, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/base/"), "/")
	switch {
	case name == "_replicate" && password == "pass:word":
		fmt.Fprint(w, `{"ok":true,"history":[{"docs_written":20000}]}`)
	case name == "-" && rest == "ping":
		fmt.Fprint(w, "{}")
	case err != nil || password != "pass:word" || !strings.HasPrefix(name, "bench"):
		http.Error(w, "refused", http.StatusBadRequest)
	case s.refuse != "" && strings.Contains(r.URL.Path, s.refuse):
		http.Error(w, `{"error":"internal"}`, http.StatusInternalServerError)
	case strings.HasPrefix(name, "bench_"):
		s.couch(w, r.Method, name, rest, r.URL.Query(), body)
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

func (s *fakeServer) couch(w http.ResponseWriter, method, name, rest string, query url.Values, body []byte) {
	switch {
	case rest == "" && method == "PUT":
		s.databases[name] = 0
	case rest == "" && method == "DELETE":
		delete(s.databases, name)
	case rest == "_bulk_docs":
		s.databases[name] += bytes.Count(body, []byte(`"_id"`))
	case rest == "" && method == "GET":
		s.polls++
		fmt.Fprintf(w, `{"doc_count":%d,"compact_running":%t,"sizes":{"file":%d}}`, s.databases[name]+s.designs[name], s.polls%2 == 1, s.databases[name]*300)
		return
	case strings.HasPrefix(rest, "_design/") && method == "PUT" && json.Valid(body):
		s.designs[name]++
	case strings.HasPrefix(rest, "_design/"):
		fmt.Fprintf(w, `{"total_rows":%d}`, 2*s.databases[name])
		return
	case rest == "_changes" && query.Has("descending"):
		fmt.Fprint(w, `{"results":[{"seq":"9-x"},{"seq":"8-x +"}]}`)
		return
	case rest == "_changes" && query.Has("since") && query.Get("since") != "8-x +":
		http.Error(w, "no such sequence", http.StatusBadRequest)
		return
	case rest == "_changes":
		for range s.rows { // flushed: the client must read chunks
			fmt.Fprintln(w, `{"seq":"1-x"}`)
			w.(http.Flusher).Flush()
		}
		return
	case rest == "_explain":
		fmt.Fprint(w, `{"index":{"def":{"fields":[{"author.age":"asc"}]}}}`)
		return
	case rest == "_index":
		s.designs[name]++
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
	fake := &fakeServer{databases: map[string]int{}, packages: map[string]int{}, designs: map[string]int{}, rows: 1000}
	server := httptest.NewServer(fake)
	t.Cleanup(server.Close)
	return fake, []string{"--couch", server.URL + "/base/", "--npm", server.URL + "/base", "--admin", "me:pass:word",
		"--seconds", "0.02", "--docs", "1000", "--updates", "200", "--growth", "20000", "--packages", "20", "--versions", "25", "--largest", "1", "--corpus", "1000"}
}

func TestBenchPrintsEveryRowAndCleansUp(t *testing.T) {
	fake, args := startFake(t)
	var out, progress bytes.Buffer
	require.NoError(t, bench(t.Context(), args, &out, &progress))
	require.Equal(t, []string{"Put/c=1", "Put/c=64", "BulkDocs/n=1000", "Get/c=32", "Changes", "Update/first=100", "Update/last=100of200",
		"View/build", "View/range=20/c=8", "View/group/c=8", "View/reduce/c=8", "Find/build", "Find/docs=20/c=8",
		"Growth/docs=20000/load", "Growth/docs=20000/view",
		"Growth/docs=10000/get/c=8", "Growth/docs=10000/changes/c=8", "Growth/docs=10000/alldocs/c=8", "Growth/docs=10000/reduce/c=8",
		"Growth/docs=20000/get/c=8", "Growth/docs=20000/changes/c=8", "Growth/docs=20000/alldocs/c=8", "Growth/docs=20000/reduce/c=8", "Growth/docs=20000/disk",
		"Publish/new/20kB/c=8", "Publish/version=25", "Packument/versions=25/gzip/c=32", "Packument/versions=25/full/gzip/c=32", "Tarball/20kB/c=32", "Ping/c=32",
		"Largest/MB=1/publish", "Largest/MB=1/first/gzip", "Largest/MB=1/first/full/gzip", "Largest/MB=1/full/gzip/c=8", "Replicate/n=20000/_replicate"}, printed(out.String()), out.String())
	require.Contains(t, out.String(), "\t300 bytes/doc\n")
	require.Regexp(t, `Growth/docs=20000/get.* x-of-10000\n`, out.String())
	fake.empty(t)
	require.Contains(t, progress.String(), "bench: put64")
	require.Contains(t, progress.String(), "bench: growth: 100 %")
}

// printed are the names of the lines in Go's benchmark format; every line of figures is one.
func printed(out string) (names []string) {
	timed := `\d+ ns/op\t[\d.]+ \w+/s\t[\d.]+ p50-ms\t[\d.]+ p99-ms(\t[\d.]+ x-of-10000)?`
	line := regexp.MustCompile(`(?m)^Benchmark(\S+)-\d+\t\d+\t(` + timed + `|\d+ ns/op\t\d+ docs/s|\d+ (bytes/doc|peak-MB))$`)
	for _, m := range line.FindAllStringSubmatch(out, -1) {
		names = append(names, m[1])
	}
	return names
}

func TestBenchAgainst(t *testing.T) {
	fake, args := startFake(t)
	other := &fakeServer{databases: map[string]int{}, packages: map[string]int{}, designs: map[string]int{}, rows: 1000, refuse: "_changes"}
	server := httptest.NewServer(other)
	defer server.Close()
	there := strings.Replace(server.URL, "http://", "http://me:pass%3Aword@", 1) + "/base"
	var out bytes.Buffer
	require.NoError(t, bench(t.Context(), append(args, "--against", there), &out, io.Discard))
	names := printed(out.String())
	require.Contains(t, names, "Against/Put/c=64")
	require.Contains(t, names, "Growth/docs=20000/disk")
	require.NotContains(t, names, "Against/Growth/docs=20000/disk", "it takes long there")
	require.NotContains(t, names, "Against/Changes", "it failed there")
	require.Regexp(t, `(?m)^\| work +\| +settee \| +127\.0\.0\.1:\d+ \| settee is better by \|$`, out.String())
	require.Regexp(t, `(?m)^\| Put/c=1 +\| +[\d,]+ docs/s \| +[\d,]+ docs/s \| +[\d.]+ x \|$`, out.String())
	require.Regexp(t, `(?m)^\| Changes +\| +[\d,]+ rows/s \| +answer 500 {"error":"internal"} \| +\|$`, out.String())
	require.NotContains(t, out.String(), "| Publish", "the other one speaks no npm")
	fake.empty(t)
	other.empty(t)

	out.Reset()
	require.NoError(t, bench(t.Context(), append(args, "--against", "http://127.0.0.1:1", "--only", "put1,get"), &out, io.Discard))
	require.Regexp(t, `(?m)^\| Get/c=32 .*connection refused`, out.String())
}

func TestBenchAgainstAnotherRegistry(t *testing.T) {
	fake, args := startFake(t)
	other := &fakeServer{databases: map[string]int{}, packages: map[string]int{}, refuse: ".tgz"}
	server := httptest.NewServer(other)
	defer server.Close()
	there := strings.Replace(server.URL, "http://", "http://me:pass%3Aword@", 1) + "/base/#Verdaccio%206"
	var out bytes.Buffer
	require.NoError(t, bench(t.Context(), append(args, "--against-npm", there, "--only", "put1,publish,version,packument,tarball,largest"), &out, io.Discard))
	names := printed(out.String())
	require.Subset(t, names, []string{"Put/c=1", "Against/Publish/new/20kB/c=8", "Against/Publish/version=25", "Against/Packument/versions=25/gzip/c=32", "Against/Largest/MB=1/first/gzip"})
	require.NotContains(t, names, "Against/Put/c=1", "the other one speaks no CouchDB")
	require.Regexp(t, `(?m)^\| work +\| +settee \| +Verdaccio 6 \| settee is better by \|$`, out.String())
	require.Regexp(t, `(?m)^\| Publish/version=25 +\| +[\d,.]+ versions/s \| +[\d,.]+ versions/s \| +[\d.]+ x \|$`, out.String())
	require.Regexp(t, `(?m)^\| Tarball/20kB/c=32 +\| +[\d,]+ requests/s \| +answer 500 {"error":"internal"} \| +\|$`, out.String())
	fake.empty(t)
	other.empty(t)
}

// TestBenchOfItsOwnServer starts the real server twice over.
func TestBenchOfItsOwnServer(t *testing.T) {
	tmp := t.TempDir()
	cmd := exec.Command("settee", "bench", "--only", "growth,tarball,package", "--growth", "20000", "--package", "20", "--seconds", "0.1")
	cmd.Env = append(os.Environ(), "TMPDIR="+tmp, "SETTEE_COUCH=off")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	require.NoError(t, err, "%s", stderr.String())
	names := printed(string(out))
	require.Subset(t, names, []string{"Growth/docs=20000/disk", "Growth/docs=20000/open", "Growth/docs=20000/open-after-kill", "Tarball/20kB/c=32"})
	require.Regexp(t, `Package/MB=20/publish-\d+\t1\t\d+ MB/s\t[\d.]+ more-server-MB\n`, string(out))
	require.Regexp(t, `Package/MB=20/read/c=4-\d+\t8\t\d+ MB/s\t[\d.]+ more-server-MB\n`, string(out))
	left, err := os.ReadDir(tmp)
	require.NoError(t, err)
	require.Empty(t, left)
}

func TestFiguresInWords(t *testing.T) {
	for want, v := range map[string]value{"1,234,567 rows/s": {1234567.4, "rows/s", 0}, "999 x": {999, "x", 0}, "1,000.25 ms": {1000.25, "ms", 2}} {
		require.Equal(t, want, v.String())
	}
	require.Len(t, brief(errors.New(strings.Repeat("long ", 50))), 60)
	rounds := join(nil, []figure{{load: load{elapsed: 2, took: []time.Duration{1}}}})
	rounds = join(rounds, []figure{{load: load{elapsed: 3, took: []time.Duration{4, 5}}}})
	require.Equal(t, 3, rounds[0].work())
	require.Equal(t, time.Duration(5), rounds[0].elapsed)
}

func TestBenchOneWorkloadBringsWhatItNeeds(t *testing.T) {
	for _, only := range []string{"get", "changes", "packument", "tarball"} {
		fake, args := startFake(t)
		var out bytes.Buffer
		require.NoError(t, bench(t.Context(), append(args, "--only", only), &out, io.Discard))
		require.Equal(t, 1, strings.Count(out.String(), "Benchmark"), out.String())
		require.NotContains(t, out.String(), "|", "nothing to compare with")
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
		"--against-npm compares": {"--couch", "http://h:1", "--against-npm", "http://h:2"},
		"--against compares":     {"--npm", "http://h:1", "--against", "http://h:2"},
		"--growth from 20000":    {"--growth", "10000"},
		"no workload \"fly\"":    {"--npm", "http://h:1", "--only", "fly"},
		"--couch is not http":    {"--couch", "h:1"},
		"unexpected argument":    {"--npm", "http://h:1", "what"},
		"--seconds above 0":      {"--npm", "http://h:1", "--seconds", "0"},
		"flag provided but not":  {"--fast"},
		"connection refused":     {"--npm", "http://127.0.0.1:1", "--only", "tarball"},
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
