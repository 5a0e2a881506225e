package tarballs

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"time"

	"golang.org/x/sync/singleflight"
)

// staleAfter is the age from which a temporary file is a crash's leftover. Not
// shorter: an upload over a slow line may take hours. Not longer: disks fill.
const staleAfter = 24 * time.Hour

const (
	tempFolder = "tmp"
	packFolder = "packs"
	// oldFolder is where stores made before packs kept small blobs until their files were
	// durable. What a crash has left there is read as a pack.
	oldFolder = "journal"
)

// shards are the folders of plain files.
var shards = func() (names []string) {
	for i := range 256 {
		names = append(names, fmt.Sprintf("%02x", i))
	}
	return names
}()

// FolderStore is a Store in a folder. See the package doc for its layout.
type FolderStore struct {
	dir      string
	fs       door
	lock     io.Closer
	folders  rounds[*folderWait]
	packs    *packs
	settling singleflight.Group // by digest: stat, rename and fsync of one name never interleave
	counters counters
}

// Folder opens the store in dir, making it where it is absent. One process at a time has it open.
func Folder(dir string) (*FolderStore, error) {
	f := newFolder(dir, osDoor{})
	if err := f.open(time.Now()); err != nil {
		return nil, err
	}
	return f, nil
}

func newFolder(dir string, d door) *FolderStore {
	f := &FolderStore{dir: dir, fs: d}
	f.folders.serve = f.syncFolders
	f.packs = newPacks(d, f.path(packFolder), f.path(tempFolder), time.Now)
	return f
}

// open makes a store of the folder. What it took before an error it gives back.
func (f *FolderStore) open(now time.Time) error {
	for _, step := range []func() error{
		f.prepare, f.take, func() error { return f.removeStale(now) },
		func() error { return f.packs.open(f.path(packFolder), f.path(oldFolder)) },
	} {
		if err := step(); err != nil {
			return fmt.Errorf("open tarballs in %s: %w", f.dir, errors.Join(err, f.release()))
		}
	}
	return nil
}

// ErrInUse says that another process has the folder open.
var ErrInUse = errors.New("another process has it open: stop that one, or let both share a bucket, s3://HOST/BUCKET")

// take keeps other processes out.
func (f *FolderStore) take() (err error) {
	f.lock, err = f.fs.lock(f.dir)
	if errors.Is(err, errLocked) {
		return ErrInUse
	}
	return err
}

func (f *FolderStore) release() error {
	err := f.packs.Close()
	if f.lock != nil {
		err = errors.Join(err, f.lock.Close())
	}
	return err
}

// Close seals the packs; puts of small blobs fail from then on. A store that was not closed is
// as right, and slower to open.
func (f *FolderStore) Close() error {
	if err := f.release(); err != nil {
		return fmt.Errorf("close tarballs in %s: %w", f.dir, err)
	}
	return nil
}

// prepare makes the folders, durably: a blob's name is no safer than its shard's.
func (f *FolderStore) prepare() error {
	last := f.path(packFolder)
	if _, err := f.fs.stat(last); err == nil {
		return nil // the last that a first opening makes
	}
	for _, name := range append(append([]string{tempFolder}, shards...), packFolder) {
		if err := f.fs.mkdirAll(f.path(name)); err != nil {
			return err
		}
	}
	if err := f.fs.sync(f.dir); err != nil {
		// Leave no sign that says "all made": the next opening repeats the fsync.
		return errors.Join(err, f.fs.remove(last))
	}
	return f.fs.sync(filepath.Dir(filepath.Clean(f.dir)))
}

func (f *FolderStore) removeStale(now time.Time) error {
	entries, err := f.fs.readDir(f.path(tempFolder))
	if err != nil {
		return err
	}
	for _, e := range entries {
		info, err := e.Info()
		if errors.Is(err, fs.ErrNotExist) || err == nil && now.Sub(info.ModTime()) < staleAfter {
			continue
		}
		if err := errors.Join(err, f.fs.remove(f.path(tempFolder, e.Name()))); err != nil {
			return err
		}
	}
	return nil
}

