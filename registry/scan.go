package registry

import (
	"encoding/base64"
	"errors"
	"io"
	"strconv"
	"unicode/utf8"
)

// maxDepth bounds nested JSON: no package.json comes near, and a stack is finite.
const maxDepth = 200

// scanner reads JSON strictly from a stream: each value is checked byte by byte
// (grammar, UTF-8, depth) while it is copied compact, without white space. Lone
// surrogates, which truncated readmes have, become U+FFFD, as the store refuses them.
type scanner struct {
	r        io.Reader
	buf      []byte
	pos, end int
	offset   int64 // of buf[0] in the stream
	copied   int64 // bytes that values have taken
	limit    int64 // of copied
	err      error // of r
}

func newScanner(r io.Reader, buf []byte, limit int64) *scanner {
	return &scanner{r: r, buf: buf, limit: limit}
}

// bad is the refusal of the body at this place.
func (s *scanner) bad(what string) error {
	if s.err != nil && !errors.Is(s.err, io.EOF) && s.pos >= s.end {
		if errors.Is(s.err, io.ErrUnexpectedEOF) {
			return invalid("invalid JSON: the body ends early")
		}
		return s.err
	}
	if s.err != nil && s.pos >= s.end {
		return invalid("invalid JSON: the body ends early, at byte %d", s.offset+int64(s.pos))
	}
	return invalid("invalid JSON: %s at byte %d", what, s.offset+int64(s.pos))
}

// fill reads more into an empty window.
func (s *scanner) fill() bool {
	for s.err == nil {
		s.offset += int64(s.end)
		s.pos, s.end = 0, 0
		var n int
		n, s.err = s.r.Read(s.buf)
		if s.end = n; n > 0 {
			return true
		}
	}
	return false
}

// peek is the next byte that is not white space; 0 at the end.
func (s *scanner) peek() byte {
	for {
		for s.pos < s.end {
			switch c := s.buf[s.pos]; c {
			case ' ', '\n', '\t', '\r':
				s.pos++
			default:
				return c
			}
		}
		if !s.fill() {
			return 0
		}
	}
}

// next takes one byte, white space included; 0 at the end.
func (s *scanner) next() byte {
	if s.pos >= s.end && !s.fill() {
		return 0
	}
	s.pos++
	return s.buf[s.pos-1]
}

// expect takes c, after white space.
func (s *scanner) expect(c byte) error {
	if s.peek() != c {
		return s.bad("expected " + strconv.QuoteRune(rune(c)))
	}
	s.pos++
	return nil
}

// members takes an object: each is called with every name and must take its value.
func (s *scanner) members(each func(name string) error) error {
	if err := s.expect('{'); err != nil {
		return err
	}
	if s.peek() == '}' {
		s.pos++
		return nil
	}
	var room [64]byte
	for {
		raw, err := s.text(room[:0])
		if err != nil {
			return err
		}
		if err := s.expect(':'); err != nil {
			return err
		}
		if err := each(plain(raw)); err != nil {
			return err
		}
		switch s.peek() {
		case ',':
			s.pos++
		case '}':
			s.pos++
			return nil
		default:
			return s.bad("expected ',' or '}'")
		}
	}
}

// finish takes the end of the stream.
func (s *scanner) finish() error {
	if s.peek() != 0 || s.pos < s.end {
		return s.bad("something follows the document")
	}
	if s.err != nil && !errors.Is(s.err, io.EOF) {
		return s.bad("")
	}
	return nil
}

// value appends the next value to dst.
func (s *scanner) value(dst []byte) ([]byte, error) { return s.nested(dst, 0) }

func (s *scanner) nested(dst []byte, depth int) ([]byte, error) {
	if depth > maxDepth {
		return dst, invalid("invalid JSON: nested deeper than %d", maxDepth)
	}
	if err := s.count(2); err != nil { // a value and what parts it from the next
		return dst, err
	}
	switch c := s.peek(); c {
	case '"':
		return s.text(dst)
	case '{':
		return s.list(dst, depth, '}')
	case '[':
		return s.list(dst, depth, ']')
	case 't':
		return s.word(dst, "true")
	case 'f':
		return s.word(dst, "false")
	case 'n':
		return s.word(dst, "null")
	default:
		if c == '-' || c >= '0' && c <= '9' {
			return s.number(dst)
		}
		return dst, s.bad("expected a value")
	}
}

