package httpd_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"runtime/metrics"
	"strconv"
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

// runs is how often the runtime has put a goroutine on a processor.
func runs() (n uint64) {
	sample := []metrics.Sample{{Name: "/sched/latencies:seconds"}}
	metrics.Read(sample)
	for _, c := range sample[0].Value.Float64Histogram().Counts {
		n += c
	}
	return n
}

// memory is what the process holds.
func memory() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc + m.StackInuse
}

func TestThousandListeners(t *testing.T) {
	if testing.Short() {
		t.Skip("moves many megabytes, or a thousand connections")
	}
	h := feeds(t, httpd.Options{})
	put := h.writer(t)
	put("/feeds/first", "{}")
	const n = 1000
	before := memory()
	c := attach(t, h, n, "")
	c.got(t, 1)
	require.Eventually(t, func() bool { return running() == n }, time.Minute, 10*time.Millisecond)
	each := (memory() - before) / n
	t.Logf("%d bytes a listener, the test's own reader included", each)
	require.Less(t, each, uint64(64<<10))

	require.Eventually(t, func() bool { // what the writes before began may last
		was := runs()
		time.Sleep(500 * time.Millisecond)
		return runs()-was < n/2
	}, time.Minute, time.Millisecond, "listeners ran though nothing was written")

	for i := range 20 {
		put(fmt.Sprintf("/feeds/%d", i), "{}")
	}
	c.got(t, 21)
	for i := range c.rows {
		require.EqualValues(t, 21, c.rows[i].Load(), "a listener got a row twice")
	}
}

// Listeners of every kind get every change, in order and once, whether they read
// with others or alone, while several write.
func TestListenersMissNothing(t *testing.T) {
	h := feeds(t, httpd.Options{})
	h.must(t, "PUT /feeds/_design/f", `{"filters":{"all":"function(){return true}"}}`, 201)
	queries := []string{"", "", "style=all_docs", "include_docs=true", "include_docs=true&conflicts=true", "filter=f/all", "limit=1000", "seq_interval=1", "feed=eventsource", "feed=eventsource&since=1"}
	const writers, each = 4, 50
	var done sync.WaitGroup
	for _, q := range queries {
		r, _ := listen(t, h, "feed=continuous&heartbeat=60000&"+q)
		if strings.HasPrefix(q, "feed=") {
			r, _ = listen(t, h, "heartbeat=60000&"+q)
		}
		done.Go(func() {
			seen, last := map[string]bool{}, 0
			for len(seen) < writers*each {
				line, err := r.ReadString('\n')
				if err != nil {
					t.Errorf("%s: %v after %d documents", q, err, len(seen))
					return
				}
				var row struct{ Seq, ID string }
				if json.Unmarshal([]byte(strings.TrimPrefix(line, "data: ")), &row) != nil || row.ID == "" || row.ID[0] == '_' {
					continue
				}
				number, _, _ := strings.Cut(row.Seq, "-")
				seq, err := strconv.Atoi(number)
				if err != nil || seq <= last || seen[row.ID] {
					t.Errorf("%s: %s after %d", q, line, last)
					return
				}
				seen[row.ID], last = true, seq
			}
		})
	}
	var writing sync.WaitGroup
	for w := range writers {
		put := h.writer(t)
		writing.Go(func() {
			for i := range each {
				put(fmt.Sprintf("/feeds/%d-%d", w, i), "{}")
			}
		})
	}
	writing.Wait()
	done.Wait()
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
