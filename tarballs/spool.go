package tarballs

import (
	"bytes"
	"crypto/sha512"
	"errors"
	"io"
	"os"
)

// spoolInMemory is the part of a body that is kept in memory: it holds nearly
// all tarballs, and 64 puts at once cost 64 MiB.
const spoolInMemory = 1 << 20

// spool is a whole body that can be read again and again, with its digest.
type spool struct {
	digest Digest
	size   int64
	memory []byte
	file   *os.File // has no name any more; nil: all is in memory
}

// spoolAll reads r to its end.
func spoolAll(r io.Reader, dir string) (*spool, error) {
	h := sha512.New()
	var first bytes.Buffer
	n, err := io.Copy(io.MultiWriter(h, &first), io.LimitReader(r, spoolInMemory))
	if err != nil {
		return nil, err
	}
	s := &spool{size: n, memory: first.Bytes()}
	if n == spoolInMemory {
		if err := s.spill(io.TeeReader(r, h), dir); err != nil {
			return nil, errors.Join(err, s.Close())
		}
	}
	h.Sum(s.digest[:0])
	return s, nil
}

// spill moves the body into a file, where the rest of r follows.
func (s *spool) spill(r io.Reader, dir string) error {
	f, err := os.CreateTemp(dir, "settee-put-*")
	if err != nil {
		return err
	}
	s.file = f
	// Without a name it goes with the process, whatever ends it.
	if err := os.Remove(f.Name()); err != nil {
		return err
	}
	if _, err := f.Write(s.memory); err != nil {
		return err
	}
	s.memory = nil
	n, err := io.Copy(f, r)
	s.size += n
	return err
}

// reader reads the body from its first byte. It can seek, so a request can be sent again.
func (s *spool) reader() io.Reader {
	if s.file != nil {
		return io.NewSectionReader(s.file, 0, s.size)
	}
	return bytes.NewReader(s.memory)
}

// Close gives the file back.
func (s *spool) Close() error {
	if s.file == nil {
		return nil
	}
	return s.file.Close()
}