// count notes bytes that are kept in memory.
func (s *scanner) count(n int) error {
	if s.copied += int64(n); s.copied > s.limit {
		return fail(413, "The package's metadata is too large: this registry takes at most %d bytes.", s.limit)
	}
	return nil
}

// list appends an object or an array.
func (s *scanner) list(dst []byte, depth int, closing byte) (_ []byte, err error) {
	dst = append(dst, s.next())
	if s.peek() == closing {
		return append(dst, s.next()), nil
	}
	for {
		if closing == '}' {
			if dst, err = s.text(dst); err != nil {
				return dst, err
			}
			if err = s.expect(':'); err != nil {
				return dst, err
			}
			dst = append(dst, ':')
		}
		if dst, err = s.nested(dst, depth+1); err != nil {
			return dst, err
		}
		c := s.peek()
		if c != ',' && c != closing {
			return dst, s.bad("expected ',' or '" + string(closing) + "'")
		}
		s.pos++
		if dst = append(dst, c); c == closing {
			return dst, nil
		}
	}
}

// word appends true, false or null.
func (s *scanner) word(dst []byte, word string) ([]byte, error) {
	for i := range len(word) {
		if s.next() != word[i] {
			s.pos = max(s.pos-1, 0)
			return dst, s.bad("expected " + word)
		}
	}
	return append(dst, word...), nil
}

// number appends a number of JSON's grammar.
func (s *scanner) number(dst []byte) ([]byte, error) {
	start := len(dst)
	for {
		if s.pos >= s.end && !s.fill() {
			break
		}
		c := s.buf[s.pos]
		if c != '-' && c != '+' && c != '.' && c != 'e' && c != 'E' && (c < '0' || c > '9') {
			break
		}
		if dst = append(dst, c); len(dst)-start > 400 {
			return dst, s.bad("a number of more than 400 digits")
		}
		s.pos++
	}
	if !isNumber(dst[start:]) {
		return dst, s.bad("a malformed number")
	}
	return dst, nil
}

func isNumber(b []byte) bool {
	digits := func() bool {
		n := 0
		for len(b) > 0 && b[0] >= '0' && b[0] <= '9' {
			b, n = b[1:], n+1
		}
		return n > 0
	}
	if len(b) > 0 && b[0] == '-' {
		b = b[1:]
	}
	if len(b) > 1 && b[0] == '0' && b[1] >= '0' && b[1] <= '9' || !digits() {
		return false
	}
	if len(b) > 0 && b[0] == '.' {
		if b = b[1:]; !digits() {
			return false
		}
	}
	if len(b) > 0 && (b[0] == 'e' || b[0] == 'E') {
		if b = b[1:]; len(b) > 0 && (b[0] == '+' || b[0] == '-') {
			b = b[1:]
		}
		if !digits() {
			return false
		}
	}
	return len(b) == 0
}

// stops are the bytes at which a run of plain text in a string ends.
var stops = func() (t [256]bool) {
	for c := range 0x20 {
		t[c] = true
	}
	t['"'], t['\\'] = true, true
	return t
}()

// run takes plain text of a string up to a stop or the end of the window, which
// it leaves to be taken. It is empty at the end of the stream.
func (s *scanner) run() []byte {
	if s.pos >= s.end && !s.fill() {
		return nil
	}
	window := s.buf[s.pos:s.end]
	n := 0
	for n < len(window) && !stops[window[n]] {
		n++
	}
	s.pos += n
	return window[:n]
}

// text appends a string with its quotes.
func (s *scanner) text(dst []byte) ([]byte, error) {
	if err := s.expect('"'); err != nil {
		return dst, s.bad("expected a string")
	}
	start := len(dst)
	dst = append(dst, '"')
	for {
		part := s.run()
		if err := s.count(len(part)); err != nil {
			return dst, err
		}
		dst = append(dst, part...)
		if s.pos >= s.end {
			if !s.fill() {
				return dst, s.bad("")
			}
			continue
		}
		switch s.buf[s.pos] {
		case '"':
			s.pos++
			if !utf8.Valid(dst[start:]) {
				return dst, invalid("invalid JSON: a string is not UTF-8")
			}
			return append(dst, '"'), nil
		case '\\':
			var err error
			if dst, err = s.escape(dst); err != nil {
				return dst, err
			}
		default:
			return dst, s.bad("a control character in a string")
		}
	}
}

