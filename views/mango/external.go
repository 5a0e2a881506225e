package mango

import (
	"encoding/binary"
	"math"
	"math/big"
	"strconv"
)

// CouchDB names an index that was given no name by a hash of its definition, and makes a bookmark
// of the place that a search has come to: both in Erlang's external term format. So
// that a name is the same on both servers, and a bookmark goes from one to the
// other, this file writes as much of that format as JSON needs.

// The tags of the format.
const (
	extVersion = 131
	extZipped  = 80
	extFloat   = 70
	extByte    = 97
	extInteger = 98
	extAtom    = 100
	extTuple   = 104
	extNil     = 106
	extString  = 107
	extList    = 108
	extBinary  = 109
	extBig     = 110
	extLarge   = 111
	extShort   = 119 // a small atom
)

func appendAtom(dst []byte, name string) []byte {
	return append(binary.BigEndian.AppendUint16(append(dst, extAtom), uint16(len(name))), name...)
}

func appendTuple(dst []byte, size int) []byte { return append(dst, extTuple, byte(size)) }

func appendListStart(dst []byte, size int) []byte {
	return binary.BigEndian.AppendUint32(append(dst, extList), uint32(size))
}

func appendBinary(dst []byte, s []byte) []byte {
	return append(binary.BigEndian.AppendUint32(append(dst, extBinary), uint32(len(s))), s...)
}

// appendExternal writes JSON as the term that CouchDB has for it: an object is
// {[{Name, Value}…]}.
func appendExternal(dst, raw []byte) []byte {
	switch kind(raw) {
	case object:
		members := distinct(raw)
		dst = appendTuple(dst, 1)
		if len(members) == 0 {
			return append(dst, extNil)
		}
		dst = appendListStart(dst, len(members))
		for _, m := range members {
			dst = appendBinary(appendTuple(dst, 2), []byte(m.name))
			dst = appendExternal(dst, m.value)
		}
		return append(dst, extNil)
	case array:
		return appendArray(dst, raw)
	case text:
		s, _ := decode(raw)
		return appendBinary(dst, s)
	case number:
		return appendNumber(dst, raw)
	}
	return appendAtom(dst, string(raw))
}

// appendArray: a list of bytes is a string to Erlang.
func appendArray(dst, raw []byte) []byte {
	var elements [][]byte
	var bytes []byte
	for m := in(raw); m.next(); {
		elements = append(elements, m.value)
		if n, err := strconv.ParseUint(string(m.value), 10, 8); err == nil {
			bytes = append(bytes, byte(n))
		}
	}
	switch {
	case len(elements) == 0:
		return append(dst, extNil)
	case len(bytes) == len(elements) && len(bytes) <= math.MaxUint16:
		return append(binary.BigEndian.AppendUint16(append(dst, extString), uint16(len(bytes))), bytes...)
	}
	dst = appendListStart(dst, len(elements))
	for _, e := range elements {
		dst = appendExternal(dst, e)
	}
	return append(dst, extNil)
}

func appendNumber(dst, raw []byte) []byte {
	if !isInteger(raw) {
		f, _ := strconv.ParseFloat(string(raw), 64)
		return binary.BigEndian.AppendUint64(append(dst, extFloat), math.Float64bits(f))
	}
	n, _ := new(big.Int).SetString(string(raw), 10)
	switch {
	case n.IsInt64() && n.Int64() >= 0 && n.Int64() <= math.MaxUint8:
		return append(dst, extByte, byte(n.Int64()))
	case n.IsInt64() && n.Int64() >= math.MinInt32 && n.Int64() <= math.MaxInt32:
		return binary.BigEndian.AppendUint32(append(dst, extInteger), uint32(n.Int64()))
	}
	digits := n.Bytes()
	if len(digits) <= math.MaxUint8 {
		dst = append(dst, extBig, byte(len(digits)))
	} else {
		dst = binary.BigEndian.AppendUint32(append(dst, extLarge), uint32(len(digits)))
	}
	dst = append(dst, byte((1-n.Sign())/2))
	for i := len(digits) - 1; i >= 0; i-- {
		dst = append(dst, digits[i])
	}
	return dst
}