func (f *FolderStore) path(parts ...string) string {
	return filepath.Join(append([]string{f.dir}, parts...)...)
}

func (f *FolderStore) blob(d Digest) string { return f.dir + "/" + d.key() }

// Open reads a blob. A whole file is given as its *os.File, and a part can
// write itself, so that io.Copy into a connection lets the kernel send. Small blobs are
// read at once.
func (f *FolderStore) Open(ctx context.Context, d Digest, offset, length int64) (io.ReadCloser, Info, error) {
	if err := ctx.Err(); err != nil {
		return nil, Info{}, err
	}
	r, info, rest, err := f.openSmall(d, offset, length)
	if errors.Is(err, fs.ErrNotExist) {
		r, info, rest, err = f.openFile(d, offset, length)
	}
	if err != nil {
		return nil, Info{}, f.counters.failed(fmt.Errorf("open blob %s: %w", d, err))
	}
	f.counters.opened(rest)
	return r, info, nil
}

func (f *FolderStore) openSmall(d Digest, offset, length int64) (io.ReadCloser, Info, int64, error) {
	b, info, err := f.packs.read(d)
	if err != nil {
		return nil, Info{}, 0, err
	}
	rest, err := span(info.Size, offset, length)
	if err != nil {
		return nil, Info{}, 0, err
	}
	return small{bytes.NewReader(b[offset : offset+rest])}, info, rest, nil
}

// small is a blob in memory.
type small struct{ *bytes.Reader }

// Close implements io.Closer.
func (small) Close() error { return nil }

func (f *FolderStore) openFile(d Digest, offset, length int64) (io.ReadCloser, Info, int64, error) {
	file, err := f.fs.open(f.blob(d))
	if err != nil {
		return nil, Info{}, 0, err
	}
	stat, err := file.Stat()
	var rest int64
	if err == nil {
		rest, err = span(stat.Size(), offset, length)
	}
	if err == nil && offset > 0 {
		_, err = file.Seek(offset, io.SeekStart)
	}
	if err != nil {
		file.Close()
		return nil, Info{}, 0, err
	}
	info := Info{Digest: d, Size: stat.Size(), Stored: stat.ModTime()}
	if offset+rest == stat.Size() {
		return file, info, rest, nil
	}
	return &part{io.LimitedReader{R: file, N: rest}, file}, info, rest, nil
}

// part is some bytes of an open file.
type part struct {
	io.LimitedReader
	io.Closer
}

// WriteTo hands w a reader that net and net/http know how to send from the kernel.
func (p *part) WriteTo(w io.Writer) (int64, error) { return io.Copy(w, &p.LimitedReader) }

// Stat describes a blob.
func (f *FolderStore) Stat(ctx context.Context, d Digest) (Info, error) {
	if err := ctx.Err(); err != nil {
		return Info{}, err
	}
	info, err := f.stat(d)
	if err != nil {
		return Info{}, f.counters.failed(fmt.Errorf("stat blob: %w", err))
	}
	return info, nil
}

func (f *FolderStore) stat(d Digest) (Info, error) {
	if at, found := f.packs.find(d); found {
		return at.info(d), nil
	}
	stat, err := f.fs.stat(f.blob(d))
	if err != nil {
		return Info{}, err
	}
	return Info{Digest: d, Size: stat.Size(), Stored: stat.ModTime()}, nil
}

// Delete removes a blob. It does not wait for the disk: a blob that a crash
// brings back is an orphan, which the next sweep removes again.
func (f *FolderStore) Delete(ctx context.Context, d Digest) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	err := f.packs.remove(d)
	if e := f.fs.remove(f.blob(d)); !errors.Is(e, fs.ErrNotExist) {
		err = errors.Join(err, e)
	}
	if err != nil {
		return f.counters.failed(fmt.Errorf("delete blob: %w", err))
	}
	f.counters.deletes.Add(1)
	return nil
}

// Metrics are the store's figures since it was opened.
func (f *FolderStore) Metrics() Metrics { return f.counters.read() }
