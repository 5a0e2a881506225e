package views

import (
	"bytes"
	"encoding/json"
	"strconv"
)

// reducer is a reduce function. What it makes of rows, a part, can be merged with other
// parts in key order; final turns a part into the value that clients see.
// A part that begins with failed is an error instead, which combine passes on.
type reducer interface {
	reduce(rows []entry) []byte
	merge(parts [][]byte) []byte
	final(part []byte) []byte
}

// failed marks a part that is an error: then follows {"error":…,"reason":…}.
const failed = '!'

type failure struct {
	Error  string `json:"error"`
	Reason string `json:"reason"`
}

func fail(kind, reason string) []byte {
	b, _ := json.Marshal(failure{kind, reason})
	return append([]byte{failed}, b...)
}

func parseFailure(part []byte) (f failure, is bool) {
	if len(part) == 0 || part[0] != failed {
		return f, false
	}
	return f, json.Unmarshal(part[1:], &f) == nil
}

// combine merges parts; the first error wins.
func combine(r reducer, parts [][]byte) []byte {
	if len(parts) == 1 {
		return parts[0]
	}
	for _, p := range parts {
		if len(p) > 0 && p[0] == failed {
			return p
		}
	}
	return r.merge(parts)
}

// builtin are the reduce functions that need no JavaScript.
var builtin = map[string]reducer{
	"_count":                 countRows{},
	"_sum":                   sumValues{},
	"_stats":                 statistics{},
	"_approx_count_distinct": distinctKeys{},
}

type countRows struct{}

func (countRows) reduce(rows []entry) []byte { return strconv.AppendInt(nil, int64(len(rows)), 10) }

func (countRows) merge(parts [][]byte) []byte {
	var n int64
	for _, p := range parts {
		i, _ := strconv.ParseInt(string(p), 10, 64)
		n += i
	}
	return strconv.AppendInt(nil, n, 10)
}

func (countRows) final(part []byte) []byte { return part }

// number is an integer while it can be one, as in CouchDB: sums of integers print without a point.
type number struct {
	i     int64
	f     float64
	float bool
}

func parseNumber(raw []byte) (number, bool) {
	if i, err := strconv.ParseInt(string(raw), 10, 64); err == nil {
		return number{i: i}, true
	}
	f, err := strconv.ParseFloat(string(raw), 64)
	return number{f: f, float: true}, err == nil
}

func (n number) value() float64 {
	if n.float {
		return n.f
	}
	return float64(n.i)
}

func (n number) plus(m number) number {
	if !n.float && !m.float {
		if sum := n.i + m.i; (sum > n.i) == (m.i > 0) {
			return number{i: sum}
		}
	}
	return number{f: n.value() + m.value(), float: true}
}

func (n number) squared() number {
	if !n.float && n.i < 1<<31 && n.i > -1<<31 {
		return number{i: n.i * n.i}
	}
	return number{f: n.value() * n.value(), float: true}
}

func (n number) append(dst []byte) []byte {
	if !n.float {
		return strconv.AppendInt(dst, n.i, 10)
	}
	start := len(dst)
	dst = strconv.AppendFloat(dst, n.f, 'g', -1, 64)
	if !bytes.ContainsAny(dst[start:], ".e") {
		dst = append(dst, ".0"...)
	}
	return dst
}
