package tarballs

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"settee/fixtures/minio"
)

var errInjected = errors.New("injected")

// faults fails the operation number at (from 0), before its effect or after it.
type faults struct {
	n, at int64
	after bool
}

func (f *faults) do(effect func() error) error {
	mine := atomic.AddInt64(&f.n, 1)-1 == f.at
	if mine && !f.after {
		return errInjected
	}
	err := effect()
	if mine && err == nil {
		return errInjected
	}
	return err
}

// faultyDoor is the real file system with one fault.
type faultyDoor struct {
	unsynced
	f *faults
}

// oneOfMany says that a shard is neither the first nor the last: those between fail
// as these do.
func oneOfMany(dir string) bool {
	name := filepath.Base(dir)
	return len(name) == 2 && name != "00" && name != "ff"
}

func (d faultyDoor) mkdirAll(n string) error {
	if oneOfMany(n) {
		return d.unsynced.mkdirAll(n)
	}
	return d.f.do(func() error { return d.unsynced.mkdirAll(n) })
}
func (d faultyDoor) rename(a, b string) error {
	return d.f.do(func() error { return d.unsynced.rename(a, b) })
}
func (d faultyDoor) remove(n string) error {
	return d.f.do(func() error { return d.unsynced.remove(n) })
}
func (d faultyDoor) patch(n string, at int64, b []byte) error {
	return d.f.do(func() error { return d.unsynced.patch(n, at, b) })
}
func (d faultyDoor) touch(n string) error { return d.f.do(func() error { return d.unsynced.touch(n) }) }
func (d faultyDoor) sync(n string) error  { return d.f.do(func() error { return d.unsynced.sync(n) }) }

func (d faultyDoor) lock(n string) (c io.Closer, err error) {
	err = d.f.do(func() (err error) { c, err = d.unsynced.lock(n); return err })
	if err != nil && c != nil {
		c.Close()
		c = nil
	}
	return c, err
}

func (d faultyDoor) stat(n string) (i fs.FileInfo, err error) {
	err = d.f.do(func() (err error) { i, err = d.unsynced.stat(n); return err })
	return i, err
}

func (d faultyDoor) readDir(n string) (e []fs.DirEntry, err error) {
	if e, err = d.unsynced.readDir(n); oneOfMany(n) && len(e) == 0 {
		return e, err
	}
	return e, d.f.do(func() error { return err })
}

func (d faultyDoor) open(n string) (f *os.File, err error) {
	err = d.f.do(func() (err error) { f, err = d.unsynced.open(n); return err })
	if err != nil && f != nil {
		f.Close()
	}
	return f, err
}

func (d faultyDoor) create(n string) (t file, err error) {
	err = d.f.do(func() (err error) { t, err = d.unsynced.create(n); return err })
	return faultyFile{t, d.f}, err
}

type faultyFile struct {
	file
	f *faults
}

func (t faultyFile) Write(p []byte) (n int, err error) {
	err = t.f.do(func() (err error) { n, err = t.file.Write(p); return err })
	return n, err
}
func (t faultyFile) WriteAt(p []byte, at int64) (n int, err error) {
	err = t.f.do(func() (err error) { n, err = t.file.WriteAt(p, at); return err })
	return n, err
}
func (t faultyFile) Datasync() error { return t.f.do(t.file.Datasync) }
func (t faultyFile) Sync() error     { return t.f.do(t.file.Sync) }
func (t faultyFile) Close() error    { return t.f.do(t.file.Close) }

// story puts, repeats, reads, lists and deletes. Everything it was told is done
// it holds the store to, whatever failed in between.
func story(t *testing.T, s Store) error {
	ctx := context.Background()
	var errs []error
	for _, n := range []int{100, 2 * smallBlob, 100, 200} {
		b := random(n)
		info, err := s.Put(ctx, bytes.NewReader(b), nil)
		errs = append(errs, err)
		if err != nil {
			continue
		}
		again, err := s.Stat(ctx, info.Digest)
		if errs = append(errs, err); err == nil {
			require.EqualValues(t, n, again.Size)
		}
		errs = append(errs, verifyOne(ctx, s, info.Digest))
	}
	for info, err := range s.List(ctx) {
		if errs = append(errs, err); err == nil {
			errs = append(errs, s.Delete(ctx, info.Digest))
		}
	}
	return errors.Join(errs...)
}

// TestFolderFaults fails every operation of a first opening, and of a story in a
// folder that was made, has seen all the faults before and was emptied.
func TestFolderFaults(t *testing.T) {
	for _, after := range []bool{false, true} {
		for i := int64(0); ; i++ {
			if opening, _ := strike(t, t.TempDir(), &faults{at: i, after: after}); opening <= i {
				break
			}
		}
		dir, failed := emptyFolder(t), 0
		for i := int64(0); ; i++ {
			f := &faults{at: i, after: after}
			_, err := strike(t, dir, f)
			if f.n <= i { // the fault was never reached: the whole story went through
				require.NoError(t, err)
				break
			}
			if err != nil {
				failed++
			}
		}
		require.Greater(t, failed, 15) // what fails in the background fails nobody
	}
}

