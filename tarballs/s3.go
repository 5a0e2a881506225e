package tarballs

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"net/http"
	"time"

	"github.com/minio/minio-go/v7"
)

// askTimeout bounds a request that carries no blob, its retries included.
const askTimeout = 30 * time.Second

// renewAfter is the age from which a put of bytes that the bucket has renews
// their date for sweeps. Shorter would cost a copy for each repeated put; longer
// would eat up the sweep's grace.
const renewAfter = time.Hour

// S3Store is a Store in a bucket of S3 or MinIO. See the package doc for its keys.
type S3Store struct {
	client   minio.Core
	bucket   string
	prefix   string // "" or ends with "/"
	tempDir  string
	counters counters
}

func (s *S3Store) key(d Digest) string { return s.prefix + d.key() }

// Put stores what r gives. It sends nothing before all has been read.
func (s *S3Store) Put(ctx context.Context, r io.Reader, want *Digest) (Info, error) {
	info, err := s.put(ctx, r, want)
	if err != nil {
		return Info{}, s.counters.failed(fmt.Errorf("put blob: %w", err))
	}
	s.counters.put(info.Size)
	return info, nil
}

func (s *S3Store) put(ctx context.Context, r io.Reader, want *Digest) (Info, error) {
	body, err := spoolAll(&ctxReader{ctx, r}, s.tempDir)
	if err != nil {
		return Info{}, err
	}
	defer body.Close()
	if want != nil && *want != body.digest {
		return Info{}, ErrDigest
	}
	switch info, err := s.stat(ctx, body.digest); {
	case err == nil && info.Size == body.size:
		s.counters.duplicates.Add(1)
		return s.renew(ctx, info)
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return Info{}, err
	}
	sent, err := s.client.Client.PutObject(ctx, s.bucket, s.key(body.digest), body.reader(), body.size, minio.PutObjectOptions{
		ContentType:    "application/octet-stream",
		SendContentMd5: true,     // the server compares, and keeps nothing that differs
		PartSize:       16 << 20, // 10,000 parts: blobs up to 160 GB
		NumThreads:     1,        // parts in flight are memory
	})
	if err != nil {
		return Info{}, s3Error(err)
	}
	if sent.Size != body.size {
		return Info{}, fmt.Errorf("the bucket kept %d of %d bytes", sent.Size, body.size)
	}
	// The server names the date only when asked; ours serves until then.
	return Info{Digest: body.digest, Size: body.size, Stored: time.Now()}, nil
}

// renew copies an old object onto itself, which the server does without its bytes
// leaving it, so that its date is new.
func (s *S3Store) renew(ctx context.Context, info Info) (Info, error) {
	if time.Since(info.Stored) < renewAfter {
		return info, nil
	}
	key := s.key(info.Digest)
	_, err := s.client.Client.CopyObject(ctx,
		minio.CopyDestOptions{Bucket: s.bucket, Object: key, ReplaceMetadata: true, ContentType: "application/octet-stream"},
		minio.CopySrcOptions{Bucket: s.bucket, Object: key})
	if err != nil {
		return Info{}, s3Error(err)
	}
	info.Stored = time.Now()
	return info, nil
}

// Stat describes a blob.
func (s *S3Store) Stat(ctx context.Context, d Digest) (Info, error) {
	info, err := s.stat(ctx, d)
	if err != nil {
		return Info{}, s.counters.failed(fmt.Errorf("stat blob %s: %w", d, err))
	}
	return info, nil
}

func (s *S3Store) stat(ctx context.Context, d Digest) (Info, error) {
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	o, err := s.client.StatObject(ctx, s.bucket, s.key(d), minio.StatObjectOptions{})
	if err != nil {
		return Info{}, s3Error(err)
	}
	return Info{Digest: d, Size: o.Size, Stored: o.LastModified}, nil
}

// Delete removes a blob.
func (s *S3Store) Delete(ctx context.Context, d Digest) error {
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	err := s3Error(s.client.RemoveObject(ctx, s.bucket, s.key(d), minio.RemoveObjectOptions{}))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return s.counters.failed(fmt.Errorf("delete blob %s: %w", d, err))
	}
	s.counters.deletes.Add(1)
	return nil
}

// List walks all blobs; keys that are no digest are passed over. S3 lists keys in
// the order of their bytes, which is the order of the digests.
func (s *S3Store) List(ctx context.Context) iter.Seq2[Info, error] {
	return func(yield func(Info, error) bool) {
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		for o := range s.client.ListObjectsIter(ctx, s.bucket, minio.ListObjectsOptions{Prefix: s.prefix, Recursive: true}) {
			if o.Err != nil {
				yield(Info{}, s.counters.failed(fmt.Errorf("list blobs: %w", s3Error(o.Err))))
				return
			}
			name := o.Key[len(s.prefix):]
			if len(name) < 3 {
				continue
			}
			d, err := ParseDigest(name[3:])
			if err != nil || d.key() != name {
				continue
			}
			if !yield(Info{Digest: d, Size: o.Size, Stored: o.LastModified}, nil) {
				return
			}
		}
		if err := ctx.Err(); err != nil {
			yield(Info{}, err)
		}
	}
}

// Metrics are the store's figures since it was opened.
func (s *S3Store) Metrics() Metrics { return s.counters.read() }

// s3Error makes an absent object fs.ErrNotExist. An absent bucket is not that:
// it is a fault, and nobody may take it for an absent blob.
func s3Error(err error) error {
	if err == nil {
		return nil
	}
	switch r := minio.ToErrorResponse(err); {
	case r.Code == minio.NoSuchKey, r.StatusCode == http.StatusNotFound && r.Code != minio.NoSuchBucket:
		return fmt.Errorf("%w: %w", fs.ErrNotExist, err)
	default:
		return err
	}
}
