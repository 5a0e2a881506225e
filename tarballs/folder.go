package tarballs

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"path/filepath"
	"time"

	"golang.org/x/sync/singleflight"
)

// staleAfter is the age from which a temporary file is a crash's leftover. Not
// shorter: an upload over a slow line may take hours. Not longer: disks fill.
const staleAfter = 24 * time.Hour

const (
	tempFolder    = "tmp"
	journalFolder = "journal"
)

// FolderStore is a Store in a folder. See the package doc for its layout.
type FolderStore struct {
	dir      string
	fs       door
	folders  rounds[*folderWait]
	journal  journal
	settling singleflight.Group // by digest: stat, rename and fsync of one name never interleave
	counters counters
}

// Folder opens the store in dir, making it where it is absent.
func Folder(dir string) (*FolderStore, error) {
	return openFolder(dir, osDoor{}, time.Now())
}

func openFolder(dir string, d door, now time.Time) (*FolderStore, error) {
	f := &FolderStore{dir: dir, fs: d}
	f.folders.serve = f.syncFolders
	f.journal = journal{
		fs: d, dir: f.path(journalFolder), temp: f.path(tempFolder), limit: segmentLimit, age: segmentAge,
		checkpoint: f.syncBlobs, buffer: bufio.NewWriterSize(nil, 1<<20), zeros: make([]byte, segmentGrowth),
	}
	f.journal.rounds.serve = f.journal.serve
	for _, step := range []func() error{f.prepare, func() error { return f.removeStale(now) }, f.replay} {
		if err := step(); err != nil {
			return nil, fmt.Errorf("open tarballs in %s: %w", dir, err)
		}
	}
	return f, nil
}

// Close makes plain files of the journal's blobs; puts of small blobs fail from
// then on. A store that was not closed is as right, and slower to open.
func (f *FolderStore) Close() error {
	if err := f.journal.Close(); err != nil {
		return fmt.Errorf("close tarballs in %s: %w", f.dir, err)
	}
	return nil
}

// prepare makes the folders, durably: a blob's name is no safer than its shard's.
func (f *FolderStore) prepare() error {
	last := f.path(journalFolder)
	if _, err := f.fs.stat(last); err == nil {
		return nil // the last that a first opening makes
	}
	names := []string{tempFolder}
	for i := range 256 {
		names = append(names, fmt.Sprintf("%02x", i))
	}
	for _, name := range append(names, journalFolder) {
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

// Open reads a blob. A whole blob is given as its *os.File, and a part can
// write itself, so that io.Copy into a connection lets the kernel send.
func (f *FolderStore) Open(ctx context.Context, d Digest, offset, length int64) (io.ReadCloser, Info, error) {
	if err := ctx.Err(); err != nil {
		return nil, Info{}, err
	}
	file, err := f.fs.open(f.blob(d))
	if err != nil {
		return nil, Info{}, f.counters.failed(fmt.Errorf("open blob: %w", err))
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
		return nil, Info{}, f.counters.failed(fmt.Errorf("open blob %s: %w", d, err))
	}
	f.counters.opened(rest)
	info := Info{Digest: d, Size: stat.Size(), Stored: stat.ModTime()}
	if offset+rest == stat.Size() {
		return file, info, nil
	}
	return &part{io.LimitedReader{R: file, N: rest}, file}, info, nil
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
	stat, err := f.fs.stat(f.blob(d))
	if err != nil {
		return Info{}, f.counters.failed(fmt.Errorf("stat blob: %w", err))
	}
	return Info{Digest: d, Size: stat.Size(), Stored: stat.ModTime()}, nil
}

// Delete removes a blob. It does not wait for the disk: a blob that a crash
// brings back is an orphan, which the next sweep removes again.
func (f *FolderStore) Delete(ctx context.Context, d Digest) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := f.fs.remove(f.blob(d)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return f.counters.failed(fmt.Errorf("delete blob: %w", err))
	}
	f.counters.deletes.Add(1)
	return nil
}

// List walks all blobs; names that are no digest are passed over.
func (f *FolderStore) List(ctx context.Context) iter.Seq2[Info, error] {
	return func(yield func(Info, error) bool) {
		for i := range 256 {
			if !f.listShard(ctx, fmt.Sprintf("%02x", i), yield) {
				return
			}
		}
	}
}

func (f *FolderStore) listShard(ctx context.Context, shard string, yield func(Info, error) bool) bool {
	err := ctx.Err()
	var entries []fs.DirEntry
	if err == nil {
		entries, err = f.fs.readDir(f.path(shard))
	}
	if err != nil {
		yield(Info{}, f.counters.failed(fmt.Errorf("list blobs: %w", err)))
		return false
	}
	for _, e := range entries {
		d, err := ParseDigest(e.Name())
		if err != nil || e.Name()[:2] != shard {
			continue
		}
		info, err := f.Stat(ctx, d)
		if errors.Is(err, fs.ErrNotExist) {
			continue // deleted since the folder was read
		}
		if !yield(info, err) || err != nil {
			return false
		}
	}
	return true
}

// Metrics are the store's figures since it was opened.
func (f *FolderStore) Metrics() Metrics { return f.counters.read() }
