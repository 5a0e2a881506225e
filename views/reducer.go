package views

import (
	"encoding/json"
	"errors"
	"strconv"
	"strings"
)

// reducer is a reduce function. What it makes of rows, a part, can be merged with other
// parts in key order; final turns a part into the value that clients see.
// A part that begins with failed is an error instead, which combine passes on.
type reducer interface {
	reduce(rows []entry) []byte
	merge(parts [][]byte) []byte
	final(part []byte) []byte
}

// failed marks a part that is an error: then follows {"error":…,"reason":…}. No
// other part begins so.
const failed = 0xff

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

// builtins are the reduce functions that need no JavaScript, by how their names
// begin: CouchDB does not look at the rest.
var builtins = []struct {
	prefix string
	made   func(rest string, g *guard) (reducer, error)
}{
	{"_sum", func(_ string, g *guard) (reducer, error) { return sumValues{g}, nil }},
	{"_count", func(string, *guard) (reducer, error) { return countRows{}, nil }},
	{"_stats", func(string, *guard) (reducer, error) { return statistics{}, nil }},
	{"_approx_count_distinct", func(string, *guard) (reducer, error) { return distinctKeys{}, nil }},
	{"_top_", func(n string, _ *guard) (reducer, error) { return rank(n, true) }},
	{"_bottom_", func(n string, _ *guard) (reducer, error) { return rank(n, false) }},
	{"_first", func(string, *guard) (reducer, error) { return extreme{}, nil }},
	{"_last", func(string, *guard) (reducer, error) { return extreme{last: true}, nil }},
}

// builtin is the reduce function of that name.
func builtin(name string, g *guard) (reducer, error) {
	for _, b := range builtins {
		if rest, ok := strings.CutPrefix(name, b.prefix); ok {
			return b.made(rest, g)
		}
	}
	return nil, invalid("`%s` is not a supported reduce function.", name)
}

func rank(digits string, top bool) (reducer, error) {
	n, err := strconv.Atoi(digits)
	switch {
	case errors.Is(err, strconv.ErrSyntax):
		return nil, invalid("invalid rank reducer")
	case err != nil || n < 1 || n > mostRanked:
		return nil, invalid("rank value must be between 1 and %d", mostRanked)
	}
	return ranked{n, top}, nil
}

type countRows struct{}

// counts reports whether what a view keeps of its rows is but their number.
func counts(r reducer) bool {
	_, is := r.(countRows)
	return r == nil || is
}

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
