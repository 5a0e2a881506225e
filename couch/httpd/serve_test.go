package httpd_test

import (
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
)

// A body without a length (chunked) is stored whole.
func TestAttachmentOfUnknownLength(t *testing.T) {
	base := open(t)
	do(t, base, "", "DELETE", "/conformance_chunked", "", "")
	do(t, base, "", "PUT", "/conformance_chunked", "", "")
	password, _ := base.User.Password()
	req, err := http.NewRequest("PUT", base.Scheme+"://"+base.Host+"/conformance_chunked/a/f", io.MultiReader(strings.NewReader("hello "), strings.NewReader("world")))
	require.NoError(t, err)
	req.SetBasicAuth(base.User.Username(), password)
	req.Header.Set("Content-Type", "x/y")
	res, err := http.DefaultTransport.RoundTrip(req)
	require.NoError(t, err)
	defer res.Body.Close()
	require.Equal(t, http.StatusCreated, res.StatusCode)
	_, _, body := do(t, base, "", "GET", "/conformance_chunked/a/f", "", "")
	require.Equal(t, "hello world", body)
	do(t, base, "", "DELETE", "/conformance_chunked", "", "")
}

func BenchmarkPut(b *testing.B) {
	benchmark(b, "PUT", `{"type":"post","text":"`+strings.Repeat("x", 500)+`"}`)
}
func BenchmarkGet(b *testing.B) { benchmark(b, "GET", "") }

// benchmark sends requests over loopback from 64 clients; each PUT makes a document.
func benchmark(b *testing.B, method, body string) {
	base := open(b)
	do(b, base, "", "PUT", "/bench", "", "")
	do(b, base, "", "PUT", "/bench/0", "", `{"a":1}`)
	password, _ := base.User.Password()
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 256}}
	var n atomic.Int64
	b.SetParallelism(32)
	b.ReportAllocs()
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			id := "0"
			if method == "PUT" {
				id = strconv.FormatInt(n.Add(1), 10)
			}
			req, _ := http.NewRequest(method, base.Scheme+"://"+base.Host+"/bench/"+id, strings.NewReader(body))
			req.SetBasicAuth(base.User.Username(), password)
			res, err := client.Do(req)
			if err != nil {
				b.Error(err)
				return
			}
			_, _ = io.Copy(io.Discard, res.Body)
			res.Body.Close()
			if res.StatusCode >= 400 {
				b.Errorf("%s: status %d", method, res.StatusCode)
			}
		}
	})
}
