package registry

import (
	"bytes"
	"sync"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/zstd"
)

// encoded is a body in a coding, and the pieces it is made of if the next revision may be made of them. The levels are where size stops falling faster than time
// grows; most of a packument are sums, which no level shrinks. Of one of 1.1 MB, on one core: gzip 363 kB in 8 ms,
// zstd 349 kB in 7 ms, brotli 324 kB in 34 ms.
func encoded(body []byte, c coding, known pieces) ([]byte, pieces) {
	switch c {
	case gzipped:
		return deflated(body, known)
	case brotlied:
		return brotlyOf(body), nil
	case zstandard:
		return zstandardOf(body), nil
	}
	return body, nil
}

// muchToEncode is the size from which gzip is taken where it is accepted, and brotli, where nothing else is, takes a fast level.
const muchToEncode = 1 << 20

var (
	brotlers     = sync.Pool{New: func() any { return brotli.NewWriterLevel(nil, 5) }}
	fastBrotlers = sync.Pool{New: func() any { return brotli.NewWriterLevel(nil, 2) }}
)

func brotlyOf(body []byte) []byte {
	pool := &brotlers
	if len(body) > muchToEncode {
		pool = &fastBrotlers
	}
	z := pool.Get().(*brotli.Writer)
	defer pool.Put(z)
	var out bytes.Buffer
	out.Grow(len(body)/3 + 512)
	z.Reset(&out)
	_, _ = z.Write(body) // a buffer takes all
	_ = z.Close()
	return bytes.Clone(out.Bytes())
}

// zstandards have a window of 1 MB: what a version resembles is near it, and each encoder keeps twice its window.
var zstandards = sync.Pool{New: func() any {
	z, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1), zstd.WithWindowSize(1<<20))
	if err != nil {
		panic(err) // options that are wrong whatever the body
	}
	return z
}}

func zstandardOf(body []byte) []byte {
	z := zstandards.Get().(*zstd.Encoder)
	defer zstandards.Put(z)
	return bytes.Clone(z.EncodeAll(body, make([]byte, 0, len(body)/3+512)))
}
