package views

import (
	"encoding/json"
	"fmt"
)

// statistics is _stats over numbers, or by element over lists of them. Values
// may be statistics already. Its parts are what clients see.
type statistics struct{}

func (statistics) final(part []byte) []byte { return part }

func (s statistics) reduce(rows []entry) []byte {
	values := make([][]byte, len(rows))
	for i, r := range rows {
		values[i] = r.value
	}
	return s.merge(values)
}

func (statistics) merge(values [][]byte) []byte {
	var total []stats
	list := false
	for i, raw := range values {
		v, isList, ok := parseStats(raw)
		if i == 0 {
			total, list = v, isList
		}
		if !ok || isList != list || len(v) != len(total) {
			return fail("invalid_value", fmt.Sprintf("The _stats function requires that map values be numbers or arrays of numbers, not '%s'", raw))
		}
		if i > 0 {
			for k := range total {
				total[k] = total[k].plus(v[k])
			}
		}
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

type stats struct {
	sum, min, max, squares number
	count                  int64
}

func (s stats) plus(t stats) stats {
	s.sum = s.sum.plus(t.sum)
	s.count += t.count
	s.squares = s.squares.plus(t.squares)
	if t.min.value() < s.min.value() {
		s.min = t.min
	}
	if t.max.value() > s.max.value() {
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
func parseStats(raw []byte) (list []stats, isList, ok bool) {
	if raw[0] != '[' {
		s, ok := parseStat(raw)
		return []stats{s}, false, ok
	}
	var items []json.RawMessage
	if json.Unmarshal(raw, &items) != nil {
		return nil, true, false
	}
	for _, item := range items {
		s, ok := parseStat(item)
		if !ok {
			return nil, true, false
		}
		list = append(list, s)
	}
	return list, true, true
}

func parseStat(raw []byte) (s stats, ok bool) {
	if raw[0] != '{' {
		n, ok := parseNumber(raw)
		return stats{sum: n, min: n, max: n, squares: n.squared(), count: 1}, ok
	}
	var figures struct{ Sum, Count, Min, Max, Sumsqr json.RawMessage }
	if json.Unmarshal(raw, &figures) != nil {
		return s, false
	}
	var count number
	for _, f := range []struct {
		raw  json.RawMessage
		into *number
	}{{figures.Sum, &s.sum}, {figures.Count, &count}, {figures.Min, &s.min}, {figures.Max, &s.max}, {figures.Sumsqr, &s.squares}} {
		if *f.into, ok = parseNumber(f.raw); !ok {
			return s, false
		}
	}
	s.count = int64(count.value())
	return s, true
}
