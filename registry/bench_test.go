package registry

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"settee/fixtures"
)

// discard is a response that nobody reads.
type discard struct {
	header http.Header
	status int
}

func (d *discard) Header() http.Header         { return d.header }
func (d *discard) Write(p []byte) (int, error) { return len(p), nil }
func (d *discard) WriteHeader(status int)      { d.status = status }

func (h *house) serve(method, path string, body []byte, headers ...string) int {
	var in io.Reader
	if body != nil {
		in = bytes.NewReader(body)
	}
	req := httptest.NewRequest(method, path, in)
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	w := &discard{header: http.Header{}, status: 200}
	h.ServeHTTP(w, req)
	return w.status
}

func BenchmarkPublishNew(b *testing.B) {
	h := open(b, onDisk)
	bodies := make([][]byte, 2000)
	for i := range bodies {
		name := fmt.Sprintf("p%d", i)
		bodies[i] = publishDoc(b, name, "1.0.0", sampleTarball(b, name, "1.0.0", 20_000))
	}
	var next atomic.Int64
	b.SetParallelism(4)
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			i := int(next.Add(1) - 1)
			name := fmt.Sprintf("p%d", i%len(bodies))
			if status := h.serve("PUT", "/"+name, bodies[i%len(bodies)], "Authorization", "Bearer "+h.bob); status != 201 {
				b.Errorf("status %d", status)
			}
		}
	})
}

func BenchmarkPublish300th(b *testing.B) {
	h := open(b, onDisk)
	for i := range 299 {
		h.publish(h.bob, "big", "0."+strconv.Itoa(i)+".0")
	}
	for i := 0; b.Loop(); i++ {
		v := "1." + strconv.Itoa(i) + ".0"
		body := publishDoc(b, "big", v, sampleTarball(b, "big", v, 500))
		require.Equal(b, 201, h.serve("PUT", "/big", body, "Authorization", "Bearer "+h.bob))
	}
}

func BenchmarkPackumentHit(b *testing.B) {
	h := open(b)
	for i := range 300 {
		h.publish(h.bob, "big", "1."+strconv.Itoa(i)+".0")
	}
	h.publish(h.bob, "small", "1.0.0")
	for _, name := range []string{"small", "big"} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				require.Equal(b, 200, h.serve("GET", "/"+name, nil, "Accept", abbreviatedAccept, "Accept-Encoding", "gzip"))
			}
		})
	}
	secret := publishing("@bob/secret", "1.0.0", sampleTarball(b, "@bob/secret", "1.0.0", 5))
	secret["access"] = "restricted"
	require.Equal(b, 201, h.do("PUT", "/@bob%2fsecret", h.bob, secret).Status)
	b.Run("restricted", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			require.Equal(b, 200, h.serve("GET", "/@bob%2fsecret", nil, "Accept", abbreviatedAccept, "Accept-Encoding", "gzip", "Authorization", "Bearer "+h.bob))
		}
	})
	b.Run("tarball", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			require.Equal(b, 200, h.serve("GET", "/small/-/small-1.0.0.tgz", nil))
		}
	})
}

// BenchmarkLargest publishes versions of a 20 MB packument and reads both forms of it for the first time.
func BenchmarkLargest(b *testing.B) {
	h := open(b, onDisk)
	p := parsePackument("big", fixtures.Packument(1, "big", fixtures.Largest))
	p.set("maintainers", []byte(`[{"name":"bob"}]`))
	_, err := h.db.Put(b.Context(), "big", json.RawMessage(p.encode()))
	require.NoError(b, err)
	times := map[string]time.Duration{}
	timed := func(name string, status int, method, path string, body []byte, headers ...string) {
		start := time.Now()
		require.Equal(b, status, h.serve(method, path, body, headers...))
		times[name] = min(cmp.Or(times[name], time.Hour), time.Since(start))
	}
	read := func() {
		timed("abbreviated", 200, "GET", "/big", nil, "Accept", abbreviatedAccept, "Accept-Encoding", "gzip")
		timed("full", 200, "GET", "/big", nil, "Accept-Encoding", "gzip")
	}
	read()
	clear(times)
	for i := range b.N {
		v := "99." + strconv.Itoa(i) + ".0"
		body := publishDoc(b, "big", v, sampleTarball(b, "big", v, 500))
		timed("publish", 201, "PUT", "/big", body, "Authorization", "Bearer "+h.bob)
		read()
	}
	for name, best := range times { // the best: other work on the machine disturbs it least
		b.ReportMetric(float64(best.Microseconds())/1000, "ms-best-"+name)
	}
}

// BenchmarkMerge merges two packuments that parted, of 300 versions and of 20 MB: each
// published one number with bytes of its own, and another.
func BenchmarkMerge(b *testing.B) {
	for _, size := range []fixtures.Size{fixtures.Large, fixtures.Largest} {
		start := &draft{t: b, p: parsePackument("p", fixtures.Packument(1, "p", size)), at: 1 << 30}
		left := start.fork().publish("bob", "99.0.0", "a").publish("bob", "99.1.0", "b").leaf()
		right := start.fork().wait(1).publish("ann", "99.0.0", "c").publish("ann", "99.2.0", "d").leaf()
		b.Run(fmt.Sprintf("kB=%d", len(left.Body)/1000), func(b *testing.B) {
			b.SetBytes(int64(len(left.Body) + len(right.Body)))
			b.ReportAllocs()
			for b.Loop() {
				_, losses, err := Merge(left, right)
				require.NoError(b, err)
				require.Len(b, losses, 1)
			}
		})
	}
}
