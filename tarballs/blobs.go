package tarballs

import (
	"context"
	"io"
)

// Attachments keeps a document store's attachments in a blob store.
type Attachments struct{ store Store }

// Blobs makes an attachment store of a blob store: what package couch asks for.
func Blobs(s Store) Attachments { return Attachments{s} }

// Write stores r; its bytes are durable when it returns.
func (a Attachments) Write(ctx context.Context, r io.Reader) (digest [64]byte, size int64, err error) {
	info, err := a.store.Put(ctx, r, nil)
	return info.Digest, info.Size, err
}

// Read returns length bytes from offset; length < 0 means to the end.
func (a Attachments) Read(ctx context.Context, digest [64]byte, offset, length int64) (io.ReadCloser, error) {
	r, _, err := a.store.Open(ctx, digest, offset, length)
	return r, err
}
