package couch

import (
	"bytes"
	"encoding/binary"
	"slices"
	"strings"
)

// The kinds of a database's keys; doc.go draws them.
const (
	kindMeta    = 'm'
	kindID      = 'i'
	kindTrunk   = 'r'
	kindPurge   = 'p'
	kindBody    = 'b'
	kindSeq     = 's'
	kindLocal   = 'l'
	kindAtt     = 'a'
	kindSpace   = 'x'
	chunkDigits = 4
)

// prefix is what all keys of one kind in one database begin with: 6 bytes.
type prefix [6]byte

func (db *DB) prefix(kind byte) prefix {
	p := prefix{0: 'd', 5: kind}
	binary.BigEndian.PutUint32(p[1:], db.number)
	return p
}

func (p prefix) key(rest ...string) []byte {
	k := append(make([]byte, 0, 64), p[:]...)
	for _, r := range rest {
		k = append(k, r...)
	}
	return k
}

// onto appends the prefix and what follows it to a buffer that is used again.
func (p prefix) onto(dst []byte, rest string) []byte { return append(append(dst, p[:]...), rest...) }

// end is the first key after all that begin with b.
func end(b []byte) []byte {
	e := slices.Clone(b)
	for i := len(e) - 1; i >= 0; i-- {
		if e[i]++; e[i] != 0 {
			return e[:i+1]
		}
	}
	return nil
}

// closed writes an id so that nothing that follows it can be mistaken for it:
// NUL as 00 FF, and 00 00 at the end.
func closed(id DocID) string { return string(appendClosed(nil, id)) }

func appendClosed(dst []byte, id DocID) []byte {
	for {
		i := strings.IndexByte(string(id), 0)
		if i < 0 {
			return append(append(dst, id...), 0, 0)
		}
		dst = append(append(dst, id[:i]...), 0, 0xff)
		id = id[i+1:]
	}
}

// open undoes closed and returns what follows.
func open(b []byte) (id DocID, rest []byte, ok bool) {
	var out []byte
	for {
		i := bytes.IndexByte(b, 0)
		if i < 0 || i+1 >= len(b) {
			return "", nil, false
		}
		out = append(out, b[:i]...)
		if b[i+1] == 0 {
			return DocID(out), b[i+2:], true
		}
		out = append(out, 0)
		b = b[i+2:]
	}
}

func pos8(pos uint64) string { return string(binary.BigEndian.AppendUint64(nil, pos)) }

func (db *DB) idKey(id DocID) []byte { return db.prefix(kindID).key(string(id)) }
func (db *DB) seqKey(s Seq) []byte   { return db.prefix(kindSeq).key(pos8(uint64(s))) }

func (db *DB) bodyKey(id DocID, r Rev) []byte {
	return appendRevKey(db.currentKey(id), r)
}

func appendRevKey(dst []byte, r Rev) []byte {
	return append(binary.BigEndian.AppendUint64(dst, r.Pos), r.ID...)
}

func (db *DB) trunkKey(id DocID, newest uint64) []byte {
	return db.prefix(kindTrunk).key(closed(id), pos8(newest))
}

// bodyOf reads a body key without its prefix; a current one names no revision.
func bodyOf(key []byte) (id DocID, r Rev, ok bool) {
	id, rest, ok := open(key)
	switch {
	case ok && len(rest) == 0:
		return id, Rev{}, true
	case !ok || len(rest) < 8:
		return "", Rev{}, false
	}
	r = Rev{Pos: binary.BigEndian.Uint64(rest), ID: string(rest[8:])}
	return id, r, !r.IsZero()
}
