package mango

import (
	"bytes"
	"math/big"
	"strconv"
)

type (
	always bool
	all    []matcher
	some   []matcher
	not    struct{ matcher }
	field  struct {
		path   path
		cond   matcher
		absent bool // $exists:false
	}
	someElement  struct{ matcher }
	everyElement struct{ matcher }
	someName     struct{ matcher }
	ofType       string
	size         int
	begins       string
)

func (a always) match([]byte) bool { return bool(a) }

func (a all) match(value []byte) bool {
	for _, m := range a {
		if !m.match(value) {
			return false
		}
	}
	return true
}

func (s some) match(value []byte) bool {
	for _, m := range s {
		if m.match(value) {
			return true
		}
	}
	return false
}

func (n not) match(value []byte) bool { return !n.matcher.match(value) }

func (f field) match(value []byte) bool {
	switch inner, found := lookUp(value, f.path); found {
	case here:
		return f.cond.match(inner)
	case missing:
		return f.absent
	}
	return false
}

func (e someElement) match(value []byte) bool {
	for m := in(value); !m.named && m.next(); {
		if e.matcher.match(m.value) {
			return true
		}
	}
	return false
}

func (e everyElement) match(value []byte) bool {
	n := 0
	for m := in(value); !m.named && m.next(); n++ {
		if !e.matcher.match(m.value) {
			return false
		}
	}
	return n > 0
}

func (e someName) match(value []byte) bool {
	for m := in(value); m.named && m.next(); {
		if e.matcher.match(m.name) {
			return true
		}
	}
	return false
}

var typeNames = [object + 1]string{null: "null", no: "boolean", yes: "boolean", number: "number", text: "string", array: "array", object: "object"}

func (t ofType) match(value []byte) bool { return typeNames[kind(value)] == string(t) }

func (s size) match(value []byte) bool {
	if kind(value) != array {
		return false
	}
	n := 0
	for m := in(value); n <= int(s) && m.next(); {
		n++
	}
	return n == int(s)
}

func (b begins) match(value []byte) bool {
	s, ok := decode(value)
	return ok && len(s) >= len(b) && string(s[:len(b)]) == string(b)
}

// modulo holds for integers only; the remainder has the sign of the value.
type modulo struct {
	divisor, remainder           *big.Int
	smallDivisor, smallRemainder int64 // smallDivisor is 0 where one of them is not small
}

func newModulo(arg []byte) modulo {
	d, r := division(arg)
	m := modulo{divisor: d, remainder: r}
	if d.IsInt64() && r.IsInt64() {
		m.smallDivisor, m.smallRemainder = d.Int64(), r.Int64()
	}
	return m
}

func (m modulo) match(value []byte) bool {
	if !isInteger(value) {
		return false
	}
	if len(value) < 19 && m.smallDivisor != 0 {
		n, err := strconv.ParseInt(string(value), 10, 64)
		return err == nil && n%m.smallDivisor == m.smallRemainder
	}
	n, ok := new(big.Int).SetString(string(value), 10)
	return ok && n.Rem(n, m.divisor).Cmp(m.remainder) == 0
}

// everyOf is $all: an array holds every one of the arguments, or is the only one.
type everyOf struct {
	args   [][]byte // as written
	exact  [][]byte // their exact keys
	itself []byte   // the raw key of an only argument that is an array
}

func newEveryOf(arg []byte) everyOf {
	var e everyOf
	for m := in(arg); m.next(); {
		e.args = append(e.args, m.value)
		e.exact = append(e.exact, appendExact(nil, m.value))
	}
	if len(e.args) == 1 && kind(e.args[0]) == array {
		e.itself, _ = rawOrder.key(nil, e.args[0])
	}
	return e
}

func (e everyOf) match(value []byte) bool {
	if kind(value) != array || len(e.args) == 0 {
		return false
	}
	if e.itself != nil {
		if key, err := rawOrder.key(nil, value); err == nil && bytes.Equal(key, e.itself) {
			return true
		}
	}
	for i := range e.args {
		if !e.within(value, i) {
			return false
		}
	}
	return true
}

func (e everyOf) within(array []byte, i int) bool {
	for m := in(array); m.next(); {
		if bytes.Equal(m.value, e.args[i]) {
			return true
		}
		if kind(m.value) == kind(e.args[i]) && bytes.Equal(appendExact(nil, m.value), e.exact[i]) {
			return true
		}
	}
	return false
}
