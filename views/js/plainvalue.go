package js

import (
	"math"
	"strconv"
	"unicode/utf8"
)

// kind is the type of a value in a plain function.
type kind uint8

const (
	isUndefined kind = iota
	isNull
	isBoolean
	isNumber
	isText
	isObject // of the document, as isList
	isList
	isShort // of an optional chain that ended
)

// val is a value. Texts and the document's own parts are parts of its JSON.
type val struct {
	kind kind
	at   int32 // of the part
	num  float64
	str  string
}

func numberOf(f float64) val { return val{kind: isNumber, num: f} }
func textOf(s string) val    { return val{kind: isText, str: s} }

func booleanOf(b bool) val {
	if b {
		return val{kind: isBoolean, num: 1}
	}
	return val{kind: isBoolean}
}

// outside is what a plain function panics with where it needs more than there is here, an
// exception among it: the interpreter runs it from its start.
type outside struct{}

func leave() val { panic(outside{}) }

func (v val) truth() bool {
	switch v.kind {
	case isBoolean, isNumber:
		return v.num != 0 && v.num == v.num
	case isText:
		return v.str != ""
	case isObject, isList:
		return true
	}
	return false
}

func (v val) nullish() bool { return v.kind == isUndefined || v.kind == isNull }

// toNumber is ToNumber but of texts and objects.
func (v val) toNumber() float64 {
	switch v.kind {
	case isNumber, isBoolean:
		return v.num
	case isNull:
		return 0
	case isUndefined:
		return math.NaN()
	}
	return leave().num
}

// toText is ToString but of objects.
func (v val) toText() string {
	switch v.kind {
	case isText:
		return v.str
	case isNumber:
		return string(appendNumber(nil, v.num))
	case isBoolean:
		return strconv.FormatBool(v.num != 0)
	case isNull:
		return "null"
	case isUndefined:
		return "undefined"
	}
	return leave().str
}

var typeNames = [...]string{isUndefined: "undefined", isNull: "object", isBoolean: "boolean", isNumber: "number", isText: "string", isObject: "object", isList: "object"}

func same(a, b val) bool {
	switch {
	case a.kind != b.kind:
		return false
	case a.kind == isText:
		return a.str == b.str
	case a.kind == isObject || a.kind == isList:
		return a.at == b.at
	case a.kind == isNumber || a.kind == isBoolean:
		return a.num == b.num
	}
	return true
}

// alike is ==, without the conversions.
func alike(a, b val) bool {
	switch {
	case a.kind == b.kind:
		return same(a, b)
	case a.nullish() || b.nullish():
		return a.nullish() && b.nullish()
	}
	return leave().num != 0
}

// before is a < b, or a <= b.
func before(a, b val, orSame bool) bool {
	if a.kind == isText && b.kind == isText {
		if !basic(a.str) || !basic(b.str) {
			leave()
		}
		return a.str < b.str || orSame && a.str == b.str
	}
	x, y := a.toNumber(), b.toNumber()
	return x < y || orSame && x == y
}

// basic tells that the bytes of a text order as its UTF-16 code units do: there are no surrogates.
func basic(s string) bool {
	for i := range len(s) {
		if s[i] >= 0xf0 {
			return false
		}
	}
	return true
}

// ascii gives a text whose characters are bytes.
func ascii(s string) string {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			leave()
		}
	}
	return s
}

// longText is how long a text may become that a function puts together.
const longText = 1 << 20

func plus(a, b val) val {
	if a.kind != isText && b.kind != isText {
		return numberOf(a.toNumber() + b.toNumber())
	}
	s := a.toText() + b.toText()
	if len(s) > longText {
		leave()
	}
	return textOf(s)
}

// appendNumber writes a number as JavaScript does.
func appendNumber(dst []byte, f float64) []byte {
	switch {
	case f != f:
		return append(dst, "NaN"...)
	case math.IsInf(f, 1):
		return append(dst, "Infinity"...)
	case math.IsInf(f, -1):
		return append(dst, "-Infinity"...)
	case f == math.Trunc(f) && math.Abs(f) < 1e15:
		return strconv.AppendInt(dst, int64(f), 10)
	}
	if f < 0 {
		dst, f = append(dst, '-'), -f
	}
	var room [32]byte
	digits := strconv.AppendFloat(room[:0], f, 'e', -1, 64) // d.ddde±xx
	e := len(digits) - 1
	for digits[e] != 'e' {
		e--
	}
	exponent, _ := strconv.Atoi(string(digits[e+1:]))
	digits = append(digits[:1], digits[min(2, e):e]...)
	switch k, n := len(digits), exponent+1; {
	case k <= n && n <= 21:
		dst = append(dst, digits...)
		for ; k < n; k++ {
			dst = append(dst, '0')
		}
		return dst
	case 0 < n && n <= 21:
		return append(append(append(dst, digits[:n]...), '.'), digits[n:]...)
	case -6 < n && n <= 0:
		dst = append(dst, "0."...)
		for ; n < 0; n++ {
			dst = append(dst, '0')
		}
		return append(dst, digits...)
	}
	if dst = append(dst, digits[0]); len(digits) > 1 {
		dst = append(append(dst, '.'), digits[1:]...)
	}
	dst = append(dst, 'e')
	if exponent > 0 {
		dst = append(dst, '+')
	}
	return strconv.AppendInt(dst, int64(exponent), 10)
}
