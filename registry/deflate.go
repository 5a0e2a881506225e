package registry

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"hash/crc32"
	"runtime"
	"sync"

	"github.com/klauspost/compress/flate"
)

// deflaters compress at a level that gives nearly the smallest size for a third
// of its time: of a packument the sums remain, 84 bytes a version, which no level shrinks.
var deflaters = sync.Pool{New: func() any { z, _ := flate.NewWriter(nil, 5); return z }}

// deflateChunk is what is compressed at a time: large enough that the window which
// each begins without costs below 1 % of the size, small enough that the largest
// packuments keep all processors busy.
const deflateChunk = 1 << 20

// gzipHeader says deflate, no name, no time, system unknown.
var gzipHeader = []byte{0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255}

// lastBlock is a block of nothing, which ends a deflate stream.
var lastBlock = []byte{0x03, 0x00}

// pieces are parts of a body, compressed, by what they were made of. A publish leaves nearly all versions of a
// packument as they are, so what was compressed for the revision before it is compressed for the next.
type pieces map[[sha256.Size]byte][]byte

func (p pieces) size() (n int64) {
	for _, each := range p {
		n += int64(len(each))
	}
	return n
}

// deflated is the body as one gzip member. A large one is compressed in parts, side by side but those that are
// known already; each ends at a whole byte, so that they are one deflate stream when joined. The parts are told too.
func deflated(body []byte, known pieces) ([]byte, pieces) {
	parts := cutUp(body)
	made, sums := make([][]byte, len(parts)), make([][sha256.Size]byte, len(parts))
	if len(parts) == 1 {
		made[0] = deflate(body, true)
	} else {
		places := make(chan struct{}, runtime.GOMAXPROCS(0))
		var all sync.WaitGroup
		for i, part := range parts {
			places <- struct{}{}
			all.Go(func() {
				defer func() { <-places }()
				sums[i] = sha256.Sum256(part)
				if made[i] = known[sums[i]]; made[i] == nil {
					made[i] = deflate(part, false)
				}
			})
		}
		all.Wait()
	}
	size := len(gzipHeader) + len(lastBlock) + 8
	for _, each := range made {
		size += len(each)
	}
	out := append(make([]byte, 0, size), gzipHeader...)
	var told pieces
	for i, each := range made {
		start := len(out)
		out = append(out, each...)
		if len(parts) > 1 {
			if told == nil {
				told = make(pieces, len(parts))
			}
			told[sums[i]] = out[start:len(out):len(out)] // where they lie now, so that nothing older is kept alive
		}
	}
	if len(parts) > 1 {
		out = append(out, lastBlock...)
	}
	out = binary.LittleEndian.AppendUint32(out, crc32.ChecksumIEEE(body))
	return binary.LittleEndian.AppendUint32(out, uint32(len(body))), told
}

// perVersion stands once in each version of a packument.
var perVersion = []byte(`"tarball":"`)

// cutUp cuts a body after deflateChunk bytes, but at the next version, counted from the first one: what comes before
// the versions changes with each publish, and a cut that moved with it would part all of them anew.
func cutUp(body []byte) (parts [][]byte) {
	if len(body) <= deflateChunk {
		return [][]byte{body}
	}
	for at := 0; len(body) > 0; at = deflateChunk {
		cut := len(body)
		if at < cut {
			if next := bytes.Index(body[at:min(cut, at+deflateChunk)], perVersion); next >= 0 {
				cut = at + next
			} else {
				cut = min(cut, max(at, deflateChunk)) // a text of something else
			}
		}
		if cut > 0 {
			parts, body = append(parts, body[:cut]), body[cut:]
		}
	}
	return parts
}

// deflate compresses a part of a stream, or all of it.
func deflate(part []byte, whole bool) []byte {
	var to bytes.Buffer // takes all
	to.Grow(len(part)/5*2 + 512)
	z := deflaters.Get().(*flate.Writer)
	defer deflaters.Put(z)
	z.Reset(&to)
	_, _ = z.Write(part)
	if whole {
		_ = z.Close()
	} else {
		_ = z.Flush()
	}
	return to.Bytes()
}
