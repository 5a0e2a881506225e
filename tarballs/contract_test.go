package tarballs

import (
	"bytes"
	"context"
	"crypto/sha512"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"runtime"
	"sync"
	"testing"
	"testing/iotest"
	"time"

	"github.com/stretchr/testify/require"

	"settee/fixtures/minio"
)

// stores are what the contract is held against.
var stores = []struct {
	name string
	open func(t testing.TB) Store
}{
	{"folder", func(t testing.TB) Store {
		s, err := Open(t.Context(), t.TempDir())
		require.NoError(t, err)
		t.Cleanup(func() { require.NoError(t, s.(*FolderStore).Close()) })
		return s
	}},
	{"packs", func(t testing.TB) Store {
		s := newFolder(t.TempDir(), osDoor{})
		s.packs.limit = 1 // one for every round
		require.NoError(t, s.open(time.Now()))
		t.Cleanup(func() { require.NoError(t, s.Close()) })
		return s
	}},
	{"through", func(t testing.TB) Store { // nobody has what is not here
		return through(t, opened(t), []Source{peerOf(t, opened(t), nil)}, ThroughOptions{})
	}},
	{"s3", func(t testing.TB) Store {
		endpoint, key, secret, _ := minio.Start(t)
		s, err := S3(t.Context(), "s3://"+endpoint+"/blobs?tls=false&prefix=some/folder",
			S3Options{Getenv: env("AWS_ACCESS_KEY_ID", key, "AWS_SECRET_ACCESS_KEY", secret), TempDir: t.TempDir()})
		require.NoError(t, err)
		return s
	}},
}

func env(pairs ...string) func(string) string {
	return func(name string) string {
		for i := 0; i < len(pairs); i += 2 {
			if pairs[i] == name {
				return pairs[i+1]
			}
		}
		return ""
	}
}

// contract is what every Store does; each part leaves the store empty.
var contract = []struct {
	name string
	test func(t *testing.T, s Store)
}{
	{"sizes", testSizes}, {"ranges", testRanges}, {"absent", testAbsent}, {"wrong digest", testWrongDigest},
	{"broken reader", testBrokenReader}, {"cancelled", testCancelled}, {"equal puts at once", testEqualPuts},
	{"list", testList}, {"sweep", testSweep}, {"attachments", testAttachments}, {"huge", testHuge},
}

func TestContract(t *testing.T) {
	for _, kind := range stores {
		t.Run(kind.name, func(t *testing.T) {
			s := kind.open(t)
			for _, part := range contract {
				t.Run(part.name, func(t *testing.T) {
					part.test(t, s)
					empty(t, s)
				})
			}
		})
	}
}

// empty proves every blob of a store and deletes it.
func empty(t testing.TB, s Store) {
	require.NoError(t, Verify(context.Background(), s, func(i Info, err error) {
		require.NoError(t, err)
		require.NoError(t, s.Delete(context.Background(), i.Digest))
	}))
	require.Empty(t, all(t, s))
}

func all(t testing.TB, s Store) (list []Info) {
	for i, err := range s.List(context.Background()) {
		require.NoError(t, err)
		list = append(list, i)
	}
	return list
}

func random(n int) []byte {
	b := make([]byte, n)
	var seed [32]byte
	copy(seed[:], fmt.Sprint(n))
	_, _ = rand.NewChaCha8(seed).Read(b)
	return b
}

func read(t testing.TB, s Store, d Digest, offset, length int64) []byte {
	r, _, err := s.Open(t.Context(), d, offset, length)
	require.NoError(t, err)
	defer r.Close()
	b, err := io.ReadAll(r)
	require.NoError(t, err)
	return b
}

func testSizes(t *testing.T, s Store) {
	for _, n := range []int{0, 1, 20_000, smallBlob - 1, smallBlob, smallBlob + 1, smallBlob + 2, spoolInMemory - 1, spoolInMemory, spoolInMemory + 1, 17 << 20} {
		b := random(n)
		want := Digest(sha512.Sum512(b))
		for _, r := range []io.Reader{bytes.NewReader(b), iotest.DataErrReader(iotest.HalfReader(bytes.NewReader(b)))} {
			info, err := s.Put(t.Context(), r, &want)
			require.NoError(t, err, "%d bytes", n)
			require.Equal(t, want, info.Digest)
			require.EqualValues(t, n, info.Size)
			require.False(t, info.Stored.IsZero())
		}
		require.True(t, bytes.Equal(b, read(t, s, want, 0, -1)), "%d bytes", n)
		info, err := s.Stat(t.Context(), want)
		require.NoError(t, err)
		require.EqualValues(t, n, info.Size)
	}
}

