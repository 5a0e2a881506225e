// Package tarballs keeps blobs by their content: a Store maps a sha512 digest to
// the bytes that have it. See folder.go and s3.go for the two kinds.
package tarballs

import (
	"context"
	"crypto/sha512"
	"io"
	"iter"
	"time"
)

// Digest is the sha512 of a blob.
type Digest [sha512.Size]byte

// Info describes a stored blob.
type Info struct {
	Digest Digest
	Size   int64
	Stored time.Time
}

// A Store keeps blobs. Implementations are safe for concurrent use.
type Store interface {
	// Put stores what r gives and returns its digest and size. The bytes are
	// durable when it returns. Where want is not nil and the bytes differ from it,
	// nothing is stored and the error is ErrDigest. An error of r leaves nothing
	// behind. Bytes that are stored already are not written twice.
	Put(ctx context.Context, r io.Reader, want *Digest) (Info, error)
	// Open returns length bytes from offset; length < 0 means to the end.
	// An absent blob gives an error that is fs.ErrNotExist.
	Open(ctx context.Context, d Digest, offset, length int64) (io.ReadCloser, Info, error)
	// Stat describes a blob, or fs.ErrNotExist.
	Stat(ctx context.Context, d Digest) (Info, error)
	// Delete removes a blob; an absent one is no error.
	Delete(ctx context.Context, d Digest) error
	// List walks all blobs in the order of their digests.
	List(ctx context.Context) iter.Seq2[Info, error]
}
