package couch

import (
	"encoding/binary"
	"hash/maphash"
	"math/bits"
	"slices"
	"unicode/utf16"
	"unicode/utf8"
)

// maxDepth bounds nesting: no packument passes 20, and every consumer of a
// document (JavaScript, collation, Mango) recurses over it.
const maxDepth = 500

// The tags of Erlang's external term format that a document needs.
const (
	etfVersion   = 131
	etfSmallInt  = 'a'
	etfInt       = 'b'
	etfFloat     = 'F'
	etfAtom      = 'd'
	etfTuple     = 'h'
	etfNil       = 'j'
	etfByteList  = 'k' // a list of integers below 256, at most 65,535 of them
	etfList      = 'l'
	etfBinary    = 'm'
	etfSmallBig  = 'n'
	etfLargeBig  = 'o'
	maxByteList  = 65535
	headerOfList = 5
)

// scanner reads JSON once: it checks it and writes it as Erlang terms, from
// which revision ids are computed. Positions count in b.
type scanner struct {
	b      []byte
	i      int
	out    []byte // the terms
	depth  int
	spaced bool // there is white space between tokens

	learner *learner // nil: nothing is to be learnt

	// Hashes of the keys of the objects that are open, to notice a key that
	// comes twice. Such a document is rare: it is rewritten and read again.
	keys      []uint64
	unique    bool // keys are known to be unique: do not look
	duplicate bool
}

var keySeed = maphash.MakeSeed()

func (s *scanner) space() {
	for s.i < len(s.b) {
		switch s.b[s.i] {
		case ' ', '\t', '\n', '\r':
			s.i++
			s.spaced = true
		default:
			return
		}
	}
}

// value reads one value, the cursor on its first byte.
func (s *scanner) value() bool {
	if s.i >= len(s.b) {
		return false
	}
	switch c := s.b[s.i]; c {
	case '"':
		return s.text()
	case '{':
		return s.object()
	case '[':
		return s.array()
	case 't':
		return s.word("true")
	case 'f':
		return s.word("false")
	case 'n':
		return s.word("null")
	default:
		return s.number()
	}
}

func (s *scanner) word(w string) bool {
	if len(s.b)-s.i < len(w) || string(s.b[s.i:s.i+len(w)]) != w {
		return false
	}
	s.i += len(w)
	s.out = appendAtom(s.out, w)
	return true
}

func appendAtom(dst []byte, name string) []byte {
	dst = append(dst, etfAtom, 0, byte(len(name)))
	return append(dst, name...)
}

func appendBinary(dst []byte, b string) []byte {
	dst = append(dst, etfBinary)
	dst = binary.BigEndian.AppendUint32(dst, uint32(len(b)))
	return append(dst, b...)
}

const (
	every = ^uint64(0) / 255 // 1 in each byte
	high  = every * 0x80
)

// plain is how many of the next bytes are ASCII that a string holds as it is.
func plain(b []byte) int {
	i := 0
	for ; i+8 <= len(b); i += 8 {
		w := binary.LittleEndian.Uint64(b[i:])
		quote, slash := w^(every*'"'), w^(every*'\\')
		// A byte's high bit is set where it is below 0x20, a quote, a backslash or not
		// ASCII; a borrow can only spoil bytes after the first that is found.
		m := ((w-every*0x20)&^w | (quote-every)&^quote | (slash-every)&^slash | w) & high
		if m != 0 {
			return i + bits.TrailingZeros64(m)/8
		}
	}
	for ; i < len(b); i++ {
		if c := b[i]; c < 0x20 || c == '"' || c == '\\' || c >= 0x80 {
			break
		}
	}
	return i
}

// text reads a string.
func (s *scanner) text() bool {
	s.i++
	start := len(s.out)
	s.out = append(s.out, etfBinary, 0, 0, 0, 0)
	for {
		n := plain(s.b[s.i:])
		s.out = append(s.out, s.b[s.i:s.i+n]...)
		s.i += n
		if s.i >= len(s.b) {
			return false
		}
		switch c := s.b[s.i]; {
		case c == '"':
			s.i++
			binary.BigEndian.PutUint32(s.out[start+1:], uint32(len(s.out)-start-headerOfList))
			return true
		case c == '\\':
			if !s.escape() {
				return false
			}
		case c < 0x20:
			return false
		default:
			r, n := utf8.DecodeRune(s.b[s.i:])
			if r == utf8.RuneError && n == 1 {
				return false
			}
			s.out = append(s.out, s.b[s.i:s.i+n]...)
			s.i += n
		}
	}
}

// escape reads what a backslash begins. A lone surrogate has no UTF-8.
func (s *scanner) escape() bool {
	r, n := unescape(s.b[s.i:])
	if n == 0 {
		return false
	}
	s.i += n
	s.out = utf8.AppendRune(s.out, r)
	return true
}