func testRanges(t *testing.T, s Store) {
	b := random(100_000)
	info, err := s.Put(t.Context(), bytes.NewReader(b), nil)
	require.NoError(t, err)
	for _, r := range [][2]int64{{0, -1}, {0, 0}, {0, 1}, {0, 100_000}, {0, 200_000}, {1, -1}, {99_999, 1}, {99_999, 5}, {100_000, -1}, {100_000, 3}, {50_000, 20_000}} {
		end := r[0] + r[1]
		if r[1] < 0 || end > info.Size {
			end = info.Size
		}
		require.True(t, bytes.Equal(b[r[0]:end], read(t, s, info.Digest, r[0], r[1])), "%v", r)
	}
	for _, offset := range []int64{-1, 100_001} {
		_, _, err := s.Open(t.Context(), info.Digest, offset, 1)
		require.ErrorIs(t, err, ErrRange)
	}
	reader, whole, err := s.Open(t.Context(), info.Digest, 10, 5)
	require.NoError(t, err)
	require.EqualValues(t, 100_000, whole.Size)
	var out bytes.Buffer
	n, err := io.Copy(&out, reader) // by WriteTo, where there is one
	require.NoError(t, err)
	require.NoError(t, reader.Close())
	require.EqualValues(t, 5, n)
	require.Equal(t, b[10:15], out.Bytes())
}

func testAbsent(t *testing.T, s Store) {
	d := Digest(sha512.Sum512([]byte("never stored")))
	_, err := s.Stat(t.Context(), d)
	require.ErrorIs(t, err, fs.ErrNotExist)
	_, _, err = s.Open(t.Context(), d, 0, -1)
	require.ErrorIs(t, err, fs.ErrNotExist)
	_, _, err = s.Open(t.Context(), d, 3, 4)
	require.ErrorIs(t, err, fs.ErrNotExist)
	require.NoError(t, s.Delete(t.Context(), d))
}

func testWrongDigest(t *testing.T, s Store) {
	for _, n := range []int{10, 2 * spoolInMemory} {
		wrong := Digest(sha512.Sum512([]byte("something else")))
		_, err := s.Put(t.Context(), bytes.NewReader(random(n)), &wrong)
		require.ErrorIs(t, err, ErrDigest)
	}
	require.Empty(t, all(t, s))
}

func testBrokenReader(t *testing.T, s Store) {
	broken := errors.New("the client went away")
	for _, n := range []int{0, 10, smallBlob + 10, 2 * spoolInMemory} {
		r := io.MultiReader(bytes.NewReader(random(n)), iotest.ErrReader(broken))
		_, err := s.Put(t.Context(), r, nil)
		require.ErrorIs(t, err, broken)
	}
	_, err := s.Put(t.Context(), io.MultiReader(bytes.NewReader(random(10)), iotest.ErrReader(io.ErrUnexpectedEOF)), nil)
	require.ErrorIs(t, err, io.ErrUnexpectedEOF, "a truncated body is no end")
	require.Empty(t, all(t, s))
}

