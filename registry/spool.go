package registry

import (
	"bytes"
	"crypto/sha1"
	"crypto/sha512"
	"hash"
	"io"
	"os"
)

// spoolMemory is what an upload keeps in memory: most tarballs are smaller, and
// a hundred at once are 100 MB; larger ones go to a file that has no name.
const spoolMemory = 1 << 20

// spoolFirst is the room it begins with: half of all tarballs fit.
const spoolFirst = 32 << 10

// spool keeps an uploaded tarball until all of the document is checked, hashing
// as it grows. Close it.
type spool struct {
	dir   string
	bytes bytes.Buffer
	file  *os.File
	size  int64

	sha1, sha512 hash.Hash
}

func newSpool(dir string) *spool {
	return &spool{dir: dir, sha1: sha1.New(), sha512: sha512.New()}
}

func (s *spool) Write(p []byte) (n int, err error) {
	s.sha1.Write(p)
	s.sha512.Write(p)
	s.size += int64(len(p))
	if s.file == nil && s.bytes.Len()+len(p) <= spoolMemory {
		if s.bytes.Cap() == 0 {
			s.bytes.Grow(spoolFirst)
		}
		return s.bytes.Write(p)
	}
	if s.file == nil {
		if err := s.spill(); err != nil {
			return 0, err
		}
	}
	return s.file.Write(p)
}

// spill moves what is in memory to a file, removed by name at once where the
// system can, so that a crash leaves nothing.
func (s *spool) spill() (err error) {
	if s.file, err = os.CreateTemp(s.dir, "publish-*"); err != nil {
		return err
	}
	_ = os.Remove(s.file.Name()) // Close tries again
	_, err = s.file.Write(s.bytes.Bytes())
	s.bytes = bytes.Buffer{}
	return err
}

// Reader reads the tarball from its beginning. One reader at a time.
func (s *spool) Reader() io.Reader {
	if s.file == nil {
		return bytes.NewReader(s.bytes.Bytes())
	}
	return io.NewSectionReader(s.file, 0, s.size)
}

func (s *spool) Close() {
	if s != nil && s.file != nil {
		_ = s.file.Close()
		_ = os.Remove(s.file.Name())
	}
}
