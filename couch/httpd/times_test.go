package httpd

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// A class's values lie between its start and the next one's.
func TestTimeClass(t *testing.T) {
	require.Equal(t, 0, timeClass(0))
	require.Equal(t, timeClasses-1, timeClass(10*time.Hour))
	for us := int64(1); us < 1<<22; us += 1 + us/37 {
		class := timeClass(time.Duration(us) * time.Microsecond)
		ms := float64(us) / 1000
		require.LessOrEqual(t, classStart(class), ms, us)
		require.Less(t, ms, classStart(class+1), us)
	}
}

func TestDistribute(t *testing.T) {
	d := distribute(nil)
	require.Zero(t, d.N)
	require.Len(t, d.Percentile, 6)

	d = distribute([]band{{1, 50}, {2, 0}, {4, 49}, {100, 1}})
	require.EqualValues(t, 100, d.N)
	require.Equal(t, 1.0, d.Min)
	require.Equal(t, 100.0, d.Max)
	require.Equal(t, 3.46, d.Mean)
	require.Equal(t, 1.0, d.Median)
	require.Equal(t, [][2]float64{{50, 1}, {75, 4}, {90, 4}, {95, 4}, {99, 4}, {999, 100}}, d.Percentile)
	require.Equal(t, [][2]float64{{1, 50}, {4, 49}, {100, 1}}, d.Histogram)
	require.InDelta(t, 1.625, d.Harmonic, 0.02)
	require.Positive(t, d.Skewness)
}

// BenchmarkCount is what counting one request costs.
func BenchmarkCount(b *testing.B) {
	c := newCounts(table)
	b.RunParallel(func(pb *testing.PB) {
		s := c.shard()
		for pb.Next() {
			s.begun(0)
			s.ended("GET", 200, 25*time.Microsecond)
			s.rows[0].running.Add(-1)
		}
	})
}
