package collate

import (
	"encoding/binary"
	"math"
	"math/big"
	"strconv"
)

// exactDigits is how many digits every integer may have and still fit a float64.
const exactDigits = 15

// numberValue reads a number by JSON's grammar and writes its key.
func (w *walker) numberValue() error {
	start, integer := w.at, true
	if w.raw[w.at] == '-' {
		w.at++
	}
	lead := w.at
	n := w.digits()
	if n == 0 || n > 1 && w.raw[lead] == '0' {
		return errSyntax
	}
	if w.at < len(w.raw) && w.raw[w.at] == '.' {
		integer = false
		w.at++
		if w.digits() == 0 {
			return errSyntax
		}
	}
	if w.at < len(w.raw) && w.raw[w.at]|0x20 == 'e' {
		integer = false
		w.at++
		if w.at < len(w.raw) && (w.raw[w.at] == '+' || w.raw[w.at] == '-') {
			w.at++
		}
		if w.digits() == 0 {
			return errSyntax
		}
	}
	text := string(w.raw[start:w.at])
	f, _ := strconv.ParseFloat(text, 64) // out of range gives an infinity, in order
	w.dst = appendFloat(append(w.dst, w.number), f, text, integer && n > exactDigits)
	return nil
}

func (w *walker) digits() (n int) {
	for w.at < len(w.raw) && w.raw[w.at] >= '0' && w.raw[w.at] <= '9' {
		w.at++
		n++
	}
	return n
}

func appendFloat(dst []byte, f float64, text string, long bool) []byte {
	var rest *big.Int
	if long {
		f = min(max(f, -math.MaxFloat64), math.MaxFloat64)
		near, _ := new(big.Float).SetFloat64(f).Int(nil)
		rest, _ = new(big.Int).SetString(text, 10)
		rest.Sub(rest, near)
	}
	bits := math.Float64bits(f + 0) // f+0 makes one zero of both
	if bits>>63 == 1 {
		bits = ^bits
	} else {
		bits |= 1 << 63
	}
	dst = binary.BigEndian.AppendUint64(dst, bits)
	if rest == nil || rest.Sign() == 0 {
		return append(dst, 0x80)
	}
	return appendRest(dst, rest)
}

// appendRest writes an integer's distance from its float. Up to 126 bytes cover
// every integer in the range of float64; longer ones say their length in four bytes.
func appendRest(dst []byte, rest *big.Int) []byte {
	magnitude := rest.Bytes()
	start := len(dst)
	if n := len(magnitude); n < 0x7f {
		dst = append(dst, byte(0x80+n))
	} else {
		dst = binary.BigEndian.AppendUint32(append(dst, 0xff), uint32(n))
	}
	dst = append(dst, magnitude...)
	if rest.Sign() < 0 {
		dst[start] = -dst[start] // 80+n becomes 80-n
		for i := start + 1; i < len(dst); i++ {
			dst[i] = ^dst[i]
		}
	}
	return dst
}