// strike opens a folder and plays the story in it, with a fault somewhere, and proves
// what is left. It tells how many operations the opening took, and what failed.
func strike(t *testing.T, dir string, f *faults) (opening int64, err error) {
	s := newFolder(dir, faultyDoor{f: f})
	s.packs.limit = 1 // a pack for every blob
	err = s.open(time.Now())
	opening = f.n
	if err == nil {
		err = errors.Join(story(t, s), s.Close())
	}
	if err != nil {
		require.ErrorIs(t, err, errInjected)
		require.NotErrorIs(t, err, ErrDigest)
	}
	recovered(t, dir)
	return opening, err
}

// recovered opens a folder with the real file system after a fault: whole blobs
// only, puts work, and a day later no temporary file is left.
func recovered(t *testing.T, dir string) {
	s, err := openFolder(dir, unsynced{}, time.Now().Add(2*staleAfter))
	require.NoError(t, err)
	left, err := os.ReadDir(filepath.Join(dir, tempFolder))
	require.NoError(t, err)
	require.Empty(t, left)
	require.NoError(t, Verify(context.Background(), s, func(_ Info, err error) { require.NoError(t, err) }))
	require.NoError(t, story(t, s))
	require.Empty(t, all(t, s))
	require.NoError(t, s.Close())
	allSealed(t, dir)
}

func TestFolderKeepsYoungTemporaryFiles(t *testing.T) {
	dir := emptyFolder(t)
	young := filepath.Join(dir, tempFolder, "put-1")
	require.NoError(t, os.WriteFile(young, []byte("another process writes"), 0o600))
	s, err := Folder(dir)
	require.NoError(t, err)
	require.FileExists(t, young)
	require.NoError(t, s.Close())
}

func TestVerifyFindsRot(t *testing.T) {
	s, err := Folder(t.TempDir())
	require.NoError(t, err)
	info, err := s.Put(t.Context(), bytes.NewReader(random(1000)), nil)
	require.NoError(t, err)
	large, err := s.Put(t.Context(), bytes.NewReader(random(100_000)), nil)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(s.blob(large.Digest), random(99_999), 0o600))
	require.NoError(t, s.Close())
	p := s.packs.mu.packs[1]
	require.NoError(t, osDoor{}.patch(p.name, recordHead+17, []byte("rot")))
	found := map[Digest]error{}
	require.NoError(t, Verify(t.Context(), s, func(i Info, err error) { found[i.Digest] = err }))
	require.Len(t, found, 2)
	require.ErrorIs(t, found[info.Digest], ErrDigest)
	require.ErrorIs(t, found[large.Digest], ErrDigest)
}

// faultyTransport breaks one request before the server sees it or its answer after.
type faultyTransport struct{ f *faults }

func (x faultyTransport) RoundTrip(q *http.Request) (a *http.Response, err error) {
	err = x.f.do(func() (err error) { a, err = http.DefaultTransport.RoundTrip(q); return err })
	if err != nil && a != nil {
		a.Body.Close()
		a = nil
	}
	return a, err
}

// TestS3Faults loses each request once, and each answer: the retries must make
// the story whole, and a repeated effect must do no harm.
func TestS3Faults(t *testing.T) {
	endpoint, key, secret, _ := minio.Start(t)
	for _, after := range []bool{false, true} {
		for i := int64(0); ; i++ {
			f := &faults{at: i, after: after}
			s, err := S3(t.Context(), "s3://"+endpoint+"/faults?tls=false&region=us-east-1", S3Options{
				Transport: faultyTransport{f}, Getenv: env("MINIO_ROOT_USER", key, "MINIO_ROOT_PASSWORD", secret), TempDir: t.TempDir(),
			})
			require.NoError(t, err)
			require.NoError(t, story(t, s), "request %d, after=%v", i, after)
			require.Empty(t, all(t, s))
			if f.n <= i {
				break
			}
		}
	}
}

func TestOpenRefuses(t *testing.T) {
	for _, bad := range []string{"ftp://host/bucket", "s3://host", "s3://key:secret@host/bucket", "s3://host/a/b", "s3://host/b?tls=maybe", "s3://host/b?other=1"} {
		s, err := Open(t.Context(), bad)
		require.Error(t, err, bad)
		require.Nil(t, s)
		require.NotContains(t, err.Error(), "secret")
	}
	_, err := S3(t.Context(), "s3://127.0.0.1:1/bucket", S3Options{Getenv: env("AWS_ACCESS_KEY_ID", "half")})
	require.ErrorContains(t, err, "AWS_SECRET_ACCESS_KEY")
	_, err = S3(t.Context(), "s3://127.0.0.1:1/bucket", S3Options{Getenv: env()})
	require.ErrorContains(t, err, "AWS_ACCESS_KEY_ID")
}
