package tarballs

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/minio/minio-go/v7"
)

// resumes is how often one read takes up a broken answer again. More would
// hide a server that is going down.
const resumes = 3

// Open reads a blob. A whole one costs one request, a part two: the first asks
// for the size. An answer that breaks off is taken up where it broke.
func (s *S3Store) Open(ctx context.Context, d Digest, offset, length int64) (io.ReadCloser, Info, error) {
	r, info, err := s.open(ctx, d, offset, length)
	if err != nil {
		return nil, Info{}, s.counters.failed(fmt.Errorf("open blob %s: %w", d, err))
	}
	s.counters.opened(r.rest)
	return r, info, nil
}

func (s *S3Store) open(ctx context.Context, d Digest, offset, length int64) (*s3Reader, Info, error) {
	r := &s3Reader{ctx: ctx, store: s, key: s.key(d), at: offset, resumes: resumes}
	if offset == 0 && length < 0 {
		o, err := r.request(minio.GetObjectOptions{})
		r.rest = o.Size
		return r, Info{Digest: d, Size: o.Size, Stored: o.LastModified}, err
	}
	info, err := s.stat(ctx, d)
	if err != nil {
		return nil, Info{}, err
	}
	if r.rest, err = span(info.Size, offset, length); err != nil || r.rest == 0 {
		return r, info, err
	}
	return r, info, r.requestRest()
}

// s3Reader is rest bytes of an object, from at.
type s3Reader struct {
	ctx      context.Context
	store    *S3Store
	key      string
	at, rest int64
	resumes  int
	body     io.ReadCloser // nil: nothing was asked for, or it broke
}

func (r *s3Reader) request(o minio.GetObjectOptions) (minio.ObjectInfo, error) {
	body, info, _, err := r.store.client.GetObject(r.ctx, r.store.bucket, r.key, o)
	if err != nil {
		return info, s3Error(err)
	}
	r.body = body
	return info, nil
}

func (r *s3Reader) requestRest() error {
	var o minio.GetObjectOptions
	if err := o.SetRange(r.at, r.at+r.rest-1); err != nil {
		return err
	}
	_, err := r.request(o)
	return err
}

// Read gives the next bytes, and io.EOF only after the last of them.
func (r *s3Reader) Read(p []byte) (int, error) {
	if r.rest == 0 {
		return 0, io.EOF
	}
	if len(p) == 0 {
		return 0, nil
	}
	if r.body == nil {
		if err := r.requestRest(); err != nil {
			return 0, err
		}
	}
	n, err := r.body.Read(p[:min(int64(len(p)), r.rest)])
	r.at += int64(n)
	r.rest -= int64(n)
	if err == nil || r.rest == 0 {
		return n, nil
	}
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	if r.resumes == 0 || r.ctx.Err() != nil {
		return n, err
	}
	r.resumes--
	_ = r.Close() // it is broken: its error is the one just met
	return n, nil
}

// Close ends the request.
func (r *s3Reader) Close() error {
	if r.body == nil {
		return nil
	}
	err := r.body.Close()
	r.body = nil
	return err
}
