package tarballs

import (
	"context"
	"io"
)

// Seeker reads a stored blob from any place: http.ServeContent wants one. It opens the
// blob at the first read after each seek, and the caller closes it.
func Seeker(ctx context.Context, s Store, of Info) io.ReadSeekCloser {
	return &seeker{ctx: ctx, store: s, of: of}
}

type seeker struct {
	ctx   context.Context
	store Store
	of    Info
	at    int64
	open  io.ReadCloser
}

// Seek implements io.Seeker.
func (s *seeker) Seek(offset int64, whence int) (int64, error) {
	switch whence {
	case io.SeekCurrent:
		offset += s.at
	case io.SeekEnd:
		offset += s.of.Size
	}
	if offset < 0 {
		return 0, ErrRange
	}
	if offset != s.at {
		_ = s.Close() // what was read stays right, whatever closing says
	}
	s.at = offset
	return offset, nil
}

// Read implements io.Reader.
func (s *seeker) Read(p []byte) (n int, err error) {
	if s.at >= s.of.Size {
		return 0, io.EOF
	}
	if s.open == nil {
		if s.open, _, err = s.store.Open(s.ctx, s.of.Digest, s.at, -1); err != nil {
			return 0, err
		}
	}
	n, err = s.open.Read(p)
	s.at += int64(n)
	return n, err
}

// Close implements io.Closer.
func (s *seeker) Close() error {
	if s.open == nil {
		return nil
	}
	err := s.open.Close()
	s.open = nil
	return err
}