// unescape reads one escape at the start of b; n is 0 when it is none.
func unescape(b []byte) (r rune, n int) {
	if len(b) < 2 {
		return 0, 0
	}
	switch c := b[1]; c {
	case '"', '\\', '/':
		return rune(c), 2
	case 'b':
		return '\b', 2
	case 'f':
		return '\f', 2
	case 'n':
		return '\n', 2
	case 'r':
		return '\r', 2
	case 't':
		return '\t', 2
	case 'u':
		r, ok := hex4(b[2:])
		if !ok {
			return 0, 0
		}
		if !utf16.IsSurrogate(r) {
			return r, 6
		}
		if len(b) < 12 || b[6] != '\\' || b[7] != 'u' {
			return 0, 0
		}
		low, ok := hex4(b[8:])
		if r = utf16.DecodeRune(r, low); !ok || r == utf8.RuneError {
			return 0, 0
		}
		return r, 12
	}
	return 0, 0
}

func hex4(b []byte) (r rune, ok bool) {
	if len(b) < 4 {
		return 0, false
	}
	for _, c := range b[:4] {
		switch {
		case '0' <= c && c <= '9':
			c -= '0'
		case 'a' <= c && c <= 'f':
			c -= 'a' - 10
		case 'A' <= c && c <= 'F':
			c -= 'A' - 10
		default:
			return 0, false
		}
		r = r<<4 | rune(c)
	}
	return r, true
}

// array reads a list. Lists of small integers are what Erlang calls a string.
func (s *scanner) array() bool {
	if s.depth++; s.depth > maxDepth {
		return false
	}
	s.i++
	start, count, small := len(s.out), 0, true
	s.out = append(s.out, etfList, 0, 0, 0, 0)
	s.space()
	if s.i < len(s.b) && s.b[s.i] == ']' {
		s.i++
		s.depth--
		s.out = append(s.out[:start], etfNil)
		return true
	}
	for {
		at := len(s.out)
		if !s.value() {
			return false
		}
		small = small && s.out[at] == etfSmallInt
		count++
		more, ok := s.next(']')
		if !ok {
			return false
		}
		if !more {
			break
		}
	}
	s.depth--
	if small && count <= maxByteList {
		s.out[start] = etfByteList
		binary.BigEndian.PutUint16(s.out[start+1:], uint16(count))
		for i := range count {
			s.out[start+3+i] = s.out[start+headerOfList+2*i+1]
		}
		s.out = s.out[:start+3+count]
		return true
	}
	binary.BigEndian.PutUint32(s.out[start+1:], uint32(count))
	s.out = append(s.out, etfNil)
	return true
}

// next reads what follows an element: a comma, or the end.
func (s *scanner) next(end byte) (more, ok bool) {
	s.space()
	if s.i >= len(s.b) {
		return false, false
	}
	c := s.b[s.i]
	s.i++
	if c == ',' {
		s.space()
		return true, true
	}
	return false, c == end
}

// object reads a nested object: {[{Key, Value}, ...]} in Erlang.
func (s *scanner) object() bool {
	if s.depth++; s.depth > maxDepth {
		return false
	}
	start, keys, count := s.openObject(), len(s.keys), 0
	s.i++
	s.space()
	if s.i < len(s.b) && s.b[s.i] == '}' {
		s.i++
		s.depth--
		s.closeObject(start, 0)
		return true
	}
	for {
		s.out = append(s.out, etfTuple, 2)
		name, ok := s.key()
		if !ok {
			return false
		}
		if s.learner != nil && s.depth == 2 {
			ok = s.wide(name)
		} else {
			ok = s.value()
		}
		if !ok {
			return false
		}
		count++
		more, ok := s.next('}')
		if !ok {
			return false
		}
		if !more {
			break
		}
	}
	s.depth--
	s.lookForTwins(keys)
	s.closeObject(start, count)
	return true
}

func (s *scanner) openObject() int {
	s.out = append(s.out, etfTuple, 1, etfList, 0, 0, 0, 0)
	return len(s.out) - headerOfList
}

func (s *scanner) closeObject(start, count int) {
	if count == 0 {
		s.out = append(s.out[:start], etfNil)
		return
	}
	binary.BigEndian.PutUint32(s.out[start+1:], uint32(count))
	s.out = append(s.out, etfNil)
}

// key reads a member's name and the colon. The name is valid until out grows.
func (s *scanner) key() (name []byte, ok bool) {
	at := len(s.out) + headerOfList
	if s.i >= len(s.b) || s.b[s.i] != '"' || !s.text() {
		return nil, false
	}
	name = s.out[at:]
	if !s.unique {
		s.keys = append(s.keys, maphash.Bytes(keySeed, name))
	}
	s.space()
	if s.i >= len(s.b) || s.b[s.i] != ':' {
		return nil, false
	}
	s.i++
	s.space()
	return name, true
}

// fewKeys is up to where comparing all pairs is cheaper than sorting.
const fewKeys = 12

// lookForTwins closes an object whose keys begin at from.
func (s *scanner) lookForTwins(from int) {
	keys := s.keys[from:]
	s.keys = s.keys[:from]
	if len(keys) > fewKeys {
		slices.Sort(keys)
		for i := 1; i < len(keys); i++ {
			s.duplicate = s.duplicate || keys[i] == keys[i-1]
		}
		return
	}
	for i := 1; i < len(keys); i++ {
		s.duplicate = s.duplicate || slices.Contains(keys[:i], keys[i])
	}
}
