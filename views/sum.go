package views

import (
	"bytes"
	"cmp"
	"encoding/json"
	"slices"
)

const sumReason = "The _sum function requires that map values be numbers, arrays of numbers, or objects. " +
	"Objects cannot be mixed with other data structures. Objects can be arbitrarily nested, " +
	"provided that the values for all fields are themselves numbers, arrays of numbers, or objects."

// sumValues is _sum: numbers add up, arrays by element, objects by member. Its
// parts are the values themselves; a value that cannot be added makes the sum an
// object that says so, which is a value to CouchDB, not an error. What nothing is
// added to is not looked at: one object may hold anything.
type sumValues struct{ *guard }

func (sumValues) final(part []byte) []byte { return part }

func (s sumValues) reduce(rows []entry) []byte {
	out, plain := add(rows, func(r entry) []byte { return r.value }, sum.asWritten)
	if plain {
		return out
	}
	return s.shrinks(out, func() (size int) {
		for _, r := range rows {
			size += 2*(listTerm+emptyTerm) + parseSum(r.key).term() + binaryTerm + len(r.id) + parseSum(r.value).term()
		}
		return size
	})
}

func (s sumValues) merge(values [][]byte) []byte {
	out, plain := add(values, func(v []byte) []byte { return v }, func(v sum) sum { return v })
	if plain {
		return out
	}
	return s.shrinks(out, func() (size int) {
		for _, v := range values {
			size += listTerm + 2*emptyTerm + parseSum(v).term()
		}
		return size
	})
}

// add adds values up. Plain: the total is a number.
func add[T any](values []T, raw func(T) []byte, read func(sum) sum) (out []byte, plain bool) {
	total := sum{}
	for _, v := range values {
		problem := total.add(read(parseSum(raw(v))))
		if problem != nil {
			return problem, false
		}
	}
	return total.append(nil), total.kind == sumNumber
}

// sum is a number, a list or an object of sums, or what cannot be added. The zero value is 0.
type sum struct {
	number
	kind    sumKind
	list    []sum
	members []sumMember
	raw     []byte // of any other value
}

type sumKind byte

const (
	sumNumber sumKind = iota
	sumList
	sumObject
	sumOther
)

type sumMember struct {
	name, raw string // as it is, and as it is written
	sum
}

func parseSum(raw []byte) sum {
	if raw[0] != '[' && raw[0] != '{' {
		if n, ok := parseNumber(raw); ok {
			return sum{number: n}
		}
		return sum{kind: sumOther, raw: raw}
	}
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	return (&sumReader{d, raw}).read()
}

// sumReader reads a value that is JSON.
type sumReader struct {
	*json.Decoder
	raw []byte
}

// token is the next token and its text.
func (r *sumReader) token() (t json.Token, text []byte) {
	start := r.InputOffset()
	t, _ = r.Token()
	return t, bytes.TrimLeft(r.raw[start:r.InputOffset()], " \t\r\n,:")
}

func (r *sumReader) read() (s sum) {
	t, text := r.token()
	switch t {
	case json.Delim('['):
		s.kind = sumList
		for r.More() {
			s.list = append(s.list, r.read())
		}
	case json.Delim('{'):
		s.kind = sumObject
		for r.More() {
			name, text := r.token()
			decoded, _ := name.(string)
			s.members = append(s.members, sumMember{decoded, string(text), r.read()})
		}
	default:
		n, ok := parseNumber(text)
		if !ok {
			return sum{kind: sumOther, raw: text}
		}
		return sum{number: n}
	}
	r.token()
	return s
}

// asWritten is the value with its numbers as JavaScript would have written them.
func (s sum) asWritten() sum {
	s.number = s.number.asWritten()
	for i := range s.list {
		s.list[i] = s.list[i].asWritten()
	}
	for i := range s.members {
		s.members[i].sum = s.members[i].sum.asWritten()
	}
	return s
}

// add adds a value; a number counts as a list of one, and 0 as any object. A
// problem is what the total is instead.
func (s *sum) add(v sum) (problem []byte) {
	switch {
	case v.kind == sumObject:
		return s.addObject(v)
	case v.kind == sumOther || s.kind == sumObject || s.kind == sumOther:
		return sumProblem(v)
	case v.kind == sumNumber && s.kind == sumNumber:
		s.number = s.number.plus(v.number)
		if !s.finite() {
			return sumProblem(v)
		}
		return nil
	case s.kind == sumNumber:
		*s = sum{kind: sumList, list: []sum{{number: s.number}}}
	case v.kind == sumNumber:
		v = sum{kind: sumList, list: []sum{v}}
	}
	return s.addList(v.list)
}

func (s *sum) addList(list []sum) (problem []byte) {
	for i, v := range list {
		if i == len(s.list) {
			s.list = append(s.list, list[i:]...)
			break
		}
		at := &s.list[i]
		if at.kind != sumNumber || v.kind != sumNumber {
			return sumProblem(sum{kind: sumList, list: s.list[i:]})
		}
		if problem := at.add(v); problem != nil {
			return problem
		}
	}
	return nil
}

func (s *sum) addObject(v sum) (problem []byte) {
	for _, m := range v.members {
		if m.name != "error" {
			continue
		}
		if string(m.sum.raw) == `"builtin_reduce_error"` {
			return v.append(nil)
		}
		return sumProblem(v)
	}
	switch {
	case s.kind == sumNumber && !s.float && s.big == nil && s.i == 0:
		*s = v
		return nil
	case s.kind != sumObject:
		return sumProblem(v)
	}
	byName := func(a, b sumMember) int { return cmp.Compare(a.name, b.name) }
	slices.SortStableFunc(s.members, byName)
	for _, m := range v.members {
		i, there := slices.BinarySearchFunc(s.members, m, byName)
		if !there {
			s.members = slices.Insert(s.members, i, m)
			continue
		}
		if problem := s.members[i].add(m.sum); problem != nil {
			return problem
		}
	}
	return nil
}

func sumProblem(cause sum) []byte {
	b := append([]byte(`{"error":"builtin_reduce_error","reason":"`), sumReason...)
	return append(cause.append(append(b, `","caused_by":`...)), '}')
}

func (s sum) append(dst []byte) []byte {
	switch s.kind {
	case sumOther:
		return append(dst, s.raw...)
	case sumList:
		dst = append(dst, '[')
		for i, item := range s.list {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = item.append(dst)
		}
		return append(dst, ']')
	case sumObject:
		dst = append(dst, '{')
		for i, m := range s.members {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = m.append(append(append(dst, m.raw...), ':'))
		}
		return append(dst, '}')
	}
	return s.number.append(dst)
}
