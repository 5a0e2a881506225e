package httpd

import (
	"math"
	"math/bits"
	"net/http"
	"runtime"
	"slices"
	"sync/atomic"
	"time"
)

// methods are counted apart; others together are not.
var methods = []string{"COPY", "DELETE", "GET", "HEAD", "OPTIONS", "POST", "PUT"}

// Times are counted by the two leading bits of their microseconds: four classes
// each time they double, from 1 µs to half an hour and more.
const (
	timeClasses = 4 * 31
	statuses    = 500 // from 100 on
)

// A shard counts what some of the calls do, so that processors do not wait for
// each other's cache lines: a call keeps its shard, and its processor the call.
type shard struct {
	methods  [7]atomic.Int64
	statuses [statuses]atomic.Int64
	times    [timeClasses]atomic.Int64
	nanos    atomic.Int64
	aborted  atomic.Int64
	rows     []rowCount // by the row's place in the table
}

type rowCount struct{ calls, running atomic.Int64 }

// counts are all shards.
type counts struct {
	table  []row
	shards []*shard
	next   atomic.Uint32
}

func newCounts(table []row) *counts {
	c := &counts{table: table, shards: make([]*shard, runtime.GOMAXPROCS(0))}
	for i := range c.shards {
		c.shards[i] = &shard{rows: make([]rowCount, len(table))}
	}
	return c
}

// shard is a new call's.
func (c *counts) shard() *shard { return c.shards[int(c.next.Add(1))%len(c.shards)] }

// begun counts a request whose row is known.
func (s *shard) begun(row int) {
	s.rows[row].calls.Add(1)
	s.rows[row].running.Add(1)
}

// ended counts an answered request; status 0 is one that was cut.
func (s *shard) ended(method string, status int, took time.Duration) {
	if i := slices.Index(methods, method); i >= 0 {
		s.methods[i].Add(1)
	}
	if status == 0 {
		s.aborted.Add(1)
	} else if n := status - 100; n >= 0 && n < statuses {
		s.statuses[n].Add(1)
	}
	s.times[timeClass(took)].Add(1)
	s.nanos.Add(int64(took))
}

func timeClass(took time.Duration) int {
	us := uint64(max(took.Microseconds(), 1))
	log := bits.Len64(us) - 1
	class := 4*log + int(us<<2>>log&3)
	return min(class, timeClasses-1)
}

// classStart is the least time of a class, in milliseconds.
func classStart(class int) float64 {
	return math.Ldexp(1+float64(class%4)/4, class/4) / 1000
}

// A tally is what the shards counted, together.
type tally struct {
	methods  map[string]int64
	statuses map[int]int64
	times    [timeClasses]int64
	nanos    int64
	requests int64 // that were answered
	aborted  int64
	calls    []int64 // by row
	running  []int64
	table    []row
}

func (c *counts) tally() *tally {
	t := &tally{methods: map[string]int64{}, statuses: map[int]int64{}, calls: make([]int64, len(c.table)), running: make([]int64, len(c.table)), table: c.table}
	for _, s := range c.shards {
		for i, m := range methods {
			t.methods[m] += s.methods[i].Load()
		}
		for i := range s.statuses {
			if n := s.statuses[i].Load(); n > 0 {
				t.statuses[100+i] += n
				t.requests += n
			}
		}
		for i := range s.times {
			t.times[i] += s.times[i].Load()
		}
		t.nanos += s.nanos.Load()
		t.aborted += s.aborted.Load()
		for i := range s.rows {
			t.calls[i] += s.rows[i].calls.Load()
			t.running[i] += s.rows[i].running.Load()
		}
	}
	return t
}

// of sums up rows of the table by method and path.
func (t *tally) of(counts []int64, choose func(method, path string) bool) (sum int64) {
	for i, row := range t.table {
		if choose(row.Methods, row.Path) {
			sum += counts[i]
		}
	}
	return sum
}

// statusText is a status with CouchDB's description.
func statusText(status int) string {
	if status == http.StatusRequestEntityTooLarge {
		return "Request Entity Too Long"
	}
	return http.StatusText(status)
}
