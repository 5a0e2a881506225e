package search

import (
	"encoding/base64"
	"encoding/binary"
	"math"
	"sync"

	"github.com/cespare/xxhash/v2"
)

// signals are what ranking needs of a package: 15 bytes, in base64 as bleve's values are texts.
type signals struct {
	name    uint64 // xxhash
	day     uint16 // of the last publish, since 1970
	quality uint8  // of 255
	stars   uint8  // of 255, logarithmic
	parts   uint8  // of the name
	source  uint8
	flags   uint8
}

const (
	isDeprecated = 1 << iota
	isRestricted
)

func signalsOf(source int, p Package, parts int) signals {
	s := signals{
		name:    xxhash.Sum64String(p.Name),
		quality: uint8(255 * min(max(p.Quality, 0), 1)),
		stars:   uint8(255 * share(float64(p.Stars), mostStars)),
		parts:   uint8(min(max(parts, 1), 255)), // 0 is of no package
		source:  uint8(source),
	}
	if days := p.Date.Unix() / 86400; days > 0 && days <= math.MaxUint16 {
		s.day = uint16(days)
	}
	if p.Deprecated {
		s.flags |= isDeprecated
	}
	if p.Restricted {
		s.flags |= isRestricted
	}
	return s
}

func (s signals) encode() string {
	var b [15]byte
	binary.LittleEndian.PutUint64(b[:], s.name)
	binary.LittleEndian.PutUint16(b[8:], s.day)
	b[10], b[11], b[12], b[13], b[14] = s.quality, s.stars, s.parts, s.source, s.flags
	return base64.RawStdEncoding.EncodeToString(b[:])
}

// decodeSignals reports whether text is what encode makes.
func decodeSignals(text []byte) (s signals, ok bool) {
	var b [15]byte
	if len(text) != 20 {
		return s, false
	}
	if _, err := base64.RawStdEncoding.Decode(b[:], text); err != nil {
		return s, false
	}
	return signals{binary.LittleEndian.Uint64(b[:]), binary.LittleEndian.Uint16(b[8:]), b[10], b[11], b[12], b[13], b[14]}, true
}

// The numbers at which a share is 1: the most that the public registry has, nearly.
const (
	mostDownloads  = 10_000_000 // in a week
	mostDependents = 100_000
	mostStars      = 10_000
)

// share is how much of the way to most a number is, by its logarithm.
func share(n, most float64) float64 {
	if n <= 0 {
		return 0
	}
	return min(1, math.Log1p(n)/math.Log1p(most))
}

// popularity is 0 to 1.
func (s signals) popularity(p popular) float64 {
	return .6*share(float64(p.weekly), mostDownloads) + .3*share(float64(p.dependents), mostDependents) + .1*float64(s.stars)/255
}

// maintenance is 1 on the day of a publish, and half of that a year after.
func (s signals) maintenance(today int64) float64 {
	if s.flags&isDeprecated != 0 || s.day == 0 {
		return 0
	}
	return halved()[min(max(0, today-int64(s.day)), math.MaxUint16)]
}

// halved are halves by years, for each day.
var halved = sync.OnceValue(func() *[math.MaxUint16 + 1]float64 {
	list := new([math.MaxUint16 + 1]float64)
	for day := range list {
		list[day] = math.Exp2(-float64(day) / 365)
	}
	return list
})
