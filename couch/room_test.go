package couch

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/stretchr/testify/require"
)

// quota is a file system of limited size.
type quota struct {
	vfs.FS
	mu          sync.Mutex // guards the rest
	used, limit int64
}

func (q *quota) Unwrap() vfs.FS { return q.FS }

func (q *quota) GetDiskUsage(string) (vfs.DiskUsage, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	return vfs.DiskUsage{AvailBytes: uint64(max(q.limit-q.used, 0)), TotalBytes: uint64(q.limit), UsedBytes: uint64(q.used)}, nil
}

func (q *quota) wrap(f vfs.File, err error) (vfs.File, error) {
	if err != nil {
		return nil, err
	}
	return &quotaFile{f, q}, nil
}

func (q *quota) Create(name string, c vfs.DiskWriteCategory) (vfs.File, error) {
	return q.wrap(q.FS.Create(name, c))
}

func (q *quota) ReuseForWrite(old, name string, c vfs.DiskWriteCategory) (vfs.File, error) {
	return q.wrap(q.FS.ReuseForWrite(old, name, c))
}

func (q *quota) Remove(name string) error {
	info, err := q.Stat(name)
	if err == nil {
		err = q.FS.Remove(name)
	}
	if err == nil {
		q.take(-info.Size())
	}
	return err
}

func (q *quota) take(n int64) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.used += n
}

func (q *quota) raise(n int64) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.limit += n
}

func (q *quota) left() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return int(max(q.limit-q.used, 0))
}

type quotaFile struct {
	vfs.File
	q *quota
}

func (f *quotaFile) size() int64 {
	info, err := f.Stat()
	if err != nil {
		return 0
	}
	return info.Size()
}

// Write writes what there is room for, as a disk does.
func (f *quotaFile) Write(p []byte) (int, error) {
	before := f.size()
	part := p[:min(len(p), f.q.left())]
	n, err := f.File.Write(part)
	f.q.take(f.size() - before)
	if err == nil && n < len(p) {
		err = syscall.ENOSPC
	}
	return n, err
}

// Preallocate takes the room at once, as file systems do.
func (f *quotaFile) Preallocate(_, length int64) error {
	_, err := f.Write(make([]byte, length))
	return err
}

// TestSpare has others use the disk up to its last byte: the log goes on with what was spared, once, and
// the room is spared again when there is some.
func TestSpare(t *testing.T) {
	q := &quota{FS: vfs.NewMem(), limit: 64 << 20}
	s, err := Open("store", Options{FS: q})
	require.NoError(t, err)
	defer func() { require.NoError(t, s.Close()) }()
	info, err := q.Stat("store/" + spareName)
	require.NoError(t, err)
	require.EqualValues(t, 2<<20, info.Size())
	taken := int64(q.left())
	q.take(taken)
	file, err := s.room.fs.Create("store/log", vfs.WriteCategoryUnspecified)
	require.NoError(t, err)
	log := &logFile{file, s.room}
	_, err = log.Write(make([]byte, 1<<20)) // does not wait
	require.NoError(t, err)
	_, err = q.Stat("store/" + spareName)
	require.Error(t, err)
	require.ErrorContains(t, s.room.admit(1), "The disk is full")
	q.take(-taken)
	time.Sleep(pauseFor)
	require.NoError(t, s.room.admit(1))
	require.Eventually(t, s.room.spare.kept.Load, 10*time.Second, time.Millisecond)
	require.NoError(t, log.Close())
}

// disk is a small file system: others may take all that is left of it and give it back.
type disk struct {
	fs    vfs.FS
	dir   string
	fill  func(t *testing.T) // to the last byte
	clear func(t *testing.T) // what fill took
	grow  func(t *testing.T) // room for half as much again
}

// diskSize leaves room for tables beside the five old logs that Pebble keeps.
const diskSize = 160 << 20

func quotaDisk(base vfs.FS, size int64) (*disk, *quota) {
	q := &quota{FS: base, limit: size}
	filled := 0
	return &disk{fs: q, dir: "data",
		fill:  func(*testing.T) { filled += q.left(); q.raise(-int64(q.left())) },
		clear: func(*testing.T) { q.raise(int64(filled)); filled = 0 },
		grow:  func(*testing.T) { q.raise(size / 2) }}, q
}

