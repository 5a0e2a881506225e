package httpd

import "math"

// distribution is a histogram in _stats, in the members that CouchDB gives it.
// CouchDB's is of the last ten seconds, this one since the start.
type distribution struct {
	Min        float64      `json:"min"`
	Max        float64      `json:"max"`
	Mean       float64      `json:"arithmetic_mean"`
	Geometric  float64      `json:"geometric_mean"`
	Harmonic   float64      `json:"harmonic_mean"`
	Median     float64      `json:"median"`
	Variance   float64      `json:"variance"`
	Deviation  float64      `json:"standard_deviation"`
	Skewness   float64      `json:"skewness"`
	Kurtosis   float64      `json:"kurtosis"`
	Percentile [][2]float64 `json:"percentile"`
	Histogram  [][2]float64 `json:"histogram"`
	N          int64        `json:"n"`
}

// percentiles are CouchDB's; 999 is 99.9.
var percentiles = []float64{50, 75, 90, 95, 99, 999}

// A band is how many values lie about one.
type band struct {
	value float64
	count int64
}

// distribute computes the figures of bands in their order.
func distribute(bands []band) distribution {
	d := distribution{Percentile: [][2]float64{}, Histogram: [][2]float64{}}
	var sum, logs, inverse float64
	for _, b := range bands {
		if b.count == 0 {
			continue
		}
		if d.N == 0 {
			d.Min = b.value
		}
		n := float64(b.count)
		d.Max, d.N = b.value, d.N+b.count
		sum, logs, inverse = sum+n*b.value, logs+n*math.Log(b.value), inverse+n/b.value
		d.Histogram = append(d.Histogram, [2]float64{b.value, n})
	}
	if d.N == 0 {
		for _, p := range percentiles {
			d.Percentile = append(d.Percentile, [2]float64{p, 0})
		}
		return d
	}
	n := float64(d.N)
	d.Mean, d.Geometric, d.Harmonic = sum/n, math.Exp(logs/n), n/inverse
	var second, third, fourth float64
	for _, b := range d.Histogram {
		off := b[0] - d.Mean
		second, third, fourth = second+b[1]*off*off, third+b[1]*off*off*off, fourth+b[1]*off*off*off*off
	}
	d.Variance = second / n
	if d.Deviation = math.Sqrt(d.Variance); d.Deviation > 0 {
		d.Skewness = third / n / math.Pow(d.Deviation, 3)
		d.Kurtosis = fourth/n/math.Pow(d.Variance, 2) - 3
	}
	for _, p := range percentiles {
		d.Percentile = append(d.Percentile, [2]float64{p, d.at(share(p))})
	}
	d.Median = d.Percentile[0][1]
	return d
}

// share is a percentile as a part of one.
func share(percentile float64) float64 {
	if percentile > 100 {
		return percentile / 1000
	}
	return percentile / 100
}

// at is the value that so many do not exceed.
func (d *distribution) at(share float64) float64 {
	want, seen := math.Ceil(share*float64(d.N)), 0.0
	for _, b := range d.Histogram {
		if seen += b[1]; seen >= want {
			return b[0]
		}
	}
	return d.Max
}

// requestTimes are in milliseconds; a class stands for its middle.
func (t *tally) requestTimes() distribution {
	var bands []band
	for class, n := range t.times {
		if n > 0 {
			bands = append(bands, band{(classStart(class) + classStart(class+1)) / 2, n})
		}
	}
	return distribute(bands)
}

// syncTimes are in microseconds; a band stands for its upper bound.
func (m *measured) syncTimes() distribution {
	var bands []band
	below := uint64(0)
	for i, within := range m.store.Syncs.Within {
		bands = append(bands, band{m.store.Syncs.Bounds[i] * 1e6, int64(within - below)})
		below = within
	}
	return distribute(bands)
}
