package views

import (
	"encoding/json"
	"fmt"
	"slices"
)

// statistics is _stats over numbers, or by element over lists of them. Values
// may be statistics already. Its parts are what clients see.
type statistics struct{}

func (statistics) final(part []byte) []byte { return part }

func (s statistics) reduce(rows []entry) []byte {
	return addStats(rows, func(r entry) []byte { return r.value }, number.asWritten)
}

func (statistics) merge(values [][]byte) []byte {
	return addStats(values, func(v []byte) []byte { return v }, func(n number) number { return n })
}

func addStats[T any](values []T, raw func(T) []byte, read func(number) number) []byte {
	var total []stats
	list := false
	for i, each := range values {
		value := raw(each)
		v, isList, problem := parseStats(value, read)
		if problem != "" {
			return fail("invalid_value", problem)
		}
		if i == 0 {
			total, list = v, isList
			continue
		}
		if isList != list || len(v) != len(total) {
			return fail("invalid_value", notStats(value))
		}
		for k := range total {
			total[k] = total[k].plus(v[k])
		}
	}
	if i := slices.IndexFunc(total, func(s stats) bool { return !s.sum.finite() || !s.squares.finite() }); i >= 0 {
		return fail("invalid_value", "_stats input is too large")
	}
	if !list {
		return total[0].append(nil)
	}
	dst := []byte{'['}
	for i, s := range total {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = s.append(dst)
	}
	return append(dst, ']')
}

func notStats(raw []byte) string {
	return "The _stats function requires that map values be numbers or arrays of numbers, not '" + string(raw) + "'"
}

type stats struct {
	sum, min, max, squares number
	count                  int64
}

func (s stats) plus(t stats) stats {
	s.sum = s.sum.plus(t.sum)
	s.count += t.count
	s.squares = s.squares.plus(t.squares)
	if t.min.less(s.min) {
		s.min = t.min
	}
	if s.max.less(t.max) {
		s.max = t.max
	}
	return s
}

func (s stats) append(dst []byte) []byte {
	dst = s.sum.append(append(dst, `{"sum":`...))
	dst = fmt.Appendf(dst, `,"count":%d,"min":`, s.count)
	dst = s.min.append(dst)
	dst = s.max.append(append(dst, `,"max":`...))
	dst = s.squares.append(append(dst, `,"sumsqr":`...))
	return append(dst, '}')
}

// parseStats reads a number, an object of the five figures, or a list of either.
func parseStats(raw []byte, read func(number) number) (list []stats, isList bool, problem string) {
	if raw[0] != '[' {
		s, problem := parseStat(raw, read)
		return []stats{s}, false, problem
	}
	var items []json.RawMessage
	_ = json.Unmarshal(raw, &items) // a row's value is JSON
	list = make([]stats, len(items))
	for i, item := range items {
		if list[i], problem = parseStat(item, read); problem != "" {
			return nil, true, problem
		}
	}
	return list, true, ""
}

func parseStat(raw []byte, read func(number) number) (s stats, problem string) {
	if raw[0] != '{' {
		n, ok := parseNumber(raw)
		if !ok {
			return s, notStats(raw)
		}
		n = read(n)
		return stats{sum: n, min: n, max: n, squares: n.squared(), count: 1}, ""
	}
	var figures map[string]json.RawMessage
	_ = json.Unmarshal(raw, &figures)
	var count number
	for _, f := range []struct {
		name string
		into *number
	}{{"sum", &s.sum}, {"count", &count}, {"min", &s.min}, {"max", &s.max}, {"sumsqr", &s.squares}} {
		n, ok := parseNumber(figures[f.name])
		switch {
		case figures[f.name] == nil:
			return s, "user _stats input missing required field " + f.name + " (" + string(raw) + ")"
		case !ok:
			return s, "non-numeric _stats input received for " + f.name + ": " + string(figures[f.name])
		}
		*f.into = read(n)
	}
	s.count = int64(count.value())
	return s, ""
}