// tmpfs mounts a file system of its own. Where that is not permitted, the quota
// that the other tests use stands in for it.
func tmpfs(t *testing.T) *disk {
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, fmt.Sprintf("size=%d", diskSize)); err != nil {
		t.Logf("a tmpfs cannot be mounted here (%v): a quota in memory stands in for it", err)
		d, _ := quotaDisk(vfs.NewMem(), diskSize)
		return d
	}
	t.Cleanup(func() { require.NoError(t, syscall.Unmount(dir, syscall.MNT_DETACH)) })
	filler := filepath.Join(dir, "filler")
	return &disk{fs: vfs.Default, dir: filepath.Join(dir, "data"),
		fill: func(t *testing.T) {
			f, err := os.OpenFile(filler, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
			require.NoError(t, err)
			defer f.Close() //nolint:errcheck // it is full
			for piece := make([]byte, 64<<10); err == nil; {
				_, err = f.Write(piece)
			}
			require.ErrorIs(t, err, syscall.ENOSPC)
		},
		clear: func(t *testing.T) { require.NoError(t, os.Remove(filler)) },
		grow: func(t *testing.T) {
			require.NoError(t, syscall.Mount("tmpfs", dir, "tmpfs", syscall.MS_REMOUNT, fmt.Sprintf("size=%d", diskSize*3/2)))
		}}
}

// crammer fills a database with what does not compress and knows what was acknowledged.
type crammer struct {
	db *DB

	mu    sync.Mutex // guards the rest
	acked map[DocID]Rev
	next  int
}

// bodyOf is what a document of that number holds.
func (c *crammer) body(n int) []byte {
	r := rand.New(rand.NewPCG(uint64(n), 7))
	b := bytes.NewBufferString(`{"text":"`)
	for size := 100 << r.IntN(10); b.Len() < size; {
		fmt.Fprintf(b, "%016x", r.Uint64())
	}
	b.WriteString(`"}`)
	return b.Bytes()
}

func (c *crammer) put() error {
	c.mu.Lock()
	n := c.next
	c.next++
	c.mu.Unlock()
	id := DocID(fmt.Sprint(n))
	rev, err := c.db.Put(ctx, &Document{ID: id, Body: c.body(n)}, WriteOptions{})
	if err == nil {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.acked[id] = rev
	}
	return err
}

// cram writes on four goroutines until each is refused and returns what they were told.
func (c *crammer) cram() []error {
	errs := make([]error, 4)
	var group sync.WaitGroup
	for w := range errs {
		group.Go(func() {
			for errs[w] == nil {
				errs[w] = c.put()
			}
		})
	}
	group.Wait()
	return errs
}

// read reads all that was acknowledged, one by one and in the feed.
func (c *crammer) read(t *testing.T) {
	t.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	for id, rev := range c.acked {
		doc, err := c.db.Get(ctx, id, GetOptions{})
		require.NoError(t, err)
		require.Equal(t, rev, doc.Rev)
		var n int
		_, err = fmt.Sscan(string(id), &n)
		require.NoError(t, err)
		require.True(t, bytes.Equal(c.body(n), doc.Body), "document %s", id)
	}
	seen := 0
	changes, err := c.db.Changes(ctx, ChangesOptions{Limit: -1, IncludeDocs: true})
	require.NoError(t, err)
	for changes.Next() {
		if _, ok := c.acked[changes.Change().ID]; ok {
			seen++
		}
	}
	require.NoError(t, changes.Err())
	require.NoError(t, changes.Close())
	require.Equal(t, len(c.acked), seen)
}

// exhaust has another program take all space, what compactions give back included.
func (d *disk) exhaust(t *testing.T, c *crammer) {
	t.Helper()
	for still := 0; still < 40; still++ {
		if d.fill(t); c.put() == nil {
			still = 0
		}
		time.Sleep(5 * time.Millisecond)
	}
}

