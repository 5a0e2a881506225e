package tarballs

// folderWait is one writer that waits for its folder's fsync.
type folderWait struct {
	dir string
	err error
}

// syncFolder returns when an fsync of dir that began after the call has ended.
func (f *FolderStore) syncFolder(dir string) error {
	w := &folderWait{dir: dir}
	f.folders.join(w)
	return w.err
}

// syncFolders fsyncs every folder of a round once. The first fsync pays for the
// file system's commit, the others find it done (a clean folder's fsync takes
// 40 µs on ext4); all of a round at once was measured and is no faster.
func (f *FolderStore) syncFolders(all []*folderWait) {
	ended := map[string]error{}
	for _, w := range all {
		err, found := ended[w.dir]
		if !found {
			err = f.fs.sync(w.dir)
			ended[w.dir] = err
		}
		w.err = err
	}
}
