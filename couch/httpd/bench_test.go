package httpd_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"settee/couch/httpd"
)

// batch are a thousand new documents of 500 bytes as a body of _bulk_docs.
func batch(n int) string {
	var b strings.Builder
	for i := range 1000 {
		fmt.Fprintf(&b, `,{"_id":"%06d-%03d","text":"%s"}`, n, i, strings.Repeat("x", 470))
	}
	return `{"docs":[` + b.String()[1:] + `]}`
}

func BenchmarkBulk(b *testing.B) {
	base := open(b)
	do(b, base, "", "PUT", "/bench_bulk", "", "")
	defer do(b, base, "", "DELETE", "/bench_bulk", "", "")
	n := 0
	for b.Loop() {
		b.StopTimer()
		body := batch(n)
		n++
		b.StartTimer()
		status, _, _ := do(b, base, "", "POST", "/bench_bulk/_bulk_docs", "", body)
		require.Equal(b, http.StatusCreated, status)
	}
	b.ReportMetric(float64(n*1000)/b.Elapsed().Seconds(), "docs/s")
}

// BenchmarkChanges reads ten thousand rows of the normal feed at a time.
func BenchmarkChanges(b *testing.B) {
	base := open(b)
	do(b, base, "", "PUT", "/bench_changes", "", "")
	defer do(b, base, "", "DELETE", "/bench_changes", "", "")
	for i := range 10 {
		status, _, _ := do(b, base, "", "POST", "/bench_changes/_bulk_docs", "", batch(i))
		require.Equal(b, http.StatusCreated, status)
	}
	password, _ := base.User.Password()
	n := 0
	for b.Loop() {
		req, err := http.NewRequest("GET", base.Scheme+"://"+base.Host+"/bench_changes/_changes", nil)
		require.NoError(b, err)
		req.SetBasicAuth(base.User.Username(), password)
		res, err := http.DefaultTransport.RoundTrip(req)
		require.NoError(b, err)
		_, err = io.Copy(io.Discard, res.Body)
		require.NoError(b, err)
		res.Body.Close()
		n++
	}
	b.ReportMetric(float64(n*10_000)/b.Elapsed().Seconds(), "rows/s")
}

// discard is a ResponseWriter that keeps nothing: what is measured is the server's own.
type discard struct{ header http.Header }

func (d discard) Header() http.Header         { return d.header }
func (d discard) WriteHeader(int)             {}
func (d discard) Write(p []byte) (int, error) { return len(p), nil }

// BenchmarkServe reads one document, without a connection.
func BenchmarkServe(b *testing.B) {
	h := start(b, httpd.Options{})
	do(b, h.base, "", "PUT", "/db", "", "")
	do(b, h.base, "", "PUT", "/db/a", "", `{"text":"`+strings.Repeat("x", 400)+`"}`)
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		r := httptest.NewRequest("GET", "/db/a", nil)
		r.SetBasicAuth("admin", "secret")
		w := discard{http.Header{}}
		for pb.Next() {
			clear(w.header)
			h.ServeHTTP(w, r)
		}
	})
}