func refused(t *testing.T, err error) {
	t.Helper()
	var e *Error
	require.ErrorAs(t, err, &e)
	require.Equal(t, Full, e.Kind, "%v", err)
	require.Equal(t, 507, e.HTTPStatus())
	require.Contains(t, e.Reason, "The disk is full: free space")
}

// A disk that runs full refuses writes and keeps all it acknowledged; reads,
// deletions and the end of the store go on; with space writes go on, in the
// same process.
func TestDiskFull(t *testing.T) {
	d := tmpfs(t)
	s, err := Open(d.dir, Options{FS: d.fs})
	require.NoError(t, err)
	db, err := s.Create(ctx, "db")
	require.NoError(t, err)
	spare, err := s.Create(ctx, "spare")
	require.NoError(t, err)
	put(t, spare, `{"_id":"a"}`)
	c := &crammer{db: db, acked: map[DocID]Rev{}}
	for _, err := range c.cram() {
		refused(t, err)
	}
	t.Logf("%d documents until the disk was full", len(c.acked))
	require.Greater(t, len(c.acked), 100)
	c.read(t)
	d.exhaust(t, c)
	_, err = s.Create(ctx, "more")
	refused(t, err)
	_, err = s.Create(ctx, "db")
	require.ErrorIs(t, err, ErrDatabaseExists)
	refused(t, db.SetRevsLimit(ctx, 10))
	b := db.Space("x").Batch()
	b.Set([]byte("k"), []byte("v"))
	refused(t, b.Commit())
	_, err = db.Space("x").Load(ctx, 1000)
	refused(t, err)
	require.NoError(t, s.Delete(ctx, "spare"), "what frees space is never refused")
	require.NoError(t, db.Space("x").Drop(ctx))

	refused(t, c.put())
	c.read(t)
	whole(t, s)
	d.clear(t)
	d.grow(t)
	require.Eventually(t, func() bool { return c.put() == nil }, time.Minute, 10*time.Millisecond)
	require.Nil(t, s.broken.Load())

	// The disk runs full under the writers' hands and has room again a moment later.
	done := make(chan []error)
	go func() { done <- c.cram() }()
	d.fill(t)
	time.Sleep(200 * time.Millisecond)
	d.clear(t)
	for _, err := range <-done {
		refused(t, err)
	}
	require.Nil(t, s.broken.Load())
	c.read(t)
	whole(t, s)
	require.NoError(t, s.Close())

	s, err = Open(d.dir, Options{FS: d.fs, Reserve: 1 << 20}) // on a disk that is still all but full
	require.NoError(t, err)
	c.db, err = s.DB("db")
	require.NoError(t, err)
	c.read(t)
	whole(t, s)
	require.NoError(t, s.Close())
}

// A disk without any space is named when a store is to be made on it.
func TestOpenOnFullDisk(t *testing.T) {
	_, err := Open("data", Options{FS: &quota{FS: vfs.NewMem(), limit: 100}})
	refused(t, err)
}

// A killed store's log is made tables of before the store is open: on a disk without room for them by the spare, and without that not
// at all, which Open says and does not wait for.
func TestOpenAfterACrashOnFullDisk(t *testing.T) {
	r, base := random(t), vfs.NewCrashableMem()
	q := &quota{FS: base, limit: 64 << 20}
	s, err := Open("store", Options{FS: q})
	require.NoError(t, err)
	db, err := s.Create(ctx, "db")
	require.NoError(t, err)
	for i := range 20 {
		put(t, db, fmt.Sprintf(`{"_id":"%d","noise":"%x"}`, i, noise(r, 20_000)))
	}
	killed := func() *quota {
		usage, err := q.GetDiskUsage("")
		require.NoError(t, err)
		used := int64(usage.UsedBytes)
		return &quota{FS: base.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: 100, RNG: rand.New(rand.NewPCG(1, 1))}), used: used, limit: used + 64<<10}
	}
	tight := killed()
	again, err := Open("store", Options{FS: tight})
	require.NoError(t, err)
	db, err = again.DB("db")
	require.NoError(t, err)
	_, err = db.Get(ctx, "19", GetOptions{})
	require.NoError(t, err)
	require.NoError(t, again.Close())

	tight = killed()
	require.NoError(t, tight.FS.Remove("store/"+spareName)) // its room is another's
	_, err = Open("store", Options{FS: tight})
	refused(t, err)
	tight.raise(64 << 20)
	require.Eventually(t, func() bool {
		again, err = Open("store", Options{FS: tight})
		return err == nil
	}, time.Minute, 10*time.Millisecond, "and the lock is given back")
	require.NoError(t, again.Close())
	require.NoError(t, s.Close())
}

