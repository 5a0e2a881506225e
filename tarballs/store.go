package tarballs

import (
	"context"
	"errors"
	"io"
	"iter"
	"time"
)

// ErrDigest says that bytes do not have the digest they should have.
var ErrDigest = errors.New("the bytes do not have the expected sha512")

// ErrRange says that a read begins outside the blob.
var ErrRange = errors.New("the range begins outside the blob")

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
	// Open returns length bytes from offset; length < 0 means to the end, and a
	// length past the end is cut. An offset outside [0, size] is ErrRange.
	// An absent blob gives an error that is fs.ErrNotExist. Info describes the
	// whole blob. The caller closes the reader.
	Open(ctx context.Context, d Digest, offset, length int64) (io.ReadCloser, Info, error)
	// Stat describes a blob, or fs.ErrNotExist.
	Stat(ctx context.Context, d Digest) (Info, error)
	// Delete removes a blob; an absent one is no error.
	Delete(ctx context.Context, d Digest) error
	// List walks all blobs in the order of their digests.
	List(ctx context.Context) iter.Seq2[Info, error]
}

// span cuts a range to a blob's size.
func span(size, offset, length int64) (int64, error) {
	if offset < 0 || offset > size {
		return 0, ErrRange
	}
	if rest := size - offset; length < 0 || length > rest {
		return rest, nil
	}
	return length, nil
}
