package httpd_test

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"settee/couch/httpd"
)

// crowd is many continuous listeners on one database, each on a connection of its own.
type crowd struct {
	conns []net.Conn
	rows  []atomic.Int64 // that each has got
	done  sync.WaitGroup
}

func attach(t testing.TB, h *house, n int, query string) *crowd {
	c := &crowd{conns: make([]net.Conn, n), rows: make([]atomic.Int64, n)}
	for i := range n {
		conn, err := net.Dial("tcp", h.base.Host)
		require.NoError(t, err)
		_, err = fmt.Fprintf(conn, "GET /feeds/_changes?feed=continuous&heartbeat=600000&%s HTTP/1.1\r\nHost: x\r\nAuthorization: Basic YWRtaW46c2VjcmV0\r\n\r\n", query)
		require.NoError(t, err)
		c.conns[i] = conn
		c.done.Go(func() {
			in := bufio.NewReaderSize(conn, 512)
			for {
				line, err := in.ReadSlice('\n')
				if bytes.HasPrefix(line, []byte(`{"seq"`)) {
					c.rows[i].Add(1)
				}
				if err != nil && err != bufio.ErrBufferFull {
					return // it was closed, here or there
				}
			}
		})
	}
	t.Cleanup(func() {
		for _, conn := range c.conns {
			conn.Close()
		}
		c.done.Wait()
	})
	return c
}

// got waits until every listener has n rows.
func (c *crowd) got(t testing.TB, n int64) {
	require.Eventually(t, func() bool {
		for i := range c.rows {
			if c.rows[i].Load() < n {
				return false
			}
		}
		return true
	}, time.Minute, time.Millisecond)
}

// writer sends requests on connections that it keeps.
func (h *house) writer(t testing.TB) func(path, body string) {
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64}}
	return func(path, body string) {
		req, err := http.NewRequest(http.MethodPut, h.address+path, strings.NewReader(body))
		require.NoError(t, err)
		res, err := client.Do(req)
		require.NoError(t, err)
		_, _ = io.Copy(io.Discard, res.Body)
		res.Body.Close()
		require.Equal(t, http.StatusCreated, res.StatusCode)
	}
}

// BenchmarkListeners writes while listeners are attached. How often one was
// woken is not how many rows it got: those that come together are sent together.
func BenchmarkListeners(b *testing.B) {
	for _, n := range []int{0, 1, 100, 1000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			h := start(b, httpd.Options{})
			h.must(b, "PUT /feeds", "", 201)
			c, put := attach(b, h, n, ""), h.writer(b)
			var next atomic.Int64
			b.SetParallelism(8)
			b.ReportAllocs()
			b.ResetTimer()
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					put(fmt.Sprintf("/feeds/%d", next.Add(1)), "{}")
				}
			})
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "writes/s")
			c.got(b, next.Load())
			b.ReportMetric(float64(n*b.N)/b.Elapsed().Seconds(), "rows/s")
		})
	}
}
