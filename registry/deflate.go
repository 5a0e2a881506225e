package registry

import (
	"bytes"
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

// deflated is the body as one gzip member. Its chunks are compressed side by side;
// each ends at a whole byte, so that they are one deflate stream when joined.
func deflated(body []byte) []byte {
	chunks := make([]bytes.Buffer, max(1, (len(body)+deflateChunk-1)/deflateChunk))
	places := make(chan struct{}, runtime.GOMAXPROCS(0))
	var all sync.WaitGroup
	for i := range chunks {
		from := i * deflateChunk
		part := body[from:min(len(body), from+deflateChunk)]
		if len(chunks) == 1 {
			deflate(&chunks[i], part, true)
			break
		}
		places <- struct{}{}
		all.Go(func() {
			defer func() { <-places }()
			deflate(&chunks[i], part, i == len(chunks)-1)
		})
	}
	all.Wait()
	size := len(gzipHeader) + 8
	for i := range chunks {
		size += chunks[i].Len()
	}
	out := append(make([]byte, 0, size), gzipHeader...)
	for i := range chunks {
		out = append(out, chunks[i].Bytes()...)
	}
	out = binary.LittleEndian.AppendUint32(out, crc32.ChecksumIEEE(body))
	return binary.LittleEndian.AppendUint32(out, uint32(len(body)))
}

// deflate appends a chunk of a stream; a buffer takes all.
func deflate(to *bytes.Buffer, chunk []byte, last bool) {
	z := deflaters.Get().(*flate.Writer)
	defer deflaters.Put(z)
	to.Grow(len(chunk)/5 + 512)
	z.Reset(to)
	_, _ = z.Write(chunk)
	if last {
		_ = z.Close()
	} else {
		_ = z.Flush()
	}
}
