package views

import (
	"bytes"
	"math"
	"math/big"
	"strconv"
)

// number is an integer while it can be one, as in CouchDB, and however long:
// sums of integers print without a point.
type number struct {
	i     int64
	big   *big.Int // an integer that i cannot hold; nil: i does
	f     float64
	float bool
}

// parseNumber reads a number that a reducer wrote.
func parseNumber(raw []byte) (n number, ok bool) {
	if len(raw) == 0 || raw[0] != '-' && (raw[0] < '0' || raw[0] > '9') {
		return n, false
	}
	if !bytes.ContainsAny(raw, ".eE") { // an error of strconv's costs more than this look
		if i, err := strconv.ParseInt(string(raw), 10, 64); err == nil {
			return number{i: i}, true
		}
		long, ok := new(big.Int).SetString(string(raw), 10)
		return number{big: long}, ok
	}
	f, err := strconv.ParseFloat(string(raw), 64)
	return number{f: f, float: true}, err == nil
}

// wholeBelow is up to where JavaScript writes numbers without an exponent.
const wholeBelow = 1e21

// asWritten is the number as JavaScript would have written it: 1.0 is 1. It may
// have come out of the document's own text.
func (n number) asWritten() number {
	if !n.float || n.f != math.Trunc(n.f) || math.Abs(n.f) >= wholeBelow {
		return n
	}
	long, _ := big.NewFloat(n.f).Int(nil)
	return whole(long)
}

func whole(n *big.Int) number {
	if n.IsInt64() {
		return number{i: n.Int64()}
	}
	return number{big: n}
}

func (n number) long() *big.Int {
	if n.big != nil {
		return n.big
	}
	return big.NewInt(n.i)
}

func (n number) value() float64 {
	switch {
	case n.float:
		return n.f
	case n.big != nil:
		f, _ := new(big.Float).SetInt(n.big).Float64()
		return f
	}
	return float64(n.i)
}

// finite reports whether the number can be written: floats may have outgrown themselves.
func (n number) finite() bool { return !n.float || !math.IsInf(n.f, 0) && !math.IsNaN(n.f) }

func (n number) plus(m number) number {
	if n.float || m.float {
		return number{f: n.value() + m.value(), float: true}
	}
	if n.big == nil && m.big == nil {
		if sum := n.i + m.i; (sum > n.i) == (m.i > 0) {
			return number{i: sum}
		}
	}
	return whole(new(big.Int).Add(n.long(), m.long()))
}

func (n number) squared() number {
	switch {
	case n.float:
		return number{f: n.f * n.f, float: true}
	case n.big == nil && n.i < 1<<31 && n.i > -1<<31:
		return number{i: n.i * n.i}
	}
	return whole(new(big.Int).Mul(n.long(), n.long()))
}

func (n number) less(m number) bool {
	if n.float || m.float || n.big == nil && m.big == nil && n.i < 1<<53 && m.i < 1<<53 {
		return n.value() < m.value()
	}
	return n.long().Cmp(m.long()) < 0
}

// append writes the number as CouchDB does: floats with a point, and with an
// exponent where JavaScript has one.
func (n number) append(dst []byte) []byte {
	switch {
	case n.big != nil:
		return n.big.Append(dst, 10)
	case !n.float:
		return strconv.AppendInt(dst, n.i, 10)
	}
	if abs := math.Abs(n.f); abs >= wholeBelow || abs < 1e-6 && abs > 0 {
		text := strconv.AppendFloat(nil, n.f, 'e', -1, 64)
		mantissa, exponent, _ := bytes.Cut(text, []byte{'e'})
		dst = append(append(dst, mantissa...), 'e', exponent[0])
		return append(dst, bytes.TrimLeft(exponent[1:], "0")...)
	}
	start := len(dst)
	dst = strconv.AppendFloat(dst, n.f, 'f', -1, 64)
	if bytes.IndexByte(dst[start:], '.') < 0 {
		dst = append(dst, ".0"...)
	}
	return dst
}