func testCancelled(t *testing.T, s Store) {
	ctx, cancel := context.WithCancel(t.Context())
	half := io.MultiReader(bytes.NewReader(random(2*smallBlob)), readerFunc(func([]byte) (int, error) {
		cancel()
		return 1, nil
	}))
	_, err := s.Put(ctx, half, nil)
	require.ErrorIs(t, err, context.Canceled)
	_, err = s.Stat(ctx, Digest{})
	require.ErrorIs(t, err, context.Canceled)
	require.Empty(t, all(t, s))
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

func testEqualPuts(t *testing.T, s Store) {
	for _, n := range []int{100, smallBlob + 100} {
		b := random(n)
		var wg sync.WaitGroup
		errs := make([]error, 16)
		for i := range errs {
			wg.Go(func() { _, errs[i] = s.Put(t.Context(), bytes.NewReader(b), nil) })
		}
		wg.Wait()
		require.NoError(t, errors.Join(errs...))
	}
	require.Len(t, all(t, s), 2)
}

func testList(t *testing.T, s Store) {
	want := map[Digest]bool{}
	for i := range 50 {
		info, err := s.Put(t.Context(), bytes.NewReader([]byte{byte(i)}), nil)
		require.NoError(t, err)
		want[info.Digest] = true
	}
	list := all(t, s)
	require.Len(t, list, len(want))
	for i, info := range list {
		require.True(t, want[info.Digest])
		require.EqualValues(t, 1, info.Size)
		require.True(t, i == 0 || bytes.Compare(list[i-1].Digest[:], info.Digest[:]) < 0, "in order")
	}
	for range s.List(t.Context()) {
		break // a list may be left early
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var last error
	for _, last = range s.List(ctx) {
	}
	require.ErrorIs(t, last, context.Canceled, "a cut list does not look complete")
}

func testSweep(t *testing.T, s Store) {
	orphan, err := s.Put(t.Context(), bytes.NewReader([]byte("orphan")), nil)
	require.NoError(t, err)
	sweepable := Sweepable(s)
	went, err := sweepable.Remove(t.Context(), orphan.Digest, time.Now().Add(-time.Hour))
	require.NoError(t, err)
	require.False(t, went, "young blobs stay")
	went, err = sweepable.Remove(t.Context(), orphan.Digest, time.Now().Add(time.Hour))
	require.NoError(t, err)
	require.True(t, went)
	_, err = s.Stat(t.Context(), orphan.Digest)
	require.ErrorIs(t, err, fs.ErrNotExist)
}

func testAttachments(t *testing.T, s Store) {
	a := Blobs(s)
	d, size, err := a.Write(t.Context(), bytes.NewReader([]byte("an attachment")))
	require.NoError(t, err)
	require.EqualValues(t, 13, size)
	r, err := a.Read(t.Context(), d, 3, 6)
	require.NoError(t, err)
	defer r.Close()
	b, err := io.ReadAll(r)
	require.NoError(t, err)
	require.Equal(t, "attach", string(b))
	_, err = a.Read(t.Context(), [64]byte{}, 0, -1)
	require.ErrorIs(t, err, fs.ErrNotExist)
}

// testHuge streams 200 MB both ways, and counts what that allocates: a buffer of
// a part or two, never the blob.
func testHuge(t *testing.T, s Store) {
	if testing.Short() {
		t.Skip("-short: 200 MB")
	}
	const size = 200 << 20
	zeros := io.LimitReader(readerFunc(func(p []byte) (int, error) { clear(p); return len(p), nil }), size)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	info, err := s.Put(t.Context(), zeros, nil)
	require.NoError(t, err)
	require.EqualValues(t, size, info.Size)
	r, _, err := s.Open(t.Context(), info.Digest, 0, -1)
	require.NoError(t, err)
	defer r.Close()
	n, err := io.Copy(io.Discard, r)
	require.NoError(t, err)
	require.EqualValues(t, size, n)
	runtime.ReadMemStats(&after)
	require.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(size/2))
}

func BenchmarkStore(b *testing.B) {
	for _, kind := range stores {
		b.Run(kind.name, func(b *testing.B) {
			s := kind.open(b)
			b.Run("put20kB/c=8", func(b *testing.B) {
				b.SetBytes(20_000)
				common, run := random(20_000), rand.Uint64() // other bodies in every run
				inParallel(b, 8, func(i int) error {
					body := bytes.Clone(common)
					copy(body, fmt.Sprint(run, i))
					_, err := s.Put(b.Context(), bytes.NewReader(body), nil)
					return err
				})
			})
			b.Run("open20kB", func(b *testing.B) {
				info, err := s.Put(b.Context(), bytes.NewReader(random(20_000)), nil)
				require.NoError(b, err)
				b.SetBytes(20_000)
				b.ReportAllocs()
				for b.Loop() {
					r, _, err := s.Open(b.Context(), info.Digest, 0, -1)
					require.NoError(b, err)
					_, err = io.Copy(io.Discard, r)
					require.NoError(b, err)
					r.Close()
				}
			})
		})
	}
}

func inParallel(b *testing.B, workers int, f func(i int) error) {
	next := make(chan int)
	errs := make([]error, workers)
	var wg sync.WaitGroup
	for w := range workers {
		wg.Go(func() {
			for i := range next {
				errs[w] = errors.Join(errs[w], f(i))
			}
		})
	}
	for i := range b.N {
		next <- i
	}
	close(next)
	wg.Wait()
	require.NoError(b, errors.Join(errs...))
}
