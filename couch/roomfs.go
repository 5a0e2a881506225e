package couch

import (
	"fmt"
	"strings"
	"syscall"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// roomFS is the file system that Pebble writes to: it holds tables to their
// share of the disk and has the log and the manifest wait for room.
type roomFS struct {
	vfs.FS
	room *room
}

// Unwrap returns the file system below.
func (f roomFS) Unwrap() vfs.FS { return f.FS }

var errKept = fmt.Errorf("the rest is kept for the log: %w", syscall.ENOSPC)

// Create creates a table, a log or a manifest.
func (f roomFS) Create(name string, category vfs.DiskWriteCategory) (vfs.File, error) {
	if strings.HasSuffix(name, ".sst") {
		f.room.pause()
		if !f.room.forTables() {
			return nil, errKept
		}
		file, err := f.FS.Create(name, category)
		if err != nil {
			f.room.short.Store(f.room.met(err))
			return nil, err
		}
		return &tableFile{File: file, room: f.room}, nil
	}
	return f.insistent(func() (vfs.File, error) { return f.FS.Create(name, category) })
}

// ReuseForWrite takes an old log for a new one.
func (f roomFS) ReuseForWrite(old, name string, category vfs.DiskWriteCategory) (vfs.File, error) {
	return f.insistent(func() (vfs.File, error) { return f.FS.ReuseForWrite(old, name, category) })
}

func (f roomFS) insistent(open func() (vfs.File, error)) (file vfs.File, err error) {
	if err = f.room.insist(func() error { file, err = open(); return err }); err != nil {
		return nil, err
	}
	return &logFile{file, f.room}, nil
}

// tableFile gives up when the disk has no more room for tables. Pebble removes
// it then and tries again later.
type tableFile struct {
	vfs.File
	room    *room
	unasked int // bytes since the disk was asked
}

func (f *tableFile) Write(p []byte) (int, error) {
	if f.unasked += len(p); int64(f.unasked) >= f.room.every/4 {
		f.unasked = 0
		if !f.room.forTables() {
			f.room.short.Store(true)
			return 0, errKept
		}
	}
	n, err := f.File.Write(p)
	if f.room.met(err) {
		f.room.short.Store(true)
	}
	return n, err
}

// logFile waits for room.
type logFile struct {
	vfs.File
	room *room
}

func (f *logFile) Write(p []byte) (n int, err error) {
	err = f.room.insist(func() error {
		m, err := f.File.Write(p[n:])
		n += m
		return err
	})
	return n, err
}
