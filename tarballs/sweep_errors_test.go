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
	osDoor
	f *faults
}

func (d faultyDoor) mkdirAll(n string) error {
	return d.f.do(func() error { return d.osDoor.mkdirAll(n) })
}
func (d faultyDoor) rename(a, b string) error {
	return d.f.do(func() error { return d.osDoor.rename(a, b) })
}
func (d faultyDoor) remove(n string) error { return d.f.do(func() error { return d.osDoor.remove(n) }) }
func (d faultyDoor) touch(n string) error  { return d.f.do(func() error { return d.osDoor.touch(n) }) }
func (d faultyDoor) sync(n string) error   { return d.f.do(func() error { return d.osDoor.sync(n) }) }

func (d faultyDoor) lock(n string) (c io.Closer, err error) {
	err = d.f.do(func() (err error) { c, err = d.osDoor.lock(n); return err })
	if err != nil && c != nil {
		c.Close()
		c = nil
	}
	return c, err
}

func (d faultyDoor) stat(n string) (i fs.FileInfo, err error) {
	err = d.f.do(func() (err error) { i, err = d.osDoor.stat(n); return err })
	return i, err
}

func (d faultyDoor) readDir(n string) (e []fs.DirEntry, err error) {
	err = d.f.do(func() (err error) { e, err = d.osDoor.readDir(n); return err })
	return e, err
}

func (d faultyDoor) open(n string) (f *os.File, err error) {
	err = d.f.do(func() (err error) { f, err = d.osDoor.open(n); return err })
	if err != nil && f != nil {
		f.Close()
	}
	return f, err
}

func (d faultyDoor) create(n string) (t file, err error) {
	err = d.f.do(func() (err error) { t, err = d.osDoor.create(n); return err })
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

func TestFolderFaults(t *testing.T) {
	step := int64(1)
	if testing.Short() { // an opening makes 256 shards: all of them take half a minute
		step = 9
	}
	for _, after := range []bool{false, true} {
		failed := int64(0)
		for i := int64(0); ; i += step {
			dir := t.TempDir()
			f := &faults{at: i, after: after}
			s, err := openFolder(dir, faultyDoor{f: f}, time.Now())
			if err == nil {
				s.journal.limit = 1 // a checkpoint for every blob
				err = errors.Join(story(t, s), s.Close())
			}
			if err != nil {
				require.ErrorIs(t, err, errInjected)
				require.NotErrorIs(t, err, ErrDigest)
				failed++
			}
			recovered(t, dir)
			if f.n <= i { // the fault was never reached: the whole story went through
				require.NoError(t, err)
				break
			}
			if i > 0 && i < 250 { // 256 shards fail alike: leap over them
				i = 250
			}
		}
		require.Greater(t, failed*step, int64(30))
	}
}

// recovered opens a folder with the real file system after a fault: whole blobs
// only, puts work, and a day later no temporary file is left.
func recovered(t *testing.T, dir string) {
	s, err := openFolder(dir, osDoor{}, time.Now().Add(2*staleAfter))
	require.NoError(t, err)
	left, err := os.ReadDir(filepath.Join(dir, tempFolder))
	require.NoError(t, err)
	require.Empty(t, left)
	require.NoError(t, Verify(context.Background(), s, func(_ Info, err error) { require.NoError(t, err) }))
	require.NoError(t, story(t, s))
	require.Empty(t, all(t, s))
	require.NoError(t, s.Close())
	left, err = os.ReadDir(filepath.Join(dir, journalFolder))
	require.NoError(t, err)
	require.Empty(t, left)
}

func TestFolderKeepsYoungTemporaryFiles(t *testing.T) {
	dir := t.TempDir()
	_, err := Folder(dir)
	require.NoError(t, err)
	young := filepath.Join(dir, tempFolder, "put-1")
	require.NoError(t, os.WriteFile(young, []byte("another process writes"), 0o600))
	_, err = Folder(dir)
	require.NoError(t, err)
	require.FileExists(t, young)
}

func TestVerifyFindsRot(t *testing.T) {
	s, err := Folder(t.TempDir())
	require.NoError(t, err)
	info, err := s.Put(t.Context(), bytes.NewReader(random(1000)), nil)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(s.blob(info.Digest), random(999), 0o600))
	var found error
	require.NoError(t, Verify(t.Context(), s, func(_ Info, err error) { found = err }))
	require.ErrorIs(t, found, ErrDigest)
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
