package tarballs

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"time"
)

// door is every effect that a folder has on the file system, so that a test
// can fail any one of them. Names are paths, as in package os.
type door interface {
	mkdirAll(dir string) error
	create(dir string) (file, error)       // a new file put-* in dir, open for writing
	open(name string) (*os.File, error)    // for reading; a real file, so that sendfile works
	stat(name string) (fs.FileInfo, error) // follows the name
	rename(from, to string) error
	remove(name string) error
	patch(name string, at int64, b []byte) error // writes bytes in the place of others
	touch(name string) error                     // sets the time of modification to now
	readDir(dir string) ([]fs.DirEntry, error)
	sync(name string) error              // an fsync of a file or a folder
	lock(name string) (io.Closer, error) // errLocked where another has it
}

// errLocked says that another holds a file's lock.
var errLocked = errors.New("locked by another process")

// file is a file that is being written.
type file interface {
	io.Writer
	io.WriterAt
	Name() string
	Sync() error
	Datasync() error // of the bytes and what is needed to read them
	Close() error
}

type osDoor struct{}

type osFile struct{ *os.File }

func (osDoor) mkdirAll(dir string) error             { return os.MkdirAll(dir, 0o777) }
func (osDoor) open(name string) (*os.File, error)    { return os.Open(name) }
func (osDoor) stat(name string) (fs.FileInfo, error) { return os.Stat(name) }
func (osDoor) rename(from, to string) error          { return os.Rename(from, to) }
func (osDoor) remove(name string) error              { return os.Remove(name) }

func (osDoor) touch(name string) error { return os.Chtimes(name, time.Time{}, time.Now()) }

func (osDoor) readDir(dir string) ([]fs.DirEntry, error) { return os.ReadDir(dir) }

func (osDoor) create(dir string) (file, error) {
	f, err := os.CreateTemp(dir, "put-*")
	return osFile{f}, err
}

func (osDoor) patch(name string, at int64, b []byte) error {
	f, err := os.OpenFile(name, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = f.WriteAt(b, at)
	return errors.Join(err, f.Close())
}

func (osDoor) sync(name string) error {
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	err = f.Sync()
	if e := f.Close(); err == nil {
		err = e
	}
	return err
}
