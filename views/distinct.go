package views

import (
	"encoding/binary"
	"math"
	"math/bits"
	"slices"
	"strconv"

	"github.com/cespare/xxhash/v2"
)

// distinctKeys is _approx_count_distinct, a HyperLogLog over the keys with
// CouchDB's 2^11 registers: about two percent off. A part is a list of the registers that are
// set, three bytes each, or all of them once that is shorter.
type distinctKeys struct{}

const registers = 1 << 11

func (distinctKeys) reduce(rows []entry) []byte {
	var r [registers]byte
	for _, row := range rows {
		h := xxhash.Sum64(row.collated)
		i := h % registers
		r[i] = max(r[i], byte(min(bits.TrailingZeros64(h/registers), 52)+1))
	}
	return packRegisters(&r)
}

func (distinctKeys) merge(parts [][]byte) []byte {
	var r [registers]byte
	for _, p := range parts {
		unpackRegisters(p, func(i int, rank byte) { r[i] = max(r[i], rank) })
	}
	return packRegisters(&r)
}

func packRegisters(r *[registers]byte) []byte {
	var part []byte
	for i, rank := range r {
		if rank > 0 {
			part = append(binary.BigEndian.AppendUint16(part, uint16(i)), rank)
		}
	}
	if len(part) >= registers {
		return slices.Clone(r[:])
	}
	return part
}

func unpackRegisters(part []byte, set func(i int, rank byte)) {
	if len(part) == registers {
		for i, rank := range part {
			set(i, rank)
		}
		return
	}
	for ; len(part) > 0; part = part[3:] {
		set(int(binary.BigEndian.Uint16(part)), part[2])
	}
}

// final is the estimate; counts small against the registers are taken from how many are unset.
func (distinctKeys) final(part []byte) []byte {
	sum, unset := 0.0, registers
	unpackRegisters(part, func(_ int, rank byte) {
		if rank > 0 {
			sum += math.Ldexp(1, -int(rank))
			unset--
		}
	})
	const m = registers
	estimate := 0.7213 / (1 + 1.079/m) * m * m / (sum + float64(unset))
	if estimate <= 2.5*m && unset > 0 {
		estimate = m * math.Log(m/float64(unset))
	}
	return strconv.AppendInt(nil, int64(math.Round(estimate)), 10)
}
