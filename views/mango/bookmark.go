package mango

import (
	"bytes"
	"compress/zlib"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"io"
	"math"
	"math/big"
	"slices"
	"strconv"
	"strings"
)

// A Place is where a page of a search ended: behind the row of that key and document. Of
// _all_docs the key is the id.
type Place struct {
	Key   []byte // JSON
	DocID string
}

// Bookmark writes a place as CouchDB does, but for the compression of long ones.
func (p Place) Bookmark() string {
	b := appendListStart([]byte{extVersion}, 2)
	b = appendBinary(appendAtom(appendTuple(b, 2), "startkey_docid"), []byte(p.DocID))
	b = appendExternal(appendAtom(appendTuple(b, 2), "startkey"), p.Key)
	return base64.RawURLEncoding.EncodeToString(append(b, extNil))
}

// longestBookmark bounds what a compressed bookmark may unpack to.
const longestBookmark = 8 << 20

var errBookmark = errors.New("no bookmark")

// parseBookmark reads what Bookmark writes, on this server or on a CouchDB.
func parseBookmark(s string) (Place, error) {
	packed, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(s, "="))
	if err != nil || len(packed) < 2 || packed[0] != extVersion {
		return Place{}, errBookmark
	}
	if packed[1] == extZipped {
		if packed, err = unzip(packed[2:]); err != nil {
			return Place{}, err
		}
	} else {
		packed = packed[1:]
	}
	r := external{b: packed}
	return r.place()
}

func unzip(b []byte) ([]byte, error) {
	if len(b) < 4 {
		return nil, errBookmark
	}
	z, err := zlib.NewReader(bytes.NewReader(b[4:]))
	if err != nil {
		return nil, errBookmark
	}
	defer z.Close()
	size := binary.BigEndian.Uint32(b)
	out, err := io.ReadAll(io.LimitReader(z, longestBookmark+1))
	if err != nil || len(out) > longestBookmark || len(out) != int(size) {
		return nil, errBookmark
	}
	return out, nil
}

// external reads terms. After an error bad stays set and everything reads as nothing.
type external struct {
	b   []byte
	bad bool
}

func (r *external) take(n int) []byte {
	if r.bad || n < 0 || n > len(r.b) {
		r.bad = true
		return make([]byte, min(max(n, 0), 8))
	}
	taken := r.b[:n]
	r.b = r.b[n:]
	return taken
}

func (r *external) byte() byte     { return r.take(1)[0] }
func (r *external) size() int      { return int(binary.BigEndian.Uint32(r.take(4))) }
func (r *external) halfSize() int  { return int(binary.BigEndian.Uint16(r.take(2))) }
func (r *external) is(b byte) bool { return r.byte() == b && !r.bad }

// place reads [{startkey_docid, Id}, {startkey, Key}], in either order.
func (r *external) place() (Place, error) {
	var p Place
	if !r.is(extList) {
		return p, errBookmark
	}
	for range min(r.size(), 16) {
		if !r.is(extTuple) || r.byte() != 2 {
			return p, errBookmark
		}
		name, value := r.atom(r.byte()), r.term(nil, 0)
		switch name {
		case "startkey":
			p.Key = value
		case "startkey_docid":
			id, ok := decode(value)
			if !ok {
				return p, errBookmark
			}
			p.DocID = string(id)
		}
	}
	if !r.is(extNil) || len(r.b) > 0 || p.Key == nil {
		return Place{}, errBookmark
	}
	return p, nil
}

func (r *external) atom(tag byte) string {
	switch tag {
	case extAtom:
		return string(r.take(r.halfSize()))
	case extShort:
		return string(r.take(int(r.byte())))
	}
	r.bad = true
	return ""
}

// term appends the JSON of the next term.
func (r *external) term(dst []byte, deep int) []byte {
	if deep > depth {
		r.bad = true
	}
	if r.bad {
		return dst
	}
	switch tag := r.byte(); tag {
	case extByte:
		return strconv.AppendUint(dst, uint64(r.byte()), 10)
	case extInteger:
		return strconv.AppendInt(dst, int64(int32(r.size())), 10)
	case extBig:
		return r.big(dst, int(r.byte()))
	case extLarge:
		return r.big(dst, r.size())
	case extFloat:
		f := math.Float64frombits(binary.BigEndian.Uint64(r.take(8)))
		if math.IsNaN(f) || math.IsInf(f, 0) {
			r.bad = true
		}
		return append(dst, floatJSON(f)...)
	case extBinary:
		return appendQuoted(dst, strings.ToValidUTF8(string(r.take(r.size())), "\ufffd"))
	case extNil:
		return append(dst, '[', ']')
	case extString:
		return r.string(dst)
	case extList:
		return r.list(dst, deep)
	case extTuple:
		return r.object(dst, deep)
	case extAtom, extShort:
		if name := r.atom(tag); name == "null" || name == "true" || name == "false" {
			return append(dst, name...)
		}
	}
	r.bad = true
	return dst
}

// floatJSON keeps the point, without which 1.0 would come back as an integer.
func floatJSON(f float64) string {
	s := strconv.FormatFloat(f, 'g', -1, 64)
	if !strings.ContainsAny(s, ".e") {
		s += ".0"
	}
	return s
}

func (r *external) big(dst []byte, size int) []byte {
	negative := r.byte() == 1
	digits := slices.Clone(r.take(size))
	slices.Reverse(digits)
	n := new(big.Int).SetBytes(digits)
	if negative {
		n.Neg(n)
	}
	if r.bad || n.BitLen() > 1<<16 {
		r.bad = true
		return dst
	}
	return n.Append(dst, 10)
}

func (r *external) string(dst []byte) []byte {
	dst = append(dst, '[')
	for i, c := range r.take(r.halfSize()) {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = strconv.AppendUint(dst, uint64(c), 10)
	}
	return append(dst, ']')
}

func (r *external) list(dst []byte, deep int) []byte {
	dst = append(dst, '[')
	n := r.size()
	for i := 0; i < n && !r.bad; i++ {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = r.term(dst, deep+1)
	}
	if !r.is(extNil) {
		r.bad = true
	}
	return append(dst, ']')
}

// object reads {[{Name, Value}…]}.
func (r *external) object(dst []byte, deep int) []byte {
	r.bad = r.bad || r.byte() != 1
	dst = append(dst, '{')
	switch tag := r.byte(); {
	case tag == extNil && !r.bad:
		return append(dst, '}')
	case tag != extList:
		r.bad = true
	}
	n := r.size()
	for i := 0; i < n && !r.bad; i++ {
		if i > 0 {
			dst = append(dst, ',')
		}
		r.bad = !r.is(extTuple) || r.byte() != 2 || !r.is(extBinary)
		dst = append(appendQuoted(dst, strings.ToValidUTF8(string(r.take(r.size())), "\ufffd")), ':')
		dst = r.term(dst, deep+1)
	}
	if !r.is(extNil) {
		r.bad = true
	}
	return append(dst, '}')
}