// escape appends an escape as it is written, but a lone surrogate.
func (s *scanner) escape(dst []byte) ([]byte, error) {
	s.pos++
	switch c := s.next(); c {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return append(dst, '\\', c), nil
	case 'u':
		return s.unicode(dst)
	default:
		return dst, s.bad("a malformed escape")
	}
}

// unicode appends \uXXXX after its u, and its second half where it is a surrogate.
func (s *scanner) unicode(dst []byte) ([]byte, error) {
	const replacement = `\ufffd`
	for {
		hex, code, err := s.hex()
		if err != nil {
			return dst, err
		}
		if code < 0xD800 || code > 0xDFFF {
			return append(append(dst, `\u`...), hex[:]...), nil
		}
		if code >= 0xDC00 {
			return append(dst, replacement...), nil
		}
		// The first half: the second must follow at once.
		if s.pos >= s.end && !s.fill() || s.buf[s.pos] != '\\' {
			return append(dst, replacement...), nil
		}
		s.pos++
		c := s.next()
		if c != 'u' {
			s.pos-- // both bytes are in this window, or the escape begins it
			dst = append(dst, replacement...)
			switch c {
			case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
				s.pos++
				return append(dst, '\\', c), nil
			}
			return dst, s.bad("a malformed escape")
		}
		low, second, err := s.hex()
		if err != nil {
			return dst, err
		}
		switch {
		case second >= 0xDC00 && second <= 0xDFFF:
			return append(append(append(append(dst, `\u`...), hex[:]...), `\u`...), low[:]...), nil
		case second >= 0xD800 && second < 0xDC00: // two first halves
			return append(append(dst, replacement...), replacement...), nil
		default:
			return append(append(append(dst, replacement...), `\u`...), low[:]...), nil
		}
	}
}

func (s *scanner) hex() (digits [4]byte, code uint64, err error) {
	for i := range digits {
		digits[i] = s.next()
	}
	code, perr := strconv.ParseUint(string(digits[:]), 16, 16)
	if perr != nil {
		return digits, 0, s.bad("a malformed escape")
	}
	return digits, code, nil
}

// data takes a string of base64 and gives w what it means. The alphabet is the
// standard one, padded; nothing else, not even line ends, is taken.
func (s *scanner) data(w io.Writer) error {
	if err := s.expect('"'); err != nil {
		return s.bad("expected a string")
	}
	d := &decoder{w: w}
	for {
		if err := d.take(s.run()); err != nil {
			return err
		}
		if s.pos >= s.end {
			if !s.fill() {
				return s.bad("")
			}
			continue
		}
		switch c := s.buf[s.pos]; c {
		case '"':
			s.pos++
			return d.finish()
		case '\\':
			raw, err := s.escape(nil)
			if err != nil {
				return err
			}
			meant := plain(append(append([]byte{'"'}, raw...), '"'))
			if meant == "\n" || meant == "\r" { // the decoder would skip them
				return errBase64
			}
			if err := d.take([]byte(meant)); err != nil {
				return err
			}
		default:
			return s.bad("a control character in a string")
		}
	}
}

// decoder turns runs of base64 into bytes.
type decoder struct {
	w    io.Writer
	odd  [4]byte // of a run that ended within four
	n    int
	done bool // padding was seen
	out  [3 << 10]byte
}

var errBase64 = invalid("invalid attachment: its data is not strict base64")

func (d *decoder) take(run []byte) error {
	for d.n > 0 && len(run) > 0 {
		d.odd[d.n] = run[0]
		run = run[1:]
		if d.n++; d.n == 4 {
			d.n = 0
			if err := d.decode(d.odd[:]); err != nil {
				return err
			}
		}
	}
	for len(run) >= 4 {
		n := min(len(run)&^3, 4<<10)
		if err := d.decode(run[:n]); err != nil {
			return err
		}
		run = run[n:]
	}
	d.n += copy(d.odd[d.n:], run)
	return nil
}

func (d *decoder) decode(quads []byte) error {
	if d.done {
		return errBase64
	}
	n, err := strictBase64.Decode(d.out[:], quads)
	if err != nil {
		return errBase64
	}
	d.done = n < len(quads)/4*3
	_, err = d.w.Write(d.out[:n])
	return err
}

func (d *decoder) finish() error {
	if d.n != 0 {
		return errBase64
	}
	return nil
}

var strictBase64 = base64.StdEncoding.Strict()
