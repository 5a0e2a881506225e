package couch

import (
	"errors"
	"path/filepath"
	"sync/atomic"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// spareName is the file, in the store's folder, that is given up when the log meets a full disk.
const spareName = "SPARE"

// spare is room that no other program can take: blocks of a file that is only there to be removed. The
// reserve is a promise of ours alone. Where others have used the disk up to its last byte, the log would wait, and
// what waits for the log holds up readers; with the spare's room it goes on, and writes are refused by then.
type spare struct {
	fs   vfs.FS
	name string
	size int64 // 0: none is kept

	kept    atomic.Bool
	keeping atomic.Bool // somebody makes it
}

func newSpare(fs vfs.FS, dir string, size int64) *spare {
	s := &spare{fs: fs, name: filepath.Join(dir, spareName), size: size}
	_, err := fs.Stat(s.name) // of when the store was open before
	s.kept.Store(err == nil)
	return s
}

// keep makes the file, unless it is there. That there is no room for it is no error: it is tried again when there is.
func (s *spare) keep() {
	if s.size == 0 || !s.keeping.CompareAndSwap(false, true) {
		return
	}
	defer s.keeping.Store(false)
	if info, err := s.fs.Stat(s.name); err == nil && info.Size() >= s.size {
		s.kept.Store(true)
		return
	}
	file, err := s.fs.Create(s.name, vfs.WriteCategoryUnspecified)
	if err != nil {
		return
	}
	if err = errors.Join(file.Preallocate(0, s.size), file.Close()); err != nil {
		_ = s.fs.Remove(s.name)
		return
	}
	s.kept.Store(true)
}

// give gives the room back, once, and reports whether there was any.
func (s *spare) give() bool { return s.kept.CompareAndSwap(true, false) && s.fs.Remove(s.name) == nil }
