package couch

import (
	"encoding/binary"
	"math"
	"math/big"
	"math/bits"
	"slices"
	"strconv"
)

// number reads one by JSON's grammar. With a point or an exponent it is a float
// and must be finite; else an integer of up to longestInteger digits.
func (s *scanner) number() bool {
	start := s.i
	if s.i < len(s.b) && s.b[s.i] == '-' {
		s.i++
	}
	first := s.i
	if s.digits(); s.i == first || (s.b[first] == '0' && s.i > first+1) {
		return false
	}
	float := false
	if s.i < len(s.b) && s.b[s.i] == '.' {
		float = true
		s.i++
		at := s.i
		if s.digits(); s.i == at {
			return false
		}
	}
	if s.i < len(s.b) && s.b[s.i]|0x20 == 'e' {
		float = true
		s.i++
		if s.i < len(s.b) && (s.b[s.i] == '+' || s.b[s.i] == '-') {
			s.i++
		}
		at := s.i
		if s.digits(); s.i == at {
			return false
		}
	}
	if float {
		return s.float(s.b[start:s.i])
	}
	if s.i-first > longestInteger {
		return false
	}
	s.integer(s.b[start:s.i], s.b[first:s.i])
	return true
}

// longestInteger is how many digits one may have. To name a revision integers are made binary, for which the time grows with
// the square of the digits: a document of 8 MB would take minutes, as it does in CouchDB, which then fails; so it takes half a second.
const longestInteger = 16 << 10

func (s *scanner) digits() {
	for s.i < len(s.b) && '0' <= s.b[s.i] && s.b[s.i] <= '9' {
		s.i++
	}
}

func (s *scanner) float(text []byte) bool {
	f, err := strconv.ParseFloat(string(text), 64)
	if err != nil {
		return false
	}
	s.out = append(s.out, etfFloat)
	s.out = binary.BigEndian.AppendUint64(s.out, math.Float64bits(f))
	return true
}

func (s *scanner) integer(text, digits []byte) {
	negative := len(digits) < len(text)
	if len(digits) > 19 {
		s.big(digits, negative)
		return
	}
	var n uint64
	for _, c := range digits {
		n = n*10 + uint64(c-'0')
	}
	s.out = appendInteger(s.out, n, negative)
}

func (s *scanner) big(digits []byte, negative bool) {
	n, _ := new(big.Int).SetString(string(digits), 10)
	b := n.Bytes()
	if len(b) <= 8 {
		s.out = appendInteger(s.out, n.Uint64(), negative)
		return
	}
	if len(b) <= 255 {
		s.out = append(s.out, etfSmallBig, byte(len(b)))
	} else {
		s.out = append(s.out, etfLargeBig)
		s.out = binary.BigEndian.AppendUint32(s.out, uint32(len(b)))
	}
	slices.Reverse(b)
	s.out = append(append(s.out, sign(negative)), b...)
}

func sign(negative bool) byte {
	if negative {
		return 1
	}
	return 0
}

func appendInteger(dst []byte, n uint64, negative bool) []byte {
	switch {
	case n <= 255 && (!negative || n == 0):
		return append(dst, etfSmallInt, byte(n))
	case n <= math.MaxInt32 || (negative && n == math.MaxInt32+1):
		v := uint32(n)
		if negative {
			v = -v
		}
		return binary.BigEndian.AppendUint32(append(dst, etfInt), v)
	}
	size := (bits.Len64(n) + 7) / 8
	dst = append(dst, etfSmallBig, byte(size), sign(negative))
	for range size {
		dst = append(dst, byte(n))
		n >>= 8
	}
	return dst
}
