package collate

import (
	"encoding/binary"
	"sync"

	"golang.org/x/text/collate"
	"golang.org/x/text/language"
)

// The weights that most characters have on the second and third level, the
// lowest there are: x/text's values.
const (
	commonSecondary = 0x20
	commonTertiary  = 0x02
)

// slow is what computes the weights of texts beyond ASCII; it is not safe for
// concurrent use, hence a pool.
type slow struct {
	*collate.Collator
	collate.Buffer
}

var slows = sync.Pool{New: func() any { return &slow{Collator: collate.New(language.Und)} }}

// ascii are the weights of the first 128 characters. Root collation has no
// contraction of them, so the weights of a text are those of its characters.
// Primary 0 marks those that are ignored.
var ascii = sync.OnceValue(func() *[128]struct {
	primary  uint16
	tertiary byte
} {
	t := new([128]struct {
		primary  uint16
		tertiary byte
	})
	s := slows.Get().(*slow)
	defer slows.Put(s)
	for c := range t {
		s.Reset()
		if key := s.Key(&s.Buffer, []byte{byte(c)}); len(key) > 4 {
			t[c].primary = binary.BigEndian.Uint16(key)
			t[c].tertiary = key[len(key)-1]
		}
	}
	return t
})

// appendWeights writes a text's weights.
func appendWeights(dst, s []byte) []byte {
	start := len(dst)
	table := ascii()
	last := 0 // tertiary weights up to the last uncommon one
	n := 0
	for _, c := range s {
		if c >= 0x80 {
			return appendSlow(dst[:start], s)
		}
		w := table[c]
		if w.primary == 0 {
			continue
		}
		dst = append(dst, byte(w.primary>>8), byte(w.primary))
		n++
		if w.tertiary != commonTertiary {
			last = n
		}
	}
	dst = append(dst, 0, 0, 0)
	for _, c := range s {
		if last == 0 {
			break
		}
		if w := table[c]; w.primary != 0 {
			dst = append(dst, w.tertiary)
			last--
		}
	}
	return append(dst, 0)
}

// appendSlow rewrites x/text's key: primary weights of two bytes, or three where the
// first is 80 or above; 00 00; secondary weights of two bytes; 00 00; tertiary weights of one.
func appendSlow(dst, s []byte) []byte {
	c := slows.Get().(*slow)
	defer slows.Put(c)
	c.Reset()
	key := c.Key(&c.Buffer, s)
	at := 0
	for key[at]|key[at+1] != 0 {
		at += primaryLength(key[at])
	}
	dst = append(dst, key[:at+2]...)
	key = key[at+2:]
	end := len(dst)
	for at = 0; key[at]|key[at+1] != 0; at += 2 {
		w := binary.BigEndian.Uint16(key[at:])
		if w < 0x80 {
			dst = append(dst, byte(w))
		} else {
			dst = append(dst, 0x80|byte(w>>8), byte(w))
		}
		if w != commonSecondary {
			end = len(dst)
		}
	}
	dst = append(dst[:end], 0)
	end = len(dst)
	for _, w := range key[at+2:] {
		dst = append(dst, w)
		if w != commonTertiary {
			end = len(dst)
		}
	}
	return append(dst[:end], 0)
}

func primaryLength(first byte) int {
	if first >= 0x80 {
		return 3
	}
	return 2
}