// A crash on a full disk loses nothing.
func TestCrashOnFullDisk(t *testing.T) {
	if testing.Short() {
		t.Skip("it writes 100 MB")
	}
	r := random(t)
	for range 3 {
		base := vfs.NewCrashableMem()
		d, q := quotaDisk(base, 48<<20)
		s, err := Open(d.dir, Options{FS: d.fs})
		require.NoError(t, err)
		db, err := s.Create(ctx, "db")
		require.NoError(t, err)
		c := &crammer{db: db, acked: map[DocID]Rev{}}
		for _, err := range c.cram() {
			refused(t, err)
		}
		crash := func(disk *vfs.MemFS) *vfs.MemFS {
			return disk.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: r.IntN(101), RNG: rand.New(rand.NewPCG(r.Uint64(), 1))})
		}
		left := crash(base)
		usage, err := q.GetDiskUsage("")
		require.NoError(t, err)
		used := int64(usage.UsedBytes)
		d.grow(t)
		require.NoError(t, s.Close())

		if s, err := Open(d.dir, Options{FS: &quota{FS: left, used: used, limit: used}}); err == nil { // old logs made room
			require.NoError(t, s.Close())
		} else {
			refused(t, err)
			left = crash(left) // with the process, which may still be trying
		}
		s, err = Open(d.dir, Options{FS: &quota{FS: left, used: used, limit: used + diskSize}})
		require.NoError(t, err)
		c.db, err = s.DB("db")
		require.NoError(t, err)
		c.read(t)
		require.NoError(t, c.put())
		whole(t, s)
		require.NoError(t, s.Close())
	}
}

// A store that ends on a full disk does not wait for space.
func TestCloseOnFullDisk(t *testing.T) {
	if testing.Short() {
		t.Skip("it writes 100 MB")
	}
	base := vfs.NewCrashableMem()
	d, _ := quotaDisk(base, 48<<20)
	end := make(chan struct{}, 2)
	s, err := Open(d.dir, Options{FS: d.fs, Fatal: func(error) {
		end <- struct{}{} // a manifest had no space either
		select {}         // the process would be gone
	}})
	require.NoError(t, err)
	db, err := s.Create(ctx, "db")
	require.NoError(t, err)
	c := &crammer{db: db, acked: map[DocID]Rev{}}
	c.cram()
	d.exhaust(t, c)
	s.room.full.Store(nil) // a write on its way when the disk ran full
	s.room.spent.Store(-1 << 40)
	go func() { _ = c.put() }()
	time.Sleep(200 * time.Millisecond)
	go func() {
		if err := s.Close(); err != nil {
			t.Logf("closed: %v", err)
		}
		end <- struct{}{}
	}()
	<-end
	left := base.CrashClone(vfs.CrashCloneCfg{RNG: rand.New(rand.NewPCG(1, 1))})
	again := opened(t, Options{FS: left})
	c.db, err = again.DB("db")
	require.NoError(t, err)
	c.read(t)
}

// fullBlobs is a blob store on a full disk.
type fullBlobs struct{ Blobs }

func (fullBlobs) Write(context.Context, io.Reader) ([64]byte, int64, error) {
	return [64]byte{}, 0, fmt.Errorf("write a blob: %w", syscall.ENOSPC)
}

func TestBlobsOnFullDisk(t *testing.T) {
	db := database(t, Options{Blobs: fullBlobs{}, InlineLimit: 10})
	_, err := db.Put(ctx, &Document{ID: "a", Attachments: []Attachment{{Name: "f", Data: make([]byte, 100)}}}, WriteOptions{})
	refused(t, err)
	require.True(t, errors.Is(err, syscall.ENOSPC))
}
