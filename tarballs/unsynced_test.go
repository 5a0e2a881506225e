package tarballs

import (
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// unsynced is the real file system without waiting for the disk. What a loss of
// power leaves is what disk models, and an injected fault needs no real fsync beside
// it: thousands of those are all that such tests would wait for.
type unsynced struct{ osDoor }

func (d unsynced) create(dir string) (file, error) {
	t, err := d.osDoor.create(dir)
	return unsyncedFile{t}, err
}

// sync fails where there is nothing to sync, as an fsync does.
func (d unsynced) sync(name string) error {
	_, err := d.stat(name)
	return err
}

type unsyncedFile struct{ file }

func (unsyncedFile) Sync() error     { return nil }
func (unsyncedFile) Datasync() error { return nil }

// openUnsynced opens a folder that is made already, or makes one.
func openUnsynced(t testing.TB, dir string) *FolderStore {
	t.Helper()
	return openLimited(t, dir, packLimit)
}

// openFolder opens a folder through a door of the test's, at a time of its own.
func openFolder(dir string, d door, now time.Time) (*FolderStore, error) {
	s := newFolder(dir, d)
	return s, s.open(now)
}

// openLimited ends packs from a size on.
func openLimited(t testing.TB, dir string, limit int64) *FolderStore {
	t.Helper()
	s := newFolder(dir, unsynced{})
	s.packs.limit = limit
	require.NoError(t, s.open(time.Now()))
	return s
}

// emptyFolder is the folder of a store that was opened and closed once.
func emptyFolder(t testing.TB) (dir string) {
	t.Helper()
	dir = t.TempDir()
	require.NoError(t, openUnsynced(t, dir).Close())
	return dir
}

// wipe removes all files of a store's folder, and leaves the folders, which take long
// to make.
func wipe(t testing.TB, dir string) {
	t.Helper()
	require.NoError(t, filepath.WalkDir(dir, func(name string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		return os.Remove(name)
	}))
}
