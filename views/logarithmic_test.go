package views

import (
	"fmt"
	"math"
	"testing"

	"github.com/stretchr/testify/require"
)

// counting counts the records that a reader looks at.
type counting struct {
	iterator
	reads *int
}

func (c counting) Next() bool             { *c.reads++; return c.iterator.Next() }
func (c counting) Prev() bool             { *c.reads++; return c.iterator.Prev() }
func (c counting) SeekGE(key []byte) bool { *c.reads++; return c.iterator.SeekGE(key) }
func (c counting) SeekLT(key []byte) bool { *c.reads++; return c.iterator.SeekLT(key) }

// A reduce of any range reads summaries and rows in the logarithm of the rows, whichever
// the reducer and however the index came to be: made at once, or grown.
func TestAnyRangeIsLogarithmic(t *testing.T) {
	r := random(t)
	sizes := []int{1000, 16000}
	if !testing.Short() {
		sizes = append(sizes, 256000)
	}
	for reduce, grown := range map[string]bool{"_sum": false, "_stats": true, "_approx_count_distinct": false, "_top_3": true, "_first": false, "function(k,v,r){ return sum(v) }": false} {
		most := map[int]int{}
		for _, rows := range sizes {
			if rows > 16000 && reduce != "_sum" {
				continue
			}
			h := open(t, Options{Ken: -1})
			h.put("_design/d", `{"views":{"v":{"map":"function(doc){ for (var i = 0; i < 100; i++) emit(doc.n * 100 + i, i) }","reduce":"`+reduce+`"}}}`)
			for n := range rows / 100 {
				h.put(fmt.Sprint(n), fmt.Sprintf(`{"n":%d}`, n))
				if grown && n%20 == 0 {
					h.query("v", Query{Limit: -1})
				}
			}
			h.query("v", Query{Limit: -1})
			x := h.onlyIndex()
			snapshot, err := x.space.Snapshot()
			require.NoError(t, err)
			reads := 0
			s := *x.summaries(snapshot, 0)
			open := s.open
			s.open = func(lower, upper []byte) (iterator, error) {
				it, err := open(lower, upper)
				return counting{it, &reads}, err
			}
			read := reader{summaries: s, summed: true, rows: int64(rows)}
			for range 200 {
				from, to := r.Intn(rows), r.Intn(rows)
				q := Query{StartKey: raw(fmt.Sprint(min(from, to))), EndKey: raw(fmt.Sprint(max(from, to)))}
				spans, err := q.spans(false)
				require.NoError(t, err)
				reads = 0
				_, err = read.reduced(spans[0].lower, spans[0].upper)
				require.NoError(t, err)
				most[rows] = max(most[rows], reads)
				reads = 0
				n, err := read.count(spans[0].lower, spans[0].upper)
				require.NoError(t, err)
				require.EqualValues(t, max(from, to)-min(from, to)+1, n)
				most[rows] = max(most[rows], reads)
			}
			require.NoError(t, read.Close())
			require.NoError(t, snapshot.Close())
			// At both ends of a range, on each level, the summaries of one node: 16 on the
			// average, geometrically distributed, so that one in a million has 16·14.
			levels := math.Log(float64(rows)) / math.Log(16)
			require.Less(t, float64(most[rows]), 2*(levels+1)*16*7, "%s over %d rows", reduce, rows)
		}
		t.Logf("%s: reads at most %v", reduce, most)
	}
}

// onlyIndex is the index that the test made.
func (h *house) onlyIndex() *index {
	require.Len(h.t, h.engine.indexes, 1)
	for _, x := range h.engine.indexes {
		return x
	}
	return nil
}
