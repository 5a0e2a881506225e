package mango

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"math"
	"strconv"
	"sync"

	"settee/couch/collate"
)

// order is one of the two ways to compare values: how their types follow each other, and the
// key of a value.
type order struct {
	rank [object + 1]byte
	key  func(dst, raw []byte) ([]byte, error)
}

var (
	viewOrder = &order{[object + 1]byte{null: 1, no: 2, yes: 3, number: 4, text: 5, array: 6, object: 7}, collate.Append}
	rawOrder  = &order{[object + 1]byte{number: 1, no: 2, null: 3, yes: 4, object: 5, array: 6, text: 7}, collate.AppendRaw}
)

// operand is what values are compared with. Most comparisons are settled by the type, by the
// numbers, or by the bytes of plain texts; the rest compare collation keys.
type operand struct {
	order *order
	raw   []byte
	kind  types
	key   []byte
	exact bool    // number: a float64 holds it
	f     float64 // then
	plain bool    // text: distinct bytes are distinct texts
	text  []byte  // text, decoded
}

func newOperand(raw []byte, o *order) *operand {
	p := &operand{order: o, raw: raw, kind: kind(raw)}
	p.key, _ = o.key(nil, raw) // raw is valid
	p.f, p.exact = exactNumber(raw)
	p.plain = isPlain(raw)
	p.text, _ = decode(raw)
	return p
}

// compare is the sign of value against the operand.
func (p *operand) compare(value []byte) int {
	k := kind(value)
	if k != p.kind || k < number {
		return cmp.Compare(p.order.rank[k], p.order.rank[p.kind])
	}
	if k == number && p.exact {
		if f, ok := exactNumber(value); ok {
			return cmp.Compare(f, p.f)
		}
	}
	if k == text && p.order == rawOrder {
		s, _ := decode(value)
		return bytes.Compare(s, p.text)
	}
	return p.compareKeys(value)
}

// equals is compare == 0, with less work.
func (p *operand) equals(value []byte) bool {
	k := kind(value)
	if k != p.kind {
		return false
	}
	if bytes.Equal(value, p.raw) {
		return true
	}
	if k == text && p.plain && isPlain(value) {
		return false
	}
	return p.compare(value) == 0
}

// keys are the buffers of collation keys that are compared once and forgotten.
var keys = sync.Pool{New: func() any { return new([]byte) }}

// largestKey is the largest buffer that is kept.
const largestKey = 1 << 16

func (p *operand) compareKeys(value []byte) int {
	buffer := keys.Get().(*[]byte)
	key, err := p.order.key((*buffer)[:0], value)
	sign := bytes.Compare(key, p.key)
	if err != nil {
		sign = -1 // no JSON: below everything
	}
	if cap(key) <= largestKey {
		*buffer = key
		keys.Put(buffer)
	}
	return sign
}

// exactNumber reads a number that a float64 holds to the last digit, or that is no integer:
// those compare as floats.
func exactNumber(raw []byte) (float64, bool) {
	if kind(raw) != number {
		return 0, false
	}
	if n, ok := small(raw); ok {
		return n, true
	}
	if isInteger(raw) && len(raw) > 15 {
		return 0, false
	}
	f, err := strconv.ParseFloat(string(raw), 64)
	return f, err == nil
}

// small reads an integer of up to 15 digits.
func small(raw []byte) (float64, bool) {
	digits := raw
	if digits[0] == '-' {
		digits = digits[1:]
	}
	if len(digits) == 0 || len(digits) > 15 {
		return 0, false
	}
	n := 0
	for _, c := range digits {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = n*10 + int(c-'0')
	}
	if len(digits) < len(raw) {
		n = -n
	}
	return float64(n), true
}

// isPlain reports whether a text is of printable ASCII without escapes: two such
// texts collate alike only if they are the same.
func isPlain(quoted []byte) bool {
	if len(quoted) < 2 || quoted[0] != '"' {
		return false
	}
	for _, c := range quoted[1 : len(quoted)-1] {
		if c < ' ' || c > '~' || c == '\\' {
			return false
		}
	}
	return true
}

type comparison struct {
	*operand
	outcome [3]bool
}

func (c comparison) match(value []byte) bool { return c.outcome[c.compare(value)+1] }

type equal struct{ *operand }

func (e equal) match(value []byte) bool { return e.equals(value) }

// oneOf is $in: the value, or any element of an array.
type oneOf []*operand

func (o oneOf) match(value []byte) bool { return itOrElement(value, o) }

func (o oneOf) holds(value []byte) bool {
	for _, p := range o {
		if p.equals(value) {
			return true
		}
	}
	return false
}

// itOrElement reports whether a list holds a value or, of an array, any of its elements.
func itOrElement[L interface{ holds([]byte) bool }](value []byte, list L) bool {
	if kind(value) != array {
		return list.holds(value)
	}
	for m := in(value); m.next(); {
		if list.holds(m.value) {
			return true
		}
	}
	return false
}

// fewOperands is up to how many a list is searched from its beginning: so many comparisons cost
// as much as one key.
const fewOperands = 16

// oneOfMany is oneOf for long lists, by the operands' keys.
type oneOfMany struct {
	order *order
	keys  map[string]bool
}

func newOneOfMany(list oneOf, o *order) oneOfMany {
	many := oneOfMany{o, make(map[string]bool, len(list))}
	for _, p := range list {
		many.keys[string(p.key)] = true
	}
	return many
}

func (o oneOfMany) match(value []byte) bool { return itOrElement(value, o) }

func (o oneOfMany) holds(value []byte) bool {
	key, err := o.order.key(nil, value)
	return err == nil && o.keys[string(key)]
}

// appendExact appends bytes that are the same for the same Erlang term only: 1 and 1.0 differ,
// and so do texts that collate alike.
func appendExact(dst, value []byte) []byte {
	k := kind(value)
	dst = append(dst, byte(k))
	switch k {
	case object, array:
		for m := in(value); m.next(); {
			if m.named {
				dst = appendExact(dst, m.name)
			}
			dst = appendExact(dst, m.value)
		}
		return append(dst, 0)
	case text:
		s, _ := decode(value)
		return append(binary.AppendUvarint(dst, uint64(len(s))), s...)
	case number:
		return appendExactNumber(dst, value)
	}
	return dst
}

func appendExactNumber(dst, value []byte) []byte {
	if isInteger(value) {
		if string(value) == "-0" {
			value = value[1:]
		}
		return append(append(binary.AppendUvarint(append(dst, 'i'), uint64(len(value))), value...), 0)
	}
	f, _ := strconv.ParseFloat(string(value), 64)
	return binary.BigEndian.AppendUint64(append(dst, 'f'), math.Float64bits(f+0))
}
