package tarballs

import (
	"bufio"
	"errors"
	"fmt"
	"io/fs"
)

// replay makes plain files of the segments that a process has left behind.
func (f *FolderStore) replay() error {
	segments, err := f.fs.readDir(f.path(journalFolder))
	if err != nil {
		return err
	}
	for _, e := range segments {
		if err := f.replayOne(f.path(journalFolder, e.Name())); err != nil {
			return fmt.Errorf("replay: %w", err)
		}
	}
	return nil
}

// replayOne writes every blob of a segment anew, even one whose file looks
// whole: after a failed fsync memory may hold bytes that the disk does not.
func (f *FolderStore) replayOne(name string) error {
	lock, err := f.fs.lock(name)
	if errors.Is(err, errLocked) || errors.Is(err, fs.ErrNotExist) {
		return nil // another process writes it, or has just made an end of it
	}
	if err != nil {
		return err
	}
	defer lock.Close()
	file, err := f.fs.open(name)
	if err != nil {
		return err
	}
	defer file.Close()
	var blobs []Digest
	err = readRecords(bufio.NewReaderSize(file, smallBlob), func(d Digest, b []byte) error {
		blobs = append(blobs, d)
		return f.place(b, f.blob(d))
	})
	if err == nil {
		err = f.syncBlobs(blobs)
	}
	if err != nil {
		return err
	}
	return f.fs.remove(name)
}
