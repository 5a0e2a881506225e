package couch

import (
	"crypto/sha256"
	"encoding/binary"

	"github.com/cockroachdb/pebble/v2"
)

// piecedFrom is from how many bytes on a body is cut in pieces. Below it a body is a few of them, and one
// value is read faster than its pieces are gathered. Larger pieces made updates of packuments slower, by what the log
// and the compactions moved; smaller ones too, by the list of them that each revision has.
const piecedFrom = 32 << 10

// A bodyPiece is a part of a body: its length, the sha256 under which it lies, and on the way in its bytes.
type bodyPiece struct {
	locator string
	length  int
	bytes   []byte
}

// gear spreads the bytes that end before a place over the bits of a sum. Other numbers would cut elsewhere:
// bodies stay readable, but share nothing with what was cut before.
var gear = func() (table [256]uint64) {
	x := uint64(0x9e3779b97f4a7c15)
	for i := range table {
		x ^= x << 13
		x ^= x >> 7
		x ^= x << 17
		table[i] = x
	}
	return table
}()

// window is how many bytes a sum of gear remembers.
const window = 64

// firstPiece is where the first piece of a body ends. The bytes before a cut say that it is one, so that an edit
// moves the cuts near it and none beyond; a piece has an eighth of most at least, and twice that in the mean.
func firstPiece(body []byte, most int) int {
	least := most / 8
	if len(body) <= least {
		return len(body)
	}
	var sum uint64
	rare := ^uint64(0) / uint64(least) // one sum in so many is below
	end := min(len(body), most)
	for i := max(least-window, 0); i < end; i++ {
		if sum = sum<<1 + gear[body[i]]; sum < rare && i >= least {
			return i
		}
	}
	return end
}

// mostPiece is how large a piece of a body of so many bytes may be: of 2 MiB or less as large as the least body that is
// cut, of more up to eight times that, so that all but the largest are gathered from 250 pieces or so.
func mostPiece(least, body int) int {
	most := least
	for most < 8*least && body > 64*most {
		most *= 2
	}
	return most
}

// pieced cuts a body; nil where it is stored as one.
func (db *DB) pieced(body []byte, before *memory) (pieces []bodyPiece) {
	least := db.store.o.piecedFrom
	if len(body) < least || len(body) <= db.store.o.currentLimit {
		return nil
	}
	most := mostPiece(least, len(body))
	if before != nil && mostPiece(least, len(before.body)) != most {
		before = nil // it is in other pieces
	}
	first := like(before)
	for len(body) > 0 {
		piece, known := first(body)
		if !known {
			piece.length = firstPiece(body, most)
			key := sha256.Sum256(body[:piece.length])
			piece.locator = string(key[:])
		}
		piece.bytes = body[:piece.length]
		pieces = append(pieces, piece)
		body = body[piece.length:]
	}
	return pieces
}

// cut cuts an edit's body while its caller goes on; the function returned waits for it.
func (db *DB) cut(e *edit) (wait func()) {
	if len(e.doc.Body) < db.store.o.piecedFrom {
		return func() {}
	}
	done := make(chan struct{})
	body, now, before := e.doc.Body, e.doc.now, e.doc.before
	go func() {
		pieces := db.pieced(body, before)
		if e.pieces = pieces; now != nil && &now.body[0] == &body[0] {
			now.pieces.Store(&pieces)
		}
		close(done)
	}()
	return func() { <-done }
}

// sharedPieces are those of the revision that an edit follows, if that is a leaf: then they are there, and stay while the
// lock is held. To look each up would read most of the body.
func (l *landing) sharedPieces(p *pending, path []Rev) (map[string]bool, error) {
	if len(path) < 2 || !p.record.tree.IsLeaf(path[1]) {
		return nil, nil
	}
	before, err := l.db.readBodyHead(l.db.store.pebble, p.id, path[1])
	if err == errNoBody {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	held := make(map[string]bool, len(before.pieces))
	for _, each := range before.pieces {
		held[each.locator] = true
	}
	return held, nil
}

// storePieces writes the pieces of a body but those that are held. Like attachments they are shared, and go with a compaction.
func (l *landing) storePieces(e *edit, p *pending) {
	for _, each := range e.pieces {
		if l.db.touched != nil {
			l.db.touched[each.locator] = true
		}
		if e.held[each.locator] {
			p.kept += int64(each.length)
			continue
		}
		set(l.batch, l.db.chunkKey(each.locator, 0), each.bytes)
	}
}

// appendPieces writes the list of pieces that stands in a body record in place of the body.
func appendPieces(dst []byte, pieces []bodyPiece) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(pieces)))
	for _, each := range pieces {
		dst = append(dst, each.locator...)
		dst = binary.AppendUvarint(dst, uint64(each.length))
	}
	return dst
}

func (c *cursor) pieces() (pieces []bodyPiece) {
	for n := c.uvarint(); n > 0 && !c.bad; n-- {
		locator, length := string(c.bytes(sha256.Size)), c.uvarint()
		c.bad = c.bad || length == 0 || length > chunkSize
		pieces = append(pieces, bodyPiece{locator: locator, length: int(length)})
	}
	return pieces
}

var errOtherPiece = corrupt("a piece of a body is another's")

// errNoPiece is for who reads without a snapshot: a compaction may have taken the piece of a body that another replaced.
var errNoPiece = corrupt("a piece of a body is missing")

// join gathers the body of a record from its pieces.
func (db *DB) join(r pebble.Reader, b *bodyRecord) error {
	if b.pieces == nil {
		return nil
	}
	body := make([]byte, 0, b.length())
	key := db.prefix(kindAtt).key()
	for _, each := range b.pieces {
		key = binary.BigEndian.AppendUint32(append(key[:len(prefix{})], each.locator...), 0)
		err := look(r, key, func(v []byte) error {
			if len(v) != each.length {
				return corrupt("a piece of a body has another length")
			}
			body = append(body, v...)
			return nil
		})
		if err == ErrMissing {
			return errNoPiece
		}
		if err != nil {
			return err
		}
	}
	b.json = body
	return nil
}

// proved reports whether the pieces of a body that was gathered are what they were.
func (b *bodyRecord) proved() bool {
	rest := b.json
	for _, each := range b.pieces {
		if sum := sha256.Sum256(rest[:each.length]); string(sum[:]) != each.locator {
			return false
		}
		rest = rest[each.length:]
	}
	return true
}

// length is that of the body, whether it has been gathered or not.
func (b *bodyRecord) length() (n int) {
	if b.pieces == nil {
		return len(b.json)
	}
	for _, each := range b.pieces {
		n += each.length
	}
	return n
}
