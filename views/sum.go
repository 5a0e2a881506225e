package views

import (
	"bytes"
	"encoding/json"
)

const sumReason = "The _sum function requires that map values be numbers, arrays of numbers, or objects. " +
	"Objects cannot be mixed with other data structures. Objects can be arbitrarily nested, " +
	"provided that the values for all fields are themselves numbers, arrays of numbers, or objects."

// sumValues is _sum: numbers add up, arrays by element, objects by member. Its
// parts are the values themselves; a value that cannot be added makes the sum an
// object that says so, which is a value to CouchDB, not an error.
type sumValues struct{}

func (sumValues) final(part []byte) []byte { return part }

func (s sumValues) reduce(rows []entry) []byte {
	values := make([][]byte, len(rows))
	for i, r := range rows {
		values[i] = r.value
	}
	return s.merge(values)
}

var sumFailed = []byte(`{"error":"builtin_reduce_error"`)

func (sumValues) merge(values [][]byte) []byte {
	total := sum{}
	for _, raw := range values {
		if bytes.HasPrefix(raw, sumFailed) {
			return raw
		}
		v, ok := parseSum(raw)
		if ok {
			total, ok = total.plus(v)
		}
		if !ok {
			b, _ := json.Marshal(struct {
				Error  string          `json:"error"`
				Reason string          `json:"reason"`
				Cause  json.RawMessage `json:"caused_by"`
			}{"builtin_reduce_error", sumReason, raw})
			return b
		}
	}
	return total.append(nil)
}

// sum is a number, a list or an object of sums. The zero value is 0.
type sum struct {
	number
	list    []sum
	members []sumMember
	kind    byte // 0 number, '[' or '{'
}

type sumMember struct {
	name string
	sum
}

func parseSum(raw []byte) (sum, bool) {
	if raw[0] != '[' && raw[0] != '{' {
		n, ok := parseNumber(raw)
		return sum{number: n}, ok
	}
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	return decodeSum(d)
}

func decodeSum(d *json.Decoder) (s sum, ok bool) {
	t, err := d.Token()
	if err != nil {
		return s, false
	}
	switch t := t.(type) {
	case json.Number:
		s.number, ok = parseNumber([]byte(t))
		return s, ok
	case json.Delim:
		s.kind = byte(t)
		for d.More() {
			m := sumMember{}
			if t == '{' {
				name, _ := d.Token()
				m.name, _ = name.(string)
			}
			if m.sum, ok = decodeSum(d); !ok {
				return s, false
			}
			if t == '{' {
				s.members = append(s.members, m)
			} else {
				s.list = append(s.list, m.sum)
			}
		}
		_, err := d.Token()
		return s, err == nil
	}
	return s, false
}

// plus adds; a number counts as a list of one, and 0 as the empty object.
func (s sum) plus(t sum) (sum, bool) {
	switch {
	case s.kind == 0 && t.kind == 0:
		s.number = s.number.plus(t.number)
		return s, true
	case s.kind == '{' || t.kind == '{':
		if s.kind == 0 && !s.float && s.i == 0 {
			return t, true
		}
		if s.kind != t.kind {
			return s, false
		}
		return s.plusMembers(t)
	case s.kind == 0:
		s = sum{kind: '[', list: []sum{s}}
	case t.kind == 0:
		t = sum{kind: '[', list: []sum{t}}
	}
	if len(s.list) < len(t.list) {
		s, t = t, s
	}
	total := sum{kind: '[', list: append([]sum(nil), s.list...)}
	for i := range t.list {
		var ok bool
		if total.list[i], ok = s.list[i].plus(t.list[i]); !ok {
			return s, false
		}
	}
	return total, true
}

func (s sum) plusMembers(t sum) (sum, bool) {
	total := sum{kind: '{', members: append([]sumMember(nil), s.members...)}
next:
	for _, m := range t.members {
		for i := range total.members {
			if total.members[i].name == m.name {
				var ok bool
				if total.members[i].sum, ok = total.members[i].plus(m.sum); !ok {
					return s, false
				}
				continue next
			}
		}
		total.members = append(total.members, m)
	}
	return total, true
}

func (s sum) append(dst []byte) []byte {
	switch s.kind {
	case '[':
		dst = append(dst, '[')
		for i, item := range s.list {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = item.append(dst)
		}
		return append(dst, ']')
	case '{':
		dst = append(dst, '{')
		for i, m := range s.members {
			if i > 0 {
				dst = append(dst, ',')
			}
			name, _ := json.Marshal(m.name)
			dst = m.append(append(append(dst, name...), ':'))
		}
		return append(dst, '}')
	}
	return s.number.append(dst)
}
